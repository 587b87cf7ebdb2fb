"""Every live page with studies of every kind, in a real browser: no name stands on another, none is
cut, lines are told apart, numbers are in sight and every text can be read, on a wide page in the
light and on a phone in the dark."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from app_pages import opened, served, settled, until
from big_study import MIXED_SPACE, add_attempts, make_study
from figure_labels import (
    alike,
    beyond_the_page,
    cut,
    empty,
    figures,
    named,
    overlapping,
    unreadable,
)

from studies.records.remarking import add_tags, set_note
from studies.results.importing import store_imported
from studies.results.published_results import read_published
from studies.storage import Storage

pytestmark = pytest.mark.heavy  # 20 s of processor time: thirteen pages at two sizes

LONG = "a_study_of_a_hundred_letters_" + 71 * "x"
EVIL = "<script>document.title='hit'</script> \N{ROCKET} `is` it? "
ARMS = ("error", "differences", "train", "validation", "cost", "speed")
NETWORK = "resnext11_1x64d_cifar"
# Which figures a page must have, by its address.
PAGES = {
    "/": (),
    f"/study/{LONG}": ARMS,
    f"/study/{LONG}/trial/{NETWORK}/0": ("trial-curves",),
    "/study/one_seed": ARMS,
    "/study/two_objectives": ARMS,
    "/study/recipes": ("by-recipe",),
    "/study/until": ARMS,
    "/study/table3": ARMS,
    "/study/nothing_yet": ARMS,
    f"/compare?study={LONG}&study=table3&study=two_objectives": ("compared-0", "compared-2"),
    f"/designs?first={NETWORK}&second=resnext11_4x23d_cifar": ("two-curves",),
    "/design": ("matched",),
    "/published": (),
}
DRAWN = (
    "[...document.querySelectorAll('#page .js-plotly-plot')].every(plot => plot._fullLayout &&"
    " Math.abs(plot._fullLayout.width - plot.parentElement.clientWidth) < 2)"
)
GROUNDS = (
    "[...document.querySelectorAll('#page .js-plotly-plot')]"
    ".map(plot => plot._fullLayout?.paper_bgcolor)"
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: Any) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("labels")
    (folder / "mixed.yaml").write_text(MIXED_SPACE)
    mixed, storage = str(folder / "mixed.yaml"), Storage(f"sqlite:///{folder}/studies.db")
    question = EVIL * 5
    long = make_study(storage, LONG, space=mixed, question=question)
    ended = {6: "failed", 7: "failed", 8: "failed", 15: "failed", 20: "running"}
    add_attempts(storage, long, states=ended, misses=True, reason=question)
    set_note(storage, long, question + 120 * "W")
    add_tags(storage, long, ["baseline", 40 * "w"])
    add_attempts(storage, make_study(storage, "one_seed", space=mixed, seeds=1))
    search = {"method": "random", "trials": 9, "finalists": 3, "seed": 0}
    search["objectives"] = ["validation_error", "latency"]
    add_attempts(storage, make_study(storage, "two_objectives", space=mixed, search=search))
    recipes = ["quick", {"name": "modern", "epochs": 30}]
    add_attempts(storage, make_study(storage, "recipes", recipe=None, recipes=recipes))
    seeds = {"start": 3, "at_most": 9}
    add_attempts(storage, make_study(storage, "until", seeds=seeds, until={"margin": 0.3}))
    make_study(storage, "nothing_yet")
    widths = {
        "name": "five_widths",
        "reference": "resnext_1-1-1_1x64d_w256_small",
        "match": {"solve": "bottleneck_width", "by": "flops"},
        "axes": {"width": [32, 64, 128, 256, 384]},
    }
    add_attempts(storage, make_study(storage, "widths", seeds=5, space=widths, reference_arm=None))
    store_imported(storage, read_published("published:table3"))
    with served(storage) as address:
        yield address


def faults(page: Any, width: int) -> list[str]:
    """What of a page's names and numbers cannot be read, a line each."""
    page.set_viewport_size({"width": width, "height": 900})
    until(page, DRAWN)
    wrong = beyond_the_page(page) + unreadable(page)
    for figure in figures(page):
        for kind in (overlapping, cut, alike, empty):
            wrong += [[figure["key"], kind.__name__, str(names)] for names in kind(figure)]
    where = page.url.rsplit("/", 1)[-1][:40]
    return [f"{where} at {width}: {' '.join(words)}" for words in wrong]


COLOR = "(e => getComputedStyle(e).color)(document.querySelector('%s'))"


def test_a_choice_with_the_keyboard_and_axes_are_seen_on_the_dark_ground(
    browser: Any, address: str
) -> None:
    with opened(browser, f"{address}/study/one_seed", color_scheme="dark") as page:
        page.locator("#arms input").first.focus()
        focused = page.evaluate(COLOR % "#arms label:focus-within")
        assert focused == page.evaluate(COLOR % "summary")  # that of what can be pressed
        until(page, "document.querySelector('.parcoords .axis .domain') !== null")
        lines = "getComputedStyle(document.querySelector('.parcoords .axis .domain')).stroke"
        assert page.evaluate(lines) == page.evaluate(COLOR % ".quiet")


def test_names_are_whole_and_apart_lines_differ_and_numbers_are_in_sight(
    browser: Any, address: str
) -> None:
    found: list[str] = []
    with opened(browser, address, viewport={"width": 1280, "height": 900}) as page:
        for path, keys in PAGES.items():
            page.set_viewport_size({"width": 1280, "height": 900})
            page.emulate_media(color_scheme="light")
            page.goto(address + path)
            settled(page)
            found += faults(page, 1280)
            page.emulate_media(color_scheme="dark")
            until(page, f"{GROUNDS}.every(ground => ground === '#121416')")
            settled(page)
            found += faults(page, 390)
            drawn = {figure["key"]: figure for figure in figures(page)}
            assert set(keys) <= set(drawn), path
            assert page.title() != "hit"
            if path == "/study/one_seed":
                arms = page.locator("#arms label").all_inner_texts()
                assert len(arms) == 9
                assert [(a, k) for a in arms for k in keys if not named(drawn[k], a.strip())] == []
                assert len(drawn["validation"]["looks"]) == 9
    assert not found, "\n".join(found)


def test_on_a_page_that_is_opened_on_a_phone_a_legend_stands_below_the_name_of_the_axis(
    browser: Any, address: str
) -> None:
    """Plotly placed it by the sides of the figure that stood there before."""
    phone = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}
    with opened(browser, f"{address}/study/widths", **phone) as page:
        settled(page)
        assert faults(page, 390) == []
        assert page.locator("#cost .legend").count() == 1
