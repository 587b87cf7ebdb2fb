"""Every figure of a report, in a real browser: no name stands on another, none is cut, lines are
told apart and every text can be read, also with nine arms of mixed axes, on a phone and in the
dark."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from figure_labels import alike, cut, empty, figures, named, overlapping, unreadable
from study_tables import MIXED, make_curves, make_info, make_mixed_trials, without_results

from dashboards.report.report import write_report
from dashboards.report.sources import Source

LONG = {
    arm if arm == "C=1" else f"resnext_1-1-1_1x64d_w256_small {arm}": own
    for arm, own in MIXED.items()
}
CARDINALITIES = {f"C={c}": (c, max(1, 64 // c), 256, "1-1-1") for c in (2**i for i in range(9))}
CLOSE = {f"C={c}": (c, 64 // c, 256, "1-1-1") for c in range(1, 8)}


def failing() -> pd.DataFrame:
    """Every training of an arm has failed, one of another has, and one runs."""
    trials = make_mixed_trials()
    trials = without_results(trials, trials.index[trials["arm"] == "C=16"], "failed", "NaN")
    return without_results(without_results(trials, [4], "failed", "NaN"), [26], "running")


def unlearned() -> pd.DataFrame:
    trials = make_mixed_trials()
    errors = [f"{split}_error" for split in ("train", "validation", "test")]
    return trials.assign(**{name: 0.85 + 0.5 * trials[name] for name in errors})


def timed() -> pd.DataFrame:
    """Of a search that asks for a latency, which differs by more than a power of ten."""
    trials = make_mixed_trials(LONG)
    place = trials["arm"].map({arm: number for number, arm in enumerate(LONG)})
    return trials.assign(latency=0.001 * 1.4**place)


def by_recipes() -> pd.DataFrame:
    trials = make_mixed_trials()
    errors = trials["test_error"] * 1.3
    other = trials.assign(recipe="a_long_recipe_name_of_mine", test_error=errors)
    return pd.concat([trials.assign(recipe="quick"), other], ignore_index=True)


SEARCH = {
    **{"method": "nsga2", "trials": 9, "trials_possible": 9, "trials_proposed": 9, "seed": 0},
    **{"objectives": ["validation_error", "latency"], "finalists_chosen": list(LONG)},
}
RECIPES = [{"name": "quick"}, {"name": "a_long_recipe_name_of_mine"}]
MORE = {"two objectives": {"search": SEARCH}, "two recipes": {"recipe": None, "recipes": RECIPES}}
STUDIES = {
    "two objectives": timed,
    "two recipes": by_recipes,
    "failed": failing,
    "long names, one seed": lambda: make_mixed_trials(LONG, seeds=1),
    "unlearned": unlearned,
    "nine cardinalities": lambda: make_mixed_trials(CARDINALITIES),
    "close cardinalities": lambda: make_mixed_trials(CLOSE),
}


@pytest.fixture(scope="module", params=STUDIES)
def study(request: Any, tmp_path_factory: Any) -> tuple[Path, pd.DataFrame]:
    """A report, and what it is of."""
    trials = STUDIES[request.param]()
    info = {**make_info(), **MORE.get(request.param, {})}
    source = Source(request.param, trials, make_curves(trials), info)
    paper = "ResNet-50" if "cardinalities" in request.param else None
    path = tmp_path_factory.mktemp("labels") / "report.html"
    return write_report(path, [source], paper=paper), trials


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_names_are_whole_and_apart_and_lines_differ(
    browser: Any, study: tuple[Path, pd.DataFrame], width: int, scheme: str
) -> None:
    path, trials = study
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.goto(f"file://{path}")
    page.locator("[data-figure$=mismatch] .main-svg").last.wait_for()
    drawn = {figure["key"]: figure for figure in figures(page)}
    keys = {"error", "differences", "train", "validation", "mismatch"}
    if "recipe" in trials:  # the figures of each, and those of both
        keys = {"recipes-0", "0-error", "1-error", "1-differences", "1-mismatch"}
    if "latency" in trials and trials["latency"].notna().any():
        keys |= {"front"}
    assert keys <= set(drawn)
    for key, figure in drawn.items():
        assert (key, overlapping(figure), cut(figure), alike(figure)) == (key, [], [], [])
        assert (key, empty(figure)) == (key, [])
    naming = keys & {"error", "validation", "front", "0-error", "recipes-0"}
    for arm in trials.loc[trials["status"] == "complete", "arm"].unique():
        assert [key for key in naming if not named(drawn[key], arm)] == []
    if "validation" in drawn:
        assert len(drawn["validation"]["looks"]) >= 7
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert unreadable(page) == []
    page.close()
