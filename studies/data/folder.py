"""A folder of images: a directory per class, or train, val and test with the same classes in each.

Looking at the folder reads names, sizes and times only; `data_cache` decodes the images, once.
"""

import hashlib
import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import UserError
from explorer.text import counted, encodable
from studies.data.decoding import Decoding
from studies.data.folder_cache import DIGEST, Cached, cached
from studies.data.images import Images, Parts, Rows
from studies.data.walk import (
    LeftOut,
    Reason,
    count_files,
    entries,
    extension,
    identity,
    is_of_the_system,
    target,
    walk,
)

PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}
MOST_REASONS, MOST_NAMES, MOST_COPIES = 3, 5, 3  # in a message


@dataclass(frozen=True)
class Listing:
    """The images of a folder in their fixed order: path below the root, label,
    and part (0 train, 1 validation, 2 test)."""

    root: Path
    classes: tuple[str, ...]
    files: list[str]
    labels: list[int]
    parts: list[int]
    key: str  # of paths, sizes and times: the same key, the same files
    left_out: LeftOut

    @property
    def has(self) -> tuple[bool, bool, bool]:
        """Which parts there are."""
        there = set(self.parts)
        return 0 in there, 1 in there, 2 in there


# The folders of each class, in one part: one, or more where their names are forms of one name.
Classes = dict[str, list[str]]


@dataclass(frozen=True)
class _Layout:
    """How a folder is laid out: by part, the folder that holds its classes, and those."""

    folders: dict[int, Path]
    classes: dict[int, Classes]

    @property
    def names(self) -> tuple[str, ...]:
        """The classes, sorted; bytes that are not UTF-8 are U+FFFD, or `\\xe9`
        where two names would then be the same."""
        names = sorted(self.classes[0])
        shown = tuple(encodable(name) for name in names)
        if len(set(shown)) == len(shown):
            return shown
        return tuple(os.fsencode(name).decode(errors="backslashreplace") for name in names)


def class_names(root: Path) -> tuple[str, ...]:
    """The classes, sorted: a class's number is its place here. Raises
    `UserError` for a folder that is not laid out so."""
    return _layout(root).names


def brings_test(root: Path) -> bool:
    """Whether it has a test part of its own; nothing is decoded to know it."""
    return 2 in _layout(root).folders


def read_folder(root: Path, decoding: Decoding, unreadable: str) -> Parts:
    """The images, decoded into the cache or found there. Raises `UserError`, which names the
    files, where some cannot be read and `unreadable` is `refuse`; `skip` leaves them out."""
    import numpy as np

    listing = scan(root)
    training = [row for row, part in enumerate(listing.parts) if part == 0]
    cache = cached(listing.root, listing.files, listing.key, decoding, training)
    bad = np.flatnonzero(~cache.readable)
    if len(bad) and unreadable == "refuse":
        reasons = [cache.reason(row) for row in bad[:MOST_REASONS]]
        shown = "; ".join(
            f"{listing.files[row]} ({why})" for row, (why, _) in zip(bad, reasons, strict=False)
        )
        advice = "".join(f"{how} " for how in dict.fromkeys(how for _, how in reasons if how))
        more = (
            f"; and {len(bad) - MOST_REASONS} more, all listed in {cache.list_of_unreadable}"
            if len(bad) > MOST_REASONS
            else ""
        )
        raise UserError(
            f"{len(bad)} of {len(listing.files)} images in {root} cannot be read: {shown}{more}."
            f" {advice}Fix or remove them, or leave them out with unreadable: skip (--set"
            " data.unreadable=skip)."
        )
    for row in bad:
        listing.left_out.add(Reason.UNREADABLE, listing.files[row])
    labels, parts = np.array(listing.labels, np.int64), np.array(listing.parts)
    used = cache.used()
    found: list[Images | None] = []
    for part, (name, is_there) in enumerate(zip(PARTS, listing.has, strict=True)):
        rows = np.flatnonzero((parts == part) & cache.readable)
        found.append(
            Images(Rows(cache.array, rows, cache.key, used), labels[rows]) if is_there else None
        )
        if is_there and (
            empty := sorted(set(range(len(listing.classes))) - set(labels[rows].tolist()))
        ):
            rows = np.flatnonzero((parts == part) & (labels == empty[0]))
            why, advice = cache.reason(rows[0])
            raise UserError(
                f"the {name} images of class {listing.classes[empty[0]]!r} in {root} are all"
                f" unreadable: {listing.files[rows[0]]} ({why}). {advice}".rstrip()
            )
    assert found[0] is not None
    left_out = str(listing.left_out)
    notes = [f"Left out of {encodable(str(root))}: {left_out}."] if left_out else []
    notes += _of_one_colour(cache) + _alike(listing.classes) + _copies(listing, cache)
    return Parts(
        found[0],
        found[1],
        found[2],
        len(listing.classes),
        listing.classes,
        cache.black_and_white(),
        tuple(cache.scaling()),
        tuple(notes),
    )


def _bare(name: str) -> str:
    """A class's name without what is overlooked: blanks around it, and capitals."""
    return name.strip().casefold()


