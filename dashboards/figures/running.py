"""How a study stands and how it was run: its progress, how well the costs
match, how fast each arm trains, a design's drawing."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.comparison import arm_cardinalities, arm_order, designs_of
from dashboards.analysis.verdict import listed, measure
from dashboards.figures.common import (
    add_mean,
    add_trials,
    arm_places,
    costs,
    left_out_phrase,
    set_arm_axis,
    smallest_step,
)
from dashboards.figures.theme import (
    THEMES,
    Style,
    arm_styles,
    blank_figure,
    label,
    note_if_empty,
    set_title,
)
from explorer import Architecture
from explorer.drawing import svg
from explorer.text import human_percent, human_time

# How a pair stands: its colour and, as colour is never the only sign, its pattern.
STATUS = {
    "complete": ("#009E73", ""),
    "running": ("#56B4E9", "/"),
    "failed": ("#D55E00", "x"),
    "pruned": ("#CC79A7", "."),
    "waiting": ("", ""),
}
MANY_ARMS = 30


def progress(trials: pd.DataFrame, *, theme: str = "light") -> go.Figure:
    """How the trainings of each arm stand: complete, running, failed,
    pruned, waiting. Of many arms, all in one bar."""
    colors, figure = THEMES[theme], blank_figure(theme)
    arms = arm_order(trials)
    rows = (
        trials["arm"].astype(str)
        if len(arms) <= MANY_ARMS
        else pd.Series("all arms", index=trials.index)
    )
    names = arms if len(arms) <= MANY_ARMS else ["all arms"]
    counts = (
        pd.crosstab(rows, trials["status"]).reindex(names, fill_value=0)
        if len(trials)
        else pd.DataFrame()
    )
    for status, (color, pattern) in STATUS.items():
        if status not in counts or not counts[status].any():
            continue
        figure.add_bar(
            y=list(range(len(names))),
            x=counts[status].tolist(),
            orientation="h",
            name=status,
            text=[str(count) if count else "" for count in counts[status]],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            textfont={"color": colors.ink if status == "waiting" else "#000000"},
            marker={"color": color or colors.grid, "pattern": {"shape": pattern, "fgcolor": "#ffffff", "size": 6}, "line": {"width": 0}},
            customdata=[[label(name, 200)] for name in names],
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>%{{x}} {status}<extra></extra>",
        )  # fmt: skip
    total = trials["status"].value_counts()
    figure.update_layout(
        barmode="stack", bargap=0.35, showlegend=True, height=max(220, 150 + 34 * len(names))
    )
    figure.update_layout(
        legend={"orientation": "h", "y": -0.08, "yanchor": "top", "x": 0, "traceorder": "normal"}
    )
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(
        autorange="reversed", showgrid=False, fixedrange=True, tickfont={"color": colors.ink}, tickmode="array",
        tickvals=list(range(len(names))), ticktext=[label(name, 32) for name in names],
    )  # fmt: skip
    set_title(figure, _progress_title(total, len(trials)), _pace(trials), theme)
    note_if_empty(figure, counts, theme)
    return figure


def _progress_title(counts: Any, wanted: int) -> str:
    parts = [f"{counts.get('complete', 0)} of {wanted} trainings complete"]
    parts += [f"{counts[one]} {one}" for one in ("running", "failed", "pruned") if counts.get(one)]
    return ", ".join(parts)


def _pace(trials: pd.DataFrame) -> str:
    """What is left, at the pace of the trainings so far."""
    seconds = pd.to_numeric(trials["seconds"], errors="coerce")
    seconds = seconds[np.isfinite(seconds.to_numpy(dtype=float))]
    left = int(trials["status"].isin(["waiting", "running"]).sum())
    at_once = int((trials["status"] == "running").sum())
    if not left:
        return (
            f"{human_time(float(seconds.sum()))} of training"
            if len(seconds)
            else "Nothing is left to train"
        )
    if not len(seconds):
        return f"{left} left; none is complete yet"
    mean = float(seconds.mean())
    if not at_once:
        return f"{left} left, nobody is training; one takes {human_time(mean)} on average"
    return f"{left} left: about {human_time(left * mean / at_once)} at this pace, {at_once} at once"


def mismatches(trials: pd.DataFrame, reference: str, *, theme: str = "light") -> go.Figure:
    """How far each design's cost is from its budget, in the budget's own
    measure: a mark on a stem from zero, by arm."""
    colors, styles, places = THEMES[theme], arm_styles(trials, reference, theme), arm_places(trials)
    designs = trials.drop_duplicates(["arm", "design"])
    designs = designs.assign(mismatch=pd.to_numeric(designs["mismatch"], errors="coerce")).dropna(
        subset=["mismatch"]
    )
    figure = blank_figure(theme)
    figure.update_yaxes(zeroline=True, zerolinecolor=colors.ink, zerolinewidth=1.5)
    step = smallest_step(places)
    for arm, rows in designs.groupby(designs["arm"].astype(str), sort=False):
        spots = places[str(arm)] + step * 0.7 * (
            np.linspace(-0.5, 0.5, len(rows)) if len(rows) > 1 else np.zeros(1)
        )
        heights = 100 * rows["mismatch"].to_numpy(dtype=float)
        gap = np.full(len(rows), np.nan)
        style = styles[str(arm)]
        figure.add_scatter(
            x=np.column_stack([spots, spots, gap]).ravel(), y=np.column_stack([0 * heights, heights, gap]).ravel(),
            mode="lines", line={"color": style.color, "width": 2}, hoverinfo="skip",
        )  # fmt: skip
        hovers = [
            f"<b>{label(arm)}</b><br>{label(row['design'], 200)}<br>{costs(row)}"
            for row in rows.to_dict("records")
        ]
        figure.add_scatter(
            x=spots, y=heights, mode="markers",
            marker={"color": style.color, "symbol": style.symbol, "size": style.size(11)},
            customdata=[[text] for text in hovers], hovertemplate="%{customdata[0]}<extra></extra>",
        )  # fmt: skip
    largest = designs["mismatch"].abs().max() if len(designs) else 0.0
    what = measure(trials).removeprefix("the ")
    subtitle = f"Mismatch in %: {label(what)} over the budget, minus one, of {len(designs)} designs"
    set_title(
        figure,
        f"All costs are within {human_percent(float(largest))} of the budget",
        subtitle,
        theme,
    )
    set_arm_axis(figure, trials, places)
    if largest < 1e-9:
        figure.update_yaxes(range=[-1, 1])
    note_if_empty(figure, designs, theme)
    return figure


def throughput(
    trials: pd.DataFrame,
    reference: str,
    *,
    styles: dict[str, Style] | None = None,
    theme: str = "light",
) -> go.Figure:
    """Images per second in training, by arm: every training a light mark, the mean
    a strong one. Equal FLOPs are not equal time."""
    designs = designs_of(trials)
    colors, places = THEMES[theme], arm_places(designs)
    styles = styles or arm_styles(designs, reference, theme)
    speeds = pd.to_numeric(trials["images_per_second"], errors="coerce")
    rows = trials.assign(speed=speeds)[
        ((trials["status"] == "complete") & speeds.notna()).to_numpy()
    ]
    means = rows.groupby(rows["arm"].astype(str))["speed"].mean()
    figure = blank_figure(theme)
    measured = [arm for arm in places if arm in means.index]
    if arm_cardinalities(designs) and len(measured) > 1:
        line = {"color": colors.quiet, "width": 1}
        x = [places[arm] for arm in measured]
        figure.add_scatter(
            x=x,
            y=[float(means[arm]) for arm in measured],
            mode="lines",
            line=line,
            hoverinfo="skip",
        )
    step, left_out = smallest_step(places), 0
    for arm in measured:
        own = rows[rows["arm"].astype(str) == arm]
        spots = np.full(len(own), places[arm] - 0.2 * step)
        left_out += add_trials(figure, spots, own, styles[arm], theme, "speed")
        ratio = (
            f"<br>{means[arm] / means[reference]:.2f}x {label(reference)}'s"
            if reference in means.index
            else ""
        )
        text = (
            f"<b>{label(arm)}</b><br>mean {means[arm]:,.0f} images a second, {len(own)}"
            f" trainings{ratio}"
        )
        add_mean(
            figure,
            places[arm],
            float(means[arm]),
            0,
            0,
            styles[arm],
            text,
            filled=True,
            theme=theme,
        )
    devices = sorted({str(one) for one in rows["device"].dropna()} - {""})
    counts = [int((rows["arm"].astype(str) == arm).sum()) for arm in measured]
    subtitle = f"Images per second in training, mean of {_range(counts)} trainings"
    subtitle += f", on {label(listed(devices))}" if devices else ""
    subtitle += left_out_phrase(left_out)
    set_title(figure, _speed_title(means, measured, reference), subtitle, theme)
    set_arm_axis(figure, designs, places)
    if measured:
        figure.update_yaxes(range=[0, 1.08 * float(rows["speed"].max())])
    note_if_empty(figure, measured, theme)
    return figure


def _speed_title(means: pd.Series, measured: list[str], reference: str) -> str:
    if reference not in means.index or len(measured) < 2:
        return "Training speed"
    ratios = {arm: float(means[arm] / means[reference]) for arm in measured if arm != reference}
    slowest = min(ratios, key=ratios.__getitem__)
    if ratios[slowest] >= 0.995:
        fastest = max(ratios, key=ratios.__getitem__)
        return f"{fastest} trains {ratios[fastest]:.2f}x the images per second of {reference}"
    return f"{slowest} trains {ratios[slowest]:.2f}x the images per second of {reference}"


def _range(counts: list[int]) -> str:
    least, most = min(counts, default=0), max(counts, default=0)
    return str(most) if least == most else f"{least} to {most}"


def network_drawing(trial: Mapping[str, Any]) -> str:
    """The network of one row of `trials` as an SVG picture: its
    stages, the block each repeats, and its costs.

    Raises `UserError` where the row's design is no name of a network.
    """
    sizes = {key: int(trial[key]) for key in ("resolution", "classes", "in_channels")}
    return svg(Architecture.from_name(str(trial["design"]), **sizes))
