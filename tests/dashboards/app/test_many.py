"""A study of many designs on the live page: its figures follow the reader's choices."""

import json

import pytest
from app_pages import opened, served, settled, until
from big_study import add_attempts, make_study
from figure_labels import cut, figures, overlapping

from dashboards.app.pages import study_figures
from dashboards.app.pages.selection import Selection
from studies.records.remarking import add_tags, set_note
from studies.results import Reader
from studies.storage import Storage

EVIL = "<img src=x onerror=\"document.title='hit'\">"

# Twelve designs: C and depths of a matched space, d solved.
SPACE = {
    "name": "many",
    "reference": "resnext_1-1-1_1x64d_w256_small",
    "match": {"solve": "bottleneck_width", "by": "flops", "tolerance": 0.05},
    "axes": {"cardinality": [1, 2, 4, 8], "depths": [[1, 1, 1], [2, 1, 1], [2, 2, 2]]},
}
SHALLOW = {"depths": [1, 1, 1]}
PARTS = "[...document.querySelectorAll('[data-part]')]"
NEW = ("trend", "strength", "map", "triangle", "parallel", "extremes")


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    storage = Storage(f"sqlite:///{tmp_path_factory.mktemp('many')}/studies.db")
    many = make_study(storage, "many", space=SPACE, reference_arm={"cardinality": 1, **SHALLOW})
    add_attempts(storage, many)
    add_attempts(storage, make_study(storage, "few"))
    with served(storage) as address:
        yield address


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_the_figures_of_many_designs_are_drawn_with_whole_names(browser, address, width, scheme):
    size = {"width": width, "height": 900}
    with opened(browser, f"{address}/study/many", viewport=size, color_scheme=scheme) as page:
        drawn = {figure["key"]: figure for figure in figures(page)}
        for key in NEW:
            assert (key, overlapping(drawn[key]), cut(drawn[key])) == (key, [], [])
            assert drawn[key]["texts"]
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.heavy
def test_the_quantity_is_chosen_on_the_page_and_the_link_remembers_it(browser, address):
    axis = "document.querySelector('#trend .xtitle')?.textContent"
    with opened(browser, f"{address}/study/many") as page:
        until(page, f"{axis} === 'C (log2)'")
        page.get_by_label("depth (blocks)", exact=True).check()
        until(page, f"{axis} === 'Depth (blocks)'")
        page.get_by_label("C=8, depths=1-1-1", exact=True).uncheck()
        until(page, "document.querySelector('#trend-below').textContent.includes('11 designs')")
        link = page.url
        assert "quantity=depth" in link
    with opened(browser, link) as page:
        until(page, f"{axis} === 'Depth (blocks)'")
        until(page, "document.querySelector('#trend-below').textContent.includes('11 designs')")


def test_a_choice_shows_first_where_the_reader_is_and_then_on_the_whole_page(browser, address):
    size = {"width": 1200, "height": 500}
    with opened(browser, f"{address}/study/many", viewport=size) as page:
        until(page, f"{PARTS}.every(part => part.getAttribute('aria-busy') === 'false')")
        page.locator("#triangle").scroll_into_view_if_needed()
        near = set(page.evaluate(
            f"{PARTS}.filter(part => {{ const box = part.getBoundingClientRect();"
            " return box.bottom > 0 && box.top < 500; }).map(part => part.dataset.part)"
        ))  # fmt: skip
        asked: list[str] = []
        page.on("request", lambda request: asked.extend(due_parts(request.post_data)))
        page.evaluate("document.querySelector('#arms input[value=\"C=8, depths=1-1-1\"]').click()")
        # By its number: a part is busy only once the page's first figure shows the choice.
        until(page, f"{PARTS}.every(part => part.dataset.drawn === '2')")
        assert "11 of 12 arms" in page.locator("#study-shown").inner_text()
        every = page.evaluate(f"{PARTS}.map(part => part.dataset.part)")
        assert "triangle" in near
        assert len(near) < len(every)
        assert asked.index("triangle") < min(asked.index(part) for part in ("numbers", "trainings"))
        assert sorted(asked) == sorted(every), "each once"
        assert "of 11 designs" in page.locator("#trend-below").inner_text()


def test_a_part_is_busy_from_the_moment_that_it_shows_an_earlier_choice(browser, address):
    with opened(browser, f"{address}/study/few") as page:
        until(page, f"{PARTS}.every(part => part.getAttribute('aria-busy') === 'false')")
        busy = page.evaluate(
            "(() => { window.dash_clientside.explorer.allDue(2);"
            f" return {PARTS}.map(part => part.getAttribute('aria-busy')); }})()"
        )
        assert set(busy) == {"true"}


def due_parts(request: str | None) -> list[str]:
    """The parts of a page that a request asks for because a choice made them due."""
    changed = json.loads(request or "{}").get("changedPropIds", [])
    return [
        name.removeprefix("part-").removesuffix(".data-due")
        for name in changed
        if name.endswith(".data-due")
    ]


def test_a_part_whose_answer_fails_keeps_the_others_waiting_for_a_while_only(browser, address):
    page = browser.new_page(viewport={"width": 1280, "height": 600})
    page.clock.install()
    lost: list[str] = []

    def answer(route):
        due = due_parts(route.request.post_data)
        is_lost = "curves" in due
        lost.extend(due if is_lost else [])
        route.abort() if is_lost else route.continue_()

    page.route("**/_dash-update-component*", answer)
    page.goto(f"{address}/study/many")
    last = "document.querySelector('#part-trainings')?.dataset.drawn"
    until(page, "document.querySelector('#part-curves')?.dataset.due === '1'")
    page.wait_for_timeout(3000)
    assert page.evaluate(last) is None
    page.clock.fast_forward(21_000)
    until(page, f"{last} === '1'")
    assert page.get_attribute("#part-curves", "aria-busy") == "true"
    assert lost == ["curves"]
    page.close()


