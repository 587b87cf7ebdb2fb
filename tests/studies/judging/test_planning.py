"""Expected trainings beside an independent simulation's."""

import pytest

from studies.judging.planning import expected_trainings


def test_five_equal_arms_are_expected_to_take_half_of_the_full_grid():
    expected = expected_trainings([0.0] * 5, 20, 0.0025, margin=0.005)
    assert expected.mean == pytest.approx(50, rel=0.05)
    assert expected.mean < expected.nine_in_ten < expected.most == 100


def test_gaps_that_are_large_take_fewer():
    expected = expected_trainings([0.0, 0, -1, -1, -1], 20, 0.25, margin=0.5)
    assert expected.mean == pytest.approx(32, rel=0.05)


def test_a_search_for_the_best_goes_on_among_equals():
    equal = expected_trainings([0.0, 0, 0], 10, 0.25, studies=50)
    apart = expected_trainings([0.0, 1, 1], 10, 0.25, studies=50)
    assert apart.mean < equal.mean <= equal.most == 30
