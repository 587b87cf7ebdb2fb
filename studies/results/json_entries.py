"""Entries of a JSON file one after the other: a file of hundreds of megabytes is never held whole.

The file is a list of objects, or an object of such lists. Losses of trainings that diverged may be
NaN there, as Python's `json` writes them, and ijson (3.6, all backends) refuses a file with one.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from explorer.errors import UserError
from explorer.files import nearest_path

CHUNK = 2**20  # characters
LONGEST_ENTRY = 64 * CHUNK
_BLANK = " \t\r\n"


def json_entries(path: Path) -> Iterator[dict[str, object]]:
    """Every object in the file's list, or in all of its lists.

    Raises:
        UserError: The file cannot be read, is not JSON, or holds something else.
    """
    try:
        with path.open(encoding="utf-8") as file:
            yield from _Text(path, file).entries()
    except FileNotFoundError:
        raise UserError(f"there is no file {path}{nearest_path(path)}.") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise UserError(f"{path} is not a text file in UTF-8; unpack it first.") from None


class _Text:
    """The part of a file that has been read and not yet understood."""

    def __init__(self, path: Path, file: TextIO) -> None:
        self.path, self.file, self.text, self.position = path, file, "", 0
        self.decoder = json.JSONDecoder()
        self.before = 0  # characters that are no longer held

    def entries(self) -> Iterator[dict[str, object]]:
        start = self.next()
        if start == "[":
            yield from self.of_list()
        elif start == "{":
            while self.next() == '"':
                self.position -= 1
                self.value()
                if self.next() != ":" or self.next() != "[":
                    raise self.refused("an object of lists is expected")
                yield from self.of_list()
                if self.next() != ",":
                    self.position -= 1
            self.position -= 1
            if self.next() != "}":
                raise self.refused("the end of the object is expected")
        else:
            raise self.refused("a list, or an object of lists, is expected")
        if self.next():
            raise self.refused("the file should end here")

    def of_list(self) -> Iterator[dict[str, object]]:
        """The entries of a list that has been opened."""
        if self.next() == "]":
            return
        self.position -= 1
        while True:
            entry = self.value()
            if not isinstance(entry, dict):
                raise self.refused("every entry must be an object")
            yield entry
            after = self.next()
            if after == "]":
                return
            if after != ",":
                raise self.refused("a comma or the end of the list is expected")

    def next(self) -> str:
        """Take the next character that is no blank; "" at the end of the file."""
        while True:
            while self.position < len(self.text):
                character = self.text[self.position]
                self.position += 1
                if character not in _BLANK:
                    return character
            if not self.more(CHUNK):
                self.position += 1  # as if the end were a character, which may be put back
                return ""

    def value(self) -> object:
        """The object or text that begins here; the rest of it is read as far as needed."""
        if not self.next():
            raise self.refused("it ends too early")
        self.position -= 1
        size = CHUNK
        while True:
            try:
                value, self.position = self.decoder.raw_decode(self.text, self.position)
            except json.JSONDecodeError as error:
                # Perhaps the entry only goes on behind what has been read.
                if len(self.text) - self.position > LONGEST_ENTRY or not self.more(size):
                    raise self.refused(error.msg) from None
                size *= 2
            else:
                return value

    def more(self, size: int) -> bool:
        """Read on, and forget what was understood; whether there was more."""
        new = self.file.read(size)
        self.before += self.position
        self.text, self.position = self.text[self.position :] + new, 0
        return bool(new)

    def refused(self, reason: str) -> UserError:
        at = self.before + self.position
        return UserError(f"{self.path} cannot be read as JSON, near character {at:,}: {reason}.")
