"""Each recipe's errors over the arms: does the gain of more paths depend on the recipe?"""

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.recipes import ByRecipe
from dashboards.figures.arm_chart import set_arm_axis
from dashboards.figures.common import over_seeds, subtitle_of
from dashboards.figures.legend import add_legend
from dashboards.figures.places import ArmAxis, arm_axis
from dashboards.figures.theme import (
    DASHES,
    SYMBOLS,
    Style,
    blank_figure,
    colors_of,
    hovers,
    label,
    note_if_empty,
    set_title,
)

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True)
class RecipesChart:
    """What `errors_by_recipe` shows.

    Attributes:
        title: Whether the gaps depend on the recipe.
        subtitle: What is shown.
        axis: Of the arms.
        lines: Of each recipe, a row an arm with a result: `arm`, `place`, and in % of test error
            `mean`, `low` and `high` (the t interval; NaN without one), and `n`.
        joined: Whether the arms have an order.
    """

    title: str
    subtitle: str
    axis: ArmAxis
    lines: dict[str, pd.DataFrame]
    joined: bool


def errors_by_recipe(study: ByRecipe, *, theme: str = "light") -> go.Figure:
    """The mean test error of each arm, one line a recipe, with 95 % t intervals.

    Args:
        study: A study with several recipes.
        theme: "light" or "dark".
    """
    chart = recipes_shown(study)
    figure, colors, axis = blank_figure(theme), colors_of(theme), chart.axis
    styles = {recipe: _style(number) for number, recipe in enumerate(chart.lines)}
    for recipe, line in chart.lines.items():
        style = styles[recipe]
        for row in line.dropna(subset=["low"]).itertuples():
            figure.add_scatter(
                **axis.points([row.place, row.place], [max(0.0, row.low), row.high]),
                mode="lines",
                hoverinfo="skip",
                line={"color": style.color, "width": 1.75},
                legendgroup=label(recipe),
            )
        figure.add_scatter(
            **axis.points(line["place"].tolist(), line["mean"].tolist()),
            mode="lines+markers" if chart.joined else "markers",
            line={"color": style.color, "width": 1.5, "dash": style.dash},
            marker=style.marker(11, line={"color": colors.ground, "width": 1.5}),
            name=label(recipe),
            legendgroup=label(recipe),
            **hovers(
                f"<b>{label(row.arm)}</b> by {label(recipe)}<br>mean test error {row.mean:.2f} %,"
                f" n = {row.n}"
                for row in line.itertuples(index=False)
            ),
        )
    set_title(figure, chart.title, chart.subtitle, theme)
    set_arm_axis(figure, axis, theme)
    add_legend(figure, styles)
    note_if_empty(figure, chart.lines, theme)
    return figure


def _style(number: int) -> Style:
    return Style(
        COLORS[number % len(COLORS)], SYMBOLS[number % len(SYMBOLS)], DASHES[number // len(COLORS)]
    )


def recipes_shown(study: ByRecipe) -> RecipesChart:
    """What `errors_by_recipe` shows."""
    first, count = study.first, len(study.recipes)
    axis = arm_axis(first)
    lines = {}
    for number, (recipe, findings) in enumerate(study.findings.items()):
        arms = [arm for arm in findings.measured if arm in axis.places]
        if not arms:
            continue
        summary = findings.summary.loc[arms]
        # Intervals do not hide one another, nor marks in rows, which no lines join.
        apart = min(0.24, 0.66 / count) if axis.in_rows else 0.1
        aside = apart * axis.step * (number - (count - 1) / 2)
        lines[recipe] = pd.DataFrame(
            {
                "arm": arms,
                "place": [axis.places[arm] + axis.shift(aside) for arm in arms],
                **{key: 100 * summary[key].to_numpy(float) for key in ("mean", "low", "high")},
                "n": summary["n"].to_numpy(int),
            }
        )
    counts = [int(n) for line in lines.values() for n in line["n"]]
    data = first.info.get("data")
    name = str(data.get("name", "")) if isinstance(data, dict) else ""
    return RecipesChart(
        study.title,
        subtitle_of(f"Test error in %: {over_seeds(counts, ', 95 % t intervals')}", name),
        axis,
        lines,
        bool(first.cardinalities) and not axis.in_rows,
    )
