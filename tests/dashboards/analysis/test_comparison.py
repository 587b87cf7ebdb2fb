"""Comparisons under the arms' names, against other ways to compute them."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_tables import make_trials, without_results

from dashboards.analysis.comparison import Comparison
from dashboards.analysis.findings import Findings
from studies.judging.differences import differences, intervals

ARMS = ["C=1", "C=2", "C=4", "C=8", "C=16"]


def compare(trials: pd.DataFrame, reference: str) -> Comparison:
    return Findings(trials, {"reference_arm": reference}).comparison


def test_rows_of_the_judged_table_are_told_by_their_arms_names():
    trials = make_trials({"C=8": -0.004})
    table = trials.pivot_table(index="arm", columns="seed", values="test_error").reindex(ARMS)
    comparison = compare(trials, "C=2")
    judged = differences(table.to_numpy(), 1)
    low, high = intervals(judged)
    assert [gap.arm for gap in comparison.differences] == ["C=1", "C=4", "C=8", "C=16"]
    assert [gap.estimate for gap in comparison.differences] == pytest.approx(
        [table.loc[arm].mean() - table.loc["C=2"].mean() for arm in ("C=1", "C=4", "C=8", "C=16")]
    )
    assert [gap.low for gap in comparison.differences] == low.tolist()
    assert [gap.high for gap in comparison.differences] == high.tolist()
    assert comparison.degrees_of_freedom == 8
    assert comparison.means == pytest.approx(table.mean(axis=1).to_dict())


def least_squares(table: pd.DataFrame, arms: list[str]) -> tuple[np.ndarray, float, int]:
    """Differences from the first arm by ordinary dummy regression with
    an intercept: estimates, sd, df."""
    long = table.stack().dropna().rename("error").reset_index()
    x = pd.get_dummies(long[["arm", "seed"]].astype(str), dtype=float)
    x = x.drop(columns=[f"arm_{arms[0]}", f"seed_{table.columns[0]}"]).assign(intercept=1.0)
    values, rest, *_ = np.linalg.lstsq(x.to_numpy(), long["error"].to_numpy(), rcond=None)
    freedom = len(long) - x.shape[1]
    sd = float(np.sqrt(rest[0] / freedom))
    places = [list(x.columns).index(f"arm_{arm}") for arm in arms[1:]]
    return values[places], sd, freedom


def test_missing_pairs_are_handled_by_least_squares():
    trials = make_trials({"C=8": -0.004}, seeds=4)
    trials = without_results(trials, [1, 7, 12, 19], "failed", "NaN")
    table = trials[trials["status"] == "complete"].pivot_table(
        index="arm", columns="seed", values="test_error"
    )
    estimates, sd, freedom = least_squares(table.reindex(ARMS), ARMS)
    comparison = compare(trials, "C=1")
    assert (comparison.residual_sd, comparison.degrees_of_freedom) == pytest.approx((sd, freedom))
    assert [gap.arm for gap in comparison.differences] == ARMS[1:]
    assert [gap.estimate for gap in comparison.differences] == pytest.approx(estimates.tolist())


def test_the_trend_is_the_slope_of_error_on_log2_c_within_seeds():
    trials = make_trials({"C=2": -0.001, "C=4": -0.002, "C=8": -0.003, "C=16": -0.004})
    comparison = compare(trials, "C=1")
    means = trials.groupby("cardinality")["test_error"].mean()
    slope = stats.linregress(np.log2(means.index), means).slope
    error = comparison.residual_sd / np.sqrt(
        3 * 10
    )  # three seeds, and the squares of -2, -1, 0, 1, 2
    assert comparison.trend.slope == pytest.approx(slope)
    assert comparison.trend.high - slope == pytest.approx(stats.t.ppf(0.975, 8) * error)
    assert comparison.trend.p_value == pytest.approx(2 * stats.t.sf(abs(slope) / error, 8))


def test_no_trend_without_three_cardinalities():
    trials = make_trials()
    assert compare(trials[trials["cardinality"] < 3], "C=1").trend is None


def test_cost_ratios_are_of_the_budgets_own_measure():
    trials = make_trials()
    ratios = {gap.arm: gap.cost_ratio for gap in compare(trials, "C=2").differences}
    assert ratios["C=1"] == pytest.approx(19_970_048 / 19_811_712)
    assert ratios["C=8"] == pytest.approx(19_979_776 / 19_811_712)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda trials: trials[trials["seed"] == 0], "there is one seed only"),
        (lambda trials: trials.iloc[:0], "no training is complete yet"),
        (
            lambda trials: without_results(trials, trials.index, "waiting"),
            "no training is complete yet",
        ),
        (lambda trials: trials[trials["arm"] == "C=1"], "there is only one arm"),
        (
            lambda trials: without_results(trials, trials.index[::5], "failed"),
            "the reference arm C=1 has no complete training",
        ),
        (
            lambda trials: trials.assign(test_error=0.1),
            "every seed shows exactly the same gaps",
        ),
        (
            lambda trials: trials[(trials["arm"] == "C=1") == (trials["seed"] == 0)],
            "the reference arm shares no seed with another arm",
        ),
        (lambda trials: trials.iloc[[0, 1, 5, 7]], "too few arms share two seeds"),
    ],
)
def test_where_there_is_no_interval_the_comparison_says_why(change, problem):
    comparison = compare(change(make_trials()), "C=1")
    assert comparison.problem == problem
    assert not any(gap.shown or gap.low is not None for gap in comparison.differences)
    assert comparison.p_values == {}
    assert comparison.trend is None


def test_an_arm_without_results_is_not_compared_and_the_others_are():
    trials = without_results(make_trials(), [4, 9, 14], "failed", "NaN")
    comparison = compare(trials, "C=1")
    assert comparison.incomparable == ("C=16",)
    assert [gap.arm for gap in comparison.differences] == ["C=2", "C=4", "C=8"]
    without = compare(trials[trials["arm"] != "C=16"], "C=1")
    assert [gap.low for gap in comparison.differences] == pytest.approx(
        [gap.low for gap in without.differences]
    )


def test_pruned_trials_are_out_of_the_comparison():
    trials = make_trials()
    trials.loc[0, "status"] = (
        "pruned"  # with an error of its own, from the epoch where it was pruned
    )
    assert compare(trials, "C=1") == compare(trials.drop(index=0), "C=1")


def test_an_arm_that_lost_trainings_is_left_out_of_the_trend():
    trials = without_results(make_trials({"C=16": 0.05}), [4], "failed", "NaN")
    left = compare(trials, "C=1")
    assert left.trend.slope == pytest.approx(
        stats.linregress(
            [0, 1, 2, 3], trials.groupby("cardinality")["test_error"].mean().iloc[:4]
        ).slope
    )
