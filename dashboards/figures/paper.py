"""The paper's numbers beside ours: grey, dashed, labelled, as differences, never joined to ours."""

from collections.abc import Sequence
from dataclasses import replace

from dashboards.analysis.evidence import Evidence
from dashboards.figures.arm_chart import ArmChart, Published
from dashboards.figures.places import ArmAxis, arm_axis
from explorer.errors import check_known
from explorer.published import TABLES
from explorer.text import signed_points

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


def axis_with_table3(evidence: Evidence, family: str | None) -> ArmAxis:
    """The axis of arms, with the cardinalities of Table 3 where its values can be laid over.

    Raises:
        UserError: For a family that Table 3 does not have.
    """
    if family is None:
        return arm_axis(evidence)
    errors = errors_by_cardinality(family)
    reference = evidence.cardinalities.get(evidence.reference)
    return arm_axis(evidence, list(errors) if reference in errors else ())


def table3_on_axis(chart: ArmChart, evidence: Evidence, family: str, base: float) -> ArmChart:
    """The chart with Table 3 laid over its axis, as `axis_with_table3` makes it.

    The values are differences from the paper's own value at our reference arm's cardinality, put
    on `base` (in the chart's unit). Nothing is laid over where the paper has no value there.

    Raises:
        UserError: For a family that Table 3 does not have.
    """
    errors = errors_by_cardinality(family)
    reference = evidence.cardinalities.get(evidence.reference)
    if reference is None or reference not in errors:
        return chart
    gaps = {c: error - errors[reference] for c, error in errors.items()}
    hovers = [
        f"paper, Table 3 ({family}'s FLOPs, ImageNet)<br>C={c}: {100 * errors[c]:.1f} %,"
        f" {signed_points(gap)} points from C={reference}"
        for c, gap in gaps.items()
    ]
    heights = [base + 100 * gap for gap in gaps.values()]
    x = [chart.axis.cardinalities[c] for c in gaps]
    published = Published(x, heights, hovers, f"paper, {family}")
    return replace(chart, published=[published], range=range_with(chart.range, heights))


def range_with(
    ends: tuple[float, float] | None, heights: Sequence[float]
) -> tuple[float, float] | None:
    """A range of heights, widened to hold these too."""
    if ends is None or not heights:
        return ends
    margin = 0.08 * (max(ends[1], *heights) - min(ends[0], *heights))
    return min(ends[0], min(heights) - margin), max(ends[1], max(heights) + margin)
