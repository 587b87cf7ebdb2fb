"""Every file below a folder, in a fixed order: used as an image, or counted with a reason why not.

Links to folders are followed, as torchvision's ImageFolder does. A folder that is reached a second
time is left out the second time: links in a circle come to an end, and no image is used twice.
"""

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from explorer.text import encodable

MOST_NAMES = 5  # for a reason, in a message
# What systems and programs keep beside files: thumbnails of a NAS (Synology, QNAP), halves of a
# Mac's files, waste baskets. Everything whose name begins with a dot is among them.
SYSTEM_FOLDERS = {
    "@eadir",
    "@__thumb",
    "#recycle",
    "#snapshot",
    "@recycle",
    "$recycle.bin",
    "system volume information",
    "lost+found",
    "__macosx",
    "__pycache__",
}
BROKEN_LINK = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Reason(Enum):
    """Why files are left out: for one of them, and for several."""

    KIND = ("file of another kind", "files of other kinds")
    HIDDEN = ("hidden file", "hidden files")
    SYSTEM = ("file in thumbnail and system folders", "files in thumbnail and system folders")
    BROKEN = ("broken link", "broken links")
    AGAIN = ("folder reached again by a link", "folders reached again by links")
    SPECIAL = ("pipe, socket or device", "pipes, sockets and devices")
    BESIDE = ("image beside the class folders", "images beside the class folders")
    UNREADABLE = ("image that cannot be read", "images that cannot be read")


class LeftOut:
    """What a folder holds that is not used: for each reason, how many files, and their names."""

    def __init__(self) -> None:
        self._names: dict[Reason, Counter[str]] = {}

    def add(self, reason: Reason, name: str, count: int = 1) -> None:
        """Count files under a name: their own, their extension, or that of their folder."""
        self._names.setdefault(reason, Counter())[name] += count

    def update(self, other: "LeftOut") -> None:
        """Add what another has counted."""
        for reason, names in other._names.items():
            self._names.setdefault(reason, Counter()).update(names)

    def __str__(self) -> str:
        """In one line; empty where nothing is left out."""
        parts = []
        for reason in Reason:
            names = self._names.get(reason, Counter())
            if count := names.total():
                shown = ", ".join(name for name, _ in names.most_common(MOST_NAMES))
                more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
                parts.append(f"{count} {reason.value[count > 1]}: {shown}{more}")
        return encodable("; ".join(parts))


def is_of_the_system(name: str) -> bool:
    """Whether a folder of this name holds nothing of the user's own."""
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS


def extension_of(name: str) -> str:
    """The extension of a name, in lower case and with its dot; empty where there is none."""
    return os.path.splitext(name)[1].lower()


def image_extensions() -> set[str]:
    """The extensions of the formats that Pillow reads; some it can only write."""
    from PIL import Image

    return {name for name, kind in Image.registered_extensions().items() if kind in Image.OPEN}


def followed(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """The status of an entry, links followed; None for a broken link."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno in BROKEN_LINK and entry.is_symlink():
            return None
        raise


def sorted_entries(folder: str | os.PathLike[str]) -> Iterator["os.DirEntry[str]"]:
    """The entries of a folder by name: an order that does not depend on the file system."""
    with os.scandir(folder) as entries:
        return iter(sorted(entries, key=lambda entry: entry.name))


Identity = tuple[int, int]


def identity_of(status: os.stat_result) -> Identity:
    """What is equal for two paths to the same folder: device and inode."""
    return status.st_dev, status.st_ino


def walk(
    root: Path, below: str, extensions: set[str], seen: set[Identity], left_out: LeftOut
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the images below a folder: their paths relative to `root`, and their status.

    Args:
        root: The folder of the data.
        below: The path, from `root`, of the folder to walk.
        extensions: A file is an image if its extension is one of these.
        seen: Folders that are not read again; those that are read are added.
        left_out: Counts all that is no image.
    """
    # A stack of our own: folders may be nested deeper than Python's.
    open_folders = [(below, sorted_entries(root / below))]
    while open_folders:
        folder, rest = open_folders[-1]
        if (entry := next(rest, None)) is None:
            open_folders.pop()
            continue
        path = f"{folder}/{entry.name}"
        status = followed(entry)
        if status is None:
            left_out.add(Reason.HIDDEN if entry.name.startswith(".") else Reason.BROKEN, path)
        elif stat.S_ISDIR(status.st_mode):
            if is_of_the_system(entry.name):
                left_out.add(Reason.SYSTEM, entry.name, count_files(entry.path))
            elif identity_of(status) in seen:
                left_out.add(Reason.AGAIN, path)
            else:
                seen.add(identity_of(status))
                open_folders.append((path, sorted_entries(entry.path)))
        elif entry.name.startswith("."):
            left_out.add(Reason.HIDDEN, entry.name)
        elif not stat.S_ISREG(status.st_mode):
            left_out.add(Reason.SPECIAL, path)
        elif extension_of(entry.name) in extensions:
            yield path, status
        else:
            left_out.add(Reason.KIND, extension_of(entry.name) or "without extension")


def count_files(folder: str | os.PathLike[str]) -> int:
    """How many files there are below a folder; links are not followed.

    A folder that may not be read counts as empty.
    """
    count, waiting = 0, [os.fspath(folder)]
    while waiting:
        try:
            for entry in sorted_entries(waiting.pop()):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    count += 1
        except PermissionError:  # as in lost+found, which belongs to the system
            continue
    return count
