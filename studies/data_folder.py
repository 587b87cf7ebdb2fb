"""A folder of images: a directory per class, or train, val and test with the same classes in each.

Looking at the folder reads names, sizes and times only; `data_cache` decodes the images, once.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import UserError
from explorer.text import counted
from studies.data_cache import cached
from studies.data_decoding import Decoding
from studies.data_images import Images, Parts, Rows

PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}
MOST_NAMES = 10  # in a message


@dataclass(frozen=True)
class Listing:
    """The images of a folder in their fixed order: path below the root, label, and part (0 train, 1 validation, 2 test)."""

    root: Path
    classes: tuple[str, ...]
    files: list[str]
    labels: list[int]
    parts: list[int]
    key: str  # of paths, sizes and times: the same key, the same files

    @property
    def has(self) -> tuple[bool, bool, bool]:
        """Which parts there are."""
        there = set(self.parts)
        return 0 in there, 1 in there, 2 in there


def class_names(root: Path) -> tuple[str, ...]:
    """The classes, sorted: a class's number is its place here. Raises `UserError` for a folder that is not laid out so."""
    return _layout(root)[1]


def brings_test(root: Path) -> bool:
    """Whether it has a test part of its own; nothing is decoded to know it."""
    return 2 in _layout(root)[0]


def read_folder(root: Path, decoding: Decoding, unreadable: str) -> Parts:
    """The images, decoded into the cache or found there. Raises `UserError`, which names the files, where some cannot be read
    and `unreadable` is `refuse`; `skip` leaves them out."""
    import numpy as np

    listing = scan(root)
    training = [row for row, part in enumerate(listing.parts) if part == 0]
    cache = cached(listing.root, listing.files, listing.key, decoding, training)
    bad = np.flatnonzero(~cache.readable)
    if len(bad) and unreadable == "refuse":
        reasons = [cache.reason(row) for row in bad[:MOST_NAMES]]
        shown = "; ".join(f"{listing.files[row]} ({why})" for row, (why, _) in zip(bad, reasons, strict=False))
        advice = "".join(f"{how} " for how in dict.fromkeys(how for _, how in reasons if how))
        more = (
            f"; and {len(bad) - MOST_NAMES} more, all listed in {cache.list_of_unreadable}"
            if len(bad) > MOST_NAMES
            else ""
        )
        raise UserError(
            f"{len(bad)} of {len(listing.files)} images in {root} cannot be read: {shown}{more}. {advice}Mend or remove them, "
            "or leave them out with unreadable: skip (--set data.unreadable=skip)."
        )
    labels, parts = np.array(listing.labels, np.int64), np.array(listing.parts)
    used = cache.used()
    found: list[Images | None] = []
    for part, (name, is_there) in enumerate(zip(PARTS, listing.has, strict=True)):
        rows = np.flatnonzero((parts == part) & cache.readable)
        found.append(Images(Rows(cache.array, rows, cache.key, used), labels[rows]) if is_there else None)
        if is_there and (empty := sorted(set(range(len(listing.classes))) - set(labels[rows].tolist()))):
            rows = np.flatnonzero((parts == part) & (labels == empty[0]))
            why, advice = cache.reason(rows[0])
            raise UserError(
                f"the {name} images of class {listing.classes[empty[0]]!r} in {root} are all unreadable: {listing.files[rows[0]]} "
                f"({why}). {advice}".rstrip()
            )
    assert found[0] is not None
    return Parts(found[0], found[1], found[2], len(listing.classes), listing.classes, cache.black_and_white())


def scan(root: Path) -> Listing:
    """Every image file below `root`, by name: a file counts if Pillow knows its extension; others and hidden ones do not."""
    folders, classes = _layout(root)
    extensions = _extensions()
    files: list[str] = []
    labels: list[int] = []
    parts: list[int] = []
    digest = hashlib.blake2b(str(root.resolve()).encode(), digest_size=16)
    for part, folder in folders.items():
        for label, name in enumerate(classes):
            before = len(files)
            for entry in _files(folder / name):
                if Path(entry.name).suffix.lower() in extensions:
                    stat = entry.stat()
                    relative = Path(entry.path).relative_to(root).as_posix()
                    digest.update(f"{relative}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode(errors="surrogateescape"))
                    files.append(relative)
                    labels.append(label)
                    parts.append(part)
            if len(files) == before:
                raise UserError(
                    f"the class {name!r} is empty: {folder / name} holds no image (of a format that Pillow reads, by its extension). "
                    "Add images, or remove the folder."
                )
    return Listing(root, classes, files, labels, parts, digest.hexdigest())


def _layout(root: Path) -> tuple[dict[int, Path], tuple[str, ...]]:
    """The folders that hold classes, by part, and the classes."""
    if not root.is_dir():
        raise UserError(f"there is no folder {root}. Name one that holds a folder of images per class.")
    names = _folders(root)
    if "train" not in names or not _folders(root / "train"):
        if names and SPLITS.issuperset(name.lower() for name in names):
            raise UserError(
                f"{root} holds {' and '.join(names)}: those are names of parts, not of classes. The parts must be called train, and, "
                "if there are any, val (or valid, validation) and test; each holds a folder of images per class."
            )
        folders = {0: root}
    else:
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
                f"{root} holds train, and beside it {strange[0]!r}: there may be val and test. Move {strange[0]!r} elsewhere."
            )
    classes = {part: _folders(folder) for part, folder in folders.items()}
    if len(classes[0]) < 2:
        deeper = [root / name for name in names if len(_folders(root / name)) > 1] if folders[0] == root else []
        hint = f" {deeper[0]} holds {len(_folders(deeper[0]))} folders: name that one instead." if deeper else ""
        raise UserError(
            f"{folders[0]} holds {counted(len(classes[0]), 'folder')} of images; at least 2 classes are needed, each a folder.{hint}"
        )
    for part, folder in folders.items():
        if classes[part] != classes[0]:
            wrong = sorted(set(classes[part]) ^ set(classes[0]))
            has, lacks = (folder, folders[0]) if wrong[0] in classes[part] else (folders[0], folder)
            raise UserError(
                f"the classes do not match: {has} holds {wrong[0]!r}, and {lacks} does not. Each part must have the same classes."
            )
    return folders, tuple(classes[0])


def _folders(folder: Path) -> list[str]:
    with os.scandir(folder) as entries:
        return sorted(
            entry.name for entry in entries if entry.is_dir() and not entry.name.startswith((".", "__MACOSX"))
        )


def _files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Every file below `folder`, in an order that does not depend on the file system."""
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path))
            elif entry.is_file():
                yield entry


def _extensions() -> set[str]:
    from PIL import Image

    return set(Image.registered_extensions())
