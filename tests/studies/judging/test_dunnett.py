"""Dunnett's quantiles beside his printed tables, scipy's own and random draws."""

import numpy as np
import pytest
from scipy import stats

from studies.judging.dunnett import critical_value, largest_t_below

UNEQUAL = np.array([[1, 0.3, 0.6], [0.3, 1, 0.45], [0.6, 0.45, 1]])


def half(k: int) -> np.ndarray:
    """Correlations of k differences from one reference in a complete table."""
    return 0.5 * np.eye(k) + 0.5


# Dunnett 1964, two-sided 5 % points, to the two digits printed there.
@pytest.mark.parametrize(
    ("comparisons", "freedom", "printed"),
    [(1, 10, 2.23), (2, 10, 2.57), (4, 10, 2.89), (4, 20, 2.65), (9, 20, 2.95), (4, 10_000, 2.44)],
)
def test_two_sided_quantiles_are_dunnetts(comparisons, freedom, printed):
    assert critical_value(half(comparisons), freedom) == pytest.approx(printed, abs=0.006)


# Dunnett 1955, table 1a, one-sided 5 % points.
@pytest.mark.parametrize(
    ("comparisons", "freedom", "printed"),
    [(1, 10, 1.81), (2, 10, 2.15), (4, 10, 2.47), (4, 20, 2.30), (9, 20, 2.60), (4, 60, 2.21)],
)
def test_one_sided_quantiles_are_dunnetts(comparisons, freedom, printed):
    value = critical_value(half(comparisons), freedom, sides=1)
    assert value == pytest.approx(printed, abs=0.006)


@pytest.mark.parametrize(("sides", "alternative"), [(2, "two-sided"), (1, "less")])
def test_p_values_are_those_of_scipys_dunnett_in_one_way_data(sides, alternative):
    groups = np.random.default_rng(3).normal([0, -0.2, -1.4, -1.8, -0.9], 1, (6, 5)).T
    expected = stats.dunnett(
        *groups[1:], control=groups[0], alternative=alternative, rng=np.random.default_rng(0)
    )
    sign = 1 if sides == 2 else -1
    t = np.abs(expected.statistic) if sides == 2 else sign * expected.statistic
    found = [1 - largest_t_below(value, half(4), 25, sides) for value in t]
    assert found == pytest.approx(expected.pvalue, abs=1e-3)  # random integration inside scipy


@pytest.mark.parametrize("sides", [1, 2])
@pytest.mark.parametrize("freedom", [3.5, 40.2])
def test_unequal_correlations_and_fractional_degrees_of_freedom_agree_with_random_draws(
    sides, freedom
):
    critical = critical_value(UNEQUAL, freedom, sides=sides)
    random = np.random.default_rng(0)
    normal = random.multivariate_normal(np.zeros(3), UNEQUAL, 400_000)
    t = normal / np.sqrt(random.chisquare(freedom, 400_000) / freedom)[:, None]
    largest = (np.abs(t) if sides == 2 else t).max(axis=1)
    assert (largest < critical).mean() == pytest.approx(0.95, abs=0.0015)


@pytest.mark.parametrize("comparisons", [2, 4, 11])
@pytest.mark.parametrize("sides", [1, 2])
def test_correlations_that_are_nearly_equal_give_the_quantile_of_equal_ones(comparisons, sides):
    """Two ways to integrate: by quadrature, and by fixed draws."""
    nearly = half(comparisons)
    nearly[0, 1] = nearly[1, 0] = 0.5 + 1e-6
    for freedom in (4, 12.5, 60):
        exact = critical_value(half(comparisons), freedom, sides=sides)
        assert critical_value(nearly, freedom, sides=sides) == pytest.approx(exact, rel=2e-3)


@pytest.mark.parametrize("correlation", [half(1), half(4), UNEQUAL], ids=["one", "equal", "other"])
@pytest.mark.parametrize("sides", [1, 2])
def test_the_probability_below_the_quantile_is_the_confidence(correlation, sides):
    value = critical_value(correlation, 7.7, 0.9, sides)
    assert largest_t_below(value, correlation, 7.7, sides) == pytest.approx(0.9, abs=1e-6)
