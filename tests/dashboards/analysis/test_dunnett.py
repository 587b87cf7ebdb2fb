"""Dunnett's critical values, against printed tables, other implementations and draws."""

import numpy as np
import pytest
from scipy import stats

from dashboards.analysis.dunnett import (
    critical_value,
    gap_settled_by,
    largest_t_below,
    seeds_to_settle,
)


def half(k: int) -> np.ndarray:
    """Correlations of k differences from one reference in a complete table."""
    return 0.5 * np.eye(k) + 0.5


@pytest.mark.parametrize(
    ("comparisons", "freedom", "printed"),
    [(1, 10, 2.23), (2, 10, 2.57), (4, 10, 2.89), (4, 20, 2.65), (9, 20, 2.95), (4, 10_000, 2.44)],
)
def test_critical_values_are_dunnetts(comparisons, freedom, printed):
    assert critical_value(half(comparisons), freedom) == pytest.approx(printed, abs=0.006)


def test_the_critical_value_is_that_of_scipys_dunnett_in_one_way_data():
    """The critical value beside another implementation's: in one-way
    data both rest on the same correlations."""
    random = np.random.default_rng(3)
    groups = random.normal([0, 0.2, 1.4, 1.8, 0.9], 1, (6, 5)).T
    expected = stats.dunnett(*groups[1:], control=groups[0], rng=np.random.default_rng(0))
    sd = np.sqrt(groups.var(axis=1, ddof=1).mean())
    interval = expected.confidence_interval(0.95)
    # Random integration inside scipy: three digits.
    half_width = (interval.high - interval.low) / 2 / (sd * np.sqrt(2 / 6))
    assert half_width == pytest.approx(np.full(4, critical_value(half(4), 25)), rel=2e-3)


def test_unequal_correlations_agree_with_random_draws():
    correlation = np.array([[1, 0.3, 0.6], [0.3, 1, 0.45], [0.6, 0.45, 1]])
    critical = critical_value(correlation, 5)
    random = np.random.default_rng(0)
    normal = random.multivariate_normal(np.zeros(3), correlation, 400_000)
    t = normal / np.sqrt(random.chisquare(5, 400_000) / 5)[:, None]
    assert (np.abs(t).max(axis=1) < critical).mean() == pytest.approx(0.95, abs=0.0015)


def test_seeds_and_gap_are_each_others_inverse():
    gap = gap_settled_by(12, 0.01, arms=4)
    assert seeds_to_settle(gap * 1.0001, 0.01, arms=4) == 12
    assert seeds_to_settle(gap * 0.97, 0.01, arms=4) > 12
    assert seeds_to_settle(0.0, 0.01, arms=4) is None
    assert seeds_to_settle(1e-6, 0.01, arms=4) is None


def test_the_bound_is_no_claim_too_many():
    unequal = np.array([[1, 0.5, 0.4], [0.5, 1, 0.3], [0.4, 0.3, 1]])
    exact = largest_t_below(2.5, unequal, 8)
    assert (1 - 2 * stats.t.sf(2.5, 8)) ** 3 < exact
