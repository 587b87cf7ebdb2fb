"""How the verdict on each arm comes, seed by seed, where seeds end with the verdict."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.findings import Findings
from dashboards.figures.legend import add_legend
from dashboards.figures.theme import (
    arm_styles,
    blank_figure,
    colors_of,
    label,
    note_if_empty,
    set_title,
    transparent,
)
from explorer.text import counted

COLUMNS = ["seeds", "estimate", "low", "high", "half"]
ROOM = 3  # margins above and below zero that are shown: the first intervals are far wider
WIDTH = 0.5  # of the part of a seed over which arms stand side by side


@dataclass(frozen=True)
class CourseChart:
    """What `gaps_by_seed` shows.

    Attributes:
        title: How many arms are decided.
        subtitle: How to read it.
        looks: Of each arm that has any, a row a look: `seeds`, and in points of test error
            `estimate`, `low`, `high` (the interval for better or worse) and `half` (of the one for
            equality).
        decided: The arms whose last look decided them.
        margin: In points; None where the study looks for the best arm.
        reach: How far the figure reaches from zero, in points.
    """

    title: str
    subtitle: str
    looks: dict[str, pd.DataFrame]
    decided: frozenset[str]
    margin: float | None
    reach: float


def gaps_by_seed(findings: Findings, *, theme: str = "light") -> go.Figure:
    """Each arm's gap after every seed, with the intervals that decide it.

    An arm is better or worse once its thin interval leaves zero, and equal once its broad one lies
    between the dashed lines of the margin; then its last mark is filled. Of a study that looks for
    the best, gaps are to the leader of that moment.

    Args:
        findings: Of a study whose seeds end where the verdict is known; of others it is empty.
        theme: "light" or "dark".
    """
    chart, styles = course_of(findings), arm_styles(findings, theme)
    figure, colors = blank_figure(theme), colors_of(theme)
    for number, (arm, looks) in enumerate(chart.looks.items()):
        style = styles[arm]
        x = looks["seeds"] + WIDTH * ((number + 0.5) / len(chart.looks) - 0.5)
        for low, high, width in (
            (looks["low"], looks["high"], 1.5),
            (looks["estimate"] - looks["half"], looks["estimate"] + looks["half"], 5),
        ):
            figure.add_scatter(
                x=[end for position in x for end in (position, position, None)],
                y=[y for ends in zip(low, high, strict=True) for y in (*ends, None)],
                mode="lines",
                line={"color": transparent(style.color, 0.45), "width": width},
                hoverinfo="skip",
                legendgroup=label(arm),
            )
        last = len(looks) - 1
        filled = [arm in chart.decided and row == last for row in range(len(looks))]
        figure.add_scatter(
            x=x.tolist(),
            y=looks["estimate"].tolist(),
            mode="lines+markers",
            name=label(arm),
            legendgroup=label(arm),
            line={"color": style.color, "width": 1.5, "dash": style.dash},
            # Filled with the ground, an open mark is seen on its interval. Marks of different sizes
            # are to Plotly bubbles, which it makes translucent.
            marker={
                "symbol": style.symbol,
                "size": [style.size(12 if full else 9) for full in filled],
                "color": [style.color if full else colors.ground for full in filled],
                "line": {"color": style.color, "width": 1.75},
                "opacity": 1,
            },
            text=[
                f"{label(arm)}, {look.seeds} seeds: {look.estimate:+.2f} points<br>"
                f"better or worse: {look.low:+.2f} to {look.high:+.2f}<br>"
                f"equal within {abs(look.estimate) + look.half:.2f}"
                for look in looks.itertuples()
            ],
            hovertemplate="%{text}<extra></extra>",
        )
    figure.add_hline(y=0, line={"color": colors.quiet, "width": 1})
    for side in (-1, 1) if chart.margin else ():
        figure.add_hline(
            y=side * (chart.margin or 0), line={"color": colors.quiet, "width": 1, "dash": "dash"}
        )
    last_look = max((int(looks["seeds"].max()) for looks in chart.looks.values()), default=1)
    figure.update_xaxes(title_text="seeds", tick0=0, dtick=max(1, last_look // 10))
    add_legend(figure, {arm: styles[arm] for arm in chart.looks})
    figure.update_yaxes(title_text="gap, points", range=[-chart.reach, chart.reach])
    set_title(figure, chart.title, chart.subtitle, theme)
    note_if_empty(figure, chart.looks, theme)
    return figure


def course_of(findings: Findings) -> CourseChart:
    """What `gaps_by_seed` shows."""
    until = findings.info.get("until") or {"margin": None, "arms": []}
    looks = {
        arm["arm"]: _in_points(arm["looks"])
        for arm in until["arms"]
        if arm["looks"] and arm["arm"] in findings.arms
    }
    margin = until["margin"]
    other = findings.reference if margin else "the leader"
    subtitle = f"Test error minus that of {other}, in points, after each seed"
    if until["arms"] and not margin:
        subtitle += "; a filled mark is a drop, its gap that to an arm that it is worse than"
    if margin:
        subtitle += f"; dashed: the margin of {margin:g}; a filled mark is a decision"
    gaps = [float(table["estimate"].abs().max()) for table in looks.values()]
    return CourseChart(
        _title(until["arms"]),
        subtitle,
        looks,
        frozenset(arm["arm"] for arm in until["arms"] if arm["decided_at"] is not None),
        margin,
        max(ROOM * (margin or 0), 1.5 * max(gaps, default=0), 0.01),
    )


def _title(arms: Sequence[Mapping[str, Any]]) -> str:
    """'3 of 4 arms are decided after 9 seeds'; who is what, the verdict's own title says."""
    compared = [arm for arm in arms if arm["verdict"] != "reference"]
    seeds = max((look["seeds"] for arm in arms for look in arm["looks"]), default=0)
    if not seeds:
        return "No arm is decided yet"
    decided = sum(arm["decided_at"] is not None for arm in compared)
    who = f"{decided} of {counted(len(compared), 'arm')}"
    if decided == len(compared):
        who = "The arm" if decided == 1 else f"All {decided} arms"
    return f"{who} {'is' if decided == 1 else 'are'} decided after {counted(seeds, 'seed')}"


def _in_points(looks: list[dict[str, float]]) -> pd.DataFrame:
    table = pd.DataFrame(looks, columns=COLUMNS)
    table[COLUMNS[1:]] *= 100
    return table
