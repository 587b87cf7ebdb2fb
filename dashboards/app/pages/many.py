"""The parts of a study's page that help to read many designs. Of few designs it has none of them,
but for the map of two axes."""

from typing import Any
from urllib.parse import urlencode

from dash import html

from dashboards.analysis.cells import pairs_of_axes
from dashboards.analysis.extremes import extreme_designs
from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import are_many, names_of
from dashboards.app.pages.parts import (
    Still,
    figure_frame,
    labelled_options,
    later,
    legend,
    radio,
    study_path,
)
from dashboards.app.pages.selection import Selection
from dashboards.figures.triangle import has_triangle
from dashboards.page.elements import element, link
from dashboards.page.extremes import side_by_side
from dashboards.page.many import LINES_TITLE, MAP_TITLE, PAIR, QUANTITY, TITLE

MATTERS = ("trend", "strength")


def sections(findings: Findings, chosen: Selection) -> list[Any]:
    """What of a design its error goes with; the figures follow."""
    if not may_have_many(findings):
        return []
    options = names_of(findings.quantities)
    quantity = chosen.quantity if chosen.quantity in options else next(iter(options), "")
    choice = radio("quantity", labelled_options(options), quantity)
    return [
        later(
            "matters",
            html.Section(
                [
                    html.H2(TITLE),
                    legend(QUANTITY, choice),
                    html.Div([figure_frame(key) for key in MATTERS], className="pair even"),
                ]
            ),
        )
    ]


def map_section(findings: Findings, chosen: Selection) -> list[Any]:
    """The map of errors over two axes, where the designs fill some."""
    pairs = pairs_of_axes(findings.designs)
    if not pairs:
        return []
    pair = chosen.pair if chosen.pair in pairs else next(iter(pairs))
    choice = legend(PAIR, radio("pair", labelled_options(pairs), pair))
    frame = html.Div(figure_frame("map", is_wide=True), className="single")
    return [later("map", html.Section([html.H2(MAP_TITLE), choice, frame]))]


def triangle_section(findings: Findings) -> list[Any]:
    """The three ways to spend the budget, where the designs differ in all of them."""
    if not has_triangle(findings):
        return []
    frame = html.Div(figure_frame("triangle"), className="single")
    return [later("triangle", html.Section(frame))]


def extremes_section(findings: Findings) -> list[Any]:
    """The best and the worst designs, to follow with their curves."""
    if not may_have_many(findings):
        return []
    curves = html.Div(figure_frame("extremes"), className="single")
    return [later("extremes", html.Div(id="study-extremes"), curves)]


def extremes(findings: Findings, name: str) -> Still | None:
    """The best and the worst designs side by side; each name opens its first training."""
    extremes = extreme_designs(findings)
    if extremes is None:
        return None
    seeds = findings.trials.drop_duplicates("design").set_index("design")["seed"]

    def opened(text: str, design: str) -> Any:
        return link(text, study_path(name, "trial", design, seeds[design]))

    ends = {"first": extremes.best["design"].iloc[0], "second": extremes.worst["design"].iloc[-1]}
    both = f"/designs?{urlencode(ends)}"
    return Still(
        side_by_side(extremes, findings.trials, opened),
        element("p", link("Compare the best with the worst", both), className="tools"),
    )


def lines_section(findings: Findings) -> list[Any]:
    """Parallel coordinates, and below them the table that their choices leave rows of."""
    if not may_have_many(findings):
        return []
    frame = html.Div(figure_frame("parallel", is_wide=True), className="chooser")
    lines = html.Div(id="study-lines")
    return [later("lines", html.Section([html.H2(LINES_TITLE), frame, lines]))]


def figures(findings: Findings) -> list[str]:
    """The figures (`study_figures.shown`) of these parts, in their order on the page."""
    is_many = may_have_many(findings)
    return [
        *(["map"] if pairs_of_axes(findings.designs) else []),
        *(MATTERS if is_many else []),
        *(["triangle"] if has_triangle(findings) else []),
        *(["parallel", "extremes"] if is_many else []),
    ]


def may_have_many(findings: Findings) -> bool:
    """Whether the study has many designs, or is a search that comes to have them."""
    return are_many(findings.designs) or are_many(range(findings.search.get("trials") or 0))
