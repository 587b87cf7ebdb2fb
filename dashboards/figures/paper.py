"""The paper's numbers beside ours: grey, dashed, labelled, as differences, never joined to ours."""

from collections.abc import Sequence

import plotly.graph_objects as go

from dashboards.analysis.verdict import signed_points
from dashboards.figures.theme import THEMES
from explorer.errors import unknown
from explorer.published import TABLES

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
    if family not in FAMILIES:
        raise unknown("family of Table 3", family, FAMILIES)
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


def add_paper(
    figure: go.Figure,
    xs: Sequence[float],
    ys: Sequence[float],
    hovers: Sequence[str],
    theme: str,
    *,
    name: str = "paper",
    joined: bool = True,
    labelled: bool = True,
) -> None:
    """Published values as open grey diamonds, with their name at the last; a
    dashed line where their order means something."""
    colors = THEMES[theme]
    figure.add_scatter(
        x=list(xs),
        y=list(ys),
        mode="lines+markers" if joined else "markers",
        line={"color": colors.quiet, "width": 1.25, "dash": "4px,4px"},
        marker={
            "color": colors.ground,
            "symbol": "diamond",
            "size": 8,
            "line": {"color": colors.quiet, "width": 1.5},
        },
        name=name,
        customdata=[[text] for text in hovers],
        hovertemplate="%{customdata[0]}<extra></extra>",
    )
    if xs and labelled:
        figure.add_annotation(
            x=xs[-1], y=ys[-1], text=name, font={"color": colors.quiet, "size": 12}, showarrow=False,
            xanchor="right" if joined else "center", yanchor="top" if joined else "bottom", xshift=8 if joined else 0,
            yshift=-6 if joined else 5,
        )  # fmt: skip


def add_table3(
    figure: go.Figure, family: str, reference: int, base: float, theme: str
) -> list[float]:
    """Table 3 on a log2 axis of cardinality, as differences from the paper's own value at our
    `reference` cardinality, put on `base` (in %). Returns the heights drawn: none where the paper
    has no value at that cardinality."""
    errors = errors_by_cardinality(family)
    if reference not in errors:
        return []
    gaps = {c: error - errors[reference] for c, error in errors.items()}
    hovers = [
        f"paper, Table 3 ({family}'s FLOPs, ImageNet)<br>C={c}: {100 * errors[c]:.1f} %,"
        f" {signed_points(gap)} points from C={reference}"
        for c, gap in gaps.items()
    ]
    heights = [base + 100 * gap for gap in gaps.values()]
    places = [float(c.bit_length() - 1) for c in gaps]
    add_paper(figure, places, heights, hovers, theme, name=f"paper, {family}")
    shown = list(figure.layout.xaxis.tickvals or ())
    further = [(place, c) for place, c in zip(places, gaps, strict=True) if place not in shown]
    low, high = figure.layout.xaxis.range
    figure.update_xaxes(
        tickvals=[*shown, *(place for place, _ in further)],
        ticktext=[
            *(figure.layout.xaxis.ticktext or ()),
            *(f"{c}<br><span style='font-size:11px'>paper</span>" for _, c in further),
        ],
        range=[min(low, min(places) - 0.6), max(high, max(places) + 0.6)],
    )
    return heights
