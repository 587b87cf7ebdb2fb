"""Names of the user's own networks: `mine.nets:convnext(depths=3-3-9-3,kernel=5,width=44)`.

Nothing is imported here, so any name may be read, wherever it comes from.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

from explorer.errors import UserError, shorten
from explorer.template import LARGEST_NUMBER
from explorer.text import dashed

Value = int | tuple[int, ...]

LONGEST_NAME = 500
FORM = "package.module:function(quantity=5,other=3-3-9-3)"
# As regular expressions that JSON Schema reads, too.
NAME = r"([A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*)(?:\(([^()]*)\))?"
VALUE = r"[0-9]{1,10}(?:-[0-9]{1,10})*-?"


@dataclass(frozen=True)
class OwnName:
    """What a name says.

    Attributes:
        target: The function, as package.module:function.
        values: The quantities that are written, in the order in which they are.
    """

    target: str
    values: Mapping[str, Value]

    @classmethod
    def parse(cls, name: str) -> "OwnName":
        """Read a name; raises `UserError` where it is none."""
        match = re.fullmatch(NAME, name.strip()) if len(name) <= LONGEST_NAME else None
        if match is None:
            raise UserError(
                f"a network of your own is named {FORM}, with at most {LONGEST_NAME} characters;"
                f" given: {shorten(name)}."
            )
        values: dict[str, Value] = {}
        for item in filter(str.strip, (match[2] or "").split(",")):
            key, value = parse_setting(item, f"{match[1]}(...)")
            if key in values:
                raise UserError(f"{key} is given twice in {shorten(name)}; give it once.")
            values[key] = value
        return cls(match[1], values)

    def __str__(self) -> str:
        """The name, with its quantities sorted."""
        inside = ",".join(f"{key}={written(self.values[key])}" for key in sorted(self.values))
        return f"{self.target}({inside})" if inside else self.target

    def covers(self, other: "OwnName") -> bool:
        """Whether the other has the same function, and all that is written here."""
        return self.target == other.target and self.values.items() <= other.values.items()


def is_own(name: object) -> TypeGuard[str]:
    """Whether a name is of a network of the user's own: such a name has a colon."""
    return isinstance(name, str) and ":" in name


def written(value: Value) -> str:
    """A value in a name: 7, 3-3-9-3; a tuple of one number ends with a dash, 3-."""
    is_alone = isinstance(value, tuple) and len(value) == 1
    return f"{dashed(value)}-" if is_alone else str(dashed(value))


def parse_setting(text: str, where: str) -> tuple[str, Value]:
    """`width=48` or `depths=3-3-9-3` as its key and value; `where` is named in messages."""
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key.isidentifier():
        raise UserError(
            f"{where} takes quantities as width=48 or depths=3-3-9-3; given: {shorten(text)}."
        )
    return key, parse_value(value, key)


def parse_value(value: object, key: str) -> Value:
    """A quantity's value, from a number, numbers in a list, or text.

    Raises:
        UserError: It is no whole number of at least 0, and no list of such; the message names
            `key`.
    """
    if isinstance(value, str):
        text = value.strip()
        if re.fullmatch(VALUE, text):
            numbers = tuple(int(part) for part in text.rstrip("-").split("-"))
            if max(numbers) <= LARGEST_NUMBER:
                return numbers if "-" in text else numbers[0]
    elif isinstance(value, list | tuple):
        if value and all(map(_is_whole, value)):
            return tuple(int(number) for number in value)
    elif _is_whole(value):
        return int(value)  # type: ignore[call-overload]  # it has __index__
    raise UserError(
        f"{key} takes a whole number of 0 to {LARGEST_NUMBER:,}, or several as 3-3-9-3; given:"
        f" {shorten(value)}."
    )


def as_plain(quantities: Mapping[str, Any]) -> dict[str, Any]:
    """Quantities as JSON has them: with lists for tuples."""
    return {
        key: list(value) if isinstance(value, tuple) else value for key, value in quantities.items()
    }


def _is_whole(value: object) -> bool:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        return False
    return 0 <= value.__index__() <= LARGEST_NUMBER
