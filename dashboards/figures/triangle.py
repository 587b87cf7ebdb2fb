"""The three ways to spend the budget, as a triangle: paths, width and depth."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import are_many, ranking_split, template_words
from dashboards.analysis.spending import MEANING, WAYS
from dashboards.figures.common import (
    MOST_POINTS,
    drawn_of_crowd,
    errors_in_percent,
    left_out_phrase,
    over_seeds,
    subtitle_of,
)
from dashboards.figures.theme import (
    HEIGHT,
    blank_figure,
    colors_of,
    hovers,
    label,
    mark_scale,
    note_if_empty,
    set_title,
)

FEWEST_BEST, SHARE = 3, 10  # the best are a tenth of the designs, and at least three
TALL = 460  # pixels
SHARE_OF = "share of "  # begins the columns of the three ways


@dataclass(frozen=True)
class TriangleChart:
    """What `ways_to_spend` shows; `designs` is `Findings.by_design` with "share of paths" and so on
    (the three sum to 1) and `is_best`. Empty where a space lacks one of the three."""

    title: str
    subtitle: str
    designs: pd.DataFrame


def has_triangle(findings: Findings) -> bool:
    """Whether the designs of a study differ in paths, width and depth, and in nothing else."""
    return are_many(findings.designs) and findings.shares is not None


def ways_to_spend(findings: Findings, *, theme: str = "light") -> go.Figure:
    """Which share of its FLOPs each design spends on paths, width and depth, as
    `dashboards.analysis.spending.MEANING` says it: the stronger a mark, the less it errs."""
    chart, colors, figure = shares_by_design(findings), colors_of(theme), blank_figure(theme)
    designs = chart.designs
    set_title(figure, chart.title, chart.subtitle, theme)
    if designs.empty:
        note_if_empty(figure, designs, theme)
        return figure
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    texts = [
        f"<b>{label(template_words(row))}</b><br>{label(row['design'])}<br>"
        + ", ".join(f"{100 * row[SHARE_OF + way]:.0f} % {way}" for way in WAYS)
        + f"<br>mean test error {100 * row['test_error']:.2f} %, n {row['n']}"
        for row in designs.to_dict("records")
    ]
    paths, width, depth = ((100 * designs[SHARE_OF + way]).round(2) for way in WAYS)
    best = designs["is_best"].to_numpy()
    figure.add_scatterternary(
        a=paths, b=width, c=depth, mode="markers", cliponaxis=False,
        marker={
            "opacity": 1,
            "size": np.where(best, 13, 10), "color": errors_in_percent(designs).round(4),
            "symbol": np.where(best, "diamond", "circle"), "colorscale": mark_scale(theme),
            "line": {"color": colors.ink, "width": np.where(best, 1.75, 0.5)},
        },
        **hovers(texts),
    )  # fmt: skip
    axis = {
        "gridcolor": colors.grid, "linecolor": colors.quiet,
        "tickmode": "array",
        "tickvals": [25, 50, 75],
        "ticktext": ["25 %", "50 %", "75 %"],
        "tickfont": {"color": colors.quiet, "size": 11.5},
    }  # fmt: skip
    corners = {"size": 14, "color": colors.ink}
    figure.update_layout(
        height=figure.layout.height - HEIGHT + TALL,
        ternary={
            "sum": 100, "domain": {"y": [0, 0.92]}, "bgcolor": colors.ground,
            **{
                key: {**axis, "title": {"text": way, "font": corners}}
                for key, way in zip(("aaxis", "baxis", "caxis"), WAYS, strict=True)
            },
        },
        margin={"l": 56, "r": 56, "b": 48},
    )  # fmt: skip
    return figure


def shares_by_design(findings: Findings) -> TriangleChart:
    """What `ways_to_spend` shows."""
    name = "Three ways to spend the budget"
    designs, known = findings.by_design, findings.designs
    shares = findings.shares
    if shares is None or designs.empty:
        return TriangleChart(name, "The designs do not differ in all three", designs.iloc[:0])
    by_name = shares.set_index(known["design"].to_numpy())
    by_name = by_name[~by_name.index.duplicated()].add_prefix(SHARE_OF)
    designs = designs.join(by_name, on="design").dropna(subset=list(by_name))
    split = ranking_split(designs)
    count = max(FEWEST_BEST, round(len(designs) / SHARE))
    best = designs[f"{split}_error"].rank(method="first") <= count
    designs = designs.assign(is_best=best)
    means = {
        who: ", ".join(f"{100 * rows[SHARE_OF + way].mean():.0f} % on {way}" for way in WAYS)
        for who, rows in (("best", designs[best]), ("all", designs))
    }
    count = int(best.sum())
    title = (
        f"The {count} designs with the lowest {split} error spend {means['best']}; all"
        f" {len(designs):,} designs {means['all']}"
    )
    drawn = designs.iloc[drawn_of_crowd(designs["test_error"], 4 * MOST_POINTS)]
    errors = 100 * designs["test_error"].agg(["min", "max"])
    subtitle = subtitle_of(
        f"Shares of the FLOPs, of {len(designs):,} designs; the stronger the colour, the lower the"
        f" test error ({errors['min']:.2f} to {errors['max']:.2f} %,"
        f" {over_seeds(designs['n'], '')}); diamonds: those {count}",
        left_out=left_out_phrase(len(designs) - len(drawn), "designs") + f". {MEANING}",
    )
    return TriangleChart(title, subtitle, drawn)
