"""Published numbers beside ours: grey, dashed, labelled, as differences, never joined to ours."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from dashboards.analysis.evidence import Evidence
from dashboards.analysis.words import lower_first
from dashboards.figures.arm_chart import ArmChart, Published
from dashboards.figures.places import ArmAxis, arm_axis
from explorer.complexity import count
from explorer.errors import check_known
from explorer.published import STUDIES, TABLES, Training
from explorer.text import signed_points

NEAR = 1.25  # times the FLOPs: what costs more or less is no fair comparison
FAMILIES = {
    "ResNet-50": ("ResNet-50 ", "ResNeXt-50 "),
    "ResNet-101": ("ResNet-101 ", "ResNeXt-101 "),
}
# Table 4's rows of each arm at twice the cost of its ResNet-101.
SCALED = {
    "deeper": ("ResNet-200",),
    "wider": ("ResNet-101, wider",),
    "more paths": ("ResNeXt-101, 2x64d", "ResNeXt-101, 64x4d"),
}


TABLE4 = "table4"  # its name among the published studies


def errors_by_cardinality(family: str) -> dict[int, float]:
    """Table 3's top-1 errors (fractions) of "ResNet-50" or
    "ResNet-101" at equal FLOPs, by cardinality."""
    check_known("family of Table 3", family, FAMILIES)
    rows = [row for row in TABLES["table3"].rows if row.label.startswith(FAMILIES[family])]
    return {
        int(row.label.split()[-1].split("x")[0]): float(row.values[0] or 0) / 100 for row in rows
    }


def gaps_of_scaling() -> dict[str, list[tuple[str, float]]]:
    """Table 4: what each arm at 2x the FLOPs errs less or more than ResNet-101
    (fractions), with the network's name there."""
    errors = {row.label: float(row.values[1] or 0) / 100 for row in TABLES["table4"].rows}
    return {
        arm: [(name, errors[name] - errors["ResNet-101"]) for name in names]
        for arm, names in SCALED.items()
    }


def axis_with_published(
    evidence: Evidence, family: str | None, published: str | None = None
) -> ArmAxis:
    """The axis of arms, with the cardinalities of Table 3, and of a published study, where values
    can be laid over.

    Raises:
        UserError: For a family that Table 3 does not have, or an unknown study.
    """
    reference = evidence.cardinalities.get(evidence.reference)
    table3 = errors_by_cardinality(family) if family is not None else {}
    beside = dict.fromkeys(table3 if reference in table3 else (), "paper")
    if published is not None:
        beside = dict.fromkeys(published_by_cardinality(evidence, published), "") | beside
    return arm_axis(evidence, beside)


def table3_on_axis(chart: ArmChart, evidence: Evidence, family: str, base: float) -> ArmChart:
    """The chart with Table 3 laid over its axis, as `axis_with_published` makes it.

    The values are differences from the paper's own value at our reference arm's cardinality, put
    on `base` (in the chart's unit). Nothing is laid over where the paper has no value there.

    Raises:
        UserError: For a family that Table 3 does not have.
    """
    errors = errors_by_cardinality(family)
    where = f"paper, Table 3 ({family}'s FLOPs, ImageNet)"
    hovers = {c: f"{where}<br>C={c}: {100 * error:.1f} %" for c, error in errors.items()}
    return _on_axis(chart, evidence, errors, hovers, f"paper, {family}", base)


def published_on_axis(chart: ArmChart, evidence: Evidence, name: str, base: float) -> ArmChart:
    """The chart with a published study laid over its log2 axis of cardinality, as for Table 3."""
    trainings = published_by_cardinality(evidence, name)
    published = STUDIES[name]
    errors = {c: training.error for c, training in trainings.items()}
    hovers = {
        c: f"{training.label} on {published.data}: {100 * training.error:.2f} %"
        f"<br>{published.table.source}"
        for c, training in trainings.items()
    }
    laid = _on_axis(chart, evidence, errors, hovers, name, base)
    if laid is chart:
        return chart
    words = f"; dashed: {name}, {published.data}, as published by {published.table.source}"
    return replace(laid, subtitle=f"{laid.subtitle}{words} ({lower_first(published.each)})")


def is_scaling(evidence: Evidence) -> bool:
    """Whether a study compares ways to spend more, as the paper's Table 4 does."""
    return len(set(SCALED) & set(evidence.arms)) > 1


def can_lay_over(evidence: Evidence, name: str) -> bool:
    """Whether a published study can be laid over this one's figures. Raises `UserError` for an
    unknown name."""
    has_table4 = name == TABLE4 and is_scaling(evidence)
    return has_table4 or bool(published_by_cardinality(evidence, name))


def published_by_cardinality(evidence: Evidence, name: str) -> dict[int, Training]:
    """What a published study has to lay over the arms of a study, by cardinality.

    At our reference arm's cardinality it is the network whose FLOPs are the nearest to ours, and at
    each other one the nearest to that; those that cost a quarter more or less are left out, since
    the figure compares at equal costs.

    Returns:
        Nothing where the study is not of cardinality, or the published one has no two such
        networks, of which one has our reference arm's.

    Raises:
        UserError: For an unknown name.
    """
    check_known("published result", name, STUDIES)
    reference = evidence.cardinalities.get(evidence.reference)
    by_c: dict[int, list[Training]] = {}
    for training in STUDIES[name].trainings:
        by_c.setdefault(training.network.template.cardinality, []).append(training)
    if reference not in by_c:
        return {}
    ours = float(evidence.by_arm[evidence.reference]["flops"].iloc[0])
    flops = _flops(_nearest(by_c[reference], ours))
    nearest = {c: _nearest(trainings, flops) for c, trainings in sorted(by_c.items())}
    close = {
        c: training
        for c, training in nearest.items()
        if abs(math.log(_flops(training) / flops)) <= math.log(NEAR)
    }
    return close if len(close) > 1 else {}


def _nearest(trainings: Sequence[Training], flops: float) -> Training:
    return min(trainings, key=lambda training: abs(math.log(_flops(training) / flops)))


def _flops(training: Training) -> int:
    return count(training.network).flops


def _on_axis(
    chart: ArmChart,
    evidence: Evidence,
    errors: Mapping[int, float],
    hovers: Mapping[int, str],
    name: str,
    base: float,
) -> ArmChart:
    """The chart with errors by cardinality laid over it, as differences from that at our reference
    arm's; the chart itself where there is none."""
    reference = evidence.cardinalities.get(evidence.reference)
    if reference is None or reference not in errors:
        return chart
    gaps = {c: error - errors[reference] for c, error in errors.items()}
    lines = [
        f"{hovers[c]}, {signed_points(gap)} points from C={reference}" for c, gap in gaps.items()
    ]
    heights = [base + 100 * gap for gap in gaps.values()]
    # What is laid over next stands beside the one before.
    aside = chart.axis.shift(0.14 * chart.axis.step * len(chart.published))
    x = [chart.axis.cardinalities[c] + aside for c in gaps]
    published = [*chart.published, Published(x, heights, lines, name)]
    return replace(chart, published=published, range=range_with(chart.range, heights))


def range_with(
    ends: tuple[float, float] | None, heights: Sequence[float]
) -> tuple[float, float] | None:
    """A range of heights, widened to hold these too."""
    if ends is None or not heights:
        return ends
    margin = 0.08 * (max(ends[1], *heights) - min(ends[0], *heights))
    return min(ends[0], min(heights) - margin), max(ends[1], max(heights) + margin)
