"""A page's tables: many rows fold, and none is lost."""

import re

from dashboards.analysis.evidence import MOST_ARMS
from dashboards.analysis.tables import TextTable
from dashboards.page.elements import to_html
from dashboards.page.parts import table

HEADINGS = ("Arm", "Test error (%)")


def content(rows: int) -> TextTable:
    return TextTable(HEADINGS, tuple((f"arm {row}", f"{row}.00") for row in range(rows)))


def names(html: str) -> list[str]:
    return re.findall(r'<th scope="row"[^>]*>(?:<a[^>]*>)?([^<]*)<', html)


def test_a_table_of_few_rows_is_whole():
    html = to_html(table(content(MOST_ARMS), "Errors"))
    assert (html.count("<table"), "<details" in html) == (1, False)
    assert names(html) == [f"arm {row}" for row in range(MOST_ARMS)]


def test_of_many_rows_the_named_ones_stand_there_and_a_click_shows_the_rest():
    first = [f"arm {row}" for row in (3, 600, 7)]
    html = to_html(table(content(625), "Errors", first=first))
    open_part, folded = html.split("<details")
    assert names(open_part) == ["arm 3", "arm 7", "arm 600"], "in the table's own order"
    assert "Show the other 622 of 625" in folded
    assert sorted([*names(open_part), *names(folded)]) == sorted(names(to_html_of_all()))


def to_html_of_all() -> str:
    return to_html(table(content(625), "Errors", folds=False))


def test_a_folded_row_keeps_its_link_and_its_shade():
    levels = [(0, row % 5) for row in range(60)]
    html = to_html(table(content(60), "Errors", link=lambda row, text: f"{text}, row {row}"))
    assert "arm 50, row 50" in html.split("<details")[1]
    shaded = to_html(table(content(60), "Errors", levels=levels)).split("<details")[1]
    assert re.search(r'class="level4">49.00<', shaded)
    assert '"level0"' not in shaded
