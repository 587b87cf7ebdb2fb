"""The verdict in one look: each situation that a table may show."""

import numpy as np
import pytest
from error_tables import made_up

from studies.judging.differences import differences, intervals
from studies.judging.grids import confidence_after, count_looks, judge

ARMS = ["C=1", "C=2", "C=4"]


def test_each_arm_is_better_worse_equal_or_open():
    errors = made_up([0, -1.2, 1.2, 0.02, 0.4], 12)
    errors[4] += np.random.default_rng(5).normal(0, 1.0, 12)
    found = judge(errors, 0, margin=0.5)
    assert found.verdicts == ("better", "worse", "equal", "open")
    assert judge(errors, 0).verdicts == ("better", "worse", "open", "open")


def test_a_difference_that_is_shown_is_no_equality_however_small():
    errors = made_up([0, -0.3], 60, sd=0.1)
    found = judge(errors, 0, margin=0.5)
    assert found.verdicts == ("better",)
    assert found.within[0] < 0.5


def test_the_largest_loss_is_told_where_nothing_is_shown():
    found = judge(made_up([0, 0, 0, 0, 0], 3), 0)
    assert set(found.verdicts) == {"open"}
    assert found.largest_loss == pytest.approx(found.gained.max())
    assert 0.3 < found.largest_loss < 1.2


def test_a_diverged_training_is_named_and_the_verdict_given_with_and_without_it():
    errors = made_up([0, 0, 0, 0, -1.2], 3)
    clean = judge(errors, 0)
    errors[1, 1] = 90.0
    found = judge(errors, 0)
    assert [(one.arm, one.seed) for one in found.outliers] == [(1, 1)]
    assert found.verdicts[3] == "open"
    assert found.without is not None
    assert found.without.verdicts[3] == clean.verdicts[3] == "better"
    assert found.without.outliers == ()
    assert clean.without is None


def test_after_a_second_look_intervals_are_wider():
    errors = made_up([0, -0.5, 0.2], 5)
    first, second = judge(errors, 0), judge(errors, 0, confidence=confidence_after(2))
    assert ((second.high - second.low) > (first.high - first.low)).all()
    assert (second.within > first.within).all()
    expected = intervals(differences(errors, 0), 0.975)
    assert second.low == pytest.approx(expected[0])


@pytest.mark.parametrize(
    "errors",
    [np.array([[0.1], [0.2], [0.3]]), np.zeros((3, 4)), np.array([[0.1, 0.2], [0.2, 0.3]])],
    ids=["one seed", "no errors", "the same gap"],
)
def test_where_seeds_tell_nothing_all_is_open(errors):
    found = judge(errors, 0, margin=1.0)
    assert set(found.verdicts) == {"open"}
    assert found.largest_loss is None


def test_a_reference_without_a_result_compares_nothing():
    errors = made_up([0, 0, 0], 3)
    errors[0] = np.nan
    found = judge(errors, 0)
    assert found.verdicts == ()
    assert found.largest_loss is None


def test_a_change_of_arms_is_a_look_and_a_plan_of_one_seed_is_none():
    assert count_looks([(ARMS, 3)]) == 1
    assert count_looks([(ARMS, 3), (ARMS, 5)]) == 2
    assert count_looks([(ARMS[:2], 3), (ARMS, 3)]) == 2
    assert count_looks([(ARMS, 1), (ARMS, 3)]) == 1
    assert count_looks([(ARMS[:1], 3), (ARMS, 3)]) == 1
    assert count_looks([(ARMS, 3), (ARMS, 3)]) == 1
    assert count_looks([(ARMS, 1)]) == 1


def test_all_looks_after_the_first_share_one_alpha():
    assert [confidence_after(looks) for looks in (1, 2, 3)] == pytest.approx(
        [0.95, 0.975, 1 - 0.05 / 6]
    )
    assert sum(1 - confidence_after(looks) for looks in range(2, 2000)) < 0.05
