"""All quantities of many designs at once: parallel coordinates, whose axes choose designs."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import COSTS, Quantity, scaled, template_words
from dashboards.analysis.tables import TextTable
from dashboards.analysis.words import percent
from dashboards.figures.common import (
    MOST_POINTS,
    drawn_of_crowd,
    left_out_phrase,
    over_seeds,
    subtitle_of,
)
from dashboards.figures.quantities import ticks_of
from dashboards.figures.theme import (
    blank_figure,
    colors_of,
    label,
    mark_scale,
    note_if_empty,
    set_title,
    wide,
)
from explorer.text import human_count, human_flops

AXIS = 80  # pixels from one axis to the next, at least
MOST_LINES = 3 * MOST_POINTS
FEWEST_BEST, BEST_SHARE = 3, 10  # the best are a tenth of the designs, and at least three
MOST_ALIKE = 0.6  # of the designs within a range that says something of the best


@dataclass(frozen=True)
class ParallelChart:
    """What `parallel_coordinates` shows: the drawn designs, the lowest test error first, and the
    axes' quantities by column."""

    title: str
    subtitle: str
    designs: pd.DataFrame
    quantities: dict[str, Quantity]


def parallel_coordinates(findings: Findings, *, theme: str = "light") -> go.Figure:
    """A line a design over an axis a quantity, and test error last; the stronger a line, the less
    it errs. Dragging along an axis leaves the designs within."""
    chart, colors, figure = lines_by_design(findings), colors_of(theme), blank_figure(theme)
    designs = chart.designs
    set_title(figure, chart.title, chart.subtitle, theme)
    if designs.empty:
        note_if_empty(figure, designs, theme)
        return figure
    errors = (100 * designs["test_error"]).round(4).tolist()
    axes = []
    for key, quantity in chart.quantities.items():
        positions, scale = scaled(designs[key], quantity)
        ticks = ticks_of(positions, quantity, scale)
        # A design without a value, as d of basic blocks, has no line there: it is drawn at the
        # lowest.
        positions = np.where(np.isfinite(positions), positions, np.nanmin(positions))
        axes.append(
            {
                "label": _heading(quantity.name),
                "values": positions.round(4).tolist(),  # as the page's script reads them
                "tickvals": list(ticks),
                "ticktext": list(ticks.values()),
            }
        )
    axes.append({"label": "test<br>error (%)", "values": errors})
    figure.add_parcoords(
        dimensions=axes, labelside="bottom",
        line={"color": errors, "colorscale": mark_scale(theme)},
        labelfont={"size": 12.5, "color": colors.ink},
        tickfont={"size": 11.5, "color": colors.quiet},
        rangefont={"size": 1, "color": "rgba(0,0,0,0)"},  # ticks say it
        unselected={"line": {"color": colors.quiet, "opacity": 0.12}},
        domain={"y": [0.02, 1]},
    )  # fmt: skip
    figure.update_layout(margin={"l": 40, "r": 48, "b": 44})
    wide(figure, 96 + AXIS * (len(axes) - 1))
    return figure


def lines_by_design(findings: Findings) -> ParallelChart:
    """What `parallel_coordinates` shows."""
    designs, known = findings.by_design, findings.quantities
    drawn = designs.iloc[drawn_of_crowd(designs["test_error"], MOST_LINES)]
    drawn = drawn.sort_values("test_error", kind="stable").reset_index(drop=True)
    subtitle = subtitle_of(
        "A line a design; the stronger, the lower its test error"
        f" ({over_seeds(designs['n'], '')}). Drag along axes to choose designs, which the table"
        " below lists; a click on an axis takes its choice away",
        left_out=left_out_phrase(len(designs) - len(drawn), "designs"),
    )
    return ParallelChart(_title(designs, known), subtitle, drawn, known)


def _heading(name: str) -> str:
    """A quantity's name in two lines at most, as an axis has room for it."""
    first, *rest = name.replace("depth of ", "depth, ").replace(" (blocks)", "").split(" ", 1)
    return "<br>".join(map(label, (first, *rest)))


def _title(designs: pd.DataFrame, known: Mapping[str, Quantity]) -> str:
    """What the tenth of designs with the lowest error have in common more than by chance, where
    there is such a thing: of their ranges the one that the fewest designs are within."""
    count = max(FEWEST_BEST, round(len(designs) / BEST_SHARE))
    best = designs.nsmallest(count, "test_error")
    within = {
        key: int(designs[key].between(best[key].min(), best[key].max()).sum())
        for key in known
        if key not in COSTS and best[key].notna().all()
    }
    key = min(within, key=within.__getitem__, default="")
    if not key or within[key] > MOST_ALIKE * len(designs):
        return f"{len(designs):,} designs over {len(known)} quantities and test error"
    low, high = (known[key].text(float(best[key].agg(end))) for end in ("min", "max"))
    values = f"{known[key].name} = {low}" + (f" to {high}" if low != high else "")
    return (
        f"The {count} designs with the lowest test error have {values}, as have {within[key]:,} of"
        f" all {len(designs):,}"
    )


def table_of_lines(findings: Findings) -> TextTable:
    """The designs of `parallel_coordinates`, a row a line in the same order."""
    rows = tuple(
        (
            str(row["design"]),
            template_words(row),
            human_flops(row["flops"]),
            human_count(row["params"]),
            human_count(row["activations"]),
            str(row["n"]),
            percent(row["validation_error"]),
            percent(row["test_error"]),
        )
        for row in lines_by_design(findings).designs.to_dict("records")
    )
    headings = (
        "Design", "Template and depths", "FLOPs", "Params", "Activations", "n",
        "Validation error (%)", "Test error (%)",
    )  # fmt: skip
    return TextTable(headings, rows, frozenset(("Design", "Template and depths")))
