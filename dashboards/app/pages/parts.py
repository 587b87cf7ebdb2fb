"""What only live pages have: figures that keep their zoom, progress, controls, and
what of a page stands still."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dashboards.figures.theme import SIDES, least_width, own_height, texts_of
from dashboards.page.elements import Element, element, joined
from explorer.errors import UserError
from studies.attempts.standing import Counts

CONFIG: Any = {"displayModeBar": False, "responsive": True, "doubleClick": "autosize"}
# A figure for the browser, its title and its subtitle as plain text, and the style of its plot.
LiveFigure = tuple[dict[str, Any], str, str, dict[str, str]]
# Where these four go: what of a frame's parts, after its key.
FRAME_PARTS = (("", "figure"), ("-title", "children"), ("-below", "children"), ("-plot", "style"))
# The parts of a study's page that follow its first figure. A choice shows first in that and in
# what the reader sees; the page's script (app.js) has the others drawn one at a time, lest all
# compete for one processor, and those that come into view at once.
PARTS = (
    "differences", "numbers", "curves", "costs", "map", "matters", "triangle", "lines", "extremes",
    "missed", "trainings",
)  # fmt: skip
# What the reader's device prefers: {"theme": "light" or "dark", "touch": bool}.
Look = dict[str, Any]


def theme_of(look: Look | None) -> str:
    return "dark" if look and look.get("theme") == "dark" else "light"


def labelled(component: Component, text: str) -> Component:
    """The component with a name for those who do not see it."""
    setattr(component, "aria-label", text)
    return component


def study_path(name: str, *more: Any) -> str:
    """The address of a study, or of a page below it."""
    return "/".join(["/study", *(quote(str(part), safe="") for part in (name, *more))])


def later(part: str, *children: Any) -> Component:
    """A part (`PARTS`) of a study's page, which is drawn when it is due."""
    return html.Div(list(children), **as_part(part))


def as_part(part: str) -> dict[str, Any]:
    """What makes a component of a page such a part."""
    return {"id": f"part-{part}", "data-part": part}


class Still(Component):
    """A part of a page without controls, drawn whole.

    Dash looks through every component of a page at each change of one: a table of a component a
    cell made every choice wait for it. This is one component, whatever it shows; assets/still.js
    draws it, with every text as text.
    """

    _namespace, _type = "resnext_explorer", "Still"
    _prop_names, _valid_wildcard_attributes = ["content"], []

    def __init__(self, *content: Any) -> None:
        self.content = content


def said(message: object) -> Still:
    """A message, where a callback changes only the text of what is there."""
    return Still(element("span", joined(message)))


def problem(error: UserError) -> Still:
    """A mistake, in the place of what cannot be shown."""
    return Still(element("p", joined(error), className="problem"))


def progress(counts: Counts) -> Element:
    """A bar of what has ended, and how the pairs stand in words."""
    stand = {
        status: getattr(counts, status)
        for status in ("complete", "running", "failed", "pruned", "waiting")
    }
    rest = [f", {count:,} {status}" for status, count in stand.items() if count]
    words = (
        f"{counts.complete:,} of {counts.wanted:,} complete{''.join(rest[counts.complete > 0 :])}"
    )
    bars = [
        element(
            "span",
            className=f"part {status}",
            style={"width": f"{100 * count / max(1, counts.wanted):.2f}%"},
        )
        for status, count in stand.items()
        if count and status != "waiting"
    ]
    bar = element("div", *bars, className="bar", role="img", aria_label=words)
    return element("div", bar, element("span", words, className="quiet"), className="progress")


def figure_frame(key: str, hint: Any = None, *, is_wide: bool = False, part: str = "") -> Component:
    """Where a figure will stand: its title and subtitle as text that wraps, and the plot; one that
    may be wider than a page scrolls in its own frame. It may be a `part` (`PARTS`) of its own."""
    plot: Component = html.Div(
        dcc.Graph(id=key, config=CONFIG, responsive=True, figure=_empty()),
        id=f"{key}-plot",
        className="plot",
    )
    if is_wide:
        plot = labelled(html.Div(plot, className="sideways", tabIndex=0, role="region"), key)
    return html.Figure(
        [
            html.Figcaption(
                [html.H2("\u00a0", id=f"{key}-title"), html.P("\u00a0", id=f"{key}-below")]
            ),
            plot,
            html.P(hint, className="tools quiet") if hint else html.P(className="tools"),
        ],
        **(as_part(part) if part else {}),
    )


