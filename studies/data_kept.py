"""What the cache keeps of data, how large each is and when it was last used; and removing what is no longer wanted.

Only what this program has put there is listed, and only that is removed: the cache may be a folder that holds other things.
"""

import fcntl
import re
import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explorer.errors import UserError, unknown
from studies.data_cache import ARRAY, SOURCE
from studies.data_download import cache_root, disk_errors
from studies.data_official import CHECKSUMS

# Of folders that `data_cache` makes.
NAMES = re.compile(r"[0-9a-f]{32}|building-.+")
DOWNLOADED, DECODED, UNFINISHED = "downloaded", "decoded", "unfinished"


@dataclass(frozen=True)
class Kept:
    """Something in the cache: a data set's downloaded files, a folder's decoded images, or an unfinished decoding. `source` is the
    folder of a decoding, "" where it is not known. `size` is in bytes."""

    name: str
    kind: str
    source: str
    size: int
    used: datetime
    place: Path
    files: list[Path] = field(repr=False)

    def record(self) -> dict[str, Any]:
        """The same as plain data."""
        keys = ("name", "kind", "source", "size")
        return {key: getattr(self, key) for key in keys} | {"used": self.used.isoformat(), "path": str(self.place)}


def kept() -> list[Kept]:
    """What the cache keeps, the largest first. Creates nothing; what a link leads to outside the cache is not ours."""
    root = cache_root().resolve()
    found = []
    for name, sums in CHECKSUMS.items():
        # Downloaded are archives; a file of any other name is not ours.
        files = [root / name / file for file in sums if file.endswith(".gz")]
        files = [path for path in files if path.is_file() and path == path.resolve()]
        if files:
            used = max(max(path.stat().st_atime, path.stat().st_mtime) for path in files)
            found.append(_kept(name, DOWNLOADED, "", root / name, files, used))
    for folder in sorted((root / "folders").glob("*")):
        if not NAMES.fullmatch(folder.name) or not folder.is_dir() or folder != folder.resolve():
            continue
        with suppress(FileNotFoundError):  # just finished, or removed
            kind = UNFINISHED if folder.name.startswith("building-") else DECODED
            files = [path for path in folder.iterdir() if path.is_file()]
            # Whoever opens the array touches the file that names its source.
            source = folder / SOURCE if (folder / SOURCE).is_file() else None
            used = (source or folder).stat().st_mtime
            text = source.read_text(errors="replace") if source else ""
            found.append(_kept(folder.name, kind, text, folder, files, used))
    return sorted(found, key=lambda one: (-one.size, one.name))


def clear(names: list[str]) -> list[Kept]:
    """Remove what has these names, and return it. What is needed again is downloaded or decoded again.

    Raises `UserError` for a name that nothing has (then nothing is removed), and for a decoding that is going on.
    """
    there = {one.name: one for one in kept()}
    for name in names:
        if name not in there:
            raise unknown("cache", name, there)
    chosen = [there[name] for name in dict.fromkeys(names)]
    for one in chosen:
        with disk_errors(one.place):
            _remove(one)
    return chosen


def _remove(one: Kept) -> None:
    if one.kind == DOWNLOADED:
        for path in one.files:
            path.unlink(missing_ok=True)
        with suppress(OSError):  # it holds something else
            one.place.rmdir()
        return
    with ExitStack() as stack:
        if one.kind == UNFINISHED:
            lock = stack.enter_context(open(one.place.parent / f"{one.name}.lock", "a"))
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise UserError(f"{one.name} is being made now, from {one.source}; stop that first.") from None
        # Without its array nobody takes it for whole; who reads the array already goes on reading it.
        (one.place / ARRAY).unlink(missing_ok=True)
        shutil.rmtree(one.place)
    for link in (one.place.parent / "index").glob("*"):
        if link.read_bytes() == one.name.encode():
            link.unlink(missing_ok=True)


def _kept(name: str, kind: str, source: str, place: Path, files: list[Path], used: float) -> Kept:
    size = sum(path.stat().st_size for path in files)
    return Kept(name, kind, source, size, datetime.fromtimestamp(used, UTC).replace(microsecond=0), place, files)
