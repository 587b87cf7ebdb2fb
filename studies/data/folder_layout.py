"""How a folder of images is laid out: a folder per class, perhaps inside train, val and test.

Only names are read here, no files.
"""

import os
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import UserError
from explorer.files import nearest_path
from explorer.text import counted, encodable
from studies.data.walk import (
    extension_of,
    followed,
    image_extensions,
    is_of_the_system,
    sorted_entries,
)

PARTS = {"train": ("train",), "validation": ("val", "valid", "validation"), "test": ("test",)}
SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing"}

# The folders of each class, in one part: one, or more where their names are forms of one name.
Classes = dict[str, list[str]]


@dataclass(frozen=True)
class Layout:
    """The folders of a data set.

    Attributes:
        folders: By part (0 train, 1 validation, 2 test), the folder that holds its classes.
        classes: By part, the classes.
    """

    folders: dict[int, Path]
    classes: dict[int, Classes]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the classes, sorted.

        Bytes that are not UTF-8 are U+FFFD, or `\\xe9` where two names would then be the same.
        """
        names = sorted(self.classes[0])
        shown = tuple(encodable(name) for name in names)
        if len(set(shown)) == len(shown):
            return shown
        return tuple(os.fsencode(name).decode(errors="backslashreplace") for name in names)


def class_names(root: Path) -> tuple[str, ...]:
    """The classes of a folder, sorted: the number of a class is its place here.

    Raises `UserError` as `read_layout` does.
    """
    return read_layout(root).names


def has_test(root: Path) -> bool:
    """Whether a folder has a test part of its own. Raises `UserError` as `read_layout` does."""
    return 2 in read_layout(root).folders


def read_layout(root: Path) -> Layout:
    """Find the folders of the parts and of their classes.

    Raises:
        UserError: It is not a folder with at least two classes, or its parts do not have the same
            classes.
    """
    if root.is_file():
        raise UserError(
            f"{root} is a file, and a folder is needed (unpack an archive): one that holds a folder"
            " of images per class."
        )
    if not root.is_dir():
        raise UserError(
            f"there is no folder {root}{nearest_path(root)}. Name one that holds a folder of images"
            " per class."
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
                f"{folder} holds no folders, and each part must hold a folder of images per class."
                " Move it elsewhere if its images have no class.",
                "A test part can also be taken from train (--set data.test=0.2).",
            )
        if unmatched := sorted(classes[part].keys() ^ classes[0].keys()):
            first = unmatched[0]
            has, lacks = (folder, folders[0]) if first in classes[part] else (folders[0], folder)
            similar = [name for name in unmatched[1:] if bare_name(name) == bare_name(first)]
            alike = f", but {similar[0]!r}" if similar else ""
            raise UserError(
                f"the classes do not match: {has} holds {first!r}, and {lacks} does not{alike}. "
                "Each part must have the same classes."
            )
    return Layout(folders, classes)


def bare_name(name: str) -> str:
    """The name of a class without what is easily overlooked: blanks around it, and capitals."""
    return name.strip().casefold()


def _parts(root: Path) -> dict[int, Path]:
    """By part, the folder that holds its classes: `root` itself, or train and what is beside it."""
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
        present = [name for name in allowed if name in names]
        if len(present) > 1:
            raise UserError(f"{root} holds both {' and '.join(present)}; keep one of them.")
        if present:
            folders[part] = root / present[0]
    known = {folder.name for folder in folders.values()}
    if strange := [name for name in names if name not in known]:
        raise UserError(
            f"{root} holds train and also {strange[0]!r}; only val and test may be beside train."
            f" Move {strange[0]!r} elsewhere."
        )
    return folders


def _hint(root: Path) -> str:
    """What may be meant by a folder that holds no classes: a folder in it, or the one above."""
    for deeper in (root / name for name in _folders(root)):
        if (count := len(_folders(deeper))) > 1:
            return f" {deeper} holds {count} folders: name that one instead."
    extensions = image_extensions()
    images = sum(extension_of(entry.name) in extensions for entry in sorted_entries(root))
    if images:
        return (
            f" It holds {counted(images, 'image')}: name the folder above it if this is one class,"
            " or sort them into folders."
        )
    return ""


def _classes(folder: Path) -> Classes:
    """The class folders, by class.

    Composed and decomposed forms of a name (a Mac writes the latter) are one class.
    """
    classes: Classes = {}
    for name in _folders(folder):
        classes.setdefault(unicodedata.normalize("NFC", name), []).append(name)
    return classes


def _folders(folder: Path) -> list[str]:
    """The names of the folders in one, without those of the system."""
    names = []
    for entry in sorted_entries(folder):
        status = followed(entry)
        if status and stat.S_ISDIR(status.st_mode) and not is_of_the_system(entry.name):
            names.append(entry.name)
    return names


def _check_links(folder: Path) -> None:
    """Raise `UserError` for a broken link among the classes: it may be one of them."""
    for entry in sorted_entries(folder):
        if followed(entry) is None and not is_of_the_system(entry.name):
            raise UserError(
                f"{folder / entry.name} is a broken link (to {os.readlink(entry.path)}): if it was"
                " a class, its images are missing. Restore what it leads to, or remove it."
            )
