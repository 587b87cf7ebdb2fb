"""How much keeping the reference costs at most, which arms are equal within a margin, and how many
seeds a margin takes."""

import numpy as np
import pytest
from error_tables import made_up
from scipy import stats

from studies.judging.differences import differences
from studies.judging.equivalence import largest_loss, most_gained, seeds_for_margin, within


def test_the_largest_loss_is_dunnetts_one_sided_end():
    """Five arms, three seeds: the quantile is 2.55 at 8 degrees of freedom, where nothing is
    discounted (here all arms share one residual)."""
    errors = made_up([0, -0.05, 0.3, 0.1, -0.2], 3, sd=0.39)
    compared = differences(errors, 0)
    gained = most_gained(compared)
    quantile = (gained + compared.estimate) / compared.error
    assert quantile == pytest.approx(np.full(4, 2.57), abs=0.02)  # 2.55 at 8, here 7.7
    assert largest_loss(compared) == pytest.approx(gained.max())


def test_a_reference_that_is_surely_best_costs_nothing():
    compared = differences(made_up([0, 3, 4, 5], 5), 0)
    assert (most_gained(compared) < 0).all()
    assert largest_loss(compared) == 0


def test_the_largest_loss_holds_in_nineteen_of_twenty_studies():
    held = [
        largest_loss(differences(made_up([0, -0.4, -0.4, -0.4], 4, random_seed=seed), 0)) >= 0.4
        for seed in range(800)
    ]
    assert np.mean(held) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 800)


def test_equality_within_a_margin_is_two_one_sided_t_tests():
    errors = made_up([0, 0.1], 8)
    gap = errors[1] - errors[0]
    margin = within(differences(errors, 0))[0]
    above = stats.ttest_1samp(gap, margin, alternative="less").pvalue
    below = stats.ttest_1samp(gap, -margin, alternative="greater").pvalue
    assert max(above, below) == pytest.approx(0.05)


def test_arms_that_differ_by_the_margin_are_rarely_told_equal_within_it():
    told = [
        (within(differences(made_up([0, 0.5, 0.5, 0.5, 0.5], 12, random_seed=seed), 0)) < 0.5).any()
        for seed in range(800)
    ]
    assert np.mean(told) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 800)


# An independent review's table, at a residual deviation of 0.25 points.
@pytest.mark.parametrize(
    ("arms", "margin", "seeds"),
    [
        (5, 0.3, 26),
        (5, 0.5, 10),
        (5, 0.7, 6),
        (3, 0.3, 20),
        (3, 0.5, 8),
        (3, 0.7, 5),
        (7, 0.5, 11),
        (7, 0.7, 6),
    ],
)
def test_seeds_for_a_margin(arms, margin, seeds):
    assert seeds_for_margin(margin, 0.25, arms) == seeds


def test_seeds_for_a_margin_scale_with_the_noise_and_not_with_the_unit():
    assert seeds_for_margin(0.005, 0.0025, 5) == seeds_for_margin(0.5, 0.25, 5)
    few, many = seeds_for_margin(0.5, 0.2, 5), seeds_for_margin(0.5, 0.4, 5)
    assert few is not None
    assert many is not None
    assert many > 3 * few


def test_no_number_of_seeds_tells_arms_equal_within_nothing():
    assert seeds_for_margin(0.0, 0.25, 5) is None
    assert seeds_for_margin(1e-6, 0.25, 5) is None


def test_so_many_seeds_tell_equal_arms_equal():
    seeds = seeds_for_margin(0.5, 0.25, 5)
    assert seeds is not None
    told = [
        (within(differences(made_up([0.0] * 5, seeds, random_seed=seed), 0)) < 0.5).all()
        for seed in range(400)
    ]
    assert np.mean(told) == pytest.approx(0.85, abs=0.07)
