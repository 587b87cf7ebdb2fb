"""The design page: no study, no training. A reference, a budget, a rule and a
quantity; the designs that match follow at once."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from dash import dcc, html

from dashboards.analysis.tables import TextTable
from dashboards.analysis.words import NOTHING, signed_percent
from dashboards.app.pages.elsewhere import (
    NEAR,
    PublishedNetwork,
    at_this_cost,
    published_networks,
)
from dashboards.app.pages.parts import (
    Look,
    Still,
    figure_frame,
    legend,
    live,
    radio,
    said,
    theme_of,
)
from dashboards.app.pages.question import (
    FACTORS,
    INPUTS,
    MOST_MULTIPLE,
    MOST_POWER,
    RULE_LABELS,
    Question,
    quantities_offered,
    rules_offered,
)
from dashboards.figures.theme import THEMES, blank_figure, label, note_if_empty, set_title
from dashboards.figures.ticks import log_ticks
from dashboards.page.parts import drawing, section, table
from explorer.architecture import Architecture
from explorer.depths import POLICIES
from explorer.designs import LABELS, Design, cost
from explorer.drawing import svg
from explorer.errors import UserError
from explorer.names import PUBLISHED
from explorer.text import dashed, human_count, human_flops, human_percent


def page(search: str | None) -> list[Any]:
    """The controls, and where their answer stands."""
    asked = Question.of(search)
    return [
        html.H1("Which designs cost the same?"),
        html.P(
            "Choose a network and how much to spend. Everything is counted exactly, and nothing is"
            " trained.",
            className="more",
        ),
        html.Div(_controls(asked), className="controls design"),
        html.P("", id="design-problem", className="problem", role="alert"),
        html.Div(figure_frame("matched", "Click a mark to draw that network."), className="single"),
        html.Div(id="design-table"),
        html.Div(id="design-drawing"),
        html.Div(id="design-paper"),
        dcc.Store(id="design-shown", data=asked.shown),
    ]  # fmt: skip


def _controls(asked: Question) -> list[Any]:
    return [
        html.Div(
            [
                html.Label("Reference", htmlFor="reference"),
                dcc.Input(
                    id="reference", type="text", value=asked.reference, list="references",
                    debounce=0.3,
                    className="text", spellCheck="false",
                ),
                html.Datalist([html.Option(value=name) for name in PUBLISHED], id="references"),
            ],
            className="field",
        ),
        *(
            html.Div(
                [
                    html.Label(name, htmlFor=key),
                    dcc.Input(
                        id=key, type="text", value=getattr(asked, key), debounce=0.3,
                        inputMode="numeric", placeholder="by its name", className="text",
                    ),
                ],
                className="field",
            )
            for key, name in INPUTS.items()
        ),
        _slider("factor", "Budget", asked.factor, len(FACTORS) - 1),
        legend("Rule: equal", radio("by", rules_offered(asked), asked.by)),
        legend("Solve for", radio("solve", quantities_offered(asked), asked.solve)),
        _slider("most", "Largest C", asked.most, MOST_POWER),
        _slider("multiple", "Channels in multiples of", asked.multiple, MOST_MULTIPLE),
        html.Div(
            legend(
                "Depths grow",
                radio(
                    "policy", list(POLICIES), asked.policy
                ),
            ),
            id="policy-field", hidden=asked.solve != "depths",
        ),
    ]  # fmt: skip


def _slider(key: str, name: str, value: int, most: int) -> Any:
    return html.Div(
        [
            html.Label(
                [html.Span(name, id=f"{key}-name"), " ", html.Output("", id=f"{key}-value")],
                htmlFor=key,
            ),
            dcc.Input(
                id=key, type="range", min=0, max=most, step=1, value=value, className="range"
            ),
        ],
        className="field",
    )


@dataclass(frozen=True)
class Answer:
    """What the controls lead to."""

    figure: go.Figure
    table: list[Any]
    paper: list[Any]
    drawing: list[Any]
    problem: str
    # Of the sliders: budget, what C or d is called, its largest value, the multiple.
    labels: tuple[str, str, str, str]


def answer(asked: Question, look: Look | None) -> Answer:
    """The matched designs as a figure, a table and a drawing; a mistake as a sentence."""
    theme = theme_of(look)
    labels = (
        f"{FACTORS[asked.factor]:g}x",
        f"Largest {LABELS[asked.axis]}",
        str(2**asked.most),
        str(2**asked.multiple),
    )
    try:
        reference = asked.network()
        spent = FACTORS[asked.factor] * cost(reference, asked.by)
        designs = asked.designs()
    except UserError as error:
        figure = blank_figure(theme)
        set_title(figure, "No design", "", theme)
        note_if_empty(figure, [], theme)
        return Answer(figure, [], [], [], str(error), labels)
    published = published_networks(reference, asked.by, spent)
    shown = next((design for design in designs if design.name == asked.shown), designs[-1])
    words = f"The network {shown.name}"
    picture = Still(section(words, drawing(svg(_ours(shown)), words)))
    budget = f"{labels[0]}, {human_flops(spent)} {RULE_LABELS[asked.by]}"
    return Answer(
        matched_figure(matched(designs, asked, published), asked, theme),
        [_table(designs, asked)],
        [at_this_cost(published, spent, asked.by)],
        [picture],
        "",
        (budget, *labels[1:]),
    )


def _ours(design: Design) -> Architecture:
    """The network of a design: this page imports no code, so it shows none of the user's own."""
    assert isinstance(design.architecture, Architecture)
    return design.architecture


