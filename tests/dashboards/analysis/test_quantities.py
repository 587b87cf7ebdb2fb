"""The numbers of designs, how error moves with them, and how strongly."""

import numpy as np
import pandas as pd
import pytest
from many_designs import make_many
from scipy import stats
from study_tables import make_mixed_trials, make_trials

from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import designs_by_quantity, scaled, template_words, varied
from dashboards.analysis.trends import smooth_trend, strengths
from explorer import Architecture
from explorer.complexity import count


@pytest.fixture(scope="module")
def many():
    return make_many()


def test_a_row_a_design_has_its_numbers_and_the_depth_of_each_stage():
    designs = designs_by_quantity(make_mixed_trials()).set_index("arm")
    assert designs.loc["depths=1-2-1", ["depth", "stage_1", "stage_2", "stage_3"]].tolist() == [
        4, 1, 2, 1,
    ]  # fmt: skip
    assert designs.loc["C=16", ["cardinality", "bottleneck_width", "width", "n"]].tolist() == [
        16, 7, 256, 3,
    ]  # fmt: skip
    assert template_words(designs.loc["width=384"]) == "1x40d, width 384, 1-1-1"


def test_the_counts_of_designs_are_those_of_their_networks(many):
    row = designs_by_quantity(many).iloc[0]
    network = Architecture.from_name(row["design"], resolution=8, classes=10, in_channels=1)
    assert (row["flops"], row["depth"]) == (count(network).flops, sum(network.depths))


def test_only_what_designs_differ_in_can_be_chosen(many):
    assert list(varied(designs_by_quantity(make_trials()))) == [
        "cardinality", "bottleneck_width", "params", "activations", "seconds_per_epoch",
    ]  # fmt: skip
    assert {"width", "depth", "stage_3", "flops"} <= set(varied(designs_by_quantity(many)))


def test_a_stage_that_some_designs_lack_is_unknown_for_them():
    trials = make_mixed_trials({"a": (1, 64, 256, "1-1-1"), "b": (1, 64, 256, "1-1-1-2")})
    assert designs_by_quantity(trials)["stage_4"].isna().tolist() == [True, False]


def test_cardinality_has_a_log2_axis_and_widely_spread_costs_a_log10_one(many):
    designs = designs_by_quantity(many)
    known = varied(designs)
    assert scaled([1, 8, 32], known["cardinality"])[0].tolist() == [0, 3, 5]
    assert scaled([1e6, 1e8], known["flops"])[1] == "log10"
    assert scaled([1.0e6, 1.9e6], known["flops"])[1] == ""


def test_the_trend_of_a_straight_line_is_that_line_with_the_textbooks_band():
    x, random = np.repeat([0.0, 1.0, 2.0, 3.0], 25), np.random.default_rng(1)
    errors = 0.05 - 0.01 * x + random.normal(0, 0.002, len(x))
    trend = smooth_trend(x, errors)
    assert trend is not None
    assert trend.mean == pytest.approx(0.05 - 0.01 * trend.x, abs=0.0015)
    # Four values and four coefficients: at each value, its own mean and a pooled interval.
    own = errors[x == 0]
    pooled = np.sqrt(np.mean([errors[x == value].var(ddof=1) for value in range(4)]))
    half = stats.t.ppf(0.975, 96) * pooled / 5
    ends = [trend.low[0], trend.mean[0], trend.high[0]]
    assert ends == pytest.approx([own.mean() - half, own.mean(), own.mean() + half])
    assert trend.p_value < 1e-6


def test_the_band_holds_the_true_curve_in_about_95_of_100_studies():
    random, held = np.random.default_rng(2), 0
    for _ in range(300):
        x = random.integers(0, 5, 60).astype(float)
        trend = smooth_trend(x, 0.03 + 0.002 * (x - 2) + random.normal(0, 0.003, 60))
        held += trend.low[30] < 0.03 + 0.002 * (trend.x[30] - 2) < trend.high[30]
    assert 0.92 < held / 300 < 0.98


def test_there_is_no_trend_over_two_values_or_of_the_same_error_everywhere():
    assert smooth_trend(np.array([1.0, 2.0] * 10), np.arange(20.0)) is None
    assert smooth_trend(np.arange(20.0), np.full(20, 0.1)) is None


def test_strength_is_the_partial_rank_correlation_given_flops(many):
    designs = designs_by_quantity(many)
    table = strengths(designs, varied(designs))
    ranks = designs[["cardinality", "test_error", "flops"]].rank()
    # From the inverse of the correlation matrix, as textbooks have it.
    inverse = np.linalg.inv(np.corrcoef(ranks.T))
    partial = -inverse[0, 1] / np.sqrt(inverse[0, 0] * inverse[1, 1])
    row = table.loc["cardinality"]
    assert row["strength"] == pytest.approx(partial)
    assert row["low"] < partial < row["high"] < 0
    assert (row["n"], "flops" in table.index) == (60, False)
    assert table["strength"].abs().is_monotonic_decreasing


def test_of_designs_whose_error_has_nothing_to_do_with_them_few_are_claimed(many):
    designs, random, claimed = designs_by_quantity(many), np.random.default_rng(3), 0
    known = varied(designs)
    for _ in range(60):
        table = strengths(designs.assign(test_error=random.normal(0, 1, len(designs))), known)
        claimed += bool(((table["low"] > 0) | (table["high"] < 0)).any())
    assert claimed <= 9  # 3 of 60 expected; 9 or more by chance in 1 of 250


def test_a_choice_of_trainings_keeps_the_quantities_of_its_study(many):
    findings = Findings(many)
    choice = findings.choice(many[many["cardinality"] == 1])
    assert list(choice.quantities) == list(findings.quantities)
    assert "cardinality" not in choice.strengths[choice.strengths["low"].notna()].index


@pytest.mark.filterwarnings("error")
def test_a_choice_that_leaves_no_training_has_no_strengths(many):
    nothing = Findings(many).choice(many[many["seed"] == 999])
    assert nothing.strengths.empty


def test_nothing_is_said_of_a_study_without_results():
    empty = Findings(make_trials().assign(status="waiting"))
    assert (empty.by_design.empty, empty.quantities, len(empty.strengths)) == (True, {}, 0)
    assert isinstance(empty.strengths, pd.DataFrame)
