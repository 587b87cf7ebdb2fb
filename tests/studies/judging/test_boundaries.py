"""Group-sequential boundaries beside published ones and simulated paths."""

import numpy as np
import pytest
from scipy import special, stats

from studies.judging.boundaries import multipliers, spent, tails
from studies.judging.residuals import discounted

FIFTHS = np.arange(1, 6) / 5


# Lan and DeMets's boundaries for five equal looks, two-sided 5 %, as printed in their papers and in
# the manual of the program LD98 (Reboussin, DeMets, Kim and Lan 2000).
def test_boundaries_of_obrien_and_flemings_kind_are_the_published_ones():
    error = 4 * (1 - special.ndtr(special.ndtri(1 - 0.05 / 4) / np.sqrt(FIFTHS)))
    found = multipliers(FIFTHS, np.diff(error, prepend=0.0), 2)
    assert found == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)


def test_boundaries_of_pococks_kind_are_the_published_ones():
    error = 0.05 * np.log(1 + (np.e - 1) * FIFTHS)
    found = multipliers(FIFTHS, np.diff(error, prepend=0.0), 2)
    assert found == pytest.approx([2.4380, 2.4268, 2.4101, 2.3966, 2.3859], abs=2e-4)


def test_one_sided_boundaries_of_obrien_and_flemings_kind_are_the_published_ones():
    error = 2 * (1 - special.ndtr(special.ndtri(1 - 0.025 / 2) / np.sqrt(FIFTHS)))
    found = multipliers(FIFTHS, np.diff(error, prepend=0.0), 1)
    assert found == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=2e-4)


def test_error_is_spent_by_the_square_of_the_seeds():
    assert spent(np.array([5.0, 10.0, 20.0]), 20, 0.0125).tolist() == pytest.approx(
        [0.0125 / 16, 0.0125 / 4, 0.0125]
    )


# An independent computation for five arms, at most 20 seeds: what se is multiplied with.
REVIEWED = {
    2: {3: 6.26, 4: 5.33, 5: 4.81, 6: 4.48, 8: 4.06, 10: 3.77, 15: 3.31, 20: 3.01},
    1: {3: 5.63, 4: 4.84, 5: 4.39, 6: 4.09, 8: 3.70, 10: 3.43, 15: 2.98, 20: 2.69},
}


@pytest.mark.parametrize("sides", [1, 2])
def test_multipliers_for_five_arms_and_twenty_seeds(sides):
    found = {}
    for n in REVIEWED[sides]:
        freedom = discounted(np.array([1.0]), np.array([n]), 4.0 * (n - 1), 4 * (n - 1))[1][0]
        found[n] = -stats.t.ppf(tails(20, 3, 0.05 / 4, sides)[n - 3], freedom)
    assert found == pytest.approx(REVIEWED[sides], abs=0.006)


@pytest.mark.parametrize("sides", [1, 2])
def test_paths_cross_as_often_as_is_spent(sides):
    z = np.random.default_rng(1).normal(size=(100_000, 20)).cumsum(axis=1)
    n = np.arange(3, 21)
    boundary = -special.ndtri(tails(20, 3, 0.05, sides)) * np.sqrt(n)
    walk = np.abs(z[:, 2:]) if sides == 2 else -z[:, 2:]
    crossed = walk > boundary
    by_ten = crossed[:, : 10 - 2].any(axis=1).mean()
    assert by_ten == pytest.approx(0.05 / 4, abs=0.0012)
    assert crossed.any(axis=1).mean() == pytest.approx(0.05, abs=0.0021)


def test_a_single_look_is_an_ordinary_test():
    assert tails(10, 10, 0.05, 2)[0] == pytest.approx(0.025)
    assert tails(10, 10, 0.05, 1)[0] == pytest.approx(0.05)
