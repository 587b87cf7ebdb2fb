"""The paper's tables and what others published, each network beside our own counts of it."""

from functools import partial
from typing import Any
from urllib.parse import urlencode

from dash import html

from dashboards.analysis.tables import TextTable
from dashboards.app.pages.parts import Still
from dashboards.page.elements import link
from dashboards.page.parts import quiet, section, table
from explorer.commands.printing import UNITS
from explorer.designs import cost
from explorer.published import PAPER, TABLES
from explorer.text import human_count


def page() -> list[Any]:
    """All tables, one under the other; a network's name opens it on the design page."""
    sections = []
    for key, published in TABLES.items():
        theirs = "paper" if key in PAPER else "published"
        headings = ("Network", *(f"{name} ({theirs})" for name in published.columns), "Name here")
        headings += tuple(f"{UNITS[measure]} (ours)" for measure in published.measures)
        rows, names = [], []
        for row in published.rows:
            ours = ["–"] * len(published.measures)
            if network := row.network:
                ours = [human_count(cost(network, measure)) for measure in published.measures]
            values = (
                "–" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
                for value in row.values
            )
            rows.append((row.label, *values, row.architecture or "–", *ours))
            names.append(row.architecture)
        words = frozenset(("Network", "Name here", f"recipe ({theirs})"))
        content = table(
            TextTable(headings, tuple(rows), words), published.title, link=partial(_linked, names)
        )
        source = "" if key in PAPER else f"Source: {published.source}."
        notes = quiet(f"{published.note} {source}".strip())
        sections.append(section(published.title, content, notes, id=key))
    return [
        html.H1("What others published"),
        html.P(
            "First the tables of Xie, Girshick, Dollár, Tu and He, “Aggregated Residual"
            " Transformations for Deep Neural Networks”, CVPR 2017, then later trainings of the"
            " same networks. Errors are their authors'; the last columns are counted here, layer by"
            " layer.",
            className="more",
        ),
        Still(*sections),
    ]


def _linked(names: list[str | None], row: int, text: str) -> Any:
    name = names[row]
    return link(text, f"/design?{urlencode({'reference': name})}") if name else text
