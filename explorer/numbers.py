"""Numbers as people write them, 4.1G or 25M, read exactly."""

import re
from contextlib import suppress
from typing import Any

from explorer.errors import UserError, shorten

PREFIXES = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "B": 10**9, "T": 10**12}
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
MOST_SECONDS = 1e6
# No cost is larger; a number of a billion digits, as 1e999999999 is, could not even be held.
LARGEST = 10**18


def parse_number(text: str) -> float:
    """A number with an optional decimal prefix: '4.1G' -> 4100000000.

    Returns:
        An exact int for a whole number, otherwise a float.

    Raises:
        UserError: The text is no number, or one above `LARGEST`.
    """
    parts = re.fullmatch(
        r"([+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?)\s*([A-Za-z]*)", text.strip(), re.ASCII
    )
    if not parts or parts[2] not in PREFIXES:
        raise UserError(
            f"cannot read {shorten(text)} as a number; write for example 4100000000, 4.1G, 25M or"
            f" 250k{number_hint(text)}."
        )
    from decimal import Decimal, DecimalException

    try:
        value = Decimal(parts[1]) * PREFIXES[parts[2]]
    except DecimalException:  # an exponent of more than 18 digits
        value = Decimal("Infinity")
    if abs(value) > LARGEST:
        raise UserError(f"{shorten(text)} is out of range: a number is at most {LARGEST:.0e}.")
    return int(value) if value == value.to_integral_value() else float(value)


def as_number(value: Any, label: str) -> Any:
    """A number, or an array of them, as it is; a text as `parse_number` reads it.

    Raises:
        UserError: It is neither; the message calls it `label`.
    """
    if isinstance(value, str):
        return parse_number(value)
    if isinstance(value, bool) or not (isinstance(value, int | float) or hasattr(value, "dtype")):
        raise UserError(f"{label} is a number, or a text such as '5M'; given: {shorten(value)}.")
    return value


def number_hint(text: str) -> str:
    """How to write a number with a decimal comma or quotes: '; write 0.5'. '' for all else."""
    plain = text.strip().strip("\"'`").strip()
    comma = re.fullmatch(r"([+-]?\d+),(\d+)\s*([A-Za-zµ%]*)", plain, re.ASCII)
    if comma and len(comma[2]) == 3 and comma[1].strip("+-0"):  # a thousand, or a decimal
        whole, rest, unit = comma.groups()
        return f"; write {whole}{rest}{unit}, or {whole}.{rest}{unit} for a decimal"
    if comma:
        return f"; write {comma[1]}.{comma[2]}{comma[3]}, with a point"
    return f"; write {plain}, without quotes" if plain and plain != text.strip() else ""


def parse_seconds(value: Any, label: str) -> float:
    """Seconds from a text with its unit: '10ms', '500 us' or '2 s'.

    Raises:
        UserError: It is none, has no unit, or is not above zero; the message calls it `label`.
    """
    seconds = 0.0
    with suppress(ValueError):
        parts = re.fullmatch(r"\s*([\d.eE+-]+)\s*(s|ms|us|µs)\s*", str(value))
        seconds = float(parts[1]) * SECONDS[parts[2]] if parts else 0.0
    if not 0 < seconds <= MOST_SECONDS:
        raise UserError(
            f"{label} must be a time above zero with its unit, for example 10ms, 500us or 1.5s;"
            f" given: {shorten(value)}."
        )
    return seconds


def parse_share(value: Any, label: str) -> float:
    """A share of at least 0 and below 1, from a number or a text: 0.05, '0.05' or '5%'.

    Raises:
        UserError: It is none; the message calls it `label`.
    """
    shown, number = shorten(value), -1.0
    with suppress(TypeError, ValueError, OverflowError):
        percent = isinstance(value, str) and value.strip().endswith("%")
        number = float(value.strip()[:-1]) / 100 if percent else float(value)
    if 1 <= number < float("inf"):
        hint = f"; write {number:g}% for {number:g} %" if number < 100 else ""
        raise UserError(
            f"{label} must be below 1 (100 %); given: {shown}, which is {100 * number:,.6g} %"
            f"{hint}."
        )
    if not 0 <= number < 1:
        raise UserError(
            f"{label} must be a share of at least 0 and below 1, for example 0.02 or 2%; given:"
            f" {shown}."
        )
    return number