def _alike(classes: tuple[str, ...]) -> list[str]:
    """What to say of classes whose names differ in blanks and
    capitals only: they may be meant as one."""
    first: dict[str, str] = {}
    pairs = [
        (first[_bare(name)], name)
        for name in classes
        if first.setdefault(_bare(name), name) != name
    ]
    return [
        f"The classes {one!r} and {other!r} differ in blanks or capitals only: are they one?"
        for one, other in pairs
    ]


def _of_one_colour(cache: Cached) -> list[str]:
    """What to say of images that show nothing."""
    names = cache.of_one_colour()
    if not names:
        return []
    have = "has a single colour" if len(names) == 1 else "have a single colour each"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    shown = encodable(", ".join(names[:MOST_NAMES]))
    return [f"{len(names)} of {counted(len(cache.files), 'image')} {have}: {shown}{more}."]


def _copies(listing: Listing, cache: Cached) -> list[str]:
    """What to say of images that are copies of others, byte for byte: one
    may be trained on, and the other tested on."""
    import numpy as np

    rows = np.flatnonzero(cache.readable)
    digests = np.ascontiguousarray(cache.digests()[rows]).view(f"V{DIGEST}").ravel()
    _, first, which = np.unique(digests, return_index=True, return_inverse=True)
    originals = rows[first[which]]
    copies = np.flatnonzero(originals != rows)
    if not len(copies):
        return []
    pairs = [(rows[copy], originals[copy]) for copy in copies]
    shown = ", ".join(
        f"{listing.files[copy]} of {listing.files[original]}"
        for copy, original in pairs[:MOST_COPIES]
    )
    more = f" and {len(pairs) - MOST_COPIES} more" if len(pairs) > MOST_COPIES else ""
    of_others = sum(listing.labels[copy] != listing.labels[original] for copy, original in pairs)
    others = ""
    if of_others:
        others = (
            ", in another class" if len(pairs) == 1 else f", {of_others} of them in another class"
        )
    return [
        encodable(
            f"{counted(len(pairs), 'file')} {'is a copy' if len(pairs) == 1 else 'are copies'} of"
            f" another, byte for byte{others}: {shown}{more}. Copies may be in two splits, and then"
            " the errors look smaller than they are."
        )
    ]


def scan(root: Path) -> Listing:
    """Every image file below `root`, by name: a file counts if Pillow reads
    its extension; what does not is in `left_out`.

    Raises `UserError` for a class without images, and for a folder that
    would be two classes, or a class of two parts.
    """
    layout = _layout(root)
    names, extensions = layout.names, _extensions()
    files: list[str] = []
    labels: list[int] = []
    parts: list[int] = []
    left_out = LeftOut()
    for folder in {root, *layout.folders.values()}:
        _count_beside(folder, extensions, left_out)
    digest = hashlib.blake2b(os.fsencode(root.resolve()), digest_size=16)
    seen = _identities(root, layout)
    for part, folder in layout.folders.items():
        for label, name in enumerate(sorted(layout.classes[part])):
            before = len(files)
            of_class = LeftOut()
            for below in layout.classes[part][name]:
                place = os.path.relpath(folder / below, root)
                for path, about in walk(root, place, extensions, seen, of_class):
                    digest.update(os.fsencode(f"{path}\0{about.st_size}\0{about.st_mtime_ns}\0"))
                    files.append(path)
                    labels.append(label)
                    parts.append(part)
            if len(files) == before:
                holds = f" It holds {of_class}." if str(of_class) else ""
                raise UserError(
                    f"the class {names[label]!r} is empty: {folder / layout.classes[part][name][0]}"
                    f" holds no image (of a format that Pillow reads, by its extension).{holds} Add"
                    " images, or remove the folder."
                )
            left_out.update(of_class)
    if layout.folders == {0: root}:
        _check_order(root, files)
    return Listing(root, names, files, labels, parts, digest.hexdigest(), left_out)


def _check_order(root: Path, files: list[str]) -> None:
    """Raises `UserError` where the parts are in the classes: all would
    be trained on, and tested on, alike."""
    inside = {path.split("/")[1] if path.count("/") > 1 else "" for path in files}
    if SPLITS.issuperset(name.lower() for name in inside):
        raise UserError(
            f"{root} holds classes, and in each {' and '.join(sorted(inside))}: those are names of"
            " parts. It must be the other way round: train, val and test, and in each a folder of"
            " images per class."
        )


def _identities(root: Path, layout: _Layout) -> set[tuple[int, int]]:
    """Of the folders that are read in any case, each once: a link inside a
    class must not bring the images of another."""
    found = {identity(os.stat(folder)): folder for folder in (root, *layout.folders.values())}
    for part, folder in layout.folders.items():
        for below in (name for names in layout.classes[part].values() for name in names):
            about = identity(os.stat(folder / below))
            if about in found:
                raise UserError(
                    f"{found[about]} and {folder / below} are the same folder, by a link: its"
                    " images would be in two places of the data. Remove one of the two."
                )
            found[about] = folder / below
    return set(found)


