"""The race for the best arm: what is dropped, when it ends, and how rarely it errs."""

import numpy as np
import pytest
from error_tables import made_up
from scipy import stats

from studies.judging.boundaries import tails
from studies.judging.race import best_of

CAP = 20


def test_the_best_is_left_and_others_are_dropped():
    race = best_of(made_up([0, -1.0, 0.5], CAP))
    assert race.leader == 1
    assert set(race.dropped) == {0, 2}
    assert race.decided
    assert race.finished


def test_an_arm_is_dropped_where_its_gap_passes_the_one_sided_boundary():
    """By hand, at the first look: d > t s √(2 / 3), all data pooled."""
    errors = made_up([0, -3.0, -2.9], CAP)
    drop = best_of(errors).dropped[0]
    first = errors[:, :3]
    rest = first - first.mean(axis=1, keepdims=True) - first.mean(axis=0) + first.mean()
    half = stats.t.isf(tails(CAP, 3, 0.05 / 2, 1)[0], 4) * np.sqrt((rest**2).sum() / 4 * 2 / 3)
    means = first.mean(axis=1)
    best = int(means.argmin())
    assert (drop.column, drop.seeds, drop.by) == (2, 3, best)
    assert drop.gap == pytest.approx(means[0] - means[best])
    assert drop.gap - drop.low == pytest.approx(half)


def test_a_margin_ends_it_while_others_are_left():
    errors = made_up([0.0] * 5, CAP)
    race = best_of(errors, 0.5)
    assert race.decided
    assert race.leads[-1].loss <= 0.5 < race.leads[-2].loss
    assert len(race.leads[-1].gaps) + len(race.dropped) == 4
    without = best_of(errors)
    assert without.trained > race.trained


def test_without_a_margin_equal_arms_go_on_to_the_cap():
    race = best_of(made_up([0.0, 0.0], 6))
    assert not race.decided
    assert race.finished
    assert race.trained == 12


def test_dropped_arms_get_no_more_seeds_and_late_results_change_nothing():
    errors = made_up([0, 0, 3.0], CAP)
    whole = best_of(errors)
    assert whole.dropped[2].column == 2
    errors[2, 3:] = 0.0
    assert best_of(errors) == whole
    errors[:, 3:] = np.nan
    assert best_of(errors).wanted == ((0, 3), (1, 3))


def test_the_first_wanted_are_the_seeds_of_the_first_look():
    race = best_of(np.full((2, 4), np.nan), start=2)
    assert race.wanted == ((0, 0), (1, 0), (0, 1), (1, 1))
    assert race.ahead == ((0, 2), (1, 2), (0, 3), (1, 3))
    assert race.leader is None


def test_lost_pairs_hold_nothing_up():
    errors = made_up([0, 0.1, 1.5], CAP)
    lost = np.zeros(errors.shape, dtype=bool)
    lost[0, 1] = lost[2, 0] = True
    errors[lost] = np.nan
    race = best_of(errors, 0.5, lost=lost)
    assert race.decided
    assert 2 in race.dropped


def test_arms_that_fail_but_one_leave_nothing_to_train():
    errors = made_up([0, 0.1], CAP)
    lost = np.zeros(errors.shape, dtype=bool)
    lost[1], errors[1] = True, np.nan
    assert not best_of(errors, lost=lost).decided


def test_errors_that_are_all_the_same_tell_nothing_unless_an_image_is_known():
    errors = np.zeros((3, CAP))
    assert not best_of(errors, 0.005).decided
    assert best_of(errors, 0.005, resolution=1 / 360).decided


def test_the_best_is_hardly_ever_dropped():
    dropped = [
        0 in best_of(made_up([-0.3, 0, 0, 0], CAP, random_seed=s)).dropped for s in range(200)
    ]
    assert sum(dropped) <= stats.binom.ppf(0.999, 200, 0.05)


def test_a_race_among_equals_takes_half_of_the_full_grid():
    """An independent simulation: 51 of 100 trainings at a margin of 0.3."""
    trained = [best_of(made_up([0.0] * 5, CAP, random_seed=s), 0.3).trained for s in range(200)]
    assert np.mean(trained) == pytest.approx(51, rel=0.06)
