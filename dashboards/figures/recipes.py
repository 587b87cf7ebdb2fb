"""Each recipe's errors over the arms: does the gain of more paths depend on the recipe?"""

from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.recipes import ByRecipe
from dashboards.figures.arm_chart import ArmAxis, arm_axis, set_arm_axis
from dashboards.figures.common import arm_places, over_seeds, smallest_step, spread, subtitle_of
from dashboards.figures.theme import (
    SYMBOLS,
    THEMES,
    Style,
    blank_figure,
    hovers,
    label,
    note_if_empty,
    set_title,
)

COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
APART = 0.05  # of the figure's height, between the labels of two lines


@dataclass(frozen=True)
class RecipesChart:
    """What `errors_by_recipe` shows.

    Attributes:
        title: Whether the gaps depend on the recipe.
        subtitle: What is shown.
        axis: Of the arms.
        lines: Of each recipe, a row an arm with a result: `arm`, `x`, and in % of test error
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
    figure, colors = blank_figure(theme), THEMES[theme]
    for number, (recipe, line) in enumerate(chart.lines.items()):
        style = Style(COLORS[number % len(COLORS)], SYMBOLS[number % len(SYMBOLS)])
        for row in line.dropna(subset=["low"]).itertuples():
            figure.add_scatter(
                x=[row.x, row.x], y=[max(0.0, row.low), row.high], mode="lines", hoverinfo="skip",
                line={"color": style.color, "width": 1.75},
            )  # fmt: skip
        figure.add_scatter(
            x=line["x"].tolist(),
            y=line["mean"].tolist(),
            mode="lines+markers" if chart.joined else "markers",
            line={"color": style.color, "width": 1.5},
            marker=style.marker(11, line={"color": colors.ground, "width": 1.5}),
            name=label(recipe),
            **hovers(
                f"<b>{label(row.arm)}</b> by {label(recipe)}<br>mean test error {row.mean:.2f} %,"
                f" n = {row.n}"
                for row in line.itertuples(index=False)
            ),
        )
    _label_ends(figure, chart, theme)
    set_title(figure, chart.title, chart.subtitle, theme)
    set_arm_axis(figure, chart.axis)
    note_if_empty(figure, chart.lines, theme)
    return figure


def recipes_shown(study: ByRecipe) -> RecipesChart:
    """What `errors_by_recipe` shows."""
    first, count = study.first, len(study.recipes)
    places = arm_places(first)
    step = smallest_step(places)
    lines = {}
    for number, (recipe, findings) in enumerate(study.findings.items()):
        arms = [arm for arm in findings.measured if arm in places]
        if not arms:
            continue
        summary = findings.summary.loc[arms]
        aside = 0.1 * step * (number - (count - 1) / 2)  # intervals do not hide one another
        lines[recipe] = pd.DataFrame(
            {
                "arm": arms,
                "x": [places[arm] + aside for arm in arms],
                **{key: 100 * summary[key].to_numpy(float) for key in ("mean", "low", "high")},
                "n": summary["n"].to_numpy(int),
            }
        )
    counts = [int(n) for line in lines.values() for n in line["n"]]
    data = first.info.get("data")
    name = str(data.get("name", "")) if isinstance(data, dict) else ""
    axis = arm_axis(first)
    low, high = axis.ends
    return RecipesChart(
        study.title,
        subtitle_of(f"Test error in %: {over_seeds(counts, ', 95 % t intervals')}", name),
        ArmAxis(axis.ticks, (low, high + 0.15 * (high - low)), axis.title),
        lines,
        bool(first.cardinalities),
    )


def _label_ends(figure: go.Figure, chart: RecipesChart, theme: str) -> None:
    """Each recipe's name at the end of its line."""
    ends = {recipe: line.iloc[-1] for recipe, line in chart.lines.items()}
    heights = [y for line in chart.lines.values() for y in (line["mean"].min(), line["mean"].max())]
    if not heights:
        return
    low, room = min(heights), (max(heights) - min(heights)) or 1.0
    order = sorted(ends, key=lambda recipe: ends[recipe]["mean"])
    placed = spread([(ends[recipe]["mean"] - low) / room for recipe in order], APART)
    for recipe, height in zip(order, placed, strict=True):
        color = COLORS[list(chart.lines).index(recipe) % len(COLORS)]
        figure.add_annotation(
            x=max(chart.axis.ticks), y=low + height * room, text=label(recipe, 24),
            showarrow=False, xanchor="left", xshift=14, font={"color": color, "size": 13},
        )  # fmt: skip
