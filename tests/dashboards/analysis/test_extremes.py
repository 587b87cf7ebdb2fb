"""The three best and the three worst of many designs."""

import pandas as pd
import pytest
from many_designs import make_grid, make_many
from study_tables import make_curves, make_info, make_trials

from dashboards.analysis.extremes import extreme_designs
from dashboards.analysis.findings import Findings
from dashboards.figures import best_and_worst_curves
from dashboards.figures.theme import THEMES
from dashboards.page.elements import to_html
from dashboards.page.extremes import side_by_side


@pytest.fixture(scope="module")
def trials():
    return make_many(12)


def test_validation_error_ranks_them_and_each_has_its_name(trials):
    found = extreme_designs(Findings(trials))
    means = trials.groupby("design")["validation_error"].mean().sort_values()
    assert found.best["design"].tolist() == means.index[:3].tolist()
    assert found.worst["design"].tolist() == means.index[-3:].tolist()
    assert found.names[means.index[0]] == "best 1"
    assert found.names[means.index[-1]] == "worst 1"
    assert found.names[means.index[-3]] == "worst 3"


def test_a_design_with_fewer_seeds_than_others_is_not_called_best(trials):
    best = extreme_designs(Findings(trials)).best["design"].iloc[0]
    lucky = trials[~((trials["design"] == best) & (trials["seed"] == 1))]
    assert best not in extreme_designs(Findings(lucky)).best["design"].tolist()


def test_without_validation_errors_the_test_error_ranks_them(trials):
    found = extreme_designs(Findings(trials.assign(validation_error=float("nan"))))
    assert found.chosen_by == "test"
    assert found.best["test_error"].is_monotonic_increasing


def test_few_designs_have_no_best_and_worst():
    assert extreme_designs(Findings(make_trials())) is None
    empty = pd.DataFrame(columns=make_curves(make_trials()).columns)
    figure = best_and_worst_curves(Findings(make_trials()), empty)
    assert not [line.name for line in figure.data]
    assert figure.layout.title.subtitle.text == "Shown of 8 designs with results or more; so far 5"


def test_their_curves_are_those_of_six_designs_by_name():
    trials = make_grid(2)
    figure = best_and_worst_curves(Findings(trials, make_info()), make_curves(trials))
    names = [line.name for line in figure.data if line.name]
    assert names == ["best 1", "best 2", "best 3", "worst 3", "worst 2", "worst 1"]


def test_the_reference_design_among_them_looks_like_the_reference():
    trials = make_grid(2).assign(reference="")
    second = extreme_designs(Findings(trials)).best["design"].iloc[1]
    figure = best_and_worst_curves(
        Findings(trials.assign(reference=second), make_info()), make_curves(trials)
    )
    black = [line.name for line in figure.data if line.line.color == THEMES["light"].reference]
    assert black == ["best 2"]


def test_without_the_reference_among_them_none_looks_like_it():
    trials = make_grid(2)
    others = trials.assign(reference="another design")
    figure = best_and_worst_curves(Findings(others, make_info()), make_curves(trials))
    colors = {line.line.color for line in figure.data if line.name}
    assert len(colors) == 6
    assert THEMES["light"].reference not in colors


def test_each_is_drawn_with_its_costs_and_its_text_is_escaped(trials):
    html = to_html(side_by_side(extreme_designs(Findings(trials)), trials))
    assert html.count("data:image/svg+xml") == 6
    assert html.count(" FLOPs, ") == 6
    assert html.index("Best 1: ") < html.index("Worst 3: ") < html.index("Worst 1: ")
    evil = trials.assign(design=trials["design"] + "<img src=x>")
    html = to_html(side_by_side(extreme_designs(Findings(evil)), evil))
    assert ("<img src=x>" in html, html.count("&lt;img src=x&gt;")) == (False, 6)


def test_where_designs_with_fewer_seeds_are_left_out_the_page_says_so():
    trials = make_grid(3)
    html = to_html(side_by_side(extreme_designs(Findings(trials)), trials))
    assert "By mean validation error; the best" in html
    lost = trials.drop(trials.index[0])
    html = to_html(side_by_side(extreme_designs(Findings(lost)), lost))
    assert "By mean validation error of the designs with at least 3 seeds; the best" in html
