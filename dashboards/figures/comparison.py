"""Which arm has the lower error: error by arm, and each arm's
difference from the reference with its interval."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from dashboards.analysis.arms import FEWEST_SEEDS
from dashboards.analysis.comparison import Difference
from dashboards.analysis.findings import Findings
from dashboards.analysis.words import (
    agreeing,
    bare_points,
    capital,
    confidence_text,
    fine_points,
    named,
    seeds_phrase,
    signed_interval,
)
from dashboards.figures.arm_chart import ArmChart, Line, Mark, draw_arms
from dashboards.figures.common import (
    Points,
    arms_left_out,
    error_range,
    errors_in_percent,
    left_out_phrase,
    means_and_trials,
    points_of,
    subtitle_of,
)
from dashboards.figures.paper import axis_with_published, published_on_axis, table3_on_axis
from dashboards.figures.places import ArmAxis
from explorer.text import listed, signed_points

MOST_NAMED = 4  # arms in a title


def error_against_cardinality(
    findings: Findings,
    *,
    paper: str | None = None,
    published: str | None = None,
    theme: str = "light",
) -> go.Figure:
    """Test error of each arm: every trial a light point, the mean over seeds a
    strong mark, its 95 % t interval a thin bar.

    Arms without a cardinality of their own stand side by side.

    Args:
        findings: Of a study, or of a choice of its trainings.
        paper: "ResNet-50" or "ResNet-101" lays Table 3 over arms of cardinality, as differences
            from our reference arm's mean.
        published: A name of `explorer.published.STUDIES` lays what others got over them, likewise.
        theme: "light" or "dark".
    """
    return draw_arms(errors_by_arm(findings, paper, published), findings, theme)


def errors_by_arm(
    findings: Findings, paper: str | None = None, published: str | None = None
) -> ArmChart:
    """What `error_against_cardinality` shows, in % of test error."""
    summary, axis = findings.summary, axis_with_published(findings, paper, published)
    measured = [arm for arm in findings.measured if arm in axis.places]
    points = {arm: _trials_of(findings, arm, axis) for arm in measured}
    marks = [mean_mark(arm, axis.places[arm], summary.loc[arm]) for arm in measured]
    lines, trend, dotted = [], findings.comparison.trend, ""
    if (findings.cardinalities or axis.title) and len(measured) > 1:
        lines.append(Line([mark.x for mark in marks], [mark.y for mark in marks]))
    if trend is not None:
        # The trend's straight line through the middle of the arms' means.
        log2_c = np.log2([findings.cardinalities[mark.arm] for mark in marks])
        middle = float(np.mean([mark.y for mark in marks]))
        heights = (middle + 100 * trend.slope * (log2_c - log2_c.mean())).tolist()
        lines.append(Line([mark.x for mark in marks], heights, "trend", dotted=True))
        dotted = "dotted: the trend on log2 C"
    chart = ArmChart(
        findings.verdict.title,
        subtitle_of(
            f"Test error in %: {means_and_trials(summary)}", dotted, findings.context,
            left_out=left_out_phrase(sum(own.left_out for own in points.values()))
            + arms_left_out(axis.left_out),
        ),
        axis,
        marks,
        points,
        lines,
        range=error_range(findings) if measured else None,
    )  # fmt: skip
    if findings.reference not in measured:
        return chart
    base = 100 * summary["mean"][findings.reference]
    return _with_room_below(_with_published(chart, findings, paper, published, base))


def _with_published(
    chart: ArmChart, findings: Findings, paper: str | None, published: str | None, base: float
) -> ArmChart:
    """The chart with what is to be laid over it, as differences from `base` (in its unit)."""
    if paper is not None:
        chart = table3_on_axis(chart, findings, paper, base)
    if published is not None:
        chart = published_on_axis(chart, findings, published, base)
    return chart


def _trials_of(findings: Findings, arm: str, axis: ArmAxis) -> Points:
    """Single trials stand left of the mean (above it, in rows), each seed in its own place, so
    that a seed can be followed from arm to arm."""
    rows, centre = findings.complete[arm], axis.places[arm]
    seeds = findings.errors.columns
    offsets = 0.2 * seeds.get_indexer(rows["seed"]) / max(1, len(seeds) - 1)
    x = centre - axis.shift(axis.step * (0.34 - offsets))
    return points_of(rows, x, errors_in_percent(rows))


def mean_mark(arm: str, x: float, row: pd.Series, name: str = "", *lines: str) -> Mark:
    """The mean of an arm with its t interval, both in %, from its row of `Evidence.summary`.
    `lines` are further ones of its hover."""
    mean, low, high = (100 * float(row[key]) for key in ("mean", "low", "high"))
    hover = f"mean test error {mean:.2f} %, {seeds_phrase(int(row['n']))}"
    if pd.isna(row["low"]):
        why = "too few seeds for an interval" if row["n"] < FEWEST_SEEDS else "no interval"
        return Mark(arm, x, mean, lines=(hover, why, *lines), name=name)
    low, high = max(0.0, low), min(100.0, high)
    ends = f"95 % interval {low:.2f} to {high:.2f} %"
    return Mark(arm, x, mean, low, high, (hover, ends, *lines), name)


def _with_room_below(chart: ArmChart) -> ArmChart:
    """Published differences may reach below zero; our errors do not, and have no ticks there."""
    if not chart.published or chart.range is None or chart.range[0] >= -0.1 * chart.range[1]:
        return chart
    high = chart.range[1]
    step = 10 ** np.floor(np.log10(high)) / 2
    return replace(chart, heights=np.arange(0, high + step / 2, step).tolist())


def differences_from_reference(
    findings: Findings,
    *,
    paper: str | None = None,
    published: str | None = None,
    theme: str = "light",
) -> go.Figure:
    """Each arm's error minus the reference arm's, with the
    simultaneous intervals that the verdict comes from.

    A filled mark is a difference that is shown (its interval excludes zero), an open one is not.
    The other arguments are as for `error_against_cardinality`.
    """
    return draw_arms(gaps_by_arm(findings, paper, published), findings, theme)


def gaps_by_arm(
    findings: Findings, paper: str | None = None, published: str | None = None
) -> ArmChart:
    """What `differences_from_reference` shows, in points of test error."""
    comparison, reference = findings.comparison, findings.reference
    axis = axis_with_published(findings, paper, published)
    places, sure = axis.places, confidence_text(comparison.confidence)
    gaps = [gap for gap in comparison.differences if gap.arm in places]
    marks = [Mark(reference, places[reference], 0.0, lines=("the reference arm",))] if gaps else []
    for gap in gaps:
        hover = [f"{signed_points(gap.estimate)} points, {findings.shared_seeds(gap)}"]
        low, high = gap.low, gap.high
        if low is not None and high is not None:
            together = "over all looks" if findings.until else "simultaneous"
            hover.append(f"{sure} interval {signed_interval(low, high)}, {together}")
            low, high = max(-100.0, 100 * low), min(100.0, 100 * high)
        marks.append(
            Mark(
                gap.arm, places[gap.arm], 100 * gap.estimate, low, high, tuple(hover),
                f"{gap.arm} − {reference}", gap.shown,
            )
        )  # fmt: skip
    seeds = findings.shared_seeds(*gaps) if gaps else ""
    subtitle = subtitle_of(f"Points of test error minus {named(reference)}'s", seeds)
    if findings.until.get("margin") is not None:
        subtitle += f", each arm at its last look, {sure} intervals over all looks; filled where"
        subtitle += " better or worse"
    elif not comparison.problem:
        subtitle += f", simultaneous {sure} intervals; filled where zero is excluded"
    edges = (-comparison.margin, comparison.margin) if comparison.margin else ()
    lines = [Line((), [100 * edge], "margin", dotted=True, crosses=True) for edge in edges]
    if lines:
        subtitle += f"; dotted: the margin of {bare_points(comparison.margin or 0.0)}"
    title, subtitle = _title_of_gaps(findings), subtitle + arms_left_out(axis.left_out)
    chart = ArmChart(title, subtitle, axis, marks, lines=lines, unit="points")
    return _with_published(chart, findings, paper, published, 0.0) if gaps else chart


def _title_of_gaps(findings: Findings) -> str:
    comparison, reference = findings.comparison, named(findings.reference)
    gaps = comparison.differences
    if findings.until:
        return findings.verdict.title
    if comparison.problem and findings.whole.is_unfinished:
        return f"Gaps so far: the verdict comes with {findings.last_seed}"
    if comparison.problem:
        return "Gaps without intervals"
    if findings.unlearned and not findings.shown:
        return findings.verdict.title
    if all(gap.verdict == "equal" for gap in gaps):
        return f"Every arm is equal to {reference} within {bare_points(comparison.margin or 0.0)}"
    if shown := [gap for gap in gaps if gap.shown]:
        if len(shown) > MOST_NAMED:
            return f"{len(shown)} of {len(gaps)} arms differ from {reference}: {_directions(shown)}"
        return capital(f"{_sizes(shown)} test error than {reference}")
    return "Every difference's interval includes zero"


def _sizes(shown: Sequence[Difference]) -> str:
    """'C=8 has 1.02 points less', 'C=4 has 0.50 and C=8 1.02 points less, C=2 has 0.40 points
    more'."""
    parts = []
    for verdict, word in (("better", "less"), ("worse", "more")):
        sizes = [
            f"{gap.arm}{'' if number else ' ' + agreeing(gap.arm, 'has')}"
            f" {fine_points(gap.estimate)}"
            for number, gap in enumerate(gap for gap in shown if gap.verdict == verdict)
        ]
        if sizes:
            parts.append(f"{listed(sizes)} points {word}")
    return ", ".join(parts)


def _directions(shown: Sequence[Difference]) -> str:
    """'7 have less test error, 2 have more'."""
    less = sum(gap.verdict == "better" for gap in shown)
    parts = [
        f"{count} {'has' if count == 1 else 'have'} {word}"
        for count, word in ((less, "less test error"), (len(shown) - less, "more test error"))
        if count
    ]
    return ", ".join(parts)