def _solved(architecture: Architecture, quantity: str) -> int:
    if quantity == "depths":
        return sum(architecture.depths)
    return int(getattr(architecture.template, quantity) or 0)


@dataclass(frozen=True)
class MatchedChart:
    """What `matched_figure` shows, all text plain.

    Attributes:
        ours: The matched designs: name, x (what was given), y (what was solved), and the lines
            of their hover.
        theirs: The same of published networks of about the same cost.
        quantity: What y counts.
    """

    title: str
    subtitle: str
    ours: pd.DataFrame
    theirs: pd.DataFrame
    quantity: str


def matched(
    designs: list[Design], asked: Question, published: list[PublishedNetwork]
) -> MatchedChart:
    """What `matched_figure` shows."""
    first = _ours(designs[0])

    def is_like(network: Architecture) -> bool:
        if asked.solve == "depths":
            return network.template == first.template
        return network.depths == first.depths

    def point(network: Architecture, *lines: str) -> dict[str, Any]:
        given = getattr(network.template, asked.axis) or 1
        solved = _solved(network, asked.solve)
        return {"name": network.name, "x": given, "y": solved, "lines": lines}

    ours = [
        point(
            _ours(design),
            f"{human_flops(design.complexity.flops)} FLOPs,"
            f" {human_count(design.complexity.params)} params",
            f"mismatch {signed_percent(design.mismatch)}",
        )
        for design in designs
    ]
    lines: dict[Architecture, list[str]] = {}
    for network in published:
        if is_like(network.architecture):
            lines.setdefault(network.architecture, []).append(
                f"{network.study.data}: error {network.error} ({network.study.table.source})"
            )
    theirs = [point(architecture, *its_lines) for architecture, its_lines in lines.items()]
    quantity = "blocks in all" if asked.solve == "depths" else LABELS[asked.solve]
    times = f"{FACTORS[asked.factor]:g}x the" if FACTORS[asked.factor] != 1 else "the"
    size = "x".join(map(str, first.input_shape))
    subtitle = (
        f"The {quantity} that spend {times} {RULE_LABELS[asked.by]} of {asked.reference}, by"
        f" {LABELS[asked.axis]}; input {size}, {first.classes:,} classes"
    )
    if theirs:
        subtitle += "; grey rings: published networks of about this cost"
    columns = ["name", "x", "y", "lines"]
    return MatchedChart(
        _finding(designs),
        subtitle,
        pd.DataFrame(ours, columns=columns),
        pd.DataFrame(theirs, columns=columns),
        quantity,
    )


