"""The parts of a study's page that help to read many designs: what of a design its error goes
with. A study of few designs has none of them."""

from typing import Any

from dash import html

from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import are_many, names_of
from dashboards.app.pages.parts import figure_frame, labelled_options, legend, radio
from dashboards.app.pages.selection import Selection
from dashboards.page.many import QUANTITY, TITLE


def sections(findings: Findings, chosen: Selection) -> list[Any]:
    """The parts of a page, their figures to follow."""
    if not may_have_many(findings):
        return []
    options = names_of(findings.quantities)
    quantity = chosen.quantity if chosen.quantity in options else next(iter(options), "")
    choice = radio("quantity", labelled_options(options), quantity)
    return [
        html.Section(
            [
                html.H2(TITLE),
                legend(QUANTITY, choice),
                html.Div([figure_frame("trend"), figure_frame("strength")], className="pair even"),
            ]
        )
    ]


def may_have_many(findings: Findings) -> bool:
    """Whether the study has many designs, or is a search that comes to have them."""
    return are_many(findings.designs) or are_many(range(findings.search.get("trials") or 0))
