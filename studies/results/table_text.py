"""Tables as text: CSV of any program into cells, and ours into CSV that no spreadsheet computes."""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import pandas as pd

from explorer.errors import UserError, shorten
from explorer.file_kinds import told_by_name
from explorer.files import nearest_path
from explorer.suggestions import command

Value = TypeVar("Value")
MOST_BYTES = 512 * 2**20
SEPARATORS = (",", ";", "\t")
# What other programs leave where they know nothing: pandas, R, Excel, SQL.
NOTHING = frozenset({"", "na", "n/a", "#n/a", "nan", "nat", "none", "null"})
# A spreadsheet computes what begins so (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA = r"'*[=+\-@\t\r]"
_DECIMAL_COMMA = re.compile(r"\s*[+-]?\d+,\d+(?:[eE][+-]?\d+)?\s*%?\s*", re.ASCII)
# What a file is that is no text, by its first bytes.
_KINDS = (
    (b"PK\x03\x04", "a spreadsheet or an archive; save the sheet as CSV"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook; save the sheet as CSV"),
    (b"\x1f\x8b", "compressed; unpack it first"),
    (b"PAR1", "a Parquet file; write it as CSV"),
)


@dataclass(frozen=True)
class TextTable:
    """The cells of a CSV file as they stand there, without empty rows and nameless columns.

    `lines` are the rows' places in the file. With a `decimal_comma`, numbers are written as 0,25:
    spreadsheets do so where something else than a comma stands between cells.
    """

    path: Path
    cells: pd.DataFrame
    lines: Sequence[int]
    decimal_comma: bool

    @classmethod
    def of(cls, path: Path, rows: Sequence[Mapping[str, str]]) -> "TextTable":
        """A table that was made of something else than CSV."""
        return cls(path, pd.DataFrame(rows, dtype=object), range(1, len(rows) + 1), False)

    @property
    def columns(self) -> list[str]:
        return list(self.cells.columns)

    def rows(self, wanted: "pd.Series[bool]") -> "TextTable":
        """The table with these rows only."""
        lines = [line for line, is_wanted in zip(self.lines, wanted, strict=True) if is_wanted]
        return replace(
            self, cells=self.cells[wanted.to_numpy()].reset_index(drop=True), lines=lines
        )

    def converted(
        self, column: str, convert: Callable[[str], Value], missing: Value
    ) -> list[Value]:
        """A column's cells as values; `missing` in every row where the column is not there.

        Raises:
            UserError: `convert` raised one for a cell; the line is added to it.
        """
        values = []
        for row, cell in enumerate(self.cells.get(column, ())):
            try:
                values.append(convert(cell))
            except UserError as error:
                raise self.refused(row, str(error)) from None
        return values if column in self.cells else [missing] * len(self.lines)

    def refused(self, row: int, reason: str) -> UserError:
        """The error for what is wrong in a row, by its number from 0."""
        return UserError(f"{self.path}, line {self.lines[row]}: {reason.rstrip('.')}.")


def read_table(path: str | Path, known: Mapping[str, str]) -> TextTable:
    """Read a CSV file: commas, semicolons or tabs; UTF-8, or UTF-16 as Excel writes it.

    `known` are columns with their kinds; they are found whatever the case and the blanks of their
    names.

    Raises:
        UserError: The file cannot be read, is no CSV, or has a column twice; it says in which line.
    """
    path = Path(path)
    text = _text(path)
    head = text[: text.find("\n") + 1]
    # Excel takes a first line `sep=;` for a note about the rest.
    note = re.fullmatch(r"\"?sep=([,;\t])\"?\s*", head, re.IGNORECASE)
    if note:
        text = text[len(head) :]
    known_by_name = {_plain(name): name for name in known}
    separator = note[1] if note else _separator(text, known_by_name)
    first, *rows = _rows(path, text, separator, 1 + bool(note)) or [(1, [])]
    columns = [known_by_name.get(_plain(name), name.strip()) for name in first[1]]
    # The index that pandas writes and the empty columns that Excel writes have no name.
    named = {
        position: name
        for position, name in enumerate(columns)
        if name and not re.fullmatch(r"Unnamed: \d+", name)
    }
    twice = [name for name, count in Counter(named.values()).items() if count > 1]
    if twice:
        raise UserError(f"{path} has the column {shorten(twice[0])} twice; keep one of the two.")
    rows = [(line, cells) for line, cells in rows if any(cell.strip() for cell in cells)]
    for line, cells in rows:
        if len(cells) != len(columns):
            raise UserError(
                f"{path}, line {line}: it has another number of columns ({len(cells)}) than the"
                f" first line ({len(columns)})."
            )
    by_column = {
        name: [_without_guard(cells[position]) for _, cells in rows]
        for position, name in named.items()
    }
    numeric = [
        name for name in by_column if known.get(name, "str").startswith(("int", "Int", "float"))
    ]
    decimal_comma = separator != "," and any(
        _DECIMAL_COMMA.fullmatch(cell) for name in numeric for cell in by_column[name]
    )
    return TextTable(
        path, pd.DataFrame(by_column, dtype=object), [line for line, _ in rows], decimal_comma
    )


def as_csv(table: pd.DataFrame) -> str:
    """A table as CSV that `read_table` reads back as it was, whatever its texts hold.

    An apostrophe goes before a text that a spreadsheet would compute.
    """
    guarded = table
    for name in table.select_dtypes(["object", "string"]).columns:
        # A million rows hold few different texts.
        if any(_with_guard(text) != text for text in table[name].dropna().unique()):
            guarded = guarded.assign(**{name: table[name].map(_with_guard, na_action="ignore")})
    text = guarded.to_csv(index=False)
    # Python's csv leaves a lone carriage return without quotes, and readers take it for the end of
    # a line.
    return guarded.to_csv(index=False, quoting=csv.QUOTE_NONNUMERIC) if "\r" in text else text


def _with_guard(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and re.match(_FORMULA, cell) else cell


def _without_guard(cell: str) -> str:
    """A cell without the apostrophe that keeps a spreadsheet from computing it."""
    return cell[1:] if cell.startswith("'") and re.match(_FORMULA, cell) else cell


def _plain(name: str) -> str:
    return re.sub(r"[\s_]+", "_", name.strip().casefold())


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise UserError(
                f"{path} has {size:,} bytes; a table may have {MOST_BYTES:,}. Split it."
            )
        data = path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"there is no file {path}{nearest_path(path)}.") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}.") from None
    if path.suffix.lower() != ".csv" and (other := told_by_name(str(path))):
        table = command("study results", "STUDY", o="results.csv")
        raise UserError(f"a table of results is needed, as `{table}` writes it. {other}")
    for sign, kind in _KINDS:
        if data.startswith(sign):
            raise UserError(f"{path} is not a CSV file but {kind}.")
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path} is not a text file in UTF-8 (line {line}); save it as 'CSV UTF-8', or with"
            " encoding='utf-8'."
        ) from None
    if "\0" in text:
        raise UserError(
            f"{path} is not a text file: line {text.count(chr(10), 0, text.index(chr(0))) + 1}"
            " holds a NUL."
        )
    return text


def _separator(text: str, known: Collection[str]) -> str:
    """What stands between cells: whatever makes the most known columns of the first line."""
    head = text[: text.find("\n") + 1] or text

    def columns(separator: str) -> int:
        names = head.replace('"', "").split(separator)
        return sum(_plain(name) in known for name in names)

    return max(SEPARATORS, key=columns)


def _rows(path: Path, text: str, separator: str, first_line: int) -> list[tuple[int, list[str]]]:
    """Every record with the line it begins in."""
    # The limit is the process's own: what is too long is refused below with its column's name.
    before = csv.field_size_limit(len(text) + 1)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
    rows, line = [], first_line
    try:
        for cells in reader:
            rows.append((line, cells))
            line = first_line + reader.line_num
    except csv.Error as error:
        raise UserError(f"{path}, line {line}: it is not CSV: {error}.") from None
    finally:
        csv.field_size_limit(before)
    return rows
