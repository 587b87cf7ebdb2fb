"""Where files are kept that are fetched or made once, and how official
files get there: checked, whole or not at all."""

import errno
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from explorer.errors import UserError
from explorer.files import expanded

CACHE_VARIABLE = "RESNEXT_EXPLORER_CACHE"
TIMEOUT = 30.0  # seconds without an answer


def cache_root() -> Path:
    """The cache's folder, perhaps not there yet: RESNEXT_EXPLORER_CACHE, else
    resnext-explorer in the user's cache folder."""
    if given := os.environ.get(CACHE_VARIABLE):
        return expanded(given).absolute()
    if own := os.environ.get("XDG_CACHE_HOME"):
        return (expanded(own) / "resnext-explorer").absolute()
    try:
        return Path.home() / ".cache" / "resnext-explorer"
    except RuntimeError:  # a user whom the system does not know, as in some containers
        raise UserError(
            "there is no home folder to keep the cache in. Name a folder for it with"
            f" {CACHE_VARIABLE}."
        ) from None


def cache_folder(*parts: str) -> Path:
    """A folder in the cache, made if need be. Raises `UserError` where it cannot be made."""
    folder = cache_root().joinpath(*parts)
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def disk_errors(place: Path) -> Iterator[None]:
    """Turns what the disk says inside the block into one `UserError`
    that names the place and what to do."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        reason = "the disk is full" if full else error.strerror or str(error)
        raise UserError(
            f"cannot write into the cache {place}: {reason}. Make room there, or name another"
            f" folder with {CACHE_VARIABLE}."
        ) from None


def fetch(name: str, places: Sequence[str], md5: str, folder: Path) -> Path:
    """The file, from `folder` if it is there and whole, else
    downloaded into it with a bar on the terminal.

    `places` are the beginnings of addresses, tried in turn until one gives the published file.
    Raises `UserError` with the addresses and the place where the network, the disk or the checksum
    says no; then nothing is left behind.
    """
    problems = []
    for place in places:
        try:
            return _fetch(name, place + name, md5, folder)
        except _NotHad as problem:
            problems.append(str(problem))
    raise UserError(
        f"{'; '.join(problems)}. Without a network: get {name} from {places[-1] + name} elsewhere,"
        f" put it into {folder}, or into a folder of yours that you name with --data-dir."
    )


class _NotHad(Exception):
    """Why a file could not be had from an address."""


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
            raise _NotHad(f"cannot download {address}: {_reason(error)}") from None
        except ValueError as error:
            if "hash" not in str(error).lower():
                raise
            raise _NotHad(
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
    """Our bar in the form that pooch drives: it sets `total`, then tells of each piece."""

    def __init__(self, progress: Any) -> None:
        self._progress, self._done, self.total = progress, 0, 0

    def update(self, count: int) -> None:
        self._done += count
        self._progress(self._done, self.total)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """Nothing to do: the bar ends with its block."""
