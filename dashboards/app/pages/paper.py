"""The paper's tables, each network beside our own counts of it."""

from typing import Any
from urllib.parse import urlencode

from dash import dcc, html

from dashboards.analysis.tables import Table
from dashboards.app.pages.parts import Still, joined, section
from dashboards.app.pages.parts import table as table_of
from explorer.architecture import Architecture
from explorer.budget import cost
from explorer.published import TABLES
from explorer.text import human_count

MEASURES = {
    "flops": "FLOPs",
    "params": "params",
    "activations": "activations",
    "block": "weights of a block",
}


def page() -> list[Any]:
    """All tables, one under the other; a network's name opens it on the design page."""
    sections = []
    for key, published in TABLES.items():
        headings = ("Network", *(f"{name} (paper)" for name in published.columns), "Name here")
        headings += tuple(f"{MEASURES[measure]} (ours)" for measure in published.measures)
        rows, names = [], []
        for row in published.rows:
            ours = ["–"] * len(published.measures)
            if row.architecture:
                network = Architecture.from_name(
                    row.architecture, resolution=row.resolution, classes=row.classes
                )
                ours = [human_count(cost(network, measure)) for measure in published.measures]
            values = ("–" if value is None else str(value) for value in row.values)
            rows.append((row.label, *values, row.architecture or "–", *ours))
            names.append(row.architecture)
        words = frozenset(("Network", "Name here"))
        content = table_of(
            Table(headings, tuple(rows), words), published.title, link=_linked(names)
        )
        note = [html.P(joined(published.note), className="quiet")] if published.note else []
        sections.append(section(published.title, content, *note, id=key))
    return [
        html.H1("The paper's tables"),
        html.P(
            "Xie, Girshick, Dollár, Tu and He, “Aggregated Residual Transformations for Deep Neural"
            " Networks”, CVPR 2017. Errors are the paper's; the last columns are counted here,"
            " layer by layer.",
            className="more",
        ),
        Still(*sections),
    ]


def _linked(names: list[str | None]) -> Any:
    def link(place: int, text: str) -> Any:
        name = names[place]
        return dcc.Link(text, href=f"/design?{urlencode({'reference': name})}") if name else text

    return link