def test_all_figures_of_a_page_are_made_ahead_and_once(tmp_path, monkeypatch):
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    many = make_study(storage, "many", space=SPACE, reference_arm={"cardinality": 1, **SHALLOW})
    add_attempts(storage, many, epochs=2)
    reader, made, draw = Reader(storage), [], study_figures._figure
    monkeypatch.setattr(
        study_figures, "_figure", lambda key, *rest: made.append(key) or draw(key, *rest)
    )
    study_figures.prepare(reader, "many", Selection())
    assert set(made) >= {"error", "speed", *NEW}
    before = list(made)
    for key in (*study_figures.FIGURES, *NEW):
        study_figures.shown(reader, key, "many", Selection(), None)
    assert made == before


def test_a_study_of_few_designs_has_none_of_them(browser, address):
    with opened(browser, f"{address}/study/few") as page:
        settled(page)
        assert page.locator(", ".join(f"#{key}" for key in NEW)).count() == 0


def test_the_best_and_the_worst_stand_side_by_side_and_open_their_trainings(browser, address):
    with opened(browser, f"{address}/study/many") as page:
        until(page, "document.querySelectorAll('#study-extremes .card img').length === 6")
        assert page.locator("#study-extremes h3").first.inner_text().startswith("Best 1: ")
        # Each drawing fits its card, its words large enough to be read.
        fits = "[...document.querySelectorAll('#study-extremes .card .scroll')].every(frame =>"
        assert page.evaluate(f"{fits} frame.scrollWidth <= frame.clientWidth)")
        assert page.evaluate(f"{fits} frame.clientWidth > 0.9 * frame.firstChild.naturalWidth)")
        page.locator("#study-extremes .card a").first.click()
        until(page, "document.querySelector('#trial-curves .main-svg') !== null")


@pytest.mark.heavy
def test_the_overview_shows_filters_and_sorts_by_notes_and_tags(browser, tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    for name, tags in (("first", ["zebra"]), ("second", ["baseline"]), ("third", [])):
        study = make_study(storage, name)
        add_attempts(storage, study)
        add_tags(storage, study, tags)
    set_note(storage, study, EVIL)
    names = "[...document.querySelectorAll('#overview h2')].map(h => h.textContent).join()"
    with served(storage) as address:
        with opened(browser, address) as page:
            assert page.evaluate(names) == "third,second,first"
            assert (page.title() != "hit", page.locator("img[src=x]").count()) == (True, 0)
            assert EVIL in page.locator("#overview .remark").inner_text()
            assert "It took " in page.locator("#overview").inner_text()
            page.get_by_label("by tags").check()
            until(page, f"{names} === 'second,first,third'")
            page.get_by_label("Name, tag or note contains").fill("ZEB")
            until(page, f"{names} === 'first'")
            link = page.url
        with opened(browser, link) as page:
            assert page.evaluate(names) == "first"
        for path in (
            "/study/third",
            "/study/third/trial/resnext11_8x13d_cifar/0",
            "/compare?study=third",
        ):
            with opened(browser, address + path) as page:
                assert EVIL in page.locator("main").inner_text()
                assert (page.title() != "hit", page.locator("img[src=x]").count()) == (True, 0)


def test_a_choice_along_an_axis_leaves_the_designs_within_in_the_table(browser, address):
    rows = "document.querySelectorAll('#study-lines tbody tr:not([hidden])').length"
    count = "document.querySelector('#study-lines [data-count]').textContent"
    with opened(browser, f"{address}/study/many") as page:
        until(page, f"{count} === '12 of 12 designs chosen.'")
        # C is the first axis, log2 of it: C=2 to C=4.
        page.evaluate(
            "Plotly.restyle(document.querySelector('#parallel .js-plotly-plot'),"
            " {'dimensions[0].constraintrange': [[0.9, 2.1]]})"
        )
        until(page, f"{count} === '6 of 12 designs chosen.' && {rows} === 6")
        shown = page.locator(
            "#study-lines tbody tr:not([hidden]) td:nth-child(2)"
        ).all_inner_texts()
        assert {text.split("x")[0] for text in shown} == {"2", "4"}


def test_any_two_designs_are_compared_side_by_side(browser, address):
    first, second = "resnext11_8x13d_cifar", "resnext11_1x64d_cifar"
    link = f"{address}/designs?first={first}&second={second}"
    with opened(browser, link) as page:
        assert page.locator("#two-designs .column img").count() == 2
        rows = page.locator("#two-designs tbody tr").all_inner_texts()
        assert [row.split("\t")[0] for row in rows] == ["few", "many"]
        # As the study of the two says it: the same seeds, the gap of their means.
        few = rows[0].split("\t")
        assert few[3] == "3"
        assert float(few[4].replace("−", "-")) == pytest.approx(
            float(few[1]) - float(few[2]), abs=0.011
        )
        page.get_by_label("Second design").fill("resnet5O")
        until(page, "document.querySelector('#two-designs .problem') !== null")
        assert "resnet50" in page.locator("#two-designs .problem").inner_text()
        page.get_by_label("Second design").fill("resnet50")
        until(page, "document.querySelector('#two-designs').textContent.includes('No study here')")
        assert "second=resnet50" in page.url


def test_the_page_of_two_designs_fits_a_phone(browser, address):
    link = f"{address}/designs?first=resnext11_8x13d_cifar&second=resnext11_1x64d_cifar"
    size = {"width": 390, "height": 800}
    with opened(browser, link, viewport=size, color_scheme="dark") as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        (figure,) = figures(page)
        assert (overlapping(figure), cut(figure)) == ([], [])
