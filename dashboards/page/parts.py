"""What pages are made of: sections, tables, lists of facts, notes, and pictures of networks."""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from dashboards.analysis.arms import axes_of
from dashboards.analysis.tables import TextTable
from dashboards.page.elements import Element, element, joined

LONG_COLUMNS = (
    "Reason",
    "Question",
    "Finding",
    "Note",
    "By arm",
    "Published by",
)  # of sentences, which wrap
# Of some words, which wrap where there is little room.
PHRASE_COLUMNS = ("Status", "Verdict", "Trainings")
SHORT_HEADING = 12  # letters; on a phone a longer one must not wrap into a tower
# Letters of a row's name: one that goes on in further lines, and what stays together in one.
LONG_NAME, LONGEST_PIECE = 16, 40


def section(title: str, *children: Any, **attributes: Any) -> Element:
    """A part of a page with its heading; without one where `title` is ""."""
    heading = element("h2", joined(title)) if title else None
    return element("section", heading, *children, **attributes)


def quiet(text: Any) -> Element | None:
    """A paragraph beside the main thing; none without text."""
    return element("p", joined(text), className="quiet") if text else None


def facts(entries: Mapping[str, Any]) -> Element:
    """Names and values, one under the other; what is empty is left out."""
    rows = [
        (element("dt", name), element("dd", value if isinstance(value, Element) else joined(value)))
        for name, value in entries.items()
        if value not in (None, "", [])
    ]
    return element("dl", *(part for row in rows for part in row))


def notes(texts: Sequence[str]) -> Element | None:
    """A list of short sentences; none without any."""
    items = [element("li", joined(text)) for text in texts]
    return element("ul", *items, className="notes") if items else None


def table(
    content: TextTable,
    label: str,
    link: Callable[[int, Any], Any] | None = None,
    levels: Sequence[Sequence[int]] = (),
) -> Element:
    """A table that scrolls in its own frame, which the keyboard reaches, where it is wider than
    the page. `link` makes the first cell of row i from its text; `levels` shade cells, a row of the
    table a row, 0 for none."""

    def kind(column: str) -> str | None:
        if column in LONG_COLUMNS:
            return "word long"
        if column in PHRASE_COLUMNS:
            return "word phrase"
        return "word" if column in content.words else None

    columns, kinds = content.columns, [kind(column) for column in content.columns]
    apart = _new_axes([row[0] for row in content.rows]) if columns[0] == "Arm" else ()
    head = [
        element("th", joined(column), scope="col", className=_heading(column, kind))
        for column, kind in zip(columns, kinds, strict=True)
    ]
    body = [
        element(
            "tr",
            _first_cell(row[0], partial(link, index) if link else None),
            *(
                element(
                    "td", cell, className=_kind(kinds[column], levels and levels[index][column])
                )
                for column, cell in enumerate(row[1:], 1)
            ),
            className="apart" if index in apart else None,
        )
        for index, row in enumerate(content.rows)
    ]
    if not body:
        body = [element("tr", element("td", "Nothing yet", colSpan=len(columns)))]
    whole = element("table", element("thead", element("tr", *head)), element("tbody", *body))
    return scrolling(whole, label, "scroll shaded" if levels else "scroll")


def _heading(column: str, kind: str | None) -> str | None:
    is_long = len(column) > SHORT_HEADING
    return " ".join(filter(None, (kind, "heading" if is_long else None))) or None


def _first_cell(text: str, link: Callable[[Any], Any] | None) -> Element:
    """The name of a row; a long one goes on in the next line after a comma."""
    pieces = re.split(r"(?<=,) ", text)
    named: Any = text
    kind = "long" if max(map(len, pieces)) > LONGEST_PIECE else None
    if kind is None and len(pieces) > 1 and len(text) > LONG_NAME:
        kind = "pieces"
        named = [part for piece in pieces for part in (element("span", piece), " ")][:-1]
    return element("th", link(named) if link else named, scope="row", className=kind)


def _kind(kind: str | None, level: Any) -> str | None:
    return " ".join(filter(None, (kind, f"level{level}" if level else None))) or None


def _new_axes(arms: Sequence[str]) -> list[int]:
    """The rows at which arms of other axes begin."""
    axes = [axes_of(arm) for arm in arms]
    return [number for number in range(1, len(axes)) if axes[number] != axes[number - 1]]


def scrolling(content: Element, label: str, kind: str = "scroll") -> Element:
    """Content that scrolls in its own frame, which has a name for those who do not see it."""
    return element("div", content, className=kind, tabIndex=0, role="region", aria_label=label)


def network_image(svg: str, words: str) -> Element:
    """A network's picture, which carries itself; it follows the reader's light or dark setting."""
    data = base64.b64encode(svg.encode()).decode()
    return element("img", alt=words, src=f"data:image/svg+xml;base64,{data}")


def drawing(svg: str, words: str) -> Element:
    """A network's picture in a frame that scrolls."""
    return scrolling(network_image(svg, words), words, "scroll drawing")
