"""Standard output that cannot be written: closed, a pipe without a reader, or a full disk."""

import errno
import io
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

# What a shell reports of a program that its reader left, as in `| head -1`: 128 and the number of
# SIGPIPE.
LEFT = 141


class OutputGone(Exception):
    """Standard output cannot be written any more.

    It is no `OSError`, because libraries (click, rich) answer the error of a broken pipe by ending
    the program.
    """

    def __init__(self, error: OSError, stream: "_Stream") -> None:
        super().__init__(error.strerror or str(error))
        self.code = LEFT if error.errno == errno.EPIPE else 1
        self.stream = stream


class _Stream(io.FileIO):
    """One of the standard streams; raises `OutputGone` where it cannot write, unless it `drops`."""

    drops = False
    reported = False  # whether it was said that output is lost
    text: TextIO  # what writes here, and holds what has gathered

    def write(self, data: Any) -> int:
        try:
            # Some terminals and pipes are set not to block by whoever shares them.
            while (written := super().write(data)) is None:
                select.select([], [self], [])
            return written
        except OSError as error:
            if not self.drops:
                raise OutputGone(error, self) from None
        return memoryview(data).nbytes


def guard_streams() -> None:
    """Make the program's own standard streams report lost output.

    A closed stream is opened, so that no file gets its number and what is written to it.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY)  # the lowest free number; writing to it fails
    if sys.stdout is sys.__stdout__:
        sys.stdout = _text(1, sys.stdout, drops=False)
    if sys.stderr is sys.__stderr__:
        # Where an error cannot be reported on stderr, there is nowhere left to report it.
        sys.stderr = _text(2, sys.stderr, drops=True)


def log_stream(number: int) -> TextIO:
    """A stream to a file descriptor that drops what cannot be written, and never raises."""
    return _text(number, None, drops=True)


def _text(number: int, like: TextIO | None, *, drops: bool) -> TextIO:
    raw = _Stream(number, "w", closefd=False)
    raw.drops = drops
    errors = like.errors if like else None
    raw.text = io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=like.encoding if like else "utf-8",
        # A name that is no text in this encoding is shown with escapes.
        errors="backslashreplace" if errors in (None, "strict") else errors,
        line_buffering=drops or raw.isatty(),
    )
    return raw.text


@contextmanager
def going_on() -> Iterator[None]:
    """Go on where output is lost, because the work is worth more than what it prints.

    The program says so once, on standard error.
    """
    try:
        yield
    except OutputGone as gone:
        gone.stream.drops = True
        gone.stream.text.flush()
        gone.stream.drops = False
        if not gone.stream.reported:
            gone.stream.reported = True
            print(
                f"The output cannot be written any more ({gone}); the work goes on.",
                file=sys.stderr,
            )
    except (OSError, ValueError):  # another program's stream, which uses ours from Python
        pass


def say(line: str) -> None:
    """Print a line about work that goes on even if the line is lost."""
    with going_on():
        print(line, flush=True)


class GoingOn:
    """A stream that loses what it cannot write.

    For what draws in a thread of its own, beside work that must go on.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text, or lose it."""
        with going_on():
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, or lose it."""
        with going_on():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def finish() -> int | None:
    """Write what is buffered; the exit code where that fails, else None."""
    try:
        with suppress(ValueError):  # closed
            sys.stdout.flush()
    except OutputGone as gone:
        return tell(gone)
    return None


def tell(gone: OutputGone) -> int:
    """Say that the output could not be written, and return the exit code.

    Nothing is said where the reader of a pipe has gone.
    """
    gone.stream.drops = True  # also what is written as the program ends
    if gone.code != LEFT:
        print(f"Error: the output could not be written: {gone}.", file=sys.stderr)
    return gone.code
