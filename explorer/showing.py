"""What a notebook shows of a value: tables and drawings as HTML, in which all text is escaped.

Values reach it by name (`explorer.lazy.load`) in their `_repr_html_`, since it stands above them.
"""

import base64
from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from explorer.architecture import Architecture
from explorer.complexity import count
from explorer.designs import Design
from explorer.drawing import svg
from explorer.text import counted, human_count, human_mismatch, human_percent

if TYPE_CHECKING:
    from explorer.references import Suggestion

MOST_ROWS = 100  # that a list shows
COSTS = ("FLOPs", "params", "activations")
LEFT = ' style="text-align: left"'


def table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, left: Iterable[str] = ()
) -> str:
    """A table; all columns but the first and those named in `left` hold numbers."""
    words = {columns[0], *left}
    aligned = [LEFT if column in words else "" for column in columns]
    head = _cells("th", columns, aligned)
    body = "".join(f"<tr>{_cells('td', row, aligned)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _cells(tag: str, cells: Iterable[Any], aligned: Iterable[str]) -> str:
    return "".join(
        f"<{tag}{style}>{'' if cell is None else escape(str(cell))}</{tag}>"
        for cell, style in zip(cells, aligned, strict=True)
    )


def paragraph(text: str) -> str:
    """A line of text."""
    return f"<p>{escape(text)}</p>"


def drawing(architecture: Architecture) -> str:
    """A network's drawing, which says its costs, as a picture: its styles leave the page alone."""
    data = base64.b64encode(svg(architecture).encode()).decode()
    words = escape(f"The network {architecture.name}", quote=True)
    return f'<img alt="{words}" src="data:image/svg+xml;base64,{data}">'


def of_design(design: Design) -> str:
    """A design as a row of `of_designs`, and drawn."""
    return of_designs([design]) + drawing(design.architecture)


def of_designs(designs: Sequence[Design]) -> str:
    """Designs as a table with a row each."""
    arms = any(design.arm for design in designs)
    rows = []
    for design in designs[:MOST_ROWS]:
        template = design.architecture.template
        quantities = (template.cardinality, template.bottleneck_width, template.width)
        own = (design.name, *quantities, *_costs(design.architecture))
        rows.append((*([design.arm] if arms else []), *own, human_mismatch(design.mismatch)))
    columns = (*(["arm"] if arms else []), "design", "C", "d", "width", *COSTS, "mismatch")
    return table(columns, rows, left=["design"]) + _rest(designs)


def of_suggestions(suggestions: "Sequence[Suggestion]") -> str:
    """References for a budget as a table, best first."""
    columns = ("reference", *COSTS, "below budget", "worst mismatch")
    rows = [
        (
            suggestion.name,
            *_costs(suggestion.reference),
            human_percent(suggestion.below),
            human_percent(suggestion.worst),
        )
        for suggestion in suggestions[:MOST_ROWS]
    ]
    return table(columns, rows) + _rest(suggestions)


def of_suggestion(suggestion: "Suggestion") -> str:
    """A reference for a budget, its arms, and drawn."""
    return (
        of_suggestions([suggestion]) + of_designs(suggestion.arms) + drawing(suggestion.reference)
    )


def _costs(architecture: Architecture) -> Iterable[str]:
    return map(human_count, vars(count(architecture)).values())


def _rest(items: Sequence[Any]) -> str:
    more = len(items) - MOST_ROWS
    return paragraph(f"The first {MOST_ROWS} of {counted(len(items), 'row')}.") if more > 0 else ""
