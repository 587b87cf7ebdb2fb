"""More computation, but where: deeper, wider or more paths at k times
the budget, the shape of the paper's Table 4."""

import numpy as np
import plotly.graph_objects as go

from dashboards.analysis.comparison import cost_ratio
from dashboards.analysis.evidence import WAYS
from dashboards.analysis.findings import Findings
from dashboards.analysis.words import network_label
from dashboards.figures.arm_chart import ArmChart, Line, Published, draw_arms
from dashboards.figures.common import (
    Points,
    costs_text,
    error_range,
    errors_in_percent,
    left_out_phrase,
    means_and_trials,
    points_of,
    subtitle_of,
)
from dashboards.figures.comparison import mean_mark
from dashboards.figures.paper import gaps_of_scaling, range_with
from dashboards.figures.places import ArmAxis, Tick
from explorer.text import signed_points


def deeper_wider_more_paths(
    findings: Findings, *, paper: bool = False, theme: str = "light"
) -> go.Figure:
    """Test error of the reference and of each way to spend k times
    its cost: trials, means, 95 % t intervals.

    The title is the verdict's, which compares more paths with the other ways. `paper` adds Table 4
    as differences from its ResNet-101.
    """
    return draw_arms(errors_by_way(findings, paper=paper), findings, theme)


def errors_by_way(findings: Findings, *, paper: bool = False) -> ArmChart:
    """What `deeper_wider_more_paths` shows, in % of test error."""
    reference, summary = findings.reference, findings.summary
    others = [arm for arm in findings.arms if arm != reference]
    arms = [
        reference,
        *(arm for arm in WAYS if arm in others),
        *(arm for arm in others if arm not in WAYS),
    ]
    ticks = {float(position): _tick(findings, arm) for position, arm in enumerate(arms)}
    axis = ArmAxis(dict(zip(arms, ticks, strict=True)), ticks).fitted()
    places = axis.places
    drawn = {arm: _trials_of(findings, arm, axis) for arm in findings.measured}
    marks = []
    for arm in arms:
        if arm in drawn:
            ratio = _ratio(findings, arm)
            name = f"{arm}, {ratio} {findings.budget}" if ratio else arm
            design = findings.by_arm[arm].iloc[0].to_dict()
            more = str(design["design"]), costs_text(design)
            marks.append(mean_mark(arm, places[arm], summary.loc[arm], name, *more))
    lines, published = [], list[Published]()
    if reference in drawn:
        base = 100 * float(summary.loc[reference, "mean"])
        lines.append(Line((), [base], crosses=True))
        published = _table4(axis, base) if paper else []
    heights = [height for values in published for height in values.y]
    left_out = left_out_phrase(sum(own.left_out for own in drawn.values()))
    return ArmChart(
        findings.verdict.title,
        subtitle_of(
            f"Test error in %: {means_and_trials(summary)}", "dotted: the reference",
            findings.context, left_out=left_out,
        ),
        axis,
        marks,
        drawn,
        lines,
        published,
        range_with(error_range(findings) if drawn else None, heights),
    )  # fmt: skip


def _trials_of(findings: Findings, arm: str, axis: ArmAxis) -> Points:
    """Single trials stand left of the mean, each seed in its own place."""
    rows, seeds = findings.complete[arm], list(findings.errors.columns)
    offsets = np.array([0.16 * seeds.index(seed) for seed in rows["seed"]])
    x = axis.places[arm] - axis.shift(0.36 - offsets / max(1, len(seeds) - 1))
    return points_of(rows, x, errors_in_percent(rows))


def _table4(axis: ArmAxis, base: float) -> list[Published]:
    """Table 4's networks beside our arms, put on our reference arm's error `base` (in %)."""
    published: list[Published] = []
    for arm, gaps in gaps_of_scaling().items():
        if arm in axis.places:
            hovers = [
                "paper, Table 4 (from ResNet-101, 2x the FLOPs)<br>"
                f"{name}: {signed_points(gap)} points"
                for name, gap in gaps
            ]
            heights = [base + 100 * gap for _, gap in gaps]
            x = [axis.places[arm] + axis.shift(0.26)] * len(gaps)
            published.append(Published(x, heights, hovers, joined=False, labelled=not published))
    return published


def _ratio(findings: Findings, arm: str) -> str:
    ratio = cost_ratio(findings.costs, arm, findings.reference)
    return f"{ratio:.2f}x" if ratio else ""


def _tick(findings: Findings, arm: str) -> Tick:
    designs = findings.designs[findings.designs["arm"].astype(str) == arm]
    if len(designs) != 1:
        return Tick(tuple(arm.split()), (f"{len(designs)} designs",))
    row = designs.iloc[0]
    network = network_label(row, findings.own_quantities), str(row["depths"])
    return Tick(tuple(arm.split()), (*network, _ratio(findings, arm)))
