"""What the cache keeps of data, how large each is and when it was last
used; and removing what is no longer wanted.

Only what this program has put there is listed, and only that is removed:
the cache may be a folder that holds other things.
"""

import fcntl
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explorer.errors import UserError, unknown
from studies.data.downloads import CACHE_VARIABLE, cache_root
from studies.data.folder_cache import ARRAY, NOTES, READABLE, SAMPLES, SCALE, SOURCE, UNREADABLE
from studies.data.official import CHECKSUMS

# Of folders that `data_cache` makes, and of all that it puts there.
NAMES = re.compile(r"[0-9a-f]{32}|building-.+")
OURS = {ARRAY, NOTES, READABLE, SAMPLES, SCALE, UNREADABLE, SOURCE}
DOWNLOADED, DECODED, UNFINISHED = "downloaded", "decoded", "unfinished"


@dataclass(frozen=True)
class Kept:
    """Something in the cache: a data set's downloaded files, a folder's decoded images, or an
    unfinished decoding. `source` is the folder of a decoding, "" where it is not known. `size` is
    in bytes."""

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
        return {key: getattr(self, key) for key in keys} | {
            "used": self.used.isoformat(),
            "path": str(self.place),
        }


def kept() -> list[Kept]:
    """What the cache keeps, the largest first. Creates nothing; what a
    link leads to outside the cache is not ours.

    Raises `UserError` for a cache that cannot be read.
    """
    with _errors("read", cache_root()):
        return sorted(_found(cache_root().resolve()), key=lambda one: (-one.size, one.name))


def _found(root: Path) -> list[Kept]:
    found = []
    for name, sums in CHECKSUMS.items():
        # Downloaded are archives; a file of any other name is not ours.
        files = [root / name / file for file in sums if file.endswith(".gz")]
        files = [path for path in files if path.is_file() and path == path.resolve()]
        if files:
            used = max(max(path.stat().st_atime, path.stat().st_mtime) for path in files)
            found.append(_kept(name, DOWNLOADED, "", root / name, files, used))
    decoded = root / "folders"
    for folder in sorted(decoded.iterdir() if decoded.is_dir() else ()):
        if not NAMES.fullmatch(folder.name) or not folder.is_dir() or folder != folder.resolve():
            continue
        with suppress(FileNotFoundError):  # just finished, or removed
            kind = UNFINISHED if folder.name.startswith("building-") else DECODED
            files = list(folder.iterdir())
            if not files or any(path.name not in OURS or not path.is_file() for path in files):
                continue  # somebody else's, or it has become so
            # Whoever opens the array touches the file that names its source.
            source = folder / SOURCE if (folder / SOURCE).is_file() else None
            used = (source or folder).stat().st_mtime
            text = source.read_text(errors="replace") if source else ""
            found.append(_kept(folder.name, kind, text, folder, files, used))
    return found


def clear(names: list[str]) -> list[Kept]:
    """Remove what has these names, and return it. What is needed
    again is downloaded or decoded again.

    Raises `UserError` for a name that nothing has and for a decoding that is going on (then
    nothing is removed), and for what cannot be removed.
    """
    there = {one.name: one for one in kept()}
    for name in names:
        if name not in there:
            raise unknown("cache", name, there)
    chosen = [there[name] for name in dict.fromkeys(names)]
    with ExitStack() as stack:
        for one in chosen:
            if one.kind == UNFINISHED:
                with _errors("lock", one.place):
                    lock = stack.enter_context(open(one.place.parent / f"{one.name}.lock", "a"))
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise UserError(
                        f"{one.name} is being made now, from {one.source}; stop that first."
                    ) from None
        for one in chosen:
            with _errors("remove", one.place):
                _remove(one)
    return chosen


def _remove(one: Kept) -> None:
    # Without its array nobody takes a decoding for whole; who reads
    # the array already goes on reading it.
    for path in sorted(one.files, key=lambda path: path.name != ARRAY):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # it holds something else by now
        one.place.rmdir()
    if one.kind == DOWNLOADED:
        return
    for link in (one.place.parent / "index").glob("*"):
        if link.read_bytes() == one.name.encode():
            link.unlink(missing_ok=True)


@contextmanager
def _errors(doing: str, place: Path) -> Iterator[None]:
    """Turns what the disk says inside the block into one `UserError`."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"cannot {doing} {place} in the cache: {reason}. {CACHE_VARIABLE} names another folder."
        ) from None


def _kept(name: str, kind: str, source: str, place: Path, files: list[Path], used: float) -> Kept:
    size = sum(path.stat().st_size for path in files)
    return Kept(
        name,
        kind,
        source,
        size,
        datetime.fromtimestamp(used, UTC).replace(microsecond=0),
        place,
        files,
    )
