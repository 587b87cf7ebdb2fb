"""The types of the options: 1,2,4 and 1..64, 3-4-6-3, 4.1G and 2%."""

import re
from typing import Any

import click

from explorer.errors import UserError, cut, shorten
from explorer.numbers import parse_number, parse_seconds, parse_share
from explorer.own.names import parse_setting
from explorer.template import LARGEST_NUMBER

# A list longer than this is a slip of the finger (1..1000000000), not a grid.
LONGEST_LIST = 1_000_000


class _Parsed(click.ParamType):
    """What a user writes is parsed; a default of the right type stays as it is."""

    kinds: tuple[type, ...]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if isinstance(value, self.kinds):
            return value
        return self.parse(str(value).strip(), param.opts[0] if param else "the option")

    def parse(self, text: str, option: str) -> Any:
        """The value that `text` stands for; `option` is named in a message."""
        raise NotImplementedError


class WholeNumbers(_Parsed):
    """A comma-separated list of whole numbers of at least 1, or of ranges: `1,2,4,8` or `1..64`."""

    name = "N,N,..."
    kinds: tuple[type, ...] = (list,)

    def parse(self, text: str, option: str) -> Any:
        items = _items(text, option)
        if not any(items):
            raise UserError(
                f"{option} lists no numbers; give whole numbers of at least 1, for example {option}"
                " 1,2,4,8."
            )
        numbers: list[int] = []
        for item in items:
            ends = re.fullmatch(r"(\d+)(?:\.\.(\d+))?", item, re.ASCII)
            first, last = -1, -1
            if ends:
                first, last = (_digits(end, option) for end in (ends[1], ends[2] or ends[1]))
            if not 1 <= first <= last:
                raise UserError(
                    f"{option} takes whole numbers of at least 1, separated by commas, or ranges"
                    f" like 1..64; given: {shorten(item)} in {shorten(text)}."
                )
            if last - first >= LONGEST_LIST - len(numbers):
                raise UserError(
                    f"{option} {item} lists more than {LONGEST_LIST:,} numbers; give fewer."
                )
            numbers += range(first, last + 1)
        return numbers


def _items(text: str, option: str) -> list[str]:
    """The parts of a comma-separated list.

    Raises:
        UserError: It ends with a comma: the shell has cut it at a space.
    """
    items = [item.strip() for item in text.split(",")]
    if len(items) > 1 and items[0] and not items[-1]:
        raise UserError(
            f"{option} {cut(text)} ends with a comma. A list is one word for the shell: write it"
            ' without spaces (1,2,4) or in quotes ("1, 2, 4").'
        )
    return items


def _digits(text: str, option: str) -> int:
    """Decimal digits as a number of at most `LARGEST_NUMBER`."""
    significant = text.lstrip("0") or "0"
    if len(significant) > len(str(LARGEST_NUMBER)) or int(significant) > LARGEST_NUMBER:
        raise UserError(
            f"{option} takes whole numbers of at most {LARGEST_NUMBER:,}; given: {shorten(text)}."
        )
    return int(significant)


class WholeNumber(_Parsed):
    """One whole number of at least 1."""

    name = "N"
    kinds = (int,)

    def parse(self, text: str, option: str) -> Any:
        if not re.fullmatch(r"\d+", text, re.ASCII) or (number := _digits(text, option)) < 1:
            raise UserError(
                f"{option} takes one whole number of at least 1; given: {shorten(text)}."
            )
        return number


class Side(WholeNumber):
    """The side of a square image: `32`, or `32x32`, as others write it."""

    def parse(self, text: str, option: str) -> Any:
        sides = re.fullmatch(r"(\d+) *[xX×] *(\d+)", text, re.ASCII)
        if sides and sides[1] != sides[2]:
            raise UserError(
                f"{option} takes the side of square images, as {option} {sides[1]}; given:"
                f" {shorten(text)}."
            )
        return super().parse(sides[1] if sides else text, option)


class Words(_Parsed):
    """A comma-separated list of words: `d,C,root`."""

    name = "WORD,..."
    kinds = (list,)

    def parse(self, text: str, option: str) -> Any:
        return _items(text, option)


class DepthLists(_Parsed):
    """Blocks per stage, of one or more networks: `3-4-6-3` or `3-4-6-3,3-4-23-3`."""

    name = "N-N-...,..."
    kinds = (list,)

    def parse(self, text: str, option: str) -> Any:
        items = _items(text, option)
        for item in items:
            if not re.fullmatch(r"[1-9]\d*(-[1-9]\d*)*", item, re.ASCII):
                raise UserError(
                    f"{option} takes the blocks of each stage, for example 3-4-6-3 or"
                    f" 3-4-6-3,3-4-23-3; given: {shorten(item)}."
                )
        return [tuple(_digits(blocks, option) for blocks in item.split("-")) for item in items]


class Setting(_Parsed):
    """A quantity of a network and its value: `width=48` or `depths=3-3-9-3`."""

    name = "QUANTITY=VALUE"
    kinds = (tuple,)

    def parse(self, text: str, option: str) -> Any:
        return parse_setting(text, option)


class Choices(_Parsed):
    """A quantity of a network and its values: `kernel=3,5,7,9`, `kernel=1..8`, `depths=1-1,2-2`."""

    name = "QUANTITY=VALUE,..."
    kinds = (tuple,)

    def parse(self, text: str, option: str) -> Any:
        key, _, listed = text.partition("=")
        values: list[Any] = []
        for item in _items(listed, option):
            if ".." in item:
                values += WholeNumbers().parse(item, f"{option} {key}=")
            else:
                values.append(parse_setting(f"{key}={item}", option)[1])
        return key.strip(), values


class Number(_Parsed):
    """A number above zero, with an optional decimal prefix: `4.1G`."""

    name = "NUMBER"
    kinds = (int, float)

    def parse(self, text: str, option: str) -> Any:
        number = parse_number(text)
        if number <= 0:
            raise UserError(f"{option} must be above zero; given: {shorten(text)}.")
        return number


class Seconds(_Parsed):
    """A time above zero, with its unit: `10ms`."""

    name = "TIME"
    kinds = (float,)

    def parse(self, text: str, option: str) -> Any:
        return parse_seconds(text, option)


class Fraction(_Parsed):
    """A share, as a fraction or in percent: `0.02` or `2%`."""

    name = "SHARE"
    kinds = (float,)

    def parse(self, text: str, option: str) -> Any:
        return parse_share(text, option)
