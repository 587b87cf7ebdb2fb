"""The images of a folder: which files they are, and their pixels.

`scan` reads names, sizes and times only; `decoded_images` decodes the files, once.
"""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import UserError
from explorer.text import counted, encodable
from studies.artifacts import Artifacts
from studies.data.decoded_format import DIGEST
from studies.data.decoded_images import DecodedImages, decode_folder
from studies.data.decoding import Decoding
from studies.data.folder_layout import PARTS, SPLITS, Layout, bare_name, read_layout
from studies.data.images import Images, Parts, Rows
from studies.data.walk import (
    LeftOut,
    Reason,
    count_files,
    extension_of,
    followed,
    identity_of,
    image_extensions,
    is_of_the_system,
    sorted_entries,
    walk,
)

MOST_REASONS, MOST_NAMES, MOST_COPIES = 3, 5, 3  # in a message


@dataclass(frozen=True)
class Listing:
    """The images of a folder in their fixed order.

    Attributes:
        root: The folder.
        classes: The names of the classes, by label.
        files: The images' paths below `root`.
        labels: The class of each.
        parts: The part of each: 0 train, 1 validation, 2 test.
        key: A digest of paths, sizes and times: the same key, the same files.
        left_out: What the folder holds besides.
        notes: What else a user should know, a line each.
    """

    root: Path
    classes: tuple[str, ...]
    files: list[str]
    labels: list[int]
    parts: list[int]
    key: str
    left_out: LeftOut
    notes: tuple[str, ...] = ()


def read_folder(
    root: Path,
    decoding: Decoding,
    unreadable: str,
    *,
    at_hand: bool = False,
    artifacts: Artifacts | None = None,
) -> Parts:
    """Read the images of a folder, decoded into the cache or from it.

    Args:
        root: The folder.
        decoding: How the images are decoded.
        unreadable: What to do about images that cannot be read: `refuse`, or `skip`.
        at_hand: Take them from the cache only.
        artifacts: Where decoded images are fetched from and put; see `decode_folder`.

    Raises:
        UserError: The folder is not laid out as classes, some images cannot be read and
            `unreadable` is `refuse` (the error names them), all of a class are unreadable, or they
            are not in the cache and `at_hand` asks for that.
    """
    import numpy as np

    listing = scan(root)
    training = [row for row, part in enumerate(listing.parts) if part == 0]
    images = decode_folder(
        listing.root,
        listing.files,
        listing.key,
        decoding,
        training,
        at_hand=at_hand,
        artifacts=artifacts,
    )
    unreadable_rows = np.flatnonzero(~images.readable).tolist()
    if unreadable_rows and unreadable == "refuse":
        raise _unreadable_error(images, unreadable_rows)
    for row in unreadable_rows:
        listing.left_out.add(Reason.UNREADABLE, listing.files[row])
    labels, parts = np.array(listing.labels, np.int64), np.array(listing.parts)
    readable_alone = images.readable_alone()
    images_of_part: list[Images | None] = []
    for part, name in enumerate(PARTS):
        if part not in listing.parts:
            images_of_part.append(None)
            continue
        rows = np.flatnonzero((parts == part) & images.readable)
        pixels = Rows(images.array, rows, images.key, readable_alone)
        images_of_part.append(Images(pixels, labels[rows]))
        empty = sorted(set(range(len(listing.classes))) - set(labels[rows].tolist()))
        if empty:
            first = np.flatnonzero((parts == part) & (labels == empty[0]))[0]
            why, advice = images.why_unreadable(first)
            raise UserError(
                f"the {name} images of class {listing.classes[empty[0]]!r} in {root} are all"
                f" unreadable: {listing.files[first]} ({why}). {advice}".rstrip()
            )
    train, validation, test = images_of_part
    assert train is not None
    left_out = str(listing.left_out)
    notes = [f"Left out of {encodable(str(root))}: {left_out}."] if left_out else []
    notes += _note_single_colours(images)
    notes += _note_similar_names(listing.classes)
    notes += listing.notes
    notes += _note_copies(listing, images)
    return Parts(
        train,
        validation,
        test,
        len(listing.classes),
        names=listing.classes,
        black_and_white=images.black_and_white(),
        scaling=tuple(images.scaling()),
        notes=tuple(notes),
    )


def scan(root: Path) -> Listing:
    """List every image file below a folder, by name; files are not opened.

    A file is an image if its extension is one that Pillow reads. What is not used is counted in
    `left_out`.

    Raises:
        UserError: A class has no images, or a folder would be two classes or in two parts.
    """
    layout = read_layout(root)
    names, extensions = layout.names, image_extensions()
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
            left_out_of_class = LeftOut()
            for inner in layout.classes[part][name]:
                below = os.path.relpath(folder / inner, root)
                for path, status in walk(root, below, extensions, seen, left_out_of_class):
                    digest.update(os.fsencode(f"{path}\0{status.st_size}\0{status.st_mtime_ns}\0"))
                    files.append(path)
                    labels.append(label)
                    parts.append(part)
            if len(files) == before:
                holds = f" It holds {left_out_of_class}." if str(left_out_of_class) else ""
                raise UserError(
                    f"the class {names[label]!r} is empty: {folder / layout.classes[part][name][0]}"
                    f" holds no image (of a format that Pillow reads, by its extension).{holds} Add"
                    " images, or name the folder whose folders are the classes, each with images."
                )
            left_out.update(left_out_of_class)
    notes: tuple[str, ...] = ()
    if layout.folders == {0: root}:
        _check_order(root, files)
        notes = _note_nested(root, files)
    return Listing(root, names, files, labels, parts, digest.hexdigest(), left_out, notes)