def framed(
    key: str, figure: go.Figure, look: Look | None = None, revision: str = "same"
) -> Component:
    """A figure in its frame, at once."""
    shown, title, below, plot_style = live(figure, look, revision)
    frame = figure_frame(key)
    caption, plot, _ = frame.children
    plot.style = plot_style
    caption.children[0].children, caption.children[1].children = title, below
    plot.children.figure = shown
    return frame


def live(figure: go.Figure, look: Look | None, revision: str) -> LiveFigure:
    """A figure for the live page with what stands around it.

    It can be zoomed; by touch it scrolls with the page instead.
    """
    height, (heading, below) = own_height(figure), texts_of(figure)
    sizes = {"height": height, "minWidth": least_width(figure)}
    style = {name: f"{pixels}px" for name, pixels in sizes.items() if pixels}
    touch = bool(look and look.get("touch"))
    # As JSON: Plotly looks through a figure at each change, and a choice waits for that.
    drawn = figure.to_plotly_json()
    layout = {
        key: value for key, value in drawn["layout"].items() if key not in ("title", "height")
    }
    layout |= {
        "margin": {**layout["margin"], "t": 10},
        "uirevision": revision,
        "dragmode": False if touch else "zoom",
        "clickmode": "event",
    }
    for name in layout:
        if name.startswith(("xaxis", "yaxis")):
            layout[name] = _movable(layout[name], touch=touch)
    return {**drawn, "layout": layout}, joined(heading), joined(below), style


def _movable(axis: dict[str, Any], *, touch: bool) -> dict[str, Any]:
    if not axis.get("range"):
        return {**axis, "fixedrange": touch}
    # What the automatic range comes to, so that a double-click comes back to it.
    low, high = axis["range"]
    free = {key: value for key, value in axis.items() if key != "range"}
    ends = {"minallowed": low, "maxallowed": high}
    return {**free, "fixedrange": touch, "autorange": True, "autorangeoptions": ends}


def keep_zoom(figure: dict[str, Any], zoom: dict[str, Any] | None) -> dict[str, Any]:
    """The figure, showing the part that the reader has zoomed to: `zoom`, as
    Plotly last reported it (`relayoutData`)."""
    axes = {}
    for axis in ("xaxis", "yaxis"):
        ends = [(zoom or {}).get(f"{axis}.range[{end}]") for end in (0, 1)]
        if None not in ends:
            axes[axis] = {**figure["layout"][axis], "range": ends, "autorange": False}
    return {**figure, "layout": {**figure["layout"], **axes}} if axes else figure


def _empty() -> dict[str, Any]:
    """A figure to come. It has a figure's sides: Plotly places a legend by those that it finds."""
    hidden = {"visible": False}
    blank = "rgba(0,0,0,0)"
    return {
        "data": [],
        "layout": {
            "xaxis": hidden,
            "yaxis": hidden,
            "paper_bgcolor": blank,
            "plot_bgcolor": blank,
            "margin": {**SIDES, "t": 10},
        },
    }


def legend(text: str, *controls: Any) -> Component:
    """A group of controls with its name."""
    return html.Fieldset([html.Legend(text), *controls])


def radio(key: str, options: list[Any], value: str) -> Component:
    """A choice of one, each option as Dash takes it."""
    return dcc.RadioItems(id=key, options=options, value=value, inline=True, className="choices")


def labelled_options(labels: Mapping[str, str]) -> list[dict[str, Any]]:
    """Options of a choice, as Dash takes them, from their labels by value."""
    return [{"label": text, "value": value} for value, text in labels.items()]
