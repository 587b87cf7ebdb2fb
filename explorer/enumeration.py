"""A whole grid of designs: every combination of the axes, solved for one budget, as a table."""

import math
import operator
import re
from collections.abc import Callable, Collection, Iterator, Sequence, Sized
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from explorer.architecture import Architecture, as_architecture
from explorer.budget import (
    check_measure,
    check_quantity,
    check_solve,
    combinations,
    solve_quantity,
)
from explorer.calls import written_as
from explorer.complexity import count
from explorer.designs import LABELS, QUANTITIES, TIMES, Budget, cost
from explorer.errors import UserError, check_known, shorten
from explorer.numbers import as_number, parse_number, parse_seconds, parse_share
from explorer.template import whole
from explorer.text import dashed

# Designs counted at once: their arrays stay in a core's cache.
CHUNK = 8192
# The rows of a table of two gigabytes.
MOST_DESIGNS = 20_000_000
COLUMNS = (*QUANTITIES, "flops", "params", "activations", "mismatch")
NUMBERS = tuple(column for column in COLUMNS if column != "depths")
_COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}


@written_as('enumerate_designs("resnet50", cardinality=[1, 2], width=[64, 256])')
def enumerate_designs(
    reference: Architecture | str,
    *,
    solve: str = "bottleneck_width",
    by: str = "flops",
    budget: float | str | None = None,
    tolerance: float | None = None,
    multiple_of: int = 1,
    where: Sequence[str] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    **axes: Any,
) -> pd.DataFrame:
    """Solve every combination of the axes for one budget, and count them all.

    The counts are those of `count`, a few thousand designs at a time.

    Args:
        reference: As in `match`, and so are `by`, `budget` and `multiple_of`.
        solve: As in `match`, but not `depths`.
        tolerance: Rows with a larger mismatch are left out; None keeps all.
        where: Comparisons such as "params<=30M"; rows for which one does not hold are left out.
        progress: Called with how many designs are counted, and how many there are.
        axes: Values of `cardinality`, `bottleneck_width`, `width` and `depths`.

    Returns:
        One row for each design, in the order of the axes, with the columns `COLUMNS`. `mismatch` is
        a signed fraction; `depths` are written 3-4-6-3. Combinations that no number solves are left
        out.

    Raises:
        UserError: An axis, a quantity or a comparison is not known, or there are more than
            `MOST_DESIGNS` combinations.
    """
    reference = as_architecture(reference)
    check_quantity(solve, axes)
    check_solve(reference, solve)
    for key in axes:
        check_known("axis of a grid", key, QUANTITIES)
    if solve == "depths":
        raise UserError(
            "depths cannot be solved over a grid; use match --solve depths, or give depths as an"
            " axis."
        )
    check_measure(reference, solve, by)
    if tolerance is not None:
        tolerance = parse_share(tolerance, "tolerance")
    target = Budget.of(reference, by)
    if budget is not None:
        target = Budget(by, as_number(budget, "a budget"))
    keep = [parse_comparison(text) for text in where]
    axes = {key: list(each) if isinstance(each, Iterator) else each for key, each in axes.items()}
    choices = [
        tuple(values["depths"])
        for values in combinations({"depths": axes.pop("depths", reference.depths)})
    ]
    pieces: list[dict[str, Any]] = []
    done = 0
    for batch, size, chosen, designs in _batches(reference, axes, choices):
        done += size
        progress(done, designs)
        solution, fixed = solve_quantity(batch, solve, target, multiple_of)
        columns = _columns(batch.with_(**{solve: solution}), target) | {"depths": chosen}
        columns = {name: np.broadcast_to(values, size) for name, values in columns.items()}
        good = np.broadcast_to(fixed < target.value, size)
        if tolerance is not None:
            good = good & (abs(columns["mismatch"]) <= tolerance)
        for column, compare, value in keep:
            good = good & compare(columns[column], value)
        # Indexing copies every column, so a batch that keeps all its rows is not indexed.
        pieces.append(
            columns if good.all() else {name: values[good] for name, values in columns.items()}
        )
    table = {name: np.concatenate([piece[name] for piece in pieces]) for name in COLUMNS}
    written = [dashed(depths) for depths in choices]
    return pd.DataFrame(
        {**table, "depths": pd.Categorical.from_codes(table["depths"], categories=written)}
    )


def sort_designs(table: pd.DataFrame, column: str) -> pd.DataFrame:
    """The table sorted by a column; the mismatch by its absolute value.

    Raises:
        UserError: There is no such column.
    """
    check_known("column to sort by", column, COLUMNS)
    return table.sort_values(
        column, key=abs if column == "mismatch" else None, kind="stable", ignore_index=True
    )


