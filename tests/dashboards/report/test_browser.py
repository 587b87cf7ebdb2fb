"""The page in a real browser: it opens offline without an error or a request,
draws, fits a phone, and gives its data away."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest
from app_pages import until
from many_designs import make_grid
from study_tables import (
    MIXED,
    make_curves,
    make_info,
    make_mixed_trials,
    make_trials,
    without_results,
)

from dashboards.report.report import write_report
from dashboards.report.sources import Source

EVIL = "<img src=x onerror=\"document.title='hit'\"></script><script>document.title='hit'</script>"


def source(trials: pd.DataFrame, info: dict[str, Any]) -> Source:
    return Source(info["name"], trials, make_curves(trials), info)


@contextmanager
def opened(browser: Any, path: Any, **options: Any) -> Iterator[Any]:
    """The page, opened offline. At the end nothing may have been written
    to the console or asked of the network."""
    context = browser.new_context(offline=True, **options)
    page = context.new_page()
    complaints: list[str] = []
    page.on(
        "console",
        lambda message: (
            # How Chromium's own software draws WebGL, which parallel coordinates need.
            "GL Driver Message" in message.text
            or complaints.append(f"{message.type}: {message.text}")
        ),
    )
    page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
    page.on(
        "request",
        lambda request: (
            request.url.startswith(("file:", "blob:", "data:")) or complaints.append(request.url)
        ),
    )
    page.goto(f"file://{path}")
    yield page
    context.close()
    assert complaints == []


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    trials = make_trials({"C=4": -0.006, "C=8": -0.008})
    path = tmp_path_factory.mktemp("page") / "digits.html"
    return write_report(path, [source(trials, make_info())])


def test_a_designs_name_in_a_caption_is_broken_only_where_no_line_has_room_for_it(
    browser, page_file
):
    with opened(browser, page_file, viewport={"width": 390, "height": 900}) as page:
        lines = "[...document.querySelectorAll('figcaption .name')].map(name => name.offsetHeight)"
        heights = page.evaluate(lines)
        assert len(heights) == 2
        assert max(heights) < 30, "one line"


def test_the_table_of_nine_arms_of_which_some_failed_fits_a_wide_page(browser, tmp_path):
    last = "C=16, shortcut=none"
    names = dict(zip(list(MIXED)[6::2], ("C=4, shortcut=none", last), strict=True))
    trials = make_mixed_trials({names.get(arm, arm): own for arm, own in MIXED.items()})
    trials = without_results(trials, trials.index[trials["arm"] == last][:1], "failed", "NaN")
    path = write_report(tmp_path / "page.html", [source(trials, make_info())])
    with opened(browser, path, viewport={"width": 1280, "height": 900}) as page:
        table = page.get_by_label("The numbers behind the figures")
        assert "Seeds shared" in table.inner_text().replace("\n", " ")
        assert table.evaluate("frame => frame.scrollWidth - frame.clientWidth") == 0


def test_every_figure_is_drawn(browser, page_file):
    with opened(browser, page_file, viewport={"width": 1200, "height": 900}) as page:
        assert page.locator("h1").inner_text().startswith("At 1.00x the FLOPs, C=8 has 0.95")
        for key in ("error", "differences", "train", "validation", "time", "speed", "mismatch"):
            plot = page.locator(f"[data-figure={key}]")
            plot.locator(".main-svg").first.wait_for()
            assert plot.locator(".scatterlayer :is(.point, .js-line)").count() >= 5
        drawings = page.locator(".drawing img").evaluate_all(
            "all => all.map(image => image.naturalWidth)"
        )
        assert len(drawings) == 2
        assert min(drawings) > 300
        marks = page.locator("[data-figure=error] .scatterlayer .point")
        assert marks.count() == 15 + 5


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_has_no_sideways_scroll(browser, page_file, scheme):
    with opened(
        browser, page_file, viewport={"width": 390, "height": 800}, color_scheme=scheme
    ) as page:
        page.locator("[data-figure=validation] .main-svg").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        for box in page.locator(".plot .main-svg").evaluate_all(
            "all => all.map(svg => svg.getBoundingClientRect().right)"
        ):
            assert box <= 390


def ground(page: Any) -> list[str]:
    return [
        page.evaluate("getComputedStyle(document.body).backgroundColor"),
        page.locator("[data-figure=error] .main-svg").first.evaluate("svg => svg.style.background"),
    ]


def test_the_page_follows_the_readers_setting_and_prints_light(browser, page_file):
    with opened(browser, page_file, color_scheme="dark") as page:
        page.locator("[data-figure=error] .main-svg").first.wait_for()
        assert ground(page) == ["rgb(18, 20, 22)"] * 2
        page.emulate_media(media="print")
        page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
        assert ground(page) == ["rgb(255, 255, 255)"] * 2
        page.emulate_media(media="screen", color_scheme="light")
        page.evaluate("window.dispatchEvent(new Event('afterprint'))")
        assert ground(page) == ["rgb(255, 255, 255)"] * 2


def test_tables_and_pictures_are_downloaded_from_the_page_itself(browser, page_file, tmp_path):
    with opened(browser, page_file, accept_downloads=True) as page:
        page.locator("[data-figure=error] .main-svg").first.wait_for()
        with page.expect_download() as download:
            page.locator("[data-csv=trials]").first.click()
        assert download.value.suggested_filename == "digits_cardinality_trials.csv"
        table = pd.read_csv(download.value.path())
        assert len(table) == 15
        assert table["test_error"].tolist() == pytest.approx(
            make_trials({"C=4": -0.006, "C=8": -0.008})["test_error"].tolist()
        )
        with page.expect_download() as download:
            page.locator("[data-picture=error]").click()
        download.value.save_as(tmp_path / "picture.png")
        assert (tmp_path / "picture.png").read_bytes().startswith(b"\x89PNG")


def test_several_studies_fit_a_phone_and_give_their_own_tables(browser, tmp_path):
    first, second = make_trials({"C=8": -0.008}), make_trials(name="other", random_seed=5)
    sources = [source(first, make_info()), source(second, make_info("other"))]
    path = write_report(tmp_path / "both.html", sources)
    with opened(
        browser, path, viewport={"width": 390, "height": 800}, accept_downloads=True
    ) as page:
        page.locator("[data-figure='1-validation'] .main-svg").first.wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("[data-figure$=-error] .main-svg").count() >= 2
        with page.expect_download() as download:
            page.locator("[data-csv='1-trials']").first.click()
        assert download.value.suggested_filename == "other_trials.csv"
        assert set(pd.read_csv(download.value.path())["study"]) == {"other"}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser, page_file, scheme):
    from axe_playwright_python.sync_playwright import Axe

    # The policy of the page lets no foreign script run, so that axe needs a way around it.
    with opened(browser, page_file, color_scheme=scheme, bypass_csp=True) as page:
        page.locator("[data-figure=validation] .main-svg").first.wait_for()
        faults = Axe().run(page).response["violations"]
        assert [fault["id"] for fault in faults if fault["impact"] in ("serious", "critical")] == []


def test_markup_from_a_study_does_nothing_in_a_browser(browser, tmp_path):
    trials = make_trials()
    trials["arm"] = trials["arm"] + EVIL
    trials["design"] = trials["design"] + EVIL
    trials = without_results(trials, [3], "failed", EVIL)
    info = {**make_info(), "name": "x" + EVIL, "question": EVIL, "document": EVIL, "machine": EVIL}
    info["reference_arm"] = "C=1" + EVIL
    path = write_report(tmp_path / "evil.html", [source(trials, info)])
    with opened(browser, path, viewport={"width": 390, "height": 800}) as page:
        page.locator("[data-figure=validation] .main-svg").first.wait_for()
        page.locator("[data-figure=error]").hover()
        assert page.locator("img").count() == 0
        assert page.title() != "hit"
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("state", ["waiting", "one seed", "empty"])
def test_a_study_with_little_or_nothing_opens_too(browser, tmp_path, state):
    trials = make_trials(seeds=1 if state == "one seed" else 3)
    if state == "waiting":
        trials = without_results(trials, trials.index, "waiting")
    trials = trials.iloc[:0] if state == "empty" else trials
    path = write_report(tmp_path / "page.html", [source(trials, make_info())])
    with opened(browser, path) as page:
        assert page.locator("h1").is_visible()


def test_of_many_designs_the_quantity_is_chosen_and_a_brush_leaves_rows_of_the_table(
    browser, tmp_path
):
    trials = make_grid(2)
    path = write_report(tmp_path / "many.html", [source(trials, make_info("many"))])
    with opened(browser, path, viewport={"width": 1280, "height": 900}) as page:
        first = page.locator("[data-figure='trend-cardinality'] .main-svg").first
        first.wait_for()
        page.get_by_label("depth (blocks)", exact=True).check()
        page.locator("[data-figure='trend-depth'] .main-svg").first.wait_for()
        assert not first.is_visible()
        count = page.locator("[data-count]")
        assert count.inner_text() == "15 of 15 designs chosen."
        page.evaluate(
            "Plotly.restyle(document.querySelector('[data-figure=parallel]'),"
            " {'dimensions[0].constraintrange': [[2.9, 3.1]]})"
        )
        until(page, "document.querySelector('[data-count]').textContent.startsWith('3 of 15')")
        shown = page.locator("[data-lines] tbody tr:not([hidden]) td:nth-child(2)")
        assert [text.split("x")[0] for text in shown.all_inner_texts()] == ["8"] * 3
