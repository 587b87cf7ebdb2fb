"""The numbers, against other ways to compute them, and against
simulated studies whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from study_tables import make_trials, without_results

from dashboards.analysis.comparison import Comparison, compare_table
from dashboards.analysis.dunnett import (
    critical_value,
    seeds_to_settle,
)
from dashboards.analysis.findings import Findings

ARMS = ["C=1", "C=2", "C=4", "C=8", "C=16"]
LOG2_C = [0, 1, 2, 3, 4]


def compare(trials: pd.DataFrame, reference: str) -> Comparison:
    return Findings(trials, {"reference_arm": reference}).comparison


def half(k: int) -> np.ndarray:
    """Correlations of k differences from one reference in a complete table."""
    return 0.5 * np.eye(k) + 0.5


def test_two_arms_are_compared_by_the_paired_t_test():
    trials = make_trials({"C=2": 0.003}, seeds=6)
    trials = trials[trials["arm"].isin(["C=1", "C=2"])]
    first, second = (
        trials.loc[trials["arm"] == arm, "test_error"].to_numpy() for arm in ("C=1", "C=2")
    )
    test = stats.ttest_rel(second, first)
    interval = test.confidence_interval(0.95)
    gap = compare(trials, "C=1").differences[0]
    assert (gap.estimate, gap.p_value) == pytest.approx(((second - first).mean(), test.pvalue))
    assert (gap.low, gap.high) == pytest.approx((interval.low, interval.high))


# Dunnett 1964, two-sided 5 % points for comparisons with a
# control, to the two digits printed there.
def test_a_complete_table_gives_differences_of_means_and_the_two_way_residual():
    trials = make_trials({"C=8": -0.004})
    table = trials.pivot_table(index="arm", columns="seed", values="test_error").reindex(ARMS)
    residual = (
        table.sub(table.mean(axis=1), axis=0).sub(table.mean(axis=0), axis=1)
        + table.to_numpy().mean()
    )
    comparison = compare(trials, "C=1")
    assert comparison.degrees_of_freedom == 8
    assert comparison.residual_sd == pytest.approx(np.sqrt((residual.to_numpy() ** 2).sum() / 8))
    for difference in comparison.differences:
        means = table.mean(axis=1)
        assert difference.estimate == pytest.approx(means[difference.arm] - means["C=1"])
        half_width = critical_value(half(4), 8) * comparison.residual_sd * np.sqrt(2 / 3)
        assert (difference.high - difference.low) / 2 == pytest.approx(half_width)


def least_squares(
    table: pd.DataFrame, arms: list[str]
) -> tuple[np.ndarray, np.ndarray, float, int]:
    """Differences from the first arm by ordinary dummy regression with
    an intercept: estimates, errors, sd, df."""
    long = table.stack().dropna().rename("error").reset_index()
    x = pd.get_dummies(long[["arm", "seed"]].astype(str), dtype=float)
    x = x.drop(columns=[f"arm_{arms[0]}", f"seed_{table.columns[0]}"]).assign(intercept=1.0)
    values, rest, *_ = np.linalg.lstsq(x.to_numpy(), long["error"].to_numpy(), rcond=None)
    freedom = len(long) - x.shape[1]
    sd = float(np.sqrt(rest[0] / freedom))
    covariance = sd**2 * np.linalg.inv(x.to_numpy().T @ x.to_numpy())
    places = [list(x.columns).index(f"arm_{arm}") for arm in arms[1:]]
    return values[places], np.sqrt(np.diag(covariance)[places]), sd, freedom


def test_missing_pairs_are_handled_by_least_squares():
    trials = make_trials({"C=8": -0.004}, seeds=4)
    trials = without_results(trials, [1, 7, 12, 19], "failed", "NaN")
    table = trials[trials["status"] == "complete"].pivot_table(
        index="arm", columns="seed", values="test_error"
    )
    estimates, errors, sd, freedom = least_squares(table.reindex(ARMS), ARMS)
    comparison = compare(trials, "C=1")
    assert (comparison.residual_sd, comparison.degrees_of_freedom) == pytest.approx((sd, freedom))
    assert [gap.arm for gap in comparison.differences] == ARMS[1:]
    assert [gap.estimate for gap in comparison.differences] == pytest.approx(estimates.tolist())
    widths = [(gap.high - gap.low) / 2 / comparison.critical for gap in comparison.differences]
    assert widths == pytest.approx(errors.tolist())


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


def test_the_interval_excludes_zero_exactly_where_p_is_below_5_percent():
    random = np.random.default_rng(5)
    for _ in range(200):
        comparison = compare_table(random.normal([[0], [0], [2], [4]], 1, (4, 3)), ARMS[:4], "C=1")
        for gap in comparison.differences:
            assert gap.shown == (gap.p_value < 0.05)
            assert gap.low < gap.estimate < gap.high


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
            "every seed shows exactly the same gaps between the arms",
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
    assert not any(gap.shown or gap.p_value is not None for gap in comparison.differences)
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


@settings(max_examples=30, deadline=None)
@given(
    shifts=st.lists(st.floats(-1, 1), min_size=4, max_size=4),
    missing=st.sets(st.integers(0, 15), max_size=5),
    order=st.permutations(range(4)),
)
def test_seed_effects_and_the_order_of_arms_change_nothing(shifts, missing, order):
    errors = np.random.default_rng(7).normal(size=(4, 4))
    errors.ravel()[list(missing)] = np.nan
    names = ARMS[:4]
    plain = compare_table(errors, names, "C=1")
    moved = compare_table(
        (errors + np.array(shifts))[list(order)], [names[i] for i in order], "C=1"
    )
    assert plain.problem == moved.problem
    for gap in plain.differences:
        other = moved.difference(gap.arm)
        assert other.estimate == pytest.approx(gap.estimate, abs=1e-9)
        if gap.low is not None:
            # Unequal correlations are integrated numerically, in the order of the arms.
            assert (other.low, other.high) == pytest.approx((gap.low, gap.high), rel=0.01, abs=0.01)


def simulate(truth: list[float], studies: int, seeds: int = 3, random_seed: int = 0) -> np.ndarray:
    """Errors of studies x arms x seeds, with seeds that are lucky or not
    for all arms alike (correlation 0.8)."""
    random = np.random.default_rng(random_seed)
    common = random.normal(0, 2, (studies, 1, seeds))
    return np.array(truth)[:, None] + common + random.normal(0, 1, (studies, len(truth), seeds))


def test_the_intervals_cover_all_true_differences_in_95_of_100_studies():
    truth = [0.0, 0.5, -1.0, 0.0, 2.0]
    covered = [
        all(
            gap.low <= truth[ARMS.index(gap.arm)] <= gap.high
            for gap in compare_table(errors, ARMS, "C=1").differences
        )
        for errors in simulate(truth, 1000)
    ]
    # Two standard errors of a share in 1,000 simulations are 1.4 points.
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


def test_incomplete_tables_keep_their_coverage_and_their_false_claims():
    right, false = [], []
    for errors in simulate([0.0] * 4, 200, random_seed=1):
        errors[1, 0] = errors[3, 2] = np.nan
        comparison = compare_table(errors, ARMS[:4], "C=1")
        right.append(all(gap.low <= 0 <= gap.high for gap in comparison.differences))
        false.append(any(gap.shown for gap in comparison.differences))
    assert np.mean(right) > 0.915
    assert np.mean(false) < 0.085


def test_without_a_difference_at_most_5_of_100_studies_claim_one():
    claims = [
        any(gap.shown for gap in compare_table(errors, ARMS, "C=1").differences)
        for errors in simulate([0.0] * 5, 1000, random_seed=2)
    ]
    assert np.mean(claims) <= 0.064


def test_a_true_difference_is_found_with_the_right_sign_and_more_power_than_pairwise_tests():
    ours = wrong = paired = unpaired = 0
    for errors in simulate([0.0, 0.0, -3.0, 0.0, 0.0], 500, random_seed=3):
        gap = compare_table(errors, ARMS, "C=1").difference("C=4")
        ours += gap.shown and gap.estimate < 0
        wrong += gap.shown and gap.estimate > 0
        paired += stats.ttest_rel(errors[2], errors[0]).pvalue < 0.05 / 4
        unpaired += stats.ttest_ind(errors[2], errors[0]).pvalue < 0.05 / 4
    assert wrong == 0
    assert ours / 500 > 0.6
    assert ours > 2 * max(paired, unpaired)


def test_a_trend_is_found_and_not_invented():
    def share(slope: float) -> float:
        errors = simulate([slope * x for x in LOG2_C], 400, random_seed=4)
        trends = [compare_table(table, ARMS, "C=1", LOG2_C).trend for table in errors]
        return float(np.mean([trend.p_value < 0.05 for trend in trends]))

    assert share(0.0) <= 0.075
    assert share(0.8) > 0.8


def test_the_seeds_said_to_settle_a_gap_settle_it_in_8_of_10_studies():
    seeds = seeds_to_settle(1.0, 1.0, arms=5)
    shown = [
        compare_table(errors, ARMS, "C=1").difference("C=4").shown
        for errors in simulate([0.0, 0.0, -1.0, 0.0, 0.0], 500, seeds=seeds, random_seed=5)
    ]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.04)


def test_many_unequal_comparisons_are_quick_and_bounded_on_the_safe_side():
    random = np.random.default_rng(0)
    errors = random.normal(0.1, 0.01, (60, 3))
    errors[random.permutation(60)[:45], 1:] = (
        np.nan
    )  # a search: most designs have the first seed only
    errors[0] = random.normal(0.1, 0.01, 3)
    arms = [f"arm {i}" for i in range(60)]
    comparison = compare_table(errors, arms, "arm 0")
    assert not comparison.problem
    bonferroni = stats.t.ppf(1 - 0.05 / (2 * 59), comparison.degrees_of_freedom)
    assert 0.98 * bonferroni < comparison.critical <= bonferroni
    for gap in comparison.differences:
        assert gap.shown == (gap.p_value < 0.05)
