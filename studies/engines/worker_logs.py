"""The log files of workers: opened for each, and read for why one died."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO

LINES = 15  # the last of a log, which are quoted


def open_log(path: Path) -> IO[bytes]:
    """The log of a worker; none where the disk takes no file: no reason not to train."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "wb")
    except OSError:
        return open(os.devnull, "wb")


def quoted(lines: Iterable[str]) -> str:
    """Lines of a log, to be put into a message."""
    return "".join(f"  | {line}\n" for line in lines)


def last_lines(log: Path) -> list[str]:
    """The last lines of a log; none where there is no log."""
    try:
        return log.read_text(errors="replace").strip().splitlines()[-LINES:]
    except OSError:
        return []