def _count_beside(folder: Path, extensions: set[str], left_out: LeftOut) -> None:
    """What lies beside the class folders and holds images: thumbnails in a
    system's folders, and images without a class."""
    for entry in entries(folder):
        if (about := target(entry)) is None:
            continue  # `_check_links` has refused those that may be classes
        if stat.S_ISDIR(about.st_mode):
            if is_of_the_system(entry.name):
                left_out.add(Reason.SYSTEM, entry.name, count_files(entry.path))
        elif extension(entry.name) in extensions and not entry.name.startswith("."):
            left_out.add(Reason.BESIDE, entry.name)


def _layout(root: Path) -> _Layout:
    """The folders that hold classes, by part, and the classes. Raises
    `UserError` where they are not the same in each."""
    if root.is_file():
        raise UserError(
            f"{root} is a file, and a folder is needed (unpack an archive): one that holds a folder"
            " of images per class."
        )
    if not root.is_dir():
        raise UserError(
            f"there is no folder {root}. Name one that holds a folder of images per class."
        )
    folders = _parts(root)
    for folder in {root, *folders.values()}:
        _check_links(folder)
    classes = {part: _classes(folder) for part, folder in folders.items()}
    if len(classes[0]) < 2:
        hint = _hint(root) if folders[0] == root else ""
        raise UserError(
            f"{folders[0]} holds {counted(len(classes[0]), 'folder')} of images; at least 2 classes"
            f" are needed, each a folder.{hint}"
        )
    for part, folder in folders.items():
        if not classes[part]:
            raise UserError(
                f"{folder} holds no folders, and each part holds a folder of images per class. Move"
                " it elsewhere if its images have no class; a test part can also be taken from"
                " train (--set data.test=0.2)."
            )
        if wrong := sorted(classes[part].keys() ^ classes[0].keys()):
            has, lacks = (folder, folders[0]) if wrong[0] in classes[part] else (folders[0], folder)
            alike = next(
                (f", but {other!r}" for other in wrong[1:] if _bare(other) == _bare(wrong[0])), ""
            )
            raise UserError(
                f"the classes do not match: {has} holds {wrong[0]!r}, and {lacks} does not{alike}. "
                "Each part must have the same classes."
            )
    return _Layout(folders, classes)


def _parts(root: Path) -> dict[int, Path]:
    """The folders that hold classes, by part: `root` itself, or
    train and what may stand beside it."""
    names = _folders(root)
    if "train" not in names or not _folders(root / "train"):
        if names and SPLITS.issuperset(name.lower() for name in names):
            raise UserError(
                f"{root} holds {' and '.join(names)}: those are names of parts, not of classes. The"
                " parts must be called train, and, if there are any, val (or valid, validation)"
                " and test; each holds a folder of images per class."
            )
        return {0: root}
    folders = {}
    for part, allowed in enumerate(PARTS.values()):
        there = [name for name in allowed if name in names]
        if len(there) > 1:
            raise UserError(f"{root} holds both {' and '.join(there)}; keep one of them.")
        if there:
            folders[part] = root / there[0]
    known = {folder.name for folder in folders.values()}
    if strange := [name for name in names if name not in known]:
        raise UserError(
            f"{root} holds train, and beside it {strange[0]!r}: there may be val and test. Move"
            f" {strange[0]!r} elsewhere."
        )
    return folders


def _hint(root: Path) -> str:
    """What may be meant by a folder that holds no classes: one in it, or the one above."""
    for deeper in (root / name for name in _folders(root)):
        if (count := len(_folders(deeper))) > 1:
            return f" {deeper} holds {count} folders: name that one instead."
    images = sum(extension(entry.name) in _extensions() for entry in entries(root))
    if images:
        return (
            f" It holds {counted(images, 'image')}: name the folder above it if this is one class,"
            " or sort them into folders."
        )
    return ""


def _classes(folder: Path) -> Classes:
    """The folders in one by the class that each is: composed and decomposed forms
    of a name (a Mac writes those) are one class."""
    classes: Classes = {}
    for name in _folders(folder):
        classes.setdefault(unicodedata.normalize("NFC", name), []).append(name)
    return classes


def _folders(folder: Path) -> list[str]:
    """The folders in one, without those of the system."""
    names = []
    for entry in entries(folder):
        about = target(entry)
        if about and stat.S_ISDIR(about.st_mode) and not is_of_the_system(entry.name):
            names.append(entry.name)
    return names


def _check_links(folder: Path) -> None:
    """Raises `UserError` for a link that leads nowhere in a folder of classes: it may be one."""
    for entry in entries(folder):
        if target(entry) is None and not is_of_the_system(entry.name):
            raise UserError(
                f"{folder / entry.name} is a link that leads nowhere ({os.readlink(entry.path)}):"
                " if it was a class, its images are missing. Restore what it leads to, or"
                " remove it."
            )


def _extensions() -> set[str]:
    """Of the formats that Pillow opens; some it can only write."""
    from PIL import Image

    return {name for name, kind in Image.registered_extensions().items() if kind in Image.OPEN}
