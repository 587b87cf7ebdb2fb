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
    stay whole; a line below names them.
    """
    cells = [["" if cell is None else printable(str(cell)) for cell in row] for row in rows]
    headings, output = [printable(column) for column in columns], console()
    shown, text_columns = list(range(len(columns))), {columns[0], *left}
    widest = [max(map(cell_len, column), default=0) for column in zip(*cells, strict=True)]
    widest = [
        max(width, *map(cell_len, heading.split() or [""]))
        for width, heading in zip(widest or [0] * len(headings), headings, strict=True)
    ]

    def excess(widths: Sequence[int]) -> int:
        return sum(widths[i] + GAP for i in shown) - GAP - output.width

    is_narrow = excess(list(map(max, widest, map(cell_len, headings)))) > 0
    wanted = [columns.index(name) for name in spare if name in columns] if is_narrow else []
    while wanted and excess(widest) > 0:
        shown.remove(wanted.pop(0))
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, GAP, 0, 0))
    for i in shown:
        table.add_column(
            Text(headings[i]),
            justify="left" if columns[i] in text_columns else "right",
            overflow="fold",
            width=widest[i] if is_narrow and excess(widest) <= 0 else None,
        )
    for row in cells:
        # Text, not str: a name with [brackets] is no markup.
        table.add_row(*(Text(row[i]) for i in shown))
    with output.capture() as capture:
        output.print(table)
    print("\n".join(line.rstrip() for line in capture.get().splitlines()), file=output.file)
    left_out = [heading for i, heading in enumerate(headings) if i not in shown]
    if left_out:
        note = f"Left out for want of width: {', '.join(left_out)}."
        print("\n".join(textwrap.wrap(note, output.width)), file=output.file)


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
