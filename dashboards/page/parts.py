"""What pages are made of: sections, tables, lists of facts, notes, and pictures of networks."""

import base64
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

from dashboards.analysis.arms import axes_of
from dashboards.analysis.evidence import MOST_ARMS
from dashboards.analysis.tables import TextTable
from dashboards.page.elements import Element, element, joined, whole_depths

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
LONG = "word long"  # how the former look
SHORT_HEADING = 12  # letters; on a phone a longer one must not wrap into a tower
# Of a table: 600 rows make a page of 50,000 pixels that a browser lays out for seconds.
MOST_ROWS = MOST_ARMS
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
    first: Collection[str] = (),
    folds: bool = True,
) -> Element:
    """A table that scrolls in its own frame, which the keyboard reaches, where it is wider than
    the page. Of more than `MOST_ROWS` rows the rest is folded: it takes a click.

    Args:
        content: The table.
        label: What it is, for those who do not see it.
        link: Makes the first cell of row i from its text.
        levels: Shades of cells, a row of the table a row, 0 for none.
        first: The names (first cells) of the rows that are not folded; by default the first ones.
        folds: Not where a script says which rows are shown.
    """
    drawn = _Rows(content, link, levels)
    count = len(content.rows)
    shown = list(range(count))
    if folds and count > MOST_ROWS:
        named = [row for row in shown if content.rows[row][0] in first]
        shown = (named or shown)[:MOST_ROWS]
    kind = "scroll shaded" if levels else "scroll"
    whole = scrolling(drawn.table(shown), label, kind)
    rest = sorted(set(range(count)).difference(shown))
    if not rest:
        return whole
    summary = element("summary", f"Show the other {len(rest):,} of {count:,}")
    more = scrolling(drawn.table(rest), f"{label}, the rest", kind)
    return element("div", whole, element("details", summary, more, className="rest"))


@dataclass(frozen=True)
class _Rows:
    """Draws rows of a table."""

    content: TextTable
    link: Callable[[int, Any], Any] | None
    levels: Sequence[Sequence[int]]

    @cached_property
    def kinds(self) -> list[str | None]:
        """How the cells of each column look."""
        return [self._kind(column) for column in self.content.columns]

    def _kind(self, column: str) -> str | None:
        if column in LONG_COLUMNS:
            return LONG
        if column in PHRASE_COLUMNS:
            return "word phrase"
        return "word" if column in self.content.words else None

    def table(self, numbers: Sequence[int]) -> Element:
        """The rows of these numbers, below the headings."""
        columns = self.content.columns
        names = [self.content.rows[number][0] for number in numbers]
        apart = _new_axes(names) if columns[0] == "Arm" else ()
        head = [
            element("th", joined(column), scope="col", className=_heading(column, kind))
            for column, kind in zip(columns, self.kinds, strict=True)
        ]
        body = [
            element("tr", *self._cells(number), className="apart" if position in apart else None)
            for position, number in enumerate(numbers)
        ]
        if not body:
            body = [element("tr", element("td", "Nothing yet", colSpan=len(columns)))]
        return element("table", element("thead", element("tr", *head)), element("tbody", *body))

    def _cells(self, number: int) -> list[Element]:
        row, levels = self.content.rows[number], self.levels and self.levels[number]
        return [
            _first_cell(row[0], partial(self.link, number) if self.link else None),
            *(
                element(
                    "td",
                    whole_depths(cell) if self.kinds[column] == LONG else cell,
                    className=_kind(self.kinds[column], levels and levels[column]),
                )
                for column, cell in enumerate(row[1:], 1)
            ),
        ]


def _heading(column: str, kind: str | None) -> str | None:
    is_long = len(column) > SHORT_HEADING
    return " ".join(filter(None, (kind, "heading" if is_long else None))) or None


def _first_cell(text: str, link: Callable[[Any], Any] | None) -> Element:
    """The name of a row; a long one goes on in the next line after a comma."""
    pieces = re.split(r"(?<=,) ", text)
    kind = "long" if max(map(len, pieces)) > LONGEST_PIECE else None
    named: Any = whole_depths(text) if kind else text
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
