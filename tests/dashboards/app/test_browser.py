"""The live app in a real browser: no complaint, no other host, controls that change
what is shown, pages that move on by themselves."""

import json
import threading
from typing import Any

import pytest
import sqlalchemy
from app_pages import opened, served, settled, until
from big_study import MIXED_SPACE, add_attempts, finish, make_study
from figure_labels import alike, cut, figures, named, overlapping
from guessing_study import store

from dashboards.app.pages import study_figures
from studies.storage import Storage

EVIL = "<img src=x onerror=\"document.title='hit'\">"
PAGES = (
    "/",
    "/study/running",
    "/study/running/trial/resnext11_8x13d_cifar/0",
    "/compare",
    "/design",
    "/published",
)


@pytest.fixture(scope="module")
def storage(tmp_path_factory):
    storage = Storage(f"sqlite:///{tmp_path_factory.mktemp('app')}/studies.db")
    states = {3: "failed", 12: "running", 13: "running", 14: "waiting"}
    add_attempts(storage, make_study(storage, "running"), states=states, misses=True)
    add_attempts(storage, make_study(storage, "second", seeds=5))
    return storage


@pytest.fixture(scope="module")
def address(storage):
    with served(storage) as address:
        yield address


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_pages_fit_a_phone_and_have_no_serious_accessibility_fault(browser, address, path, scheme):
    from axe_playwright_python.sync_playwright import Axe

    with opened(
        browser, address + path, viewport={"width": 390, "height": 800}, color_scheme=scheme
    ) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        violations = Axe().run(page).response["violations"]
        serious = [
            (fault["id"], fault["nodes"][0]["html"][:200])
            for fault in violations
            if fault["impact"] in ("serious", "critical")
        ]
        assert serious == []
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert ground == ("rgb(18, 20, 22)" if scheme == "dark" else "rgb(255, 255, 255)")


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (390, "light")])
def test_nine_arms_of_mixed_axes_have_whole_names_apart_and_lines_that_differ(
    browser, tmp_path, width, scheme
):
    (tmp_path / "mixed.yaml").write_text(MIXED_SPACE)
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    stored = make_study(storage, "mixed", space=str(tmp_path / "mixed.yaml"))
    add_attempts(storage, stored, states={6: "failed", 7: "failed", 8: "failed", 20: "running"})
    size = {"width": width, "height": 900}
    with (
        served(storage) as address,
        opened(browser, f"{address}/study/mixed", viewport=size, color_scheme=scheme) as page,
    ):
        until(page, "document.querySelectorAll('#speed .scatterlayer .point').length > 9")
        drawn = {figure["key"]: figure for figure in figures(page)}
        by_arm = {"error", "differences", "train", "validation", "cost", "speed"}
        assert by_arm < set(drawn)
        for key, figure in drawn.items():
            assert (key, overlapping(figure), cut(figure), alike(figure)) == (key, [], [], [])
            assert key not in by_arm or all(named(figure, design.arm) for design in stored.designs)
        assert len(drawn["validation"]["looks"]) == 9


def points(page: Any, key: str = "error") -> int:
    return page.locator(f"#{key} .scatterlayer .point").count()


def test_filters_change_what_is_shown_and_the_link_remembers(browser, address):
    with opened(browser, f"{address}/study/running") as page:
        assert points(page) == 11 + 5
        page.get_by_label("C=16", exact=True).uncheck()
        until(page, "document.querySelectorAll('#error .scatterlayer .point').length === 9 + 4")
        page.get_by_label("Seeds (empty: all)").fill("0-1")
        until(page, "document.querySelectorAll('#error .scatterlayer .point').length === 7 + 4")
        until(page, "document.querySelectorAll('#study-trainings tbody tr').length === 8")
        assert "8 of 15 trainings, 4 of 5 arms" in page.locator("#study-shown").inner_text()
        link = page.url
        page.get_by_label("failed", exact=True).uncheck()
        until(page, "document.querySelectorAll('#study-trainings tbody tr').length === 7")
    with opened(browser, link) as page:
        until(page, "document.querySelectorAll('#error .scatterlayer .point').length === 7 + 4")
        assert not page.get_by_label("C=16", exact=True).is_checked()


def test_seeds_that_cannot_be_read_are_said_and_change_nothing(browser, address):
    with opened(browser, f"{address}/study/running") as page:
        page.get_by_label("Seeds (empty: all)").fill("first")
        until(
            page,
            "document.querySelector('#study-shown').textContent.includes('cannot read the seeds')",
        )
        assert points(page) == 11 + 5


