"""Mean error over two axes at once, as a map."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.cells import Cells, axis_name, cells, order_of, pairs_of_axes
from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import unequal_flops
from dashboards.analysis.words import confidence_text, span
from dashboards.figures.common import subtitle_of
from dashboards.figures.theme import (
    blank_figure,
    colors_of,
    error_scale,
    label,
    note_if_empty,
    set_title,
    wide,
)
from explorer.errors import check_known

ROW, COLUMN = 62, 56  # pixels of a cell, in which three short lines stand
BESIDE = 76  # pixels of what stands beside the cells


@dataclass(frozen=True)
class CellsChart:
    """What `error_over_two_axes` shows; None where no two axes have a design at most points."""

    title: str
    subtitle: str
    cells: Cells | None


def error_over_two_axes(findings: Findings, *, pair: str = "", theme: str = "light") -> go.Figure:
    """Mean test error over a pair of axes: in each cell the error in %, the template and n. The
    best cell has a thick frame, a dashed one those that are not told apart from it.

    Args:
        findings: Of a study, or of a choice of its trainings.
        pair: A key of `cells.pairs_of_axes`, "cardinality,depths"; by default the first.
        theme: "light" or "dark".

    Raises:
        UserError: For a pair that the study's designs do not fill.
    """
    chart, colors, figure = errors_by_cell(findings, pair), colors_of(theme), blank_figure(theme)
    set_title(figure, chart.title, chart.subtitle, theme)
    if chart.cells is None or chart.cells.table.empty:
        note_if_empty(figure, [], theme)
        return figure
    grid = chart.cells
    table, axes = grid.table, (grid.across, grid.down)
    orders = [order_of(axis, table[axis]) for axis in axes]
    places = [
        table[axis].map({value: position for position, value in enumerate(order)}).to_numpy()
        for axis, order in zip(axes, orders, strict=True)
    ]
    shape = (len(orders[1]), len(orders[0]))
    errors = np.full(shape, np.nan)
    texts, hover = (np.full(shape, "", dtype=object) for _ in range(2))
    for x, y, row in zip(*places, table.to_dict("records"), strict=True):
        errors[y, x] = round(100 * row["error"], 3)
        # "12 designs" is wider than a cell on a phone.
        template = label(row["template"]).replace(" designs", "<br>designs")
        texts[y, x] = f"<b>{100 * row['error']:.2f}</b><br>{template}<br>n {row['n']}"
        hover[y, x] = (
            f"<b>{label(_where(grid, row))}</b>"
            f"<br>mean test error {100 * row['error']:.2f} %<br>{label(row['template'])}, "
            f"{row['designs']} designs, {row['n']} trainings"
        )
    figure.add_heatmap(
        z=errors, text=texts, texttemplate="%{text}", xgap=4, ygap=4,
        textfont={"size": 11.5, "color": colors.ink},
        colorscale=error_scale(theme), showscale=False, hoverongaps=False, customdata=hover,
        hovertemplate="%{customdata}<extra></extra>",
    )  # fmt: skip
    marked = table["is_best"] | table["is_tied"]
    frames = [
        {
            "type": "rect", "x0": x - 0.47, "x1": x + 0.47, "y0": y - 0.46, "y1": y + 0.46,
            "line": {"color": colors.ink, "width": 3.5, "dash": "solid"}
            if is_best
            else {"color": colors.ink, "width": 2, "dash": "dot"},
        }
        for x, y, is_best in zip(
            *(column[marked] for column in places), table["is_best"][marked], strict=True
        )
    ]  # fmt: skip
    figure.update_layout(shapes=frames)
    for axis, order, name in zip(
        (figure.update_xaxes, figure.update_yaxes), orders, axes, strict=True
    ):
        axis(
            tickmode="array", tickvals=list(range(len(order))), ticktext=list(map(label, order)),
            range=[-0.5, len(order) - 0.5], showgrid=False, fixedrange=True, tickangle=0,
            title={"text": axis_name(name), "standoff": 8},
        )  # fmt: skip
    margin = figure.layout.margin
    figure.update_layout(height=max(300, margin.t + margin.b + ROW * shape[0]))
    wide(figure, BESIDE + COLUMN * shape[1])
    return figure


def errors_by_cell(findings: Findings, pair: str = "") -> CellsChart:
    """What `error_over_two_axes` shows; arguments likewise."""
    pairs = pairs_of_axes(findings.whole.designs)
    key = pair or next(iter(pairs), "")
    if not key:
        return CellsChart("Error over two axes", "No two axes have a design at most points", None)
    check_known("pair of axes", key, pairs)
    grid = cells(findings, key)
    table, names = grid.table, f"{axis_name(grid.across)} and {axis_name(grid.down)}"
    if table.empty:
        return CellsChart(f"Error over {names}", "No training is complete yet", grid)
    best, tied = grid.best, int(table["is_tied"].sum())
    where = _where(grid, best)
    least = f"{100 * best['error']:.2f} %"
    others = len(table) - 1
    if grid.problem:
        title = f"{where} has the lowest test error so far: {least}"
        marks = f"thick frame: the lowest; {grid.problem}"
    else:
        title = f"{where} has the lowest test error, {least}: "
        title += (
            f"{tied} of {others} other cells {'is' if tied == 1 else 'are'} not told apart from it"
            if tied
            else f"all {others} other cells err more"
        )
        sure = confidence_text(grid.confidence)
        marks = (
            "thick frame: the lowest, dotted: not told apart from it by the intervals of all"
            f" differences between cells together ({sure})"
        )
    counts = span(table["n"].tolist())
    fitted = ", by least squares as if no seed were missing" if grid.is_fitted else ""
    things = "training" if counts == "1" else "trainings"
    subtitle = subtitle_of(f"Mean test error in %{fitted}, n = {counts} {things} a cell; {marks}")
    unequal = unequal_flops(findings.by_design)
    return CellsChart(title, subtitle_of(subtitle, unequal, findings.context), grid)


def _where(grid: Cells, row: Mapping[Any, Any] | pd.Series) -> str:
    """A cell in words: 'C=8, depths=2-2-2'."""
    return ", ".join(f"{axis_name(axis)}={row[axis]}" for axis in (grid.across, grid.down))
