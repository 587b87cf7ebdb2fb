"""What this program prints is text: control characters in names, reasons and logs are removed."""

import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from explorer.text import encodable

_PARTS = re.compile(r"([\n\t])")


class PlainStream:
    """A text stream without control characters, whoever writes to it.

    Names, reasons and logs of a study may come from anywhere, with characters that move a cursor,
    set colours or hide text. Only `raw` writes past it.
    """

    def __init__(self, stream: TextIO) -> None:
        self.raw = stream

    def write(self, text: str) -> int:
        """Write a text without control characters other than line breaks and tabs."""
        if text.isascii() and text.isprintable():
            self.raw.write(text)
        else:
            self.raw.write(
                "".join(part if part in "\n\t" else printable(part) for part in _PARTS.split(text))
            )
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write each of these texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.raw, name)


def let_only_text_through() -> None:
    """Remove control characters from all that this process prints from now on."""
    for name in ("stdout", "stderr"):
        if (stream := getattr(sys, name)) is not None:  # None where it was closed before the start
            setattr(sys, name, PlainStream(stream))


def unfiltered(stream: TextIO) -> TextIO:
    """The stream behind a `PlainStream`, for progress bars and for data that a program reads."""
    return stream.raw if isinstance(stream, PlainStream) else stream


def printable(text: str) -> str:
    """A text as one line of characters that can be shown.

    White space becomes a blank, bytes that are not UTF-8 become U+FFFD, and all else is removed.
    """
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else " " if sign.isspace() else "" for sign in encodable(text)
    )
