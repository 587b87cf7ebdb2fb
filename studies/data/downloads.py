"""The cache of files that are downloaded or made once, and how official files get into it.

A downloaded file is checked, and is there completely or not at all.
"""

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from explorer.errors import UserError
from explorer.files import FULL_DISK, expanded

CACHE_VARIABLE = "RESNEXT_EXPLORER_CACHE"
TIMEOUT = 30.0  # seconds without an answer


def cache_root() -> Path:
    """The folder of the cache, which may not exist yet.

    It is the folder that RESNEXT_EXPLORER_CACHE names, else resnext-explorer in the user's cache
    folder. Raises `UserError` where the user has no home folder.
    """
    if given := os.environ.get(CACHE_VARIABLE):
        return expanded(given).absolute()
    if own := os.environ.get("XDG_CACHE_HOME"):
        return (expanded(own) / "resnext-explorer").absolute()
    try:
        return Path.home() / ".cache" / "resnext-explorer"
    except RuntimeError:  # a user whom the system does not know, as in some containers
        raise UserError(
            f"there is no home folder for the cache. Name another folder with {CACHE_VARIABLE}."
        ) from None


def cache_folder(*parts: str) -> Path:
    """A folder in the cache, created if needed. Raises `UserError` where that fails."""
    folder = cache_root().joinpath(*parts)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time make something; another waits, and then finds it.

    Args:
        path: Of the file that is locked, in the cache.
    """
    with disk_errors(path), open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Turn an error of the disk inside the block into a `UserError` that says what to do."""
    try:
        yield
    except OSError as error:
        is_full = error.errno in FULL_DISK
        reason = "the disk is full" if is_full else error.strerror or str(error)
        raise UserError(
            f"cannot write into the cache {path}: {reason}. Make room there, or name another"
            f" folder with {CACHE_VARIABLE}."
        ) from None


def fetch(name: str, mirrors: Sequence[str], md5: str, folder: Path) -> Path:
    """Download a file into a folder, unless it is there already, and return its path.

    Of several processes that need it at the same time, one downloads it. A bar on the terminal
    shows the progress.

    Args:
        name: Of the file.
        mirrors: Addresses that end before the name, tried in turn until one gives the file.
        md5: The file's checksum.
        folder: Where the file is looked for, and downloaded to.

    Raises:
        UserError: No mirror gives the file, or it cannot be written. Then nothing is left behind.
    """
    problems = []
    with locked(folder.with_name(f"{folder.name}.lock")):
        for mirror in mirrors:
            try:
                return _fetch(name, mirror + name, md5, folder)
            except _DownloadFailed as problem:
                problems.append(str(problem))
    raise UserError(
        f"{'; '.join(problems)}. Without a network: get {name} from {mirrors[-1] + name} elsewhere,"
        f" put it into {folder}, or into a folder of yours that you name with --data-dir."
    )


class _DownloadFailed(Exception):
    """Why a file could not be downloaded from an address."""


def _fetch(name: str, address: str, md5: str, folder: Path) -> Path:
    import pooch
    import requests

    from explorer.terminal import progress_bar

    pooch.get_logger().setLevel(logging.WARNING)
    with progress_bar(f"downloading {name}") as progress:
        downloader = pooch.HTTPDownloader(progressbar=_Bar(progress), timeout=TIMEOUT)
        try:
            path = pooch.retrieve(
                address, f"md5:{md5}", fname=name, path=folder, downloader=downloader
            )
        except requests.RequestException as error:
            raise _DownloadFailed(f"cannot download {address}: {_reason(error)}") from None
        except ValueError as error:
            if "hash" not in str(error).lower():
                raise
            raise _DownloadFailed(
                f"what came from {address} is not the published file: its checksum is not {md5}"
            ) from None
        except OSError as error:
            with disk_errors(folder):
                raise error
    return Path(path)


def _reason(error: Exception) -> str:
    import requests

    if isinstance(error, requests.HTTPError) and error.response is not None:
        return f"the server answers {error.response.status_code} {error.response.reason}"
    if isinstance(error, requests.Timeout):
        return f"no answer within {TIMEOUT:.0f} seconds"
    if isinstance(error, requests.ConnectionError):
        return "no connection to the server"
    return " ".join(str(error).split())[:200]


class _Bar:
    """Our progress bar with the interface that pooch expects: it sets `total`, then updates."""

    def __init__(self, progress: Any) -> None:
        self._progress, self._done, self.total = progress, 0, 0

    def update(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing to do: the bar ends with its block."""
