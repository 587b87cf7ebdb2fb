"""What a user types at the command line, read into numbers: 1,2,4 and 2 %."""

from typing import Any

import click

from explorer.errors import UserError


class WholeNumbers(click.ParamType):
    """A comma-separated list of whole numbers of at least 1: `1,2,4,8`."""

    name = "N,N,..."

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[int]:
        if isinstance(value, list):
            return value
        items = [item.strip() for item in str(value).split(",")]
        option = param.opts[0] if param else "the list"
        if not any(items):
            raise UserError(
                f"{option} lists no numbers; give whole numbers of at least 1, for example {option} 1,2,4,8."
            )
        for item in items:
            if not (item.isascii() and item.isdigit() and int(item) >= 1):
                raise UserError(
                    f"{option} takes whole numbers of at least 1, separated by commas; given: {item!r} in {value!r}."
                )
        return [int(item) for item in items]


class WholeNumber(WholeNumbers):
    """One whole number of at least 1."""

    name = "N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:  # type: ignore[override]
        if isinstance(value, int):
            return value
        numbers = super().convert(value, param, ctx)
        if len(numbers) != 1:
            raise UserError(f"{param.opts[0] if param else 'the option'} takes one whole number; given: {value!r}.")
        return numbers[0]


class Fraction(click.ParamType):
    """A share, as a fraction or in percent: `0.02` or `2%`."""

    name = "SHARE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        text = str(value).strip()
        try:
            number = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            number = -1.0
        if not 0 <= number < float("inf"):
            option = param.opts[0] if param else "the share"
            raise UserError(
                f"{option} takes a fraction or a percentage of at least 0, for example 0.02 or 2%; given: {text!r}."
            )
        return number
