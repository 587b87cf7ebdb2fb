"""How a study stands and how it was run: its progress, how well the costs
match, how fast each arm trains, a design's drawing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.arms import finite
from dashboards.analysis.findings import Findings
from dashboards.analysis.words import agreeing, capital, named, ratios_text, span
from dashboards.figures.arm_chart import (
    ArmChart,
    Line,
    Mark,
    draw_arms,
    set_arm_axis,
    value_axis,
)
from dashboards.figures.common import (
    Points,
    arms_left_out,
    costs_text,
    left_out_phrase,
    points_of,
    subtitle_of,
)
from dashboards.figures.places import LINE, LONGEST_LINE, ArmAxis, arm_axis, wrapped
from dashboards.figures.theme import (
    arm_styles,
    blank_figure,
    colors_of,
    hovers,
    label,
    note_if_empty,
    set_title,
    settle,
)
from dashboards.figures.tradeoffs import devices_text
from explorer import Architecture
from explorer.drawing import svg
from explorer.template import SIZES
from explorer.text import counted, human_percent, human_time

# How a pair stands: its colour and, as colour is never the only sign, its pattern.
STATUS_MARKS = {
    "complete": ("#009E73", ""),
    "running": ("#56B4E9", "/"),
    "failed": ("#D55E00", "x"),
    "pruned": ("#CC79A7", "."),
    "waiting": ("", ""),
}
MANY_ARMS = 30
LEVEL = 0.995  # of the reference's speed: what is nearer to it reads 1.00x


@dataclass(frozen=True)
class ProgressChart:
    """What `progress` shows: counts of trainings, bars x statuses."""

    title: str
    subtitle: str
    counts: pd.DataFrame


def progress(findings: Findings, *, theme: str = "light") -> go.Figure:
    """How the trainings of each arm stand: complete, running, failed,
    pruned, waiting. Of many arms, all in one bar."""
    colors, figure, chart = colors_of(theme), blank_figure(theme), progress_by_arm(findings)
    names, counts = list(chart.counts.index), chart.counts
    lines = [wrapped(name, LONGEST_LINE) for name in names]
    for status, (color, pattern) in STATUS_MARKS.items():
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
            marker={
                "color": color or colors.grid,
                "pattern": {"shape": pattern, "fgcolor": "#ffffff", "size": 6},
                "line": {"width": 0},
            },
            customdata=[[label(name)] for name in names],
            hovertemplate=f"<b>%{{customdata[0]}}</b><br>%{{x}} {status}<extra></extra>",
        )
    figure.update_layout(
        barmode="stack",
        bargap=0.35,
        showlegend=True,
        height=max(220, 150 + sum(2 * LINE + LINE * (len(own) - 1) for own in lines)),
        legend={"orientation": "h", "y": -0.08, "yanchor": "top", "x": 0, "traceorder": "normal"},
    )
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(
        autorange="reversed", showgrid=False, fixedrange=True, tickfont={"color": colors.ink},
        tickmode="array", tickvals=list(range(len(names))),
        ticktext=["<br>".join(map(label, own)) for own in lines],
    )  # fmt: skip
    set_title(figure, chart.title, chart.subtitle, theme)
    note_if_empty(figure, counts, theme)
    return figure


def progress_by_arm(findings: Findings) -> ProgressChart:
    """What `progress` shows."""
    bars = findings.by_arm
    if len(bars) > MANY_ARMS:
        bars = {"all arms": findings.trials}
    counts = pd.DataFrame({name: rows["status"].value_counts() for name, rows in bars.items()})
    wanted = len(findings.trials) + int(findings.info.get("to_come") or 0)
    words = [f"{findings.counts.get('complete', 0):,} of {wanted:,} trainings complete"]
    words += [
        f"{findings.counts[status]} {status}"
        for status in ("running", "failed", "pruned")
        if findings.counts.get(status)
    ]
    return ProgressChart(", ".join(words), _pace(findings), counts.T.fillna(0).astype(int))


def _pace(findings: Findings) -> str:
    """What is left, at the pace of the trainings so far."""
    seconds = finite(findings.trials["seconds"])
    seconds = seconds[np.isfinite(seconds)]
    running = findings.counts.get("running", 0)
    to_come = int(findings.info.get("to_come") or 0)
    left = running + findings.counts.get("waiting", 0) + to_come
    most = "At most " if to_come and findings.until else ""
    if not left:
        took = human_time(float(seconds.sum()))
        return f"{took} of training" if len(seconds) else "Nothing is left to train"
    if not len(seconds):
        return f"{most}{left} left; none is complete yet"
    mean = float(seconds.mean())
    if not running:
        return f"{most}{left} left, none is running; one takes {human_time(mean)} on average"
    left_time = human_time(left * mean / running)
    return f"{most}{left} left: about {left_time} at this pace, {running} at once"


@dataclass(frozen=True)
class MismatchChart:
    """What `mismatches` shows: designs with their arm, `x`, and `mismatch` in %."""

    title: str
    subtitle: str
    axis: ArmAxis
    designs: pd.DataFrame


def mismatches(findings: Findings, *, theme: str = "light") -> go.Figure:
    """How far each design's cost is from its budget, in the budget's own
    measure: a mark on a stem from zero, by arm."""
    chart, styles = mismatch_by_arm(findings), arm_styles(findings, theme)
    figure, axis = blank_figure(theme), chart.axis
    for arm, designs in chart.designs.groupby(chart.designs["arm"].astype(str), sort=False):
        style, x, heights = styles[str(arm)], finite(designs["x"]), finite(designs["mismatch"])
        gap = np.full(len(x), np.nan)
        figure.add_scatter(
            **axis.points(
                np.column_stack([x, x, gap]).ravel(),
                np.column_stack([0 * heights, heights, gap]).ravel(),
            ),
            mode="lines", line={"color": style.color, "width": 2}, hoverinfo="skip",
        )  # fmt: skip
        texts = [
            f"<b>{label(arm)}</b><br>{label(row['design'])}<br>{row['costs']}"
            for row in designs.to_dict("records")
        ]
        figure.add_scatter(
            **axis.points(x, heights), mode="markers",
            marker=style.marker(11), **hovers(texts),
        )  # fmt: skip
    set_title(figure, chart.title, chart.subtitle, theme)
    set_arm_axis(figure, axis, theme)
    values = value_axis(figure)
    settle(values, zeroline=True, zerolinecolor=colors_of(theme).ink, zerolinewidth=1.5)
    if not finite(chart.designs["mismatch"]).any():
        values.range = [-1, 1]
    note_if_empty(figure, chart.designs, theme)
    return figure


def mismatch_by_arm(findings: Findings) -> MismatchChart:
    """What `mismatches` shows."""
    rows, axis = findings.designs, arm_axis(findings)
    designs = pd.DataFrame({"arm": rows["arm"], "design": rows["design"]})
    designs["costs"] = [costs_text(row) for row in rows.to_dict("records")]
    designs["mismatch"] = 100 * finite(rows["mismatch"])
    designs = designs[designs["mismatch"].notna()]
    ratios = 1 + designs["mismatch"] / 100
    largest = float((ratios - 1).abs().max()) if len(designs) else 0.0
    designs = designs[designs["arm"].astype(str).isin(list(axis.places))]
    step, x = 0.7 * axis.step, pd.Series(0.0, index=designs.index)
    for arm, own in designs.groupby(designs["arm"].astype(str)):
        spread = np.linspace(-0.5, 0.5, len(own)) if len(own) > 1 else np.zeros(1)
        x[own.index] = axis.places[str(arm)] + step * spread
    what = findings.budget.removeprefix("the ")
    return MismatchChart(
        f"All costs are within {human_percent(largest)} of the budget"
        if largest < 1
        else f"Costs are {ratios_text(ratios.tolist())} the budget",
        f"Mismatch in %: {what} over the budget, minus one, of {len(designs):,} designs"
        + arms_left_out(axis.left_out),
        axis,
        designs.assign(x=x),
    )


def throughput(findings: Findings, *, theme: str = "light") -> go.Figure:
    """Images per second in training, by arm: every training a light mark, the mean
    a strong one. Equal FLOPs are not equal time."""
    return draw_arms(speed_by_arm(findings), findings, theme)


def speed_by_arm(findings: Findings) -> ArmChart:
    """What `throughput` shows, in images a second."""
    axis, reference = arm_axis(findings), findings.reference
    trainings: dict[str, pd.DataFrame] = {}
    points: dict[str, Points] = {}
    for arm, position in axis.places.items():
        rows = findings.by_arm[arm]
        speeds = finite(rows["images_per_second"])
        own = (rows["status"] == "complete").to_numpy() & np.isfinite(speeds)
        if own.any():
            trainings[arm] = rows[own]
            x = np.full(int(own.sum()), position - axis.shift(0.2 * axis.step))
            points[arm] = points_of(trainings[arm], x, speeds[own])
    means = {
        arm: float(finite(rows["images_per_second"]).mean()) for arm, rows in trainings.items()
    }
    marks = []
    for arm, mean in means.items():
        words = f"mean {mean:,.0f} images a second, {counted(len(trainings[arm]), 'training')}"
        hover = [words]
        if reference in means:
            hover.append(f"{mean / means[reference]:.2f}x {reference}'s")
        marks.append(Mark(arm, axis.places[arm], mean, lines=tuple(hover)))
    joined = bool(findings.cardinalities) and len(marks) > 1
    lines = [Line([mark.x for mark in marks], list(means.values()))] if joined else []
    counts = [len(rows) for rows in trainings.values()]
    most = max(counts, default=0)
    over = f"mean of {span(counts)} trainings" if most > 1 else "1 training each" if most else ""
    devices = devices_text(pd.concat(trainings.values())) if trainings else ""
    fastest = max((float(own.y.max()) for own in points.values()), default=0.0)
    return ArmChart(
        _speed_title(means, reference),
        subtitle_of(
            "Images per second in training", over, devices,
            left_out=left_out_phrase(sum(own.left_out for own in points.values()))
            + arms_left_out(axis.left_out),
        ),
        axis,
        marks,
        points,
        lines,
        range=(0.0, 1.08 * fastest) if marks else None,
        unit="images a second",
    )  # fmt: skip


def _speed_title(means: Mapping[str, float], reference: str) -> str:
    ratios = {
        arm: mean / means[reference]
        for arm, mean in means.items()
        if reference in means and arm != reference
    }
    if not ratios:
        return "Training speed"
    extreme = min(ratios, key=ratios.__getitem__)
    if ratios[extreme] >= LEVEL:
        extreme = max(ratios, key=ratios.__getitem__)
    if LEVEL <= ratios[extreme] < 2 - LEVEL:
        arms = extreme if len(ratios) == 1 else "every arm"
        speed = f"{agreeing(arms, 'trains')} about"
    else:
        arms, speed = extreme, f"{agreeing(extreme, 'trains')} {ratios[extreme]:.2f}x"
    return capital(f"{arms} {speed} as many images per second as {named(reference)}")


def network_drawing(trial: Mapping[str, Any], columns: int | None = None) -> str:
    """The network of one row of `trials` as an SVG picture: its stages, the block each repeats, and
    its costs; in rows of so many `columns`, or in one.

    Raises `UserError` where the row's design is no name of a network.
    """
    sizes = {key: int(trial[key]) for key in SIZES}
    return svg(Architecture.from_name(str(trial["design"]), **sizes), columns)
