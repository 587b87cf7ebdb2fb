"""What the terminal shows: aligned tables, colour and progress bars, or JSON for a program."""

import json
import math
import sys
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TextIO, cast

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from explorer.output import GoingOn
from explorer.streams import printable, unfiltered

GAP = 2  # blanks between two columns
PATIENCE = 2.0  # seconds before a bar appears


def console(*, stderr: bool = False) -> Console:
    """Standard output. Without a terminal, lines are up to 240 characters long."""
    return _console(unfiltered(sys.stderr if stderr else sys.stdout))


def live_console() -> Console:
    """Standard output for progress bars of work that goes on when the terminal is closed."""
    return _console(cast(TextIO, GoingOn(unfiltered(sys.stdout))))


def _console(stream: TextIO) -> Console:
    return Console(file=stream, highlight=False, width=None if stream.isatty() else 240)


def print_data(text: str) -> None:
    """Print what a program reads, unchanged; on a terminal, without control characters."""
    stream = sys.stdout if sys.stdout.isatty() else unfiltered(sys.stdout)
    stream.write(text)
    stream.flush()


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    left: Iterable[str] = (),
    spare: Sequence[str] = (),
) -> None:
    """Print an aligned table.

    The first column and those named in `left` are left-aligned; all others hold numbers and are
    right-aligned. A cell that is None is empty. On a terminal that is too narrow, headings go on in
    a second line, and then columns of `spare` are left out, the first of them first, so that cells
    stay whole; a line below names them. Where that is not enough, each row's first cell has a line
    of its own, and the others stand below it.
    """
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    headings, output = [printable(column) for column in columns], console()
    text_columns = {columns[0], *left}
    widest = [max(map(cell_len, column), default=0) for column in zip(*cells, strict=True)]
    widest = [
        max(width, *map(cell_len, heading.split() or [""]))
        for width, heading in zip(widest or [0] * len(headings), headings, strict=True)
    ]
    usual = list(map(max, widest, map(cell_len, headings)))  # with each heading on one line
    wanted = [columns.index(name) for name in spare if name in columns]
    shown, indent, widths = _layout(usual, widest, wanted, output.width)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, GAP, 0, 0))
    for i in shown:
        table.add_column(
            Text(headings[i]),
            justify="left" if columns[i] in text_columns else "right",
            overflow="fold",
            width=widths[i] if widths else None,
        )
    for row in cells:
        # Text, not str: a name with [brackets] is no markup.
        table.add_row(*(Text(row[i]) for i in shown))
    with output.capture() as capture:
        output.print(table)
    lines = [" " * indent + line.rstrip() for line in capture.get().splitlines()]
    if indent:
        height = len(lines) - len(cells)  # of the headings; each row has one line
        lines, below = [headings[0], *lines[:height]], lines[height:]
        for row, line in zip(cells, below, strict=True):
            lines += [*textwrap.wrap(row[0], output.width), line]
    print("\n".join(lines), file=output.file)
    own_lines = {0} if indent else set()
    left_out = [headings[i] for i in range(len(columns)) if i not in own_lines.union(shown)]
    if left_out:
        note = f"Left out for want of width: {', '.join(left_out)}."
        print("\n".join(textwrap.wrap(note, output.width)), file=output.file)


def _layout(
    usual: Sequence[int], narrow: Sequence[int], spare: Sequence[int], width: int
) -> tuple[list[int], int, Sequence[int] | None]:
    """The columns that fit into `width`, by how much they are indented, and their widths.

    Indented, they stand below the first column's cells. Widths are None where each column may be
    as wide as it is, and where nothing fits, so that cells are folded.

    Args:
        usual: How wide each column is.
        narrow: And with its heading on several lines.
        spare: The columns that may be left out, the first of them first.
        width: Of the terminal.
    """
    every = list(range(len(usual)))

    def fits(shown: Sequence[int], indent: int, widths: Sequence[int]) -> bool:
        return indent + sum(widths[i] + GAP for i in shown) - GAP <= width

    if fits(every, 0, usual):
        return every, 0, None
    for indent, columns in ((0, every), (GAP, every[1:])):
        for dropped in range(len(spare) + 1):
            shown = [i for i in columns if i not in spare[:dropped]]
            if shown and fits(shown, indent, narrow):
                return shown, indent, narrow
    return [i for i in every if i not in spare], 0, None


def print_json(value: Any) -> None:
    """Print JSON, and nothing else, on standard output."""
    print(to_json(value, indent=2))


def to_json(value: Any, indent: int | None = None) -> str:
    """Standard JSON. It has no NaN and no infinity, so these become null."""
    try:
        return json.dumps(value, indent=indent, allow_nan=False)
    except ValueError:
        return json.dumps(_finite(value), indent=indent, allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A progress bar for what takes more than two seconds; none where there is no terminal.

    Yields:
        `progress(done, total)`, to be called as the work advances.
    """
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    bar = Progress(
        *columns, console=console(stderr=True), transient=True, disable=not sys.stderr.isatty()
    )
    task = bar.add_task(printable(what), total=None)
    begin = time.monotonic()

    def progress(done: int, total: int) -> None:
        if not bar.live.is_started and time.monotonic() - begin > PATIENCE:
            bar.start()
        bar.update(task, completed=done, total=total)

    try:
        yield progress
    finally:
        if bar.live.is_started:
            bar.stop()
