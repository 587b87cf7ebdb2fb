"""Differences from the reference in one look, beside scipy's tests."""

import numpy as np
import pytest
from error_tables import made_up
from scipy import stats

from studies.judging.differences import differences, intervals, p_values, quantiles
from studies.judging.dunnett import critical_value


def test_two_arms_of_six_seeds_are_compared_by_the_paired_t_test():
    errors = made_up([0, -0.3], 6)
    test = stats.ttest_rel(errors[1], errors[0])
    compared = differences(errors, 0)
    low, high = intervals(compared)
    assert p_values(compared) == pytest.approx([test.pvalue])
    assert [low[0], high[0]] == pytest.approx(list(test.confidence_interval(0.95)))


@pytest.mark.parametrize("seeds", [2, 3, 5])
def test_two_arms_of_fewer_seeds_are_compared_without_pairing(seeds):
    errors = made_up([0, -0.3], seeds)
    test = stats.ttest_ind(errors[1], errors[0])
    compared = differences(errors, 0)
    low, high = intervals(compared)
    assert p_values(compared) == pytest.approx([test.pvalue])
    assert [low[0], high[0]] == pytest.approx(list(test.confidence_interval(0.95)))


def test_two_arms_are_compared_on_the_seeds_that_both_have():
    errors = made_up([0, -0.3], 5)
    errors[1, 2] = np.nan
    shared = errors[:, [0, 1, 3, 4]]
    assert p_values(differences(errors, 0)) == pytest.approx(p_values(differences(shared, 0)))


@pytest.mark.parametrize(
    "errors", [[[0.1, 0.2, 0.3]], [[0.1, 0.2], [np.nan, np.nan]], [[np.nan, np.nan], [0.1, 0.2]]]
)
def test_no_comparison_has_no_p_values(errors):
    assert p_values(differences(np.array(errors), 0)).tolist() == []


@pytest.mark.parametrize("errors", [[[0.1], [0.2]], [[0.1, 0.2], [0.2, 0.3]]])
def test_without_intervals_no_p_value_is_known(errors):
    assert np.isnan(p_values(differences(np.array(errors), 0))).tolist() == [True]


def test_three_arms_of_three_seeds_are_pooled_as_before_with_dunnetts_quantile():
    errors = made_up([0, 0.1, -0.4], 3)
    rest = errors - errors.mean(axis=1, keepdims=True) - errors.mean(axis=0) + errors.mean()
    error = np.sqrt((rest**2).sum() / 4 * 2 / 3)
    compared = differences(errors, 0)
    low, high = intervals(compared)
    half = critical_value(np.array([[1, 0.5], [0.5, 1]]), 4) * error
    assert compared.estimate == pytest.approx(errors[1:].mean(axis=1) - errors[0].mean())
    assert (high - low) / 2 == pytest.approx([half, half])


def test_an_arm_that_varies_more_has_the_wider_interval():
    errors = made_up([0.0] * 5, 20)
    errors[4] += np.random.default_rng(1).normal(0, 2, 20)
    low, high = intervals(differences(errors, 0))
    width = high - low
    assert width[3] > 2 * width[:3].max()


def test_an_interval_excludes_zero_exactly_where_p_is_small():
    for random_seed in range(30):
        errors = made_up([0, 0, -0.3, -0.6, 0.4], 4, random_seed=random_seed)
        if random_seed % 2:
            errors[2, 1] = errors[4, 3] = np.nan
        compared = differences(errors, 0)
        low, high = intervals(compared)
        assert (((low > 0) | (high < 0)) == (p_values(compared) < 0.05)).all()


def test_holes_are_filled_by_least_squares():
    errors = made_up([0, -0.3, -0.1, 0.2], 4)
    errors[2, 0] = np.nan
    arm, seed = np.nonzero(np.isfinite(errors))
    x = np.hstack([np.eye(4)[arm], np.eye(4)[seed]])
    solution = np.linalg.lstsq(x, errors[arm, seed], rcond=None)[0]
    compared = differences(errors, 0)
    assert compared.estimate == pytest.approx(solution[1:4] - solution[0])
    assert compared.seeds.tolist() == [4, 3, 4]
    assert compared.error[1] > compared.error[0] * 0.5
    assert compared.correlation[0, 1] != pytest.approx(compared.correlation[0, 2])


def test_a_reference_on_one_seed_is_compared_by_way_of_it_alone():
    errors = made_up([0, -0.3, -0.1, 0.2], 3)
    errors[0, 1:] = np.nan
    compared = differences(errors, 0)
    assert compared.is_known
    assert compared.seeds.tolist() == [1, 1, 1]
    complete = differences(made_up([0, -0.3, -0.1, 0.2], 3), 0)
    assert (compared.error > complete.error).all()


def test_only_arms_that_seeds_connect_with_the_reference_are_compared():
    errors = made_up([0, 0, 0, 0], 4)
    errors[3, :2] = errors[:3, 2:] = np.nan
    assert differences(errors, 0).arms.tolist() == [1, 2]
    assert differences(errors, 3).arms.tolist() == []
    assert not differences(errors, 3).is_known


@pytest.mark.parametrize(
    "errors",
    [
        np.array([[1.0], [2.0], [3.0]]),
        np.array([[0.1, 0.2, 0.3], [0.2, 0.3, 0.4], [0.4, 0.5, 0.6]]),
        np.zeros((5, 3)),
        np.array([[1.0, np.nan], [1.0, 2.0]]),
    ],
    ids=["one seed", "the same gaps", "no errors", "one shared seed"],
)
def test_where_seeds_tell_nothing_there_is_no_interval(errors):
    assert not differences(errors, 0).is_known


def test_each_difference_has_the_quantile_of_its_own_degrees_of_freedom():
    errors = made_up([0, 0, 0, 0, 0], 8)
    errors[4, 2:] = np.nan
    compared = differences(errors, 0)
    found = quantiles(compared)
    assert compared.freedom[3] != pytest.approx(compared.freedom[0])
    assert np.argsort(found[[0, 3]]).tolist() == np.argsort(-compared.freedom[[0, 3]]).tolist()


def test_of_equal_arms_one_study_in_twenty_shows_a_difference():
    hits = []
    for random_seed in range(1500):
        low, high = intervals(differences(made_up([0.0] * 5, 5, random_seed=random_seed), 0))
        hits.append(((low > 0) | (high < 0)).any())
    assert np.mean(hits) == pytest.approx(0.05, abs=0.015)
