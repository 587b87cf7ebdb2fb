"""What a notebook shows of a value: tables and drawings as HTML, in which all text is escaped.

Values reach it by name (`explorer.lazy.load`) in their `_repr_html_`, since it stands above them.
"""

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from explorer.architecture import Architecture
from explorer.blueprints import Blueprint
from explorer.complexity import count
from explorer.designs import LABELS, Design
from explorer.drawing import svg
from explorer.text import counted, dashed, human_count, human_mismatch, human_percent

if TYPE_CHECKING:
    from explorer.references import Suggestion

MOST_ROWS = 100  # that a list shows
COSTS = ("FLOPs", "params", "activations")
# Quantities of ours that have a column; the design's name says the depths.
SHOWN = ("cardinality", "bottleneck_width", "width")
SUGGESTION_COLUMNS = ("reference", *COSTS, "below budget", "worst mismatch")
EMPTY: Mapping[str, Sequence[str]] = MappingProxyType({})
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
    network = design.architecture
    return of_designs([design]) + (drawing(network) if isinstance(network, Architecture) else "")


def of_designs(designs: Sequence[Design]) -> str:
    """Designs as a table with a row each."""
    shown = designs[:MOST_ROWS]
    arms = [design.arm for design in shown]
    first = {"arm": arms} if any(arms) else EMPTY
    columns = (*first, "design", *quantity_labels(shown), *COSTS, "mismatch")
    return table(columns, design_rows(shown, first), left=["design"]) + _rest(designs)


def shown_quantities(designs: Sequence[Design]) -> list[str]:
    """What a table says of designs: of our own C, d and width, of others in what they differ."""
    values = [design.architecture.quantities for design in designs]
    if all(isinstance(design.architecture, Architecture) for design in designs):
        return list(SHOWN)
    known = dict.fromkeys(key for own in values for key in own)
    return [key for key in known if len({own.get(key) for own in values}) > 1]


def quantity_labels(designs: Sequence[Design]) -> list[str]:
    """The headings of `shown_quantities`."""
    return [LABELS.get(key, key) for key in shown_quantities(designs)]


def design_rows(
    designs: Sequence[Design], first: Mapping[str, Sequence[str]] = EMPTY
) -> list[tuple[Any, ...]]:
    """Designs as rows: the columns of `first`, name, quantities, costs and mismatch."""
    keys = shown_quantities(designs)
    return [
        (
            *(column[position] for column in first.values()),
            design.name,
            *(dashed(design.architecture.quantities.get(key)) for key in keys),
            *_costs(design.architecture),
            human_mismatch(design.mismatch, is_solved=design.is_solved),
        )
        for position, design in enumerate(designs)
    ]


def of_suggestions(suggestions: "Sequence[Suggestion]") -> str:
    """References for a budget as a table, best first."""
    rows = suggestion_rows(suggestions[:MOST_ROWS])
    return table(SUGGESTION_COLUMNS, rows) + _rest(suggestions)


def suggestion_rows(suggestions: "Sequence[Suggestion]") -> list[tuple[str, ...]]:
    """References as rows under `SUGGESTION_COLUMNS`."""
    return [
        (
            suggestion.name,
            *_costs(suggestion.reference),
            human_percent(suggestion.below),
            human_percent(suggestion.worst),
        )
        for suggestion in suggestions
    ]


def of_suggestion(suggestion: "Suggestion") -> str:
    """A reference for a budget, its arms, and drawn."""
    return (
        of_suggestions([suggestion]) + of_designs(suggestion.arms) + drawing(suggestion.reference)
    )


def _costs(network: Blueprint) -> Iterable[str]:
    return map(human_count, vars(count(network)).values())


def _rest(items: Sequence[Any]) -> str:
    more = len(items) - MOST_ROWS
    return paragraph(f"The first {MOST_ROWS} of {counted(len(items), 'row')}.") if more > 0 else ""