def test_the_cost_and_the_order_are_chosen(browser, address):
    with opened(browser, f"{address}/study/second") as page:
        page.get_by_label("measured time").check()
        until(page, "document.querySelector('#cost').textContent.includes('econds')")
        page.get_by_label("lowest test error first").check()
        until(
            page,
            "(() => { const cells = [...document.querySelectorAll('#study-trainings tbody tr')]"
            ".map(row => parseFloat(row.children[2].textContent));"
            " return cells.every((value, i) => !i || cells[i - 1] <= value) })()",
        )
        page.get_by_text("Lay over what others published").click()
        page.get_by_label("osmr_resnext20_svhn").check()
        until(page, "document.querySelector('#error').textContent.includes('osmr_resnext20_svhn')")
        assert "cost=seconds_per_epoch" in page.url
        assert "order=best" in page.url
        assert "beside=osmr_resnext20_svhn" in page.url


def test_the_gaps_follow_a_choice(browser, address):
    gaps = "document.querySelectorAll('#differences .scatterlayer .point').length"
    with opened(browser, f"{address}/study/second") as page:
        until(page, f"{gaps} === 5")
        page.get_by_label("C=16", exact=True).uncheck()
        until(page, f"{gaps} === 4")


def test_flops_chosen_for_a_search_of_two_objectives_stay_chosen(browser, tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    search = {"method": "random", "trials": 5, "finalists": 1, "seed": 0}
    search["objectives"] = ["validation_error", "params"]
    add_attempts(storage, make_study(storage, "searched", search=search))
    title = "document.querySelector('#cost').closest('figure').textContent"
    with served(storage) as address:
        with opened(browser, f"{address}/study/searched") as page:
            until(page, f"{title}.includes('mean validation error and parameters')")
            page.get_by_label("FLOPs", exact=True).check()
            until(page, f"{title}.includes('mean test error and FLOPs')")
            assert page.url.endswith("?cost=flops")
        with opened(browser, f"{address}/study/searched?cost=flops") as page:
            until(page, f"{title}.includes('mean test error and FLOPs')")
            page.get_by_label("params", exact=True).check()
            until(page, "!location.search")


def test_what_was_got_wrong_comes_after_the_figures_with_its_images(browser, tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    store(storage)
    pictures = "document.querySelectorAll('#study-missed img.thumbnail')"
    with served(storage) as address, opened(browser, f"{address}/study/guessed") as page:
        until(page, f"{pictures}.length === 12")
        until(page, f"[...{pictures}].every(picture => picture.naturalWidth === 8)")
        assert "What each training got wrong" in page.inner_text("#study-missed")
        assert "judged by which images each training missed" in page.inner_text("#study-head")
        page.click("#arms label >> nth=1")  # a choice does not change it
        until(page, "document.querySelector('#study-shown').textContent.startsWith('Below: 12 ')")
        until(page, f"{pictures}.length === 12")


def test_a_link_in_a_table_changes_the_page_and_keeps_the_app(browser, address):
    with opened(browser, f"{address}/study/running") as page:
        page.evaluate("window.stays = true")
        page.locator("#study-trainings tbody a").first.click()
        until(page, "document.querySelector('#trial-curves .main-svg') !== null")
        assert page.url.startswith(f"{address}/study/running/trial/")
        page.get_by_role("link", name="running", exact=True).click()
        until(page, "document.querySelector('#study-trainings') !== null")
        page.go_back()
        until(page, "document.querySelector('#trial-curves .main-svg') !== null")
        page.go_back()
        until(page, "document.querySelector('#study-trainings tbody') !== null")
        assert page.evaluate("window.stays")
        settled(page)
    with opened(browser, f"{address}/paper") as page:
        page.get_by_role("link", name="ResNet-50").first.click()
        until(page, "document.querySelector('#design-table tbody') !== null")
        assert page.url.startswith(f"{address}/design?reference=resnet50")
        settled(page)


def test_a_click_on_a_point_opens_its_training(browser, address):
    with opened(browser, f"{address}/study/second") as page:
        page.locator("#error .scatterlayer .trace .point").nth(1).scroll_into_view_if_needed()
        target = page.evaluate("""() => {
              const plot = document.querySelector('#error .js-plotly-plot');
              const trace = plot.data.findIndex(
                  own => own.customdata && own.customdata[0].length > 1);
              const mark = plot.querySelectorAll('.scatterlayer .trace');
              const trials = plot.data[trace];
              const place = plot.calcdata[trace][2];
              const box = plot.querySelector('.nsewdrag').getBoundingClientRect();
              const layout = plot._fullLayout;
              return {x: box.left + layout.xaxis.c2p(place.x),
                      y: box.top + layout.yaxis.c2p(place.y),
                      design: trials.customdata[2][0], seed: trials.customdata[2][1]};
            }""")
        page.mouse.move(target["x"], target["y"])
        page.mouse.click(target["x"], target["y"])
        page.wait_for_url(f"**/study/second/trial/{target['design']}/{target['seed']}")
        until(page, "document.querySelector('#trial-curves .main-svg')")
        assert f"seed {target['seed']}: " in page.locator("h1").inner_text()
        assert page.locator("table").first.locator("tr").count() > 20
        page.go_back()
        until(page, "document.querySelector('#error .main-svg')")


def drag(page: Any, key: str, across: int, down: int) -> None:
    page.locator(f"#{key} .nsewdrag").scroll_into_view_if_needed()
    box = page.locator(f"#{key} .nsewdrag").bounding_box()
    page.mouse.move(box["x"] + 30, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 30 + across, box["y"] + 60 + down, steps=5)
    page.mouse.up()


def zoom_into(page: Any, key: str, across: int = 150) -> list[float]:
    """Drag over a part of a figure; returns the errors that it then shows."""
    before = shown_errors(page, key)
    drag(page, key, across, 120)
    until(page, f"JSON.stringify({ERRORS % key}) !== '{json.dumps(before, separators=(',', ':'))}'")
    page.wait_for_timeout(400)
    return shown_errors(page, key)


ERRORS = (
    "document.querySelector('#%s .js-plotly-plot')._fullLayout.yaxis.range.map(v => Math.round(10 *"
    " v) / 10)"
)


def shown_errors(page: Any, key: str) -> list[float]:
    errors: list[float] = page.evaluate(ERRORS % key)
    return errors


def test_a_running_study_moves_on_by_itself_and_keeps_its_zoom(browser, tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    stored = make_study(storage, "live")
    add_attempts(storage, stored, states={13: "running", 14: "waiting"})
    with served(storage) as address, opened(browser, f"{address}/study/live") as page:
        assert "13 of 15 complete, 1 running, 1 waiting" in page.locator(".progress").inner_text()
        near = {key: zoom_into(page, key) for key in ("error", "cost")}
        before = {key: points(page, key) for key in near}
        finish(storage, stored)
        until(page, "document.querySelector('.progress').textContent.includes('14 of 15 complete')")
        for key in near:
            until(
                page,
                f"document.querySelectorAll('#{key} .scatterlayer .point').length > {before[key]}",
            )
            assert shown_errors(page, key) == near[key]
        assert "14 of 15 trainings" in page.locator("h1").inner_text()


def test_a_study_that_moves_on_at_every_look_is_drawn_to_its_end(browser, tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    add_attempts(storage, make_study(storage, "live"), states={13: "running", 14: "waiting"})
    last = "document.querySelector('#part-trainings').dataset.drawn"
    with served(storage) as address, opened(browser, f"{address}/study/live") as page:
        until(page, last)
        for epoch in range(80):  # eight seconds, and a look every half
            with storage.open().engine.begin() as connection:
                connection.execute(WRITE, {"key": f"epoch/{epoch}"})
            page.wait_for_timeout(100)
            if page.evaluate(f"Number({last})") > 1:
                return
        raise AssertionError("what is out of view was never drawn again")


WRITE = sqlalchemy.text(
    "INSERT INTO trial_user_attributes (trial_id, key, value_json)"
    " SELECT trial_id, :key, '1' FROM trials WHERE state = 'RUNNING'"
)


def test_a_zoom_outlasts_one_of_the_other_axis_and_another_size_of_the_window(browser, address):
    with opened(browser, f"{address}/study/second") as page:
        near = zoom_into(page, "error", across=0)
        drag(page, "error", across=150, down=0)
        page.set_viewport_size({"width": 1000, "height": 800})
        page.wait_for_timeout(500)
        page.get_by_label("C=16", exact=True).uncheck()
        until(page, "document.querySelector('#study-shown').textContent.includes('4 of 5 arms')")
        assert shown_errors(page, "error") == near


def test_another_cost_is_shown_whole_after_a_zoom(browser, address):
    with opened(browser, f"{address}/study/second") as page:
        whole = shown_errors(page, "cost")
        assert zoom_into(page, "cost") != whole
        page.get_by_label("activations").check()
        until(page, "document.querySelector('#cost').textContent.includes('ctivations')")
        assert shown_errors(page, "cost") == whole


def test_a_zoom_that_a_figure_gave_up_does_not_come_back(browser, address):
    with opened(browser, f"{address}/study/second") as page:
        until(page, "document.querySelector('#cost .main-svg .trace')")
        keys = ("error", "differences", "cost")
        near = {key: zoom_into(page, key) for key in keys}
        page.get_by_label("measured time").check()
        page.get_by_text("Lay over what others published").click()
        page.get_by_label("osmr_resnext20_svhn").check()
        until(page, "document.querySelector('#part-costs').dataset.drawn === '2'")
        page.get_by_label("C=16", exact=True).uncheck()
        until(page, "document.querySelector('#part-costs').dataset.drawn === '3'")
        for key in keys:
            (low, high), (first, last) = near[key], shown_errors(page, key)
            assert first < low < high < last


def test_a_zoom_that_was_given_up_stays_away_where_the_next_choice_overtakes(
    browser, address, monkeypatch
):
    draw, overtaken = study_figures._figure, threading.Event()

    def wait(key: str, findings: Any, reader: Any, tables: Any, chosen: Any, theme: str) -> Any:
        if key == "cost" and chosen.without:
            overtaken.set()
        elif key == "cost" and chosen.cost == "params":
            overtaken.wait(10)
        return draw(key, findings, reader, tables, chosen, theme)

    monkeypatch.setattr(study_figures, "_figure", wait)
    high = {"width": 1200, "height": 2400}  # so that the figure of costs is in view
    with opened(browser, f"{address}/study/second", viewport=high) as page:
        low, high = zoom_into(page, "cost")
        page.get_by_label("params", exact=True).check()
        page.get_by_label("C=16", exact=True).uncheck()
        until(page, "document.querySelector('#part-costs').dataset.drawn === '2'")
        assert overtaken.is_set()
        first, last = shown_errors(page, "cost")
        assert first < low < high < last


def test_the_overview_moves_on_by_itself(browser, tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    stored = make_study(storage, "live")
    add_attempts(storage, stored, states={13: "running", 14: "waiting"})
    with served(storage) as address, opened(browser, address) as page:
        assert "13 of 15 complete, 1 running, 1 waiting" in page.locator(".progress").inner_text()
        finish(storage, stored)
        until(page, "document.querySelector('.progress').textContent.includes('14 of 15 complete')")
        add_attempts(storage, make_study(storage, "later"))
        until(page, "document.querySelectorAll('#overview .entry').length === 2")
        assert page.locator("#overview h2").first.inner_text() == "later"


def test_a_page_opened_before_its_study_shows_it_once_it_is_there(browser, tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    with served(storage) as address, opened(browser, f"{address}/study/later") as page:
        assert page.locator("h1").inner_text() == "This cannot be shown"
        add_attempts(storage, make_study(storage, "later"))
        until(page, "document.querySelector('#page .study b')?.textContent === 'later'")
        settled(page)
        assert points(page) == 15 + 5


def test_sliders_change_the_designs_and_the_link(browser, address):
    with opened(browser, f"{address}/design") as page:
        assert page.locator("#design-table tbody tr").count() == 6
        page.get_by_label("Largest C").fill("3")
        until(page, "document.querySelectorAll('#design-table tbody tr').length === 4")
        page.get_by_label("Budget").fill("6")
        until(page, "document.querySelector('#factor-value').textContent.startsWith('2x, 8.18')")
        until(page, "document.querySelector('#design-table').textContent.includes('resnext50_8x')")
        page.get_by_label("Reference").fill("resnet101")
        until(
            page, "document.querySelector('#design-paper').textContent.includes('resnext101_2x64d')"
        )
        link = page.url
    with opened(browser, link) as page:
        assert page.get_by_label("Reference").input_value() == "resnet101"
        assert page.locator("#design-table tbody tr").count() == 4


def test_a_mistake_in_the_reference_is_told_on_the_page(browser, address):
    with opened(browser, f"{address}/design?reference=resnet5O") as page:
        assert "resnet50" in page.locator("#design-problem").inner_text()


def test_studies_are_compared_side_by_side(browser, address):
    with opened(browser, f"{address}/compare?study=second") as page:
        assert page.locator("#comparison .plot").count() == 1
        page.get_by_label("running", exact=True).check()
        until(page, "document.querySelectorAll('#comparison tbody tr').length === 10")
        until(page, "document.querySelectorAll('#comparison .js-plotly-plot .main-svg').length > 3")
        assert "study=second&study=running" in page.url


def test_markup_from_a_study_does_nothing(browser, tmp_path):
    storage = Storage(f"sqlite:///{tmp_path}/studies.db")
    stored = make_study(storage, "evil", question=EVIL)
    content = dict(stored.content.plain)
    content["designs"] = [{**design, "arm": design["arm"] + EVIL} for design in content["designs"]]
    content["machine"] = content["git_commit"] = EVIL
    content["reference_arm"] += EVIL
    writer = storage.open()
    writer.set_study_user_attr(stored.id, "explorer", content)
    add_attempts(storage, stored, states={3: "failed", 13: "running"}, reason=EVIL)
    with served(storage) as address:
        for path in (
            "/",
            "/study/evil",
            "/study/evil/trial/resnext11_8x13d_cifar/0",
            "/compare?study=evil",
        ):
            with opened(browser, address + path) as page:
                assert page.locator("img[src=x]").count() == 0
                assert page.title() != "hit"
                assert "onerror" in page.locator("main").inner_text()