def _unreadable_error(images: DecodedImages, rows: list[int]) -> UserError:
    reasons = [images.why_unreadable(row) for row in rows[:MOST_REASONS]]
    shown = "; ".join(
        f"{images.files[row]} ({why})" for row, (why, _) in zip(rows, reasons, strict=False)
    )
    advice = "".join(f"{text} " for text in dict.fromkeys(text for _, text in reasons if text))
    more = ""
    if len(rows) > MOST_REASONS:
        rest = len(rows) - MOST_REASONS
        more = f"; and {rest} more, all listed in {images.list_of_unreadable}"
    return UserError(
        f"{len(rows):,} of {len(images.files):,} images in {images.root} cannot be read:"
        f" {shown}{more}. {advice}Fix or remove them, or leave them out with unreadable: skip"
        " (--set data.unreadable=skip)."
    )


def _note_similar_names(classes: tuple[str, ...]) -> list[str]:
    """A line for each two classes whose names differ only in blanks and capitals."""
    first: dict[str, str] = {}
    pairs = [
        (first[bare_name(name)], name)
        for name in classes
        if first.setdefault(bare_name(name), name) != name
    ]
    return [
        f"The classes {name!r} and {other!r} differ only in blanks or capitals: are they one class?"
        for name, other in pairs
    ]


def _note_nested(root: Path, files: list[str]) -> tuple[str, ...]:
    """A line where all images of a class lie in folders of its own: perhaps those are the classes.

    So they do where a folder is named that is one level too high.
    """
    inner: dict[str, list[str]] = {}
    for path in files:
        name, *folders = path.split("/")[:-1]
        inner.setdefault(name, []).append(folders[0] if folders else "")
    for name, folders in inner.items():
        different = list(dict.fromkeys(folders))
        if len(different) > 1 and "" not in different:
            more = ", ..." if len(different) > MOST_NAMES else ""
            line = (
                f"The class {name!r} is made of the folders {', '.join(different[:MOST_NAMES])}"
                f"{more}: if those are the classes, name {root / name} instead."
            )
            return (encodable(line),)
    return ()


def _note_single_colours(images: DecodedImages) -> list[str]:
    """A line about images that show nothing."""
    names = images.of_one_colour()
    if not names:
        return []
    have = "has a single colour" if len(names) == 1 else "have a single colour each"
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    shown = encodable(", ".join(names[:MOST_NAMES]))
    return [f"{len(names):,} of {counted(len(images.files), 'image')} {have}: {shown}{more}."]


def _note_copies(listing: Listing, images: DecodedImages) -> list[str]:
    """A line about files that are copies of others: one may be trained on, the other tested on."""
    import numpy as np

    rows = np.flatnonzero(images.readable)
    digests = np.ascontiguousarray(images.digests()[rows]).view(f"V{DIGEST}").ravel()
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
    in_other_class = sum(
        listing.labels[copy] != listing.labels[original] for copy, original in pairs
    )
    others = f", {in_other_class} of them in another class" if in_other_class else ""
    if len(pairs) == 1:
        others = ", in another class" if in_other_class else ""
    return [
        encodable(
            f"{counted(len(pairs), 'file')} {'is a copy' if len(pairs) == 1 else 'are copies'} of"
            f" another, byte for byte{others}: {shown}{more}. Copies may be in two splits, and then"
            " the errors look smaller than they are."
        )
    ]


def _check_order(root: Path, files: list[str]) -> None:
    """Raise `UserError` where the parts are inside the classes.

    All images would be trained on, and tested on, alike.
    """
    inside = {path.split("/")[1] if path.count("/") > 1 else "" for path in files}
    if SPLITS.issuperset(name.lower() for name in inside):
        raise UserError(
            f"{root} holds classes, and in each {' and '.join(sorted(inside))}: those are names of"
            " parts. It must be the other way round: train, val and test, and in each a folder of"
            " images per class."
        )


def _identities(root: Path, layout: Layout) -> set[tuple[int, int]]:
    """The folders that are read in any case; raises `UserError` where two of them are the same.

    `walk` is told of them, so that a link inside a class cannot bring the images of another.
    """
    paths = {identity_of(os.stat(folder)): folder for folder in (root, *layout.folders.values())}
    for part, folder in layout.folders.items():
        for below in (name for names in layout.classes[part].values() for name in names):
            identity = identity_of(os.stat(folder / below))
            if identity in paths:
                raise UserError(
                    f"{paths[identity]} and {folder / below} are the same folder, by a link: its"
                    " images would be twice in the data. Remove one of the two."
                )
            paths[identity] = folder / below
    return set(paths)


def _count_beside(folder: Path, extensions: set[str], left_out: LeftOut) -> None:
    """Count the images beside the class folders, and files in the system's folders there."""
    for entry in sorted_entries(folder):
        if (status := followed(entry)) is None:
            continue  # a broken link that may be a class is an error before this
        if stat.S_ISDIR(status.st_mode):
            if is_of_the_system(entry.name):
                left_out.add(Reason.SYSTEM, entry.name, count_files(entry.path))
        elif extension_of(entry.name) in extensions and not entry.name.startswith("."):
            left_out.add(Reason.BESIDE, entry.name)
