"""What the cache holds of data, how large it is and when it was last used; and removing it.

Only what this program has put there is listed, and only that is removed: the cache may be a folder
that holds other things.
"""

import fcntl
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explorer.errors import UserError, check_known
from studies.data.decoded_format import ARRAY, NOTES, READABLE, SAMPLES, SCALE, SOURCE, UNREADABLE
from studies.data.downloads import CACHE_VARIABLE, cache_root
from studies.data.official import CHECKSUMS

# Names of the folders that decoding makes, and of all files that it puts there.
DECODED_FOLDERS = re.compile(r"[0-9a-f]{32}|building-.+")
DECODED_FILES = {ARRAY, NOTES, READABLE, SAMPLES, SCALE, UNREADABLE, SOURCE}
DOWNLOADED, DECODED, UNFINISHED = "downloaded", "decoded", "unfinished"


@dataclass(frozen=True)
class CachedData:
    """A part of the cache that can be removed by itself.

    Attributes:
        name: Of the data set or of the folder.
        kind: `downloaded` files of a data set, `decoded` images, or an `unfinished` decoding.
        source: The folder that was decoded; "" where it is not known.
        size: In bytes.
        used: When it was last used.
        folder: Where it lies.
        files: All that it consists of.
    """

    name: str
    kind: str
    source: str
    size: int
    used: datetime
    folder: Path
    files: list[Path] = field(repr=False)

    def record(self) -> dict[str, Any]:
        """The same as plain data, for JSON."""
        keys = ("name", "kind", "source", "size")
        return {key: getattr(self, key) for key in keys} | {
            "used": self.used.isoformat(),
            "path": str(self.folder),
        }


def list_caches() -> list[CachedData]:
    """List what is in the cache, the largest first. Creates nothing.

    What a link leads to outside the cache is not listed.

    Raises:
        UserError: The cache cannot be read.
    """
    root = cache_root()
    with _errors("read", root):
        caches = [*_downloaded(root.resolve()), *_decoded(root.resolve() / "folders")]
    return sorted(caches, key=lambda cache: (-cache.size, cache.name))


def clear_caches(names: list[str]) -> list[CachedData]:
    """Remove the caches of these names, and return what was removed.

    What is needed again is downloaded or decoded again.

    Raises:
        UserError: No cache has a name, or one is being decoded now (then nothing is removed); or
            something cannot be removed.
    """
    caches = {cache.name: cache for cache in list_caches()}
    for name in names:
        check_known("cache", name, caches)
    chosen = [caches[name] for name in dict.fromkeys(names)]
    with ExitStack() as stack:
        for cache in chosen:
            if cache.kind == UNFINISHED:
                with _errors("lock", cache.folder):
                    lock = open(cache.folder.parent / f"{cache.name}.lock", "a")  # noqa: SIM115
                    stack.enter_context(lock)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    raise UserError(
                        f"{cache.name} is being made now, from {cache.source}; stop that first."
                    ) from None
        for cache in chosen:
            with _errors("remove", cache.folder):
                _remove(cache)
    return chosen


def _downloaded(root: Path) -> Iterator[CachedData]:
    for name, sums in CHECKSUMS.items():
        # Archives are downloaded; a file of another name was put there by somebody else.
        files = [root / name / file for file in sums if file.endswith(".gz")]
        files = [path for path in files if path.is_file() and path == path.resolve()]
        if files:
            used = max(max(path.stat().st_atime, path.stat().st_mtime) for path in files)
            yield _cached_data(name, DOWNLOADED, "", root / name, files, used)


def _decoded(arrays: Path) -> Iterator[CachedData]:
    for folder in sorted(arrays.iterdir() if arrays.is_dir() else ()):
        is_ours = DECODED_FOLDERS.fullmatch(folder.name) and folder.is_dir()
        if not is_ours or folder != folder.resolve():
            continue
        with suppress(FileNotFoundError):  # just finished, or removed
            files = list(folder.iterdir())
            if not files or any(
                path.name not in DECODED_FILES or not path.is_file() for path in files
            ):
                continue  # somebody else's, or it has become so
            kind = UNFINISHED if folder.name.startswith("building-") else DECODED
            # Whoever opens the array touches the file that names its source.
            source = folder / SOURCE if (folder / SOURCE).is_file() else None
            used = (source or folder).stat().st_mtime
            text = source.read_text(errors="replace") if source else ""
            yield _cached_data(folder.name, kind, text, folder, files, used)


def _cached_data(
    name: str, kind: str, source: str, folder: Path, files: list[Path], used: float
) -> CachedData:
    size = sum(path.stat().st_size for path in files)
    time = datetime.fromtimestamp(used, UTC).replace(microsecond=0)
    return CachedData(name, kind, source, size, time, folder, files)


def _remove(cache: CachedData) -> None:
    # The array first: a folder without it is not taken for complete. A process that reads the
    # array already goes on reading it.
    for path in sorted(cache.files, key=lambda path: path.name != ARRAY):
        path.unlink(missing_ok=True)
    with suppress(OSError):  # something else has been put there meanwhile
        cache.folder.rmdir()
    if cache.kind == DOWNLOADED:
        return
    for link in (cache.folder.parent / "index").glob("*"):
        if link.read_bytes() == cache.name.encode():
            link.unlink(missing_ok=True)


@contextmanager
def _errors(doing: str, path: Path) -> Iterator[None]:
    """Turn an error of the disk inside the block into a `UserError`."""
    try:
        yield
    except (OSError, RuntimeError) as error:  # RuntimeError: a link that leads to itself
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"cannot {doing} {path} in the cache: {reason}. {CACHE_VARIABLE} names another folder."
        ) from None
