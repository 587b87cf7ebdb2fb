"""Columns of a table of text as numbers, times and names: one set of rules, whoever wrote the file.

What can mean only one thing is converted. Anything else is refused in one sentence with its line
and column.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd

from explorer.errors import UserError, shorten, unknown
from studies.attempts.attempt import STATUSES
from studies.results.table_text import NOTHING, TextTable

# The largest whole number up to which floating point holds every one.
MOST = 2**53
LONGEST_NAME = 200
LONGEST_TEXT = 20_000
YEARS = (1970, 2200)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?", re.ASCII)
_TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?)?\s?(?:Z|UTC|[+-]\d\d:?\d\d)?",
    re.ASCII | re.IGNORECASE,
)
# Statuses as MLflow, Weights & Biases, Optuna, Slurm and people write them. Ray Tune's TERMINATED
# is not here: it means complete there, and the opposite elsewhere.
_STATUSES = {
    **dict.fromkeys(("completed", "finished", "succeeded", "success", "done"), "complete"),
    **dict.fromkeys(
        ("fail", "failure", "error", "errored", "crashed", "killed", "out_of_memory"), "failed"
    ),
    **dict.fromkeys(("pending", "queued", "scheduled"), "waiting"),
    **{word: word for word in STATUSES},
}


def numbers(
    table: TextTable,
    column: str,
    least: float,
    most: float,
    *,
    whole: bool = False,
    infinite: bool = False,
) -> "pd.Series[float]":
    """A column as numbers from `least` to `most`; NaN where it says nothing or is not there.

    Errors may also be percentages, if every one is written so: 6.2 %. With semicolons or tabs
    between cells, numbers may have a decimal comma. `infinite` allows inf, as a loss may be.
    """
    is_error = column.endswith("_error")
    percent = is_error and any(cell.strip().endswith("%") for cell in table.cells.get(column, ()))

    def convert(cell: str) -> float:
        text = cell.strip()
        if text.casefold() in NOTHING:
            return float("nan")
        if is_error and percent != text.endswith("%"):
            raise UserError(
                f"{column} is {shorten(text)} here and a percentage in other lines; write all in"
                " one way"
            )
        if table.decimal_comma and "." in text:
            raise UserError(
                f"{column} is {shorten(text)} here, but other numbers have a decimal comma; write"
                " all in one way"
            )
        bare = text.removesuffix("%").rstrip() if percent else text
        value = _value(
            bare.replace(",", ".", 1) if table.decimal_comma else bare,
            percent=percent,
            infinite=infinite,
        )
        if value is None or not (least <= value <= most or (infinite and value == float("inf"))):
            raise UserError(_out_of_range(column, text, least, most, value))
        if whole and value != int(value):
            raise UserError(f"{column} must be a whole number; given: {text}")
        return value

    return pd.Series(table.converted(column, convert, float("nan")), dtype="float64")


def _value(text: str, *, percent: bool, infinite: bool) -> float | None:
    if infinite and text.lower() in ("inf", "infinity"):
        return float("inf")
    if not _NUMBER.fullmatch(text):
        return None
    return float(Decimal(text).scaleb(-2)) if percent else float(text)


def _out_of_range(column: str, text: str, least: float, most: float, value: float | None) -> str:
    hint = ""
    if column.endswith("_error") and value is not None and value > 1:
        hint = (
            " A percentage is at most 100 %"
            if text.endswith("%")
            else " Errors are fractions, or percentages with their sign: 0.062 or 6.2 %"
        )
    elif column == "seed" and value is not None and value > most:
        hint = (
            " Give each seed of 64 bits, as torch.seed() makes them, a small number of its own"
            " instead"
        )
    elif value is None and re.fullmatch(r"[\d.,]+", text):
        hint = " Write it without thousands separators, and with a decimal point"
    lowest, highest = (
        f"{number:g}" if abs(number) < 1e6 else f"{number:.0f}" for number in (least, most)
    )
    return f"{column} must be a number from {lowest} to {highest}; given: {shorten(text)}.{hint}"


def times(table: TextTable, column: str) -> list[datetime | None]:
    """A column as times; None where it says nothing. What names no zone is UTC."""

    def convert(cell: str) -> datetime | None:
        text = cell.strip()
        if text.casefold() in NOTHING:
            return None
        try:
            if not _TIME.fullmatch(text):
                raise ValueError
            when = datetime.fromisoformat(re.sub(r"\s?UTC$", "Z", text, flags=re.IGNORECASE))
        except ValueError:
            raise UserError(
                f"{column} must be a time such as 2026-01-31 12:00:00+00:00, the year first; given:"
                f" {shorten(text)}"
            ) from None
        if not YEARS[0] <= when.year <= YEARS[1]:
            raise UserError(
                f"{column} lies in the year {when.year}; allowed are {YEARS[0]} to {YEARS[1]}"
            )
        return when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC)

    return table.converted(column, convert, None)


def names(table: TextTable, column: str, allowed: Collection[str] = ()) -> list[str]:
    """A column of names, without blanks around them; "" where the column is not there.

    Where some are `allowed`, others are refused.
    """

    def convert(cell: str) -> str:
        name = _text(column, cell.strip(), LONGEST_NAME)
        odd = next((character for character in name if not character.isprintable()), None)
        if odd:
            raise UserError(
                f"{column} holds a character that cannot be shown (U+{ord(odd):04X}, character"
                f" {name.index(odd) + 1})"
            )
        if allowed and name and name not in allowed:
            raise unknown(f"word in the column {column}", name, allowed)
        return name

    return table.converted(column, convert, "")


def texts(table: TextTable, column: str) -> list[str]:
    """A column of free text, exactly as it stands; "" where the column is not there."""
    return table.converted(column, lambda cell: _text(column, cell, LONGEST_TEXT), "")


def _text(column: str, text: str, longest: int) -> str:
    if len(text) > longest:
        raise UserError(f"{column} holds {len(text):,} characters; at most {longest:,} are allowed")
    return text


def statuses(table: TextTable) -> "pd.Series[str]":
    """The column `status` in our words; what says nothing is complete."""
    words = []
    for row, name in enumerate(names(table, "status")):
        word = name.casefold().replace(" ", "_")
        if name and word not in _STATUSES:
            raise table.refused(row, str(unknown("status", name, STATUSES)))
        words.append(_STATUSES.get(word, "complete"))
    return pd.Series(words, dtype=object)


def needed(table: TextTable, columns: tuple[str, ...]) -> None:
    """Raise `UserError` with the nearest name where one of these columns is not there."""
    for column in columns:
        if column not in table.columns:
            there = [name[:60] for name in table.columns[:100]]
            others = [name for name in there if name not in columns]
            hint = str(unknown("column", column, there, alike=others)).partition(". ")[2]
            raise UserError(
                f"{table.path} has no column {column!r}; needed are {', '.join(columns)}. {hint}"
            )