def matched_figure(chart: MatchedChart, asked: Question, theme: str = "light") -> go.Figure:
    """The solved quantity against what was given, ours as strong marks, the paper's
    networks of about the same cost as open grey ones."""
    figure, colors = blank_figure(theme), THEMES[theme]
    if len(chart.theirs):
        ring = {"color": colors.quiet, "symbol": "circle-open", "size": 19, "line": {"width": 2}}
        figure.add_scatter(mode="markers", marker=ring, **_points(chart.theirs, "published: "))
    figure.add_scatter(
        mode="lines+markers+text", text=chart.ours["y"].astype(str), textposition="top right",
        line={"color": colors.ramp[1], "width": 1.25}, cliponaxis=False,
        marker={"color": colors.ramp[1], "size": 11}, **_points(chart.ours),
    )  # fmt: skip
    set_title(figure, chart.title, chart.subtitle, theme)
    both = pd.concat([chart.ours, chart.theirs])
    ticks, heights = sorted({*both["x"]}), sorted({*both["y"]})
    marks: list[float] = [
        2**power for power in range(15) if heights[0] / 2 < 2**power < 2 * heights[-1]
    ]
    if sum(heights[0] <= mark <= heights[-1] for mark in marks) < 2:
        marks = log_ticks(heights[0], heights[-1]) if heights[0] < heights[-1] else heights
    _log_axis(figure.layout.xaxis, ticks, f"{LABELS[asked.axis]} (log2)")
    _log_axis(figure.layout.yaxis, marks, chart.quantity)
    return figure


def _log_axis(axis: Any, ticks: list[float], title: str) -> None:
    texts = [f"{tick:.10g}" for tick in ticks]
    axis.update(type="log", tickvals=ticks, ticktext=texts, title={"text": title})


def _points(points: pd.DataFrame, before: str = "") -> dict[str, Any]:
    """Where points stand, and what they say on hover."""
    hovers = [
        [row["name"], "<br>".join([f"<b>{before}{label(row['name'])}</b>", *row["lines"]])]
        for row in points.to_dict("records")
    ]
    template = "%{customdata[1]}<extra></extra>"
    places = {"x": points["x"].tolist(), "y": points["y"].tolist()}
    return {**places, "customdata": hovers, "hovertemplate": template}


def _finding(designs: list[Design]) -> str:
    worst = max(designs, key=lambda design: abs(design.mismatch))
    if abs(worst.mismatch) <= NEAR:
        where = f", worst at {worst.name}" if len(designs) > 1 and worst.mismatch else ""
        return f"Costs match within {human_percent(abs(worst.mismatch))}{where}"
    near = sum(abs(design.mismatch) <= NEAR for design in designs)
    return (
        f"Only {near:,} of {len(designs):,} designs come within {human_percent(NEAR)} of the budget"
    )


def _table(designs: list[Design], asked: Question) -> Any:
    rows = tuple(
        (
            design.name,
            str(_ours(design).template.cardinality),
            str(_ours(design).template.bottleneck_width or NOTHING),
            str(_ours(design).template.width),
            dashed(_ours(design).depths),
            *map(human_count, vars(design.complexity).values()),
            signed_percent(design.mismatch).removesuffix(" %"),
        )
        for design in designs
    )
    mismatch = f"Mismatch in {RULE_LABELS[asked.by]} (%)"
    headings = ("Design", "C", "d", "Width", "Depths", "FLOPs", "Params", "Activations", mismatch)
    content = table(TextTable(headings, rows, frozenset(("Design",))), "Matched designs")
    return Still(section("The designs", content))


def answer_outputs(asked: Question, look: Look | None) -> list[Any]:
    """What the callback puts on the page."""
    answered = answer(asked, look)
    return [
        *live(answered.figure, look, "matched"),
        answered.table,
        answered.paper,
        answered.drawing,
        said(answered.problem),
        *answered.labels,
        asked.solve != "depths",
        rules_offered(asked),
        quantities_offered(asked),
    ]
