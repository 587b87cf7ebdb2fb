"""Errors on two axes at once: the means, the best cell, and those not told apart from it."""

import numpy as np
import pytest
from many_designs import make_grid, make_many
from scipy import stats
from study_tables import make_trials

from dashboards.analysis.cells import cells, order_of, pairs_of_axes
from dashboards.analysis.findings import Findings
from dashboards.figures import error_over_two_axes
from dashboards.figures.cells import errors_by_cell
from explorer.errors import UserError

PAIR = "cardinality,depths"


@pytest.fixture(scope="module")
def grid():
    return Findings(make_grid())


def test_the_pair_of_axes_is_that_of_the_space_and_not_what_was_solved(grid):
    assert pairs_of_axes(grid.designs) == {PAIR: "C and depths"}
    assert pairs_of_axes(Findings(make_trials()).designs) == {}
    assert len(pairs_of_axes(Findings(make_many(120, 1)).designs)) == 3  # C, d and width


def test_each_cell_has_the_mean_of_its_seeds_with_n_and_template(grid):
    found = cells(grid, PAIR)
    rows = grid.trials[(grid.trials["cardinality"] == 4) & (grid.trials["depths"] == "1-2-1")]
    cell = found.table.set_index(["cardinality", "depths"]).loc["4", "1-2-1"]
    assert cell["error"] == pytest.approx(rows["test_error"].mean())
    assert (cell["n"], cell["designs"], cell["template"]) == (5, 1, "4x19d")
    assert (found.across, found.down, len(found.table)) == ("cardinality", "depths", 15)


def test_the_best_cell_and_those_tied_are_those_of_tukeys_simultaneous_intervals(grid):
    found = cells(grid, PAIR)
    table = grid.trials.pivot_table("test_error", ["cardinality", "depths"], "seed").to_numpy()
    means = table.mean(axis=1)
    rest = table - means[:, None] - table.mean(axis=0) + table.mean()
    freedom = 14 * 4
    error = np.sqrt((rest**2).sum() / freedom / 5)
    far = stats.studentized_range.ppf(0.95, 15, freedom) * error
    tied = (means - means.min() <= far).sum() - 1
    assert found.best[["cardinality", "depths"]].tolist() == ["8", "2-2-2"]
    assert found.table["is_tied"].sum() == tied == 1
    assert found.table.loc[found.table["is_tied"], "cardinality"].tolist() == ["4"]


def test_the_title_says_which_cell_is_best_and_how_many_are_not_told_apart(grid):
    chart = errors_by_cell(grid)
    assert chart.title.startswith("C=8, depths=2-2-2 has the lowest test error, 2.3")
    assert chart.title.endswith("1 of 14 other cells is not told apart from it")
    assert "n = 5 trainings a cell" in chart.subtitle
    figure = error_over_two_axes(grid)
    assert [shape.line.dash for shape in figure.layout.shapes] == ["dot", "solid"]
    assert figure.data[0].text[2][3].endswith("8x8d<br>n 5")


def test_nothing_is_told_apart_with_one_seed_or_before_the_last(grid):
    trials = grid.trials
    one = errors_by_cell(Findings(trials[trials["seed"] == 0]))
    assert one.cells.table["is_tied"].sum() == 0
    assert "too few seeds" in one.subtitle
    running = trials.assign(status=trials["status"].where(trials.index != 3, "running"))
    chart = errors_by_cell(Findings(running))
    assert " so far: " in chart.title
    assert chart.cells.table["is_tied"].sum() == 0


def test_a_cell_of_several_designs_says_how_many(grid):
    pairs = pairs_of_axes(Findings(make_many(120, 1)).designs)
    chart = errors_by_cell(Findings(make_many(120, 1)), next(iter(pairs)))
    several = chart.cells.table[chart.cells.table["designs"] > 1]
    texts = "".join(error_over_two_axes(Findings(make_many(120, 1))).data[0].text.ravel())
    assert "<br>designs<br>n " in texts, "a line for each word: a cell on a phone is narrow"
    assert several["template"].str.contains(r"^\d+ designs$|^\d+x\d+d$").all()


def test_a_design_without_one_of_the_axes_stands_in_no_cell(grid):
    trials = grid.trials.copy()
    design = trials["design"].iloc[0]
    trials.loc[trials["design"] == design, "cardinality"] = None
    found = cells(Findings(trials, grid.info), PAIR)
    assert len(found.table) == 14
    assert errors_by_cell(Findings(trials, grid.info), PAIR).title


def test_a_pair_that_the_designs_do_not_fill_is_a_mistake(grid):
    with pytest.raises(UserError, match="cardinality,depths"):
        errors_by_cell(grid, "cardinality,width")
    empty = Findings(make_trials())
    assert errors_by_cell(empty).cells is None
    assert error_over_two_axes(empty).layout.annotations[0].text == "Nothing to show"


def test_numbers_stand_in_their_order_and_depths_by_their_sum():
    assert order_of("cardinality", dict.fromkeys(["16", "2", "1"])) == ["1", "2", "16"]
    assert order_of("depths", dict.fromkeys(["2-2-2", "1-2-1", "1-1-1"])) == [
        "1-1-1", "1-2-1", "2-2-2",
    ]  # fmt: skip
    assert order_of("growth", dict.fromkeys(["d", "C"])) == ["d", "C"]


def test_errors_that_are_no_plain_means_say_so(grid):
    assert "Mean test error in %, n" in errors_by_cell(grid, PAIR).subtitle
    lost = errors_by_cell(Findings(grid.trials.drop(grid.trials.index[0])), PAIR)
    assert "Mean test error in %, by least squares as if no seed were missing, n" in lost.subtitle
    alone = errors_by_cell(Findings(grid.trials[grid.trials["seed"] == 0]), PAIR)
    assert "n = 1 training a cell;" in alone.subtitle