def architecture_of(reference: Architecture, row: Any) -> Architecture:
    """The architecture that a row of `enumerate_designs` stands for."""
    d = row.bottleneck_width
    return reference.with_(
        cardinality=int(row.cardinality),
        bottleneck_width=None if pd.isna(d) else int(d),
        width=int(row.width),
        depths=tuple(int(depth) for depth in row.depths.split("-")),
    )


def parse_comparison(
    text: str, columns: Collection[str] = NUMBERS
) -> tuple[str, Callable[[Any, Any], Any], float]:
    """'params<=30M' as column, comparison and number; raises `UserError` for anything else.

    A latency needs a unit, and is in seconds then: 'latency<=2ms'.
    """
    parts = re.fullmatch(r"\s*(\w+)\s*(<=|>=|==|!=|<|>)\s*(\S.*?)\s*", text)
    if not parts:
        raise UserError(
            "a filter is a column, a comparison and a number, for example 'params<=30M'; given:"
            f" {shorten(text)}. The columns are {', '.join(columns)}."
        )
    column, sign, number = parts.groups()
    if re.search("[<>=]", number):
        raise UserError(
            f"a filter has one comparison; given: {shorten(text)}. Give each a filter of its own:"
            " --where 'params<=30M' --where 'flops<=5G'."
        )
    if column[0].isdigit() and number in columns:
        turned = sign.translate(str.maketrans("<>", "><"))
        raise UserError(
            f"a filter has its column first: write '{number}{turned}{column}'; given:"
            f" {shorten(text)}."
        )
    check_known("column in a filter", column, columns)
    value = parse_seconds(number, column) if column in TIMES else parse_number(number)
    return column, _COMPARISONS[sign], value


def _batches(
    reference: Architecture, axes: dict[str, Any], choices: list[tuple[int, ...]]
) -> Iterator[tuple[Architecture, int, Any, int]]:
    """The grid as architectures whose numbers are arrays, `CHUNK` designs at a time.

    Yields:
        The batch, its size, for each design the index of its depths in `choices`, and how many
        designs the whole grid has.
    """
    sizes = {
        key: len(values) if isinstance(values, Sized) and not isinstance(values, str) else 1
        for key, values in {**axes, "depths": choices}.items()
    }
    sizes = {key: size for key, size in sizes.items() if size > 1}
    designs = math.prod(sizes.values())
    if designs > MOST_DESIGNS:
        longest = max(sizes, key=lambda key: sizes[key])
        raise UserError(
            f"the axes make {designs:,} combinations"
            f" ({' x '.join(f'{size:,}' for size in sizes.values())}), and at most"
            f" {MOST_DESIGNS:,} are counted at once, some 20 seconds. Give fewer values, first of"
            f" {longest}: a smaller range, or a list such as 1,2,4,8."
        )
    lists = {
        key: [values[key] for values in combinations({key: value})] for key, value in axes.items()
    }
    for key, values in {**lists, "depths": choices}.items():
        if len(set(values)) < len(values):
            raise UserError(f"{key} lists a value twice.")
        if key != "depths":
            values = [max(whole(value, LABELS[key]) for value in values)]
        # each is checked as it would be in a single architecture; of numbers, the largest is enough
        for value in values:
            reference.with_(**{key: value})
    numbers = [np.asarray(values, dtype=np.int64) for values in lists.values()]
    # Networks of unlike numbers of stages have unlike layers, so they are counted apart.
    for _, group in groupby(range(len(choices)), key=lambda choice: len(choices[choice])):
        members = np.asarray(list(group))
        blocks = np.asarray([choices[member] for member in members], dtype=np.int64)
        shape = (len(members), *map(len, numbers))
        for start in range(0, math.prod(shape), CHUNK):
            size = min(CHUNK, math.prod(shape) - start)
            row, *columns = np.unravel_index(np.arange(start, start + size), shape)
            quantities: dict[str, Any] = {
                key: axis[column] for key, axis, column in zip(lists, numbers, columns, strict=True)
            }
            # One choice of depths for all stays a plain number: its empty stages then cost no pass.
            quantities["depths"] = (
                tuple(blocks[row].T)
                if len(members) > 1
                else tuple(int(depth) for depth in blocks[0])
            )
            quantities.setdefault("width", np.full(size, reference.template.width))
            yield reference.with_(**quantities), size, members[row], designs


def _columns(designs: Architecture, target: Budget) -> dict[str, Any]:
    template, complexity = designs.template, count(designs)
    spent = cost(designs, target.by) if target.by == "block" else getattr(complexity, target.by)
    return {
        "cardinality": template.cardinality,
        "bottleneck_width": (
            np.nan if template.bottleneck_width is None else template.bottleneck_width
        ),
        "width": template.width,
        "depths": 0,
        **vars(complexity),
        "mismatch": (spent - target.value) / target.value,
    }
