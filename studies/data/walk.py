"""Every file below a folder of images in a fixed order: it is used, or
counted among what is left out, with the reason.

Links to folders are followed, as torchvision's ImageFolder does. A folder that is reached a
second time is left out the second time: links that lead in a circle have an end, and no
image is used twice.
"""

import errno
import os
import stat
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from pathlib import Path

from explorer.text import encodable

MOST_NAMES = 5  # of a reason, in the line
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
NOWHERE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


class Reason(Enum):
    """Why files are left out: for one of them, and for several."""

    KIND = ("file of another kind", "files of other kinds")
    HIDDEN = ("hidden file", "hidden files")
    SYSTEM = ("file in thumbnail and system folders", "files in thumbnail and system folders")
    NOWHERE = ("link that leads nowhere", "links that lead nowhere")
    AGAIN = ("folder that a link reaches again", "folders that links reach again")
    SPECIAL = ("pipe, socket or device", "pipes, sockets and devices")
    BESIDE = ("image beside the class folders", "images beside the class folders")
    UNREADABLE = ("image that cannot be read", "images that cannot be read")


class LeftOut:
    """What a folder holds that is not used: how many files for
    each reason, and names that say which."""

    def __init__(self) -> None:
        self._names: dict[Reason, Counter[str]] = {}

    def add(self, reason: Reason, name: str, count: int = 1) -> None:
        """Count `count` files under `name`: their own, their extension or their folder."""
        self._names.setdefault(reason, Counter())[name] += count

    def update(self, other: "LeftOut") -> None:
        """Count what another has counted."""
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
    """Whether a name is that of a folder that holds nothing of the user's own."""
    return name.startswith(".") or name.lower() in SYSTEM_FOLDERS


def extension(name: str) -> str:
    """In small letters, with its dot; empty where there is none."""
    return os.path.splitext(name)[1].lower()


def target(entry: "os.DirEntry[str]") -> os.stat_result | None:
    """What an entry is, links followed; None for a link that leads nowhere."""
    try:
        return entry.stat()
    except OSError as error:
        if error.errno in NOWHERE and entry.is_symlink():
            return None
        raise


def entries(folder: str | os.PathLike[str]) -> Iterator["os.DirEntry[str]"]:
    """What a folder holds, by name: an order that does not depend on the file system."""
    with os.scandir(folder) as found:
        return iter(sorted(found, key=lambda entry: entry.name))


Identity = tuple[int, int]


def identity(about: os.stat_result) -> Identity:
    """What is equal for two paths that lead to the same folder."""
    return about.st_dev, about.st_ino


def walk(
    root: Path, below: str, extensions: set[str], seen: set[Identity], left_out: LeftOut
) -> Iterator[tuple[str, os.stat_result]]:
    """The images in the folder `below` of `root`: each one's path seen
    from `root`, and what the system says of it.

    A file is an image if its extension is among `extensions`. All others are counted in
    `left_out`, as are the folders in `seen`, to which those that are read are added.
    """
    # A stack of our own: folders may be deeper than Python's.
    open_folders = [(below, entries(root / below))]
    while open_folders:
        folder, rest = open_folders[-1]
        if (entry := next(rest, None)) is None:
            open_folders.pop()
            continue
        path = f"{folder}/{entry.name}"
        about = target(entry)
        if about is None:
            left_out.add(Reason.HIDDEN if entry.name.startswith(".") else Reason.NOWHERE, path)
        elif stat.S_ISDIR(about.st_mode):
            if is_of_the_system(entry.name):
                left_out.add(Reason.SYSTEM, entry.name, count_files(entry.path))
            elif identity(about) in seen:
                left_out.add(Reason.AGAIN, path)
            else:
                seen.add(identity(about))
                open_folders.append((path, entries(entry.path)))
        elif entry.name.startswith("."):
            left_out.add(Reason.HIDDEN, entry.name)
        elif not stat.S_ISREG(about.st_mode):
            left_out.add(Reason.SPECIAL, path)
        elif extension(entry.name) in extensions:
            yield path, about
        else:
            left_out.add(Reason.KIND, extension(entry.name) or "without extension")


def count_files(folder: str | os.PathLike[str]) -> int:
    """How many files there are below a folder; one that may not be looked
    into holds none. Links are not followed."""
    count, waiting = 0, [os.fspath(folder)]
    while waiting:
        try:
            for entry in entries(waiting.pop()):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
                else:
                    count += 1
        except PermissionError:  # lost+found belongs to the system
            continue
    return count
