"""What the pages are made of: tables, figures that keep their zoom, progress,
and their plain HTML for the first sight of a page.

Components carry text, never markup: what comes from a study is escaped wherever it is shown.
"""

import re
from collections.abc import Callable, Sequence
from html import escape, unescape
from typing import Any
from urllib.parse import quote

import plotly.graph_objects as go
from dash import dcc, html
from dash.development.base_component import Component

from dashboards.analysis.tables import Table
from explorer.text import human_percent
from studies.attempts.standing import Counts

CONFIG: Any = {"displayModeBar": False, "responsive": True, "doubleClick": "autosize"}
GRAPH_ATTRIBUTES = {
    "className": "class",
    "tabIndex": "tabindex",
    "htmlFor": "for",
    "colSpan": "colspan",
}
VOID = ("img", "br", "hr")

Look = dict[
    str, Any
]  # what the reader's device prefers: {"theme": "light" or "dark", "touch": bool}


def theme_of(look: Look | None) -> str:
    return "dark" if look and look.get("theme") == "dark" else "light"


def joined(text: Any) -> str:
    """Text in which a number stays on one line with its unit, and p with its value."""
    return re.sub(r"(?<=\d) (?=[%GMk]\b|%)|(?<=\bp) (?=[=<])|(?<=\bp [=<]) ", "\u00a0", str(text))


def labelled(component: Component, text: str) -> Component:
    """The component with a name for those who do not see it."""
    setattr(component, "aria-label", text)
    return component


def study_path(name: str, *more: Any) -> str:
    """The address of a study, or of a page below it."""
    return "/".join(["/study", *(quote(str(part), safe="") for part in (name, *more))])


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


def section(title: str, *children: Any, **attributes: Any) -> Component:
    return html.Section([html.H2(title), *children], **attributes)


def facts(entries: dict[str, Any]) -> Component:
    """Names and values, one under the other; what is empty is left out."""
    rows: list[Component] = []
    for name, value in entries.items():
        if value not in (None, "", []):
            rows += [
                html.Dt(name),
                html.Dd(value if isinstance(value, Component) else joined(value)),
            ]
    return html.Dl(rows)


def notes(texts: Sequence[str]) -> Component | None:
    return html.Ul([html.Li(joined(text)) for text in texts], className="notes") if texts else None


def table(content: Table, label: str, link: Callable[[int, str], Any] | None = None) -> Component:
    """A table that scrolls in its own frame where it is wider than the page. `link`
    makes the first cell of row i from its text."""

    def kind(column: str) -> str | None:
        if column in ("Reason", "Question", "Finding", "Note"):
            return "word long"
        return "word" if column in content.words else None

    head = html.Tr(
        [html.Th(column, scope="col", className=kind(column)) for column in content.columns]
    )
    body = []
    for index, row in enumerate(content.rows):
        first = link(index, row[0]) if link else row[0]
        cells: list[Component] = [html.Th(first, scope="row")]
        pairs = zip(content.columns[1:], row[1:], strict=True)
        cells += [html.Td(cell, className=kind(column)) for column, cell in pairs]
        body.append(html.Tr(cells))
    if not body:
        body = [html.Tr(html.Td("Nothing here", colSpan=len(content.columns)))]
    whole = html.Table([html.Thead(head), html.Tbody(body)])
    return labelled(html.Div(whole, className="scroll", tabIndex=0, role="region"), label)


def progress(counts: Counts) -> Component:
    """A bar of what has ended, and how the pairs stand in words."""
    stand = [("complete", counts.complete), ("running", counts.running), ("failed", counts.failed)]
    stand += [("pruned", counts.pruned), ("waiting", counts.waiting)]
    words = ", ".join(f"{count:,} {name}" for name, count in stand if count or name == "complete")
    bars = [
        html.Span(
            className=f"part {name}", style={"width": f"{100 * count / max(1, counts.wanted):.2f}%"}
        )
        for name, count in stand
        if count and name != "waiting"
    ]
    return html.Div(
        [
            labelled(html.Div(bars, className="bar", role="img"), f"{words}, of {counts.wanted:,}"),
            html.Span(f"{words}, of {counts.wanted:,}", className="quiet"),
        ],
        className="progress",
    )


