"""Error distributions at equal complexity, beside hand counts, enumeration and scipy."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from studies.judging.distributions import (
    area_under,
    best_of_draws,
    bin_weights,
    compare_distributions,
    complexity_bins,
    effective_number,
    holm,
)


def test_bins_divide_the_range_that_all_spaces_reach():
    costs = {"a": np.array([1.0, 2.0, 4.0, 8.0]), "b": np.array([2.0, 3.0, 8.0, 9.0])}
    bins = complexity_bins(costs, 2)  # from 2 to 8: below 4, and from 4
    assert bins["a"].tolist() == [-1, 0, 1, 1]
    assert bins["b"].tolist() == [0, 0, 1, -1]


def test_a_bin_that_a_space_misses_counts_for_none():
    costs = {"a": np.array([1.0, 2.0, 8.0]), "b": np.array([1.0, 7.0, 8.0])}
    bins = complexity_bins(costs, 3)  # below 2, below 4, from 4 on
    assert bins["a"].tolist() == [0, -1, 2]
    assert bins["b"].tolist() == [0, 2, 2]


@pytest.mark.parametrize(
    "costs",
    [
        {"a": np.array([1.0, 2.0]), "b": np.array([3.0, 4.0])},
        {"a": np.array([]), "b": np.array([3.0])},
    ],
    ids=["apart", "none"],
)
def test_spaces_that_share_no_cost_share_no_bin(costs):
    bins = complexity_bins(costs)
    assert all((values == -1).all() for values in bins.values())
    assert compare_distributions({name: costs[name] for name in costs}, bins) == ()


def test_equal_costs_are_one_bin():
    bins = complexity_bins({"a": np.full(20, 5.0), "b": np.full(30, 5.0)})
    assert all(len(set(values.tolist())) == 1 and values[0] >= 0 for values in bins.values())


def test_each_bin_weighs_the_same():
    weights = bin_weights(np.array([0, 0, 0, 2, -1]))
    assert weights == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 2, 0])
    with np.errstate(all="raise"):
        assert bin_weights(np.array([1, -1, 1])) == pytest.approx([1 / 2, 0, 1 / 2])
        assert bin_weights(np.array([-1, -1])).tolist() == [0, 0]
    assert effective_number(weights) == pytest.approx(1 / (3 / 36 + 1 / 4))
    assert effective_number(np.full(7, 0.2)) == pytest.approx(7)
    assert effective_number(np.zeros(3)) == 0


def test_in_one_bin_the_test_is_kolmogorov_and_smirnovs():
    random = np.random.default_rng(2)
    first, second = random.normal(0, 1, 12), random.normal(0.9, 1, 15)
    one = {"a": np.zeros(12, dtype=int), "b": np.zeros(15, dtype=int)}
    (found,) = compare_distributions({"a": first, "b": second}, one, 19_999)
    expected = stats.ks_2samp(first, second, method="exact")
    assert found.distance == pytest.approx(expected.statistic)
    assert found.p_value == pytest.approx(expected.pvalue, abs=0.008)
    assert found.gap == pytest.approx(first.mean() - second.mean())


def test_a_cost_that_decides_the_error_is_not_taken_for_a_difference():
    """Space b is cheaper, and errs more for that alone: plain curves differ, bins do not."""
    p_values, plain = [], []
    for random_seed in range(100):
        random = np.random.default_rng(random_seed)
        costs = {"a": np.exp(random.beta(2, 1, 60)), "b": np.exp(random.beta(1, 2, 60))}
        errors = {
            name: 5 - 3 * np.log(cost) + random.normal(0, 0.3, 60) for name, cost in costs.items()
        }
        (found,) = compare_distributions(errors, complexity_bins(costs, 10), 199)
        p_values.append(found.p_value)
        plain.append(stats.ks_2samp(errors["a"], errors["b"]).pvalue)
    assert np.mean(np.array(plain) <= 0.05) > 0.9
    assert np.mean(np.array(p_values) <= 0.05) < 0.2


def test_equal_spaces_differ_in_one_study_of_twenty_at_most():
    p_values = []
    for random_seed in range(300):
        random = np.random.default_rng(random_seed)
        costs = {name: np.exp(random.uniform(0, 1, 30)) for name in "ab"}
        errors = {name: random.normal(size=30).round(1) for name in "ab"}  # with ties
        (found,) = compare_distributions(errors, complexity_bins(costs), 99)
        p_values.append(found.p_value)
    assert np.mean(np.array(p_values) <= 0.05) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean(np.array(p_values) <= 0.5) > 0.3


def test_a_shift_of_one_deviation_is_found():
    random = np.random.default_rng(0)
    costs = {name: np.exp(random.uniform(0, 1, 100)) for name in "ab"}
    errors = {"a": random.normal(0, 1, 100), "b": random.normal(1, 1, 100)}
    (found,) = compare_distributions(errors, complexity_bins(costs))
    assert found.p_value == pytest.approx(1 / 2000)
    assert found.gap == pytest.approx(-1, abs=0.4)
    assert compare_distributions(errors, complexity_bins(costs)) == (found,)  # the same each time


def test_three_spaces_are_compared_in_pairs_corrected_for_three():
    random = np.random.default_rng(0)
    one = {name: np.zeros(20, dtype=int) for name in "abc"}
    errors = {
        "a": random.normal(0, 1, 20),
        "b": random.normal(0, 1, 20),
        "c": random.normal(3, 1, 20),
    }
    found = {(one.first, one.second): one.p_value for one in compare_distributions(errors, one)}
    assert set(found) == {("a", "b"), ("a", "c"), ("b", "c")}
    assert found["a", "c"] == found["b", "c"] == pytest.approx(3 / 2000)
    assert found["a", "b"] > 0.05


def test_holms_correction():
    """The example of Holm's step-down in statsmodels and R: p.adjust(c(.01, .04, .03), 'holm')."""
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.parametrize("draws", [1, 2, 3])
def test_the_mean_of_the_best_of_a_few_draws_is_that_over_all_draws(draws):
    errors, weights = np.array([4.0, 1.0, 2.0, 2.0]), np.array([0.1, 0.2, 0.3, 0.4])
    expected = sum(
        np.prod(weights[list(rows)]) * errors[list(rows)].min()
        for rows in product(range(4), repeat=draws)
    )
    assert best_of_draws(errors, weights, draws) == pytest.approx(expected)
    assert best_of_draws(errors, 5 * weights, draws) == pytest.approx(expected)


def test_the_best_of_many_draws_is_the_best_design():
    assert best_of_draws(np.array([3.0, 1.0, 2.0]), np.ones(3), 10_000) == pytest.approx(1.0)


def test_the_area_under_a_curve_is_its_mean_height():
    errors, weights = np.array([1.0, 2.0, 9.0]), np.array([0.5, 0.25, 0.25])
    grid = np.linspace(0, 4, 400_001)
    heights = (weights * (errors <= grid[:, None])).sum(axis=1)
    assert area_under(errors, weights, 0, 4) == pytest.approx(heights.mean(), abs=1e-5)
    assert area_under(np.array([2.0, 2.0]), np.ones(2), 2, 2) == 1
