"""Arms side by side: what such a figure shows, as numbers and plain text, and how it is drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import plotly.graph_objects as go

from dashboards.analysis.evidence import Evidence
from dashboards.analysis.words import template_label
from dashboards.figures.common import Points, add_points, arm_places, smallest_step
from dashboards.figures.theme import (
    THEMES,
    Style,
    arm_styles,
    blank_figure,
    hovers,
    label,
    note_if_empty,
    set_title,
)

SMALL = "<span style='font-size:11px'>{}</span>"


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
class Tick:
    """A tick's text, its words on lines of their own, and what stands below it in small type."""

    words: tuple[str, ...]
    below: tuple[str, ...] = ()


@dataclass(frozen=True)
class ArmAxis:
    """Where ticks stand, what they say, and from where to where the axis goes."""

    ticks: dict[float, Tick]
    ends: tuple[float, float]
    title: str = ""


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


def arm_axis(evidence: Evidence) -> ArmAxis:
    """Ticks at the arms: the cardinality (or the arm's name), and under it the template."""
    places, designs = arm_places(evidence), evidence.designs
    columns = designs[["arm", "cardinality", "bottleneck_width", "width"]]
    templates: dict[str, list[str]] = {arm: [] for arm in places}
    for arm, *template in columns.itertuples(index=False):
        templates[str(arm)].append(template_label(*template))
    ticks = {}
    for arm, labels in templates.items():
        below = labels[0] if len(set(labels)) == 1 else f"{len(labels)} designs"
        cardinality = evidence.cardinalities.get(arm)
        words = (str(cardinality),) if cardinality else tuple(arm.split())
        ticks[places[arm]] = Tick(words, (below,))
    step = smallest_step(places)
    first, last = (min(places.values()), max(places.values())) if places else (0.0, 1.0)
    title = "Cardinality C (log2); template below" if evidence.cardinalities else ""
    return ArmAxis(ticks, (first - 0.6 * step, last + 0.6 * step), title)


def draw_arms(chart: ArmChart, evidence: Evidence, theme: str) -> go.Figure:
    """Draw what `chart` says, each arm in its colour and mark."""
    figure, colors, styles = blank_figure(theme), THEMES[theme], arm_styles(evidence, theme)
    for line in chart.lines:
        _add_line(figure, line, theme)
    for mark in chart.marks:
        if mark.arm in chart.points:
            add_points(figure, chart.points[mark.arm], styles[mark.arm], theme, unit=chart.unit)
        _add_mark(figure, mark, styles[mark.arm], theme)
    for published in chart.published:
        _add_published(figure, published, theme)
    set_title(figure, chart.title, chart.subtitle, theme)
    set_arm_axis(figure, chart.axis)
    if chart.unit == "points" and chart.marks:
        figure.update_yaxes(zeroline=True, zerolinecolor=colors.ink, zerolinewidth=1.5)
    if chart.range:
        figure.update_yaxes(range=list(chart.range))
    if chart.heights:
        figure.update_yaxes(tickmode="array", tickvals=chart.heights)
    note_if_empty(figure, chart.marks, theme)
    return figure


def set_arm_axis(figure: go.Figure, axis: ArmAxis) -> None:
    """Ticks as `axis` says; neither axis can be zoomed."""
    figure.update_xaxes(
        tickmode="array",
        tickvals=list(axis.ticks),
        ticktext=[_tick_text(tick) for tick in axis.ticks.values()],
        tickangle=0,
        ticklabeloverflow="allow",
        range=list(axis.ends),
        title={"text": axis.title, "standoff": 10},
        fixedrange=True,
    )
    figure.update_yaxes(fixedrange=True)


def _tick_text(tick: Tick) -> str:
    words = "<br>".join(label(word, 14) for word in tick.words)
    below = "<br>".join(label(line, 14) for line in tick.below if line)
    return f"{words}<br>{SMALL.format(below)}"


def _add_line(figure: go.Figure, line: Line, theme: str) -> None:
    quiet = THEMES[theme].quiet
    if line.crosses:
        dots = {"color": quiet, "width": 1, "dash": "dot"}
        figure.add_hline(y=line.y[0], line=dots, layer="below")
        return
    style = {"color": quiet, "width": 1.5, "dash": "dot"} if line.dotted else {
        "color": quiet, "width": 1
    }  # fmt: skip
    figure.add_scatter(
        x=list(line.x), y=list(line.y), mode="lines", line=style, hoverinfo="skip",
        name=line.name or None,
    )  # fmt: skip


def _add_mark(figure: go.Figure, mark: Mark, style: Style, theme: str) -> None:
    ground = THEMES[theme].ground
    if mark.low is not None and mark.high is not None and mark.high > mark.low:
        figure.add_scatter(
            x=[mark.x, mark.x],
            y=[mark.low, mark.high],
            mode="lines",
            line={"color": style.color, "width": 1.75},
            hoverinfo="skip",
        )
    fill, edge = (style.color, ground) if mark.filled else (ground, style.color)
    lines = [f"<b>{label(mark.name or mark.arm)}</b>", *(label(line, 200) for line in mark.lines)]
    figure.add_scatter(
        x=[mark.x],
        y=[mark.y],
        mode="markers",
        marker=style.marker(
            13, color=fill, line={"color": edge, "width": 1.5 if mark.filled else 2.25}
        ),
        **hovers(["<br>".join(lines)]),
    )


def _add_published(figure: go.Figure, published: Published, theme: str) -> None:
    """Open grey diamonds, with their name at the last."""
    colors, joined = THEMES[theme], published.joined
    figure.add_scatter(
        x=published.x,
        y=published.y,
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
            x=published.x[-1], y=published.y[-1], text=published.name, showarrow=False,
            font={"color": colors.quiet, "size": 12},
            xanchor="right" if joined else "center", yanchor="top" if joined else "bottom",
            xshift=8 if joined else 0, yshift=-6 if joined else 5,
        )  # fmt: skip