def figure_frame(key: str, hint: Any = None) -> Component:
    """Where a figure will stand: its title and subtitle as text that wraps, and the plot."""
    return html.Figure(
        [
            html.Figcaption(
                [html.H2("\u00a0", id=f"{key}-title"), html.P("\u00a0", id=f"{key}-below")]
            ),
            html.Div(
                dcc.Graph(id=key, config=CONFIG, responsive=True, figure=_empty()), className="plot"
            ),
            html.P(hint, className="tools quiet") if hint else html.P(className="tools"),
        ]
    )


def framed(
    key: str, figure: go.Figure, look: Look | None = None, revision: str = "same"
) -> Component:
    """A figure in its frame, at once."""
    shown, title, below = live(figure, look, revision)
    frame = figure_frame(key)
    caption, plot, _ = frame.children
    caption.children[0].children, caption.children[1].children = title, below
    plot.children.figure = shown
    return frame


def live(figure: go.Figure, look: Look | None, revision: str) -> tuple[dict[str, Any], str, str]:
    """A figure for the live page, and its title and subtitle as plain text.

    It can be zoomed; by touch it scrolls with the page instead.
    """
    title = figure.layout.title
    heading, below = unescape(title.text or ""), unescape(title.subtitle.text or "")
    touch = bool(look and look.get("touch"))
    figure.update_layout(
        title=None,
        height=None,
        margin_t=10,
        uirevision=revision,
        dragmode=False if touch else "zoom",
        clickmode="event",
    )
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        axis.fixedrange = touch
        if axis.range:
            # What the automatic range comes to, so that a double-click comes back to it.
            low, high = axis.range
            axis.range, axis.autorange = None, True
            axis.autorangeoptions = {"minallowed": low, "maxallowed": high}
    return figure.to_plotly_json(), joined(heading), joined(below)


def keep_zoom(figure: dict[str, Any], told: dict[str, Any] | None) -> dict[str, Any]:
    """The figure, showing the part that the reader has zoomed to as
    Plotly last told it (`relayoutData`)."""
    axes = {}
    for axis in ("xaxis", "yaxis"):
        ends = [(told or {}).get(f"{axis}.range[{end}]") for end in (0, 1)]
        if None not in ends:
            axes[axis] = {**figure["layout"][axis], "range": ends, "autorange": False}
    return {**figure, "layout": {**figure["layout"], **axes}} if axes else figure


def _empty() -> dict[str, Any]:
    hidden = {"visible": False}
    blank = "rgba(0,0,0,0)"
    return {
        "data": [],
        "layout": {"xaxis": hidden, "yaxis": hidden, "paper_bgcolor": blank, "plot_bgcolor": blank},
    }


def drawing(svg: str, words: str) -> Component:
    """A network's picture, as an image: it follows the reader's light or dark setting by itself."""
    image = html.Img(src=f"data:image/svg+xml;charset=utf-8,{quote(svg)}", alt=words)
    return labelled(html.Div(image, className="scroll drawing", tabIndex=0, role="region"), words)


def signed(fraction: float) -> str:
    return human_percent(fraction, signed=True).removesuffix(" %").replace("-", "−")


def legend(text: str, *controls: Any) -> Component:
    """A group of controls with its name."""
    return html.Fieldset([html.Legend(text), *controls])


def to_html(node: Any) -> str:
    """Components as plain, escaped HTML. Figures and controls, which
    need the browser, leave their place empty."""
    if node is None or isinstance(node, bool):
        return ""
    if isinstance(node, list | tuple):
        return "".join(to_html(child) for child in node)
    if not isinstance(node, Component):
        return escape(str(node))
    if isinstance(node, Still):
        return to_html(node.content)
    if isinstance(node, dcc.Link):
        return f'<a href="{escape(str(getattr(node, "href", "")))}">{to_html(node.children)}</a>'
    if node._namespace != "dash_html_components":
        return ""
    tag = node._type.lower()
    attributes = []
    for name, value in node.to_plotly_json()["props"].items():
        if name in ("children", "id", "style", "n_clicks", "key") or value is None:
            continue
        attributes.append(f' {GRAPH_ATTRIBUTES.get(name, name)}="{escape(str(value))}"')
    inner = "" if tag in VOID else f"{to_html(getattr(node, 'children', None))}</{tag}>"
    return f"<{tag}{''.join(attributes)}>{inner}"
