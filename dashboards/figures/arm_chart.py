"""Arms side by side: what such a figure shows, as numbers and plain text, and how it is drawn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import plotly.graph_objects as go

from dashboards.analysis.evidence import Evidence
from dashboards.figures.common import Points, add_points
from dashboards.figures.places import SMALL_SIZE, ArmAxis, Tick
from dashboards.figures.theme import (
    Style,
    arm_styles,
    blank_figure,
    colors_of,
    hovers,
    label,
    marker_of,
    note_if_empty,
    set_title,
    settle,
)

SMALL = f"<span style='font-size:{SMALL_SIZE}px'>{{}}</span>"


IN_ROWS = "arms in rows"  # what the layout's `meta` says of such a figure
MOST_SQUEEZED = 5  # times as wide as a figure's own scale one of several figures may be


@dataclass(frozen=True)
class Mark:
    """A strong mark of an arm, with a thin interval where there is one; `lines` are
    what it says on hover below its name. Open where not `filled`."""

    arm: str
    x: float
    y: float
    low: float | None = None
    high: float | None = None
    lines: tuple[str, ...] = ()
    name: str = ""  # in the hover, where that is more than the arm's
    filled: bool = True


@dataclass(frozen=True)
class Line:
    """A quiet line behind the marks; one that `crosses` stands at its first y over all x."""

    x: Sequence[float]
    y: Sequence[float]
    name: str = ""
    dotted: bool = False
    crosses: bool = False


@dataclass(frozen=True)
class Published:
    """Values of the paper, grey and named; a dashed line where their order means something."""

    x: list[float]
    y: list[float]
    hovers: list[str]
    name: str = "paper"
    joined: bool = True
    labelled: bool = True


@dataclass(frozen=True)
class ArmChart:
    """What a figure of arms shows. Heights are in `unit`: "%" or "points" of test error, or
    "images a second"."""

    title: str
    subtitle: str
    axis: ArmAxis
    marks: list[Mark]
    points: dict[str, Points] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    published: list[Published] = field(default_factory=list)
    range: tuple[float, float] | None = None
    heights: list[float] = field(default_factory=list)  # of the ticks, where given
    unit: str = "%"


def draw_arms(chart: ArmChart, evidence: Evidence, theme: str) -> go.Figure:
    """Draw what `chart` says, each arm in its colour and mark."""
    figure, styles, axis = blank_figure(theme), arm_styles(evidence, theme), chart.axis
    for line in chart.lines:
        _add_line(figure, line, axis, theme)
    add_points(figure, chart.points, styles, theme, unit=chart.unit, in_rows=axis.in_rows)
    _add_marks(figure, chart.marks, styles, axis, theme)
    for published in chart.published:
        _add_published(figure, published, axis, theme)
    set_title(figure, chart.title, chart.subtitle, theme)
    set_arm_axis(figure, axis, theme)
    values = value_axis(figure)
    if chart.unit == "points" and chart.marks:
        settle(values, zeroline=True, zerolinecolor=colors_of(theme).ink, zerolinewidth=1.5)
    if chart.range:
        values.range = list(chart.range)
    if chart.heights:
        settle(values, tickmode="array", tickvals=chart.heights)
    note_if_empty(figure, chart.marks, theme)
    return figure


def value_axis(figure: go.Figure) -> Any:
    """The axis of a figure of arms on which its values stand: x where arms stand in rows."""
    return figure.layout.xaxis if figure.layout.meta == IN_ROWS else figure.layout.yaxis


def share_scale(figures: Sequence[go.Figure]) -> None:
    """Give figures of arms one scale, so that values can be compared from figure to figure.

    Where that would squeeze the values of one of them too much to be told apart, each keeps its
    own, and its subtitle says so.
    """
    axes = [axis for axis in map(value_axis, figures) if axis.range]
    if not axes:
        return
    low, high = min(axis.range[0] for axis in axes), max(axis.range[1] for axis in axes)
    if high - low > MOST_SQUEEZED * min(axis.range[1] - axis.range[0] for axis in axes):
        for figure in (figure for figure in figures if value_axis(figure).range):
            figure.layout.title.subtitle.text += ", on a scale of its own"
        return
    for axis in axes:
        axis.range = [low, high]


def set_arm_axis(figure: go.Figure, axis: ArmAxis, theme: str) -> None:
    """Ticks as `axis` says; neither axis can be zoomed."""
    figure.layout.xaxis.fixedrange = figure.layout.yaxis.fixedrange = True
    own = figure.layout.yaxis if axis.in_rows else figure.layout.xaxis
    settle(
        own,
        tickmode="array",
        tickvals=list(axis.ticks),
        ticktext=[_tick_text(tick) for tick in axis.ticks.values()],
        tickangle=0,
        ticklabeloverflow="allow",
        range=list(axis.ends),
        title={"text": axis.title, "standoff": 10},
    )
    if axis.in_rows:
        colors = colors_of(theme)
        settle(own, showgrid=False, tickfont={"color": colors.ink}, ticklabelstandoff=6)
        # Beside long names a phone has room for few numbers.
        values = figure.layout.xaxis
        settle(values, showgrid=True, gridcolor=colors.grid, gridwidth=1, nticks=4)
        figure.layout.meta = IN_ROWS
        figure.layout.margin.b = 40
        margin = figure.layout.margin
        figure.layout.height = max(figure.layout.height, axis.height + margin.t + margin.b)


def _tick_text(tick: Tick) -> str:
    words = "<br>".join(map(label, tick.words))
    below = "<br>".join(label(line) for line in tick.below if line)
    return f"{words}<br>{SMALL.format(below)}" if below else words


def _add_line(figure: go.Figure, line: Line, axis: ArmAxis, theme: str) -> None:
    quiet = colors_of(theme).quiet
    if line.crosses:
        add = figure.add_vline if axis.in_rows else figure.add_hline
        dots = {"color": quiet, "width": 1, "dash": "dot"}
        add(line.y[0], line=dots, layer="below")
        return
    figure.add_scatter(
        **axis.points(list(line.x), list(line.y)),
        mode="lines",
        line={"color": quiet, "width": 1.5, "dash": "dot"}
        if line.dotted
        else {"color": quiet, "width": 1},
        hoverinfo="skip",
        name=line.name or None,
    )


def _add_marks(
    figure: go.Figure,
    marks: Sequence[Mark],
    styles: Mapping[str, Style],
    axis: ArmAxis,
    theme: str,
) -> None:
    """The strong marks as one trace, and their intervals as one a colour."""
    intervals: dict[str, list[tuple[float | None, float | None]]] = {}
    for mark in marks:
        if mark.low is not None and mark.high is not None and mark.high > mark.low:
            ends = [(mark.x, mark.low), (mark.x, mark.high), (None, None)]
            intervals.setdefault(styles[mark.arm].color, []).extend(ends)
    for color, ends in intervals.items():
        x, y = (list(values) for values in zip(*ends, strict=True))
        figure.add_scatter(
            **axis.points(x, y), mode="lines", line={"color": color, "width": 1.75},
            hoverinfo="skip",
        )  # fmt: skip
    if not marks:
        return
    ground, own = colors_of(theme).ground, [styles[mark.arm] for mark in marks]
    colors = [(style.color, mark.filled) for style, mark in zip(own, marks, strict=True)]
    marker = marker_of(
        own,
        13,
        color=[color if filled else ground for color, filled in colors],
        line={
            "color": [ground if filled else color for color, filled in colors],
            "width": [1.5 if filled else 2.25 for _, filled in colors],
        },
    )
    lines = [[f"<b>{label(mark.name or mark.arm)}</b>", *map(label, mark.lines)] for mark in marks]
    figure.add_scatter(
        **axis.points([mark.x for mark in marks], [mark.y for mark in marks]),
        mode="markers",
        marker=marker,
        **hovers(map("<br>".join, lines)),
    )


def _add_published(figure: go.Figure, published: Published, axis: ArmAxis, theme: str) -> None:
    """Open grey diamonds, with their name at the last."""
    colors, joined = colors_of(theme), published.joined
    figure.add_scatter(
        **axis.points(published.x, published.y),
        mode="lines+markers" if joined else "markers",
        line={"color": colors.quiet, "width": 1.25, "dash": "4px,4px"},
        marker={
            "color": colors.ground,
            "symbol": "diamond",
            "size": 8,
            "line": {"color": colors.quiet, "width": 1.5},
        },
        name=published.name,
        **hovers(published.hovers),
    )
    if published.labelled:
        figure.add_annotation(
            **axis.points(published.x[-1], published.y[-1]), text=published.name, showarrow=False,
            font={"color": colors.quiet, "size": 12}, **_beside(published, axis),
        )  # fmt: skip


def _beside(published: Published, axis: ArmAxis) -> dict[str, Any]:
    """Where the name stands at the last value: in rows towards the middle of the figure."""
    if axis.in_rows:
        is_right = published.y[-1] > sum(published.y) / len(published.y)
        return {"xanchor": "right", "xshift": -8} if is_right else {"xanchor": "left", "xshift": 8}
    if published.joined:
        # On the side of the last value that its line does not come from.
        is_rising = len(published.y) > 1 and published.y[-1] > published.y[-2]
        side = {"yanchor": "bottom", "yshift": 6} if is_rising else {"yanchor": "top", "yshift": -6}
        return {"xanchor": "right", "xshift": 8, **side}
    return {"xanchor": "center", "yanchor": "bottom", "yshift": 5}
