"""Columns of a table of text as numbers, times and names: one set of rules, whoever wrote the file.

What can mean only one thing is converted. Anything else is refused in one sentence with its line
and column.
"""

import re
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal

import pandas as pd

from explorer.errors import UserError, unknown
from studies.attempts.attempt import STATUSES
from studies.results.table_text import NOTHING, TextTable, shortened

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
    if column not in table.columns:
        return pd.Series(float("nan"), range(len(table.lines)))
    cells = [cell.strip() for cell in table.cells[column]]
    given = [row for row, cell in enumerate(cells) if cell.casefold() not in NOTHING]
    percent = column.endswith("_error") and any(cells[row].endswith("%") for row in given)
    values = [float("nan")] * len(cells)
    for row in given:
        text = cells[row]
        if percent != text.endswith("%") and column.endswith("_error"):
            raise table.refused(
                row,
                f"{column} is {shortened(text)} here and a percentage in other lines; write all in"
                " one way",
            )
        if table.decimal_comma and "." in text:
            raise table.refused(
                row,
                f"{column} is {shortened(text)} here, but other numbers have a decimal comma; write"
                " all in one way",
            )
        bare = text.removesuffix("%").rstrip() if percent else text
        value = _value(
            bare.replace(",", ".", 1) if table.decimal_comma else bare,
            percent=percent,
            infinite=infinite,
        )
        if value is None or not (least <= value <= most or (infinite and value == float("inf"))):
            raise table.refused(row, _out_of_range(column, text, least, most, value))
        if whole and value != int(value):
            raise table.refused(row, f"{column} must be a whole number; given: {text}")
        values[row] = value
    return pd.Series(values, dtype="float64")


def _value(text: str, *, percent: bool, infinite: bool) -> float | None:
    if infinite and text.lower() in ("inf", "infinity"):
        return float("inf")
    if not _NUMBER.fullmatch(text):
        return None
    return float(Decimal(text).scaleb(-2)) if percent else float(text)


def _out_of_range(column: str, text: str, least: float, most: float, value: float | None) -> str:
    hint = ""
    if column.endswith("_error") and value is not None and value > 1:
        is_percentage = text.endswith("%")
        hint = (
            " A percentage is at most 100 %"
            if is_percentage
            else " Errors are fractions, or percentages with their sign: 0.062 or 6.2 %"
        )
    elif column == "seed" and value is not None and value > most:
        hint = (
            " Give each seed of 64 bits, as torch.seed() makes them, a small number of its own"
            " instead"
        )
    elif value is None and re.fullmatch(r"[\d.,]+", text):
        hint = " Write it without thousands separators, and with a decimal point"
    return (
        f"{column} must be a number from {_shown(least)} to {_shown(most)}; given:"
        f" {shortened(text)}.{hint}"
    )


def _shown(number: float) -> str:
    return f"{number:g}" if abs(number) < 1e6 else f"{number:.0f}"


def times(table: TextTable, column: str) -> list[datetime | None]:
    """A column as times; None where it says nothing. What names no zone is UTC."""
    if column not in table.columns:
        return [None] * len(table.lines)
    found: list[datetime | None] = []
    for row, cell in enumerate(table.cells[column]):
        text = cell.strip()
        if text.casefold() in NOTHING:
            found.append(None)
            continue
        try:
            if not _TIME.fullmatch(text):
                raise ValueError
            when = datetime.fromisoformat(re.sub(r"\s?UTC$", "Z", text, flags=re.IGNORECASE))
        except ValueError:
            raise table.refused(
                row,
                f"{column} must be a time such as 2026-01-31 12:00:00+00:00, the year first; given:"
                f" {shortened(text)}",
            ) from None
        if not YEARS[0] <= when.year <= YEARS[1]:
            raise table.refused(
                row, f"{column} lies in the year {when.year}; allowed are {YEARS[0]} to {YEARS[1]}"
            )
        found.append(when.astimezone(UTC) if when.tzinfo else when.replace(tzinfo=UTC))
    return found


def names(table: TextTable, column: str) -> list[str]:
    """A column of names, without blanks around them; "" where the column is not there."""
    return _texts(table, column, LONGEST_NAME, is_name=True)


def texts(table: TextTable, column: str) -> list[str]:
    """A column of free text, exactly as it stands; "" where the column is not there."""
    return _texts(table, column, LONGEST_TEXT, is_name=False)


def _texts(table: TextTable, column: str, longest: int, *, is_name: bool) -> list[str]:
    if column not in table.columns:
        return [""] * len(table.lines)
    found = []
    for row, cell in enumerate(table.cells[column]):
        text = cell.strip() if is_name else cell
        if len(text) > longest:
            raise table.refused(
                row, f"{column} holds {len(text):,} characters; at most {longest:,} are allowed"
            )
        odd = (
            None
            if text.isprintable() or not is_name
            else next(one for one in text if not one.isprintable())
        )
        if odd:
            raise table.refused(
                row,
                f"{column} holds a character that cannot be shown (U+{ord(odd):04X}, character"
                f" {text.index(odd) + 1})",
            )
        found.append(text)
    return found


def statuses(table: TextTable) -> "pd.Series[str]":
    """The column `status` in our words; what says nothing is complete."""
    found = []
    for row, cell in enumerate(names(table, "status")):
        word = cell.casefold().replace(" ", "_")
        if cell and word not in _STATUSES:
            raise table.refused(row, str(unknown("status", cell[:60], STATUSES)))
        found.append(_STATUSES.get(word, "complete"))
    return pd.Series(found, dtype=object)


def one_of(table: TextTable, column: str, allowed: Collection[str]) -> list[str]:
    """A column of names, each one of `allowed` or nothing."""
    found = names(table, column)
    for row, name in enumerate(found):
        if name and name not in allowed:
            raise table.refused(row, str(unknown(f"word in the column {column}", name, allowed)))
    return found


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
