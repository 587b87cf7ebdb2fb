"""The fit of arm + seed beside a general least squares, and what follows from it."""

import numpy as np
import pytest
from error_tables import made_up
from scipy import stats

from studies.judging.residuals import discounted, find_outliers, fit, least_squares_means


def table(arms: int = 5, seeds: int = 3, random_seed: int = 0, holes: int = 0) -> np.ndarray:
    """Arms alike, and as many pairs of arms but the first without a result."""
    errors = made_up([0.0] * arms, seeds, random_seed=random_seed)
    random = np.random.default_rng(random_seed)
    errors[random.integers(1, arms, holes), random.integers(0, seeds, holes)] = np.nan
    return errors


def design_matrix(errors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One column an arm and one a seed; the rows' arms and seeds are given too."""
    arm, seed = np.nonzero(np.isfinite(errors))
    return np.hstack([np.eye(len(errors))[arm], np.eye(errors.shape[1])[seed]]), arm, seed


@pytest.mark.parametrize(("seeds", "holes"), [(6, 0), (6, 4), (3, 0), (3, 3)])
def test_the_fit_is_that_of_a_general_least_squares(seeds, holes):
    errors = table(5, seeds, holes=holes)
    x, arm, seed = design_matrix(errors)
    values = errors[arm, seed]
    solution, _, rank, _ = np.linalg.lstsq(x, values, rcond=None)
    hat = x @ np.linalg.pinv(x)
    fitted = fit(errors)
    assert fitted.freedom == len(values) - rank
    assert fitted.sum_of_squares == pytest.approx(((values - x @ solution) ** 2).sum())
    assert fitted.residuals[arm, seed] == pytest.approx(values - x @ solution)
    assert fitted.leverages[arm, seed] == pytest.approx(np.diag(hat))
    assert fitted.effects - fitted.effects[0] == pytest.approx(solution[:5] - solution[0])
    contrast = np.array([-1, 1, 0, 0, 0, *[0] * seeds])
    assert contrast[:5] @ fitted.inverse @ contrast[:5] == pytest.approx(
        contrast @ np.linalg.pinv(x.T @ x) @ contrast
    )


def test_means_are_as_if_no_pair_were_missing():
    errors = table(4, 5)
    assert least_squares_means(fit(errors)) == pytest.approx(errors.mean(axis=1))
    errors[2, 4] = np.nan
    x, arm, seed = design_matrix(errors)
    solution = np.linalg.lstsq(x, errors[arm, seed], rcond=None)[0]
    expected = solution[:4] + solution[4:].mean()
    assert least_squares_means(fit(errors)) == pytest.approx(expected)


def test_an_arm_that_missed_a_hard_seed_is_not_the_better_for_it():
    errors = np.array([[1.0, 2.0, 9.0], [1.1, 2.1, 9.1]])
    errors[1, 2] = np.nan
    first, second = least_squares_means(fit(errors))
    assert second - first == pytest.approx(0.1)


def test_arms_that_no_seed_connects_are_of_different_groups():
    errors = np.full((5, 4), np.nan)
    errors[0, :2], errors[1, 1:3], errors[2, 3], errors[3, 3] = 1.0, 2.0, 3.0, 4.0
    assert fit(errors).groups.tolist() == [0, 0, 2, 2, -1]


def test_every_seed_with_the_same_gaps_is_flat():
    errors = np.array([0.3, 0.1])[:, None] + np.array([0.01, 0.02, 0.05])
    assert fit(errors).flat
    assert not fit(table()).flat
    assert not fit(table(5, 1)).flat  # of one seed nothing is known, not even that
    assert fit(table(5, 1)).sd is None


def test_the_studentised_residual_is_a_trainings_t_against_all_others():
    """Left out and predicted by the rest, the training's t is that of its prediction error."""
    errors = table(5, 4, random_seed=4)
    errors[3, 2] += 6
    (found,) = find_outliers(errors)
    assert (found.arm, found.seed) == (3, 2)
    rest = errors.copy()
    rest[3, 2] = np.nan
    x, arm, seed = design_matrix(rest)
    solution = np.linalg.lstsq(x, rest[arm, seed], rcond=None)[0]
    row = np.concatenate([np.eye(5)[3], np.eye(4)[2]])
    variance = fit(rest).sum_of_squares / fit(rest).freedom
    error = np.sqrt(variance * (1 + row @ np.linalg.pinv(x.T @ x) @ row))
    assert found.expected == pytest.approx(row @ solution)
    assert found.studentised == pytest.approx((errors[3, 2] - row @ solution) / error)


def test_a_training_that_diverged_is_named_with_what_was_expected():
    errors = table()
    errors[1, 1] = 90.0
    (found,) = find_outliers(errors)
    assert (found.arm, found.seed, found.error, found.diverged) == (1, 1, 90.0, True)
    assert found.expected == pytest.approx(2.6, abs=1)


def test_two_that_diverged_do_not_hide_each_other():
    errors = table()
    errors[1, 1] += 40
    errors[4, 0] += 60
    assert [(one.arm, one.seed) for one in find_outliers(errors)] == [(4, 0), (1, 1)]


def test_an_arm_that_fails_in_every_seed_has_nothing_out_of_line():
    errors = table()
    errors[2] += 87
    assert find_outliers(errors) == ()


def test_a_training_that_is_much_better_is_out_of_line_and_has_not_diverged():
    errors = table(5, 5)
    errors[2, 2] -= 3.5
    (found,) = find_outliers(errors)
    assert (found.arm, found.seed, found.diverged) == (2, 2, False)


def test_of_three_seeds_of_which_two_diverged_the_third_is_the_odd_one():
    errors = table()
    errors[1, :2] += 50
    (found,) = find_outliers(errors)
    assert (found.arm, found.seed, found.diverged) == (1, 2, False)


def test_hardly_a_study_without_an_outlier_has_a_training_named():
    named = [bool(find_outliers(table(random_seed=seed))) for seed in range(1000)]
    assert sum(named) <= stats.binom.ppf(0.999, 1000, 0.001)


def test_one_image_more_where_all_errors_are_alike_is_nothing_out_of_line():
    errors = np.full((5, 3), 0.025)
    errors[2, 1] += 1 / 360
    assert find_outliers(errors) == ()  # all others are exactly alike: nothing to measure by
    errors[3, 0] += 1 / 360
    assert find_outliers(errors, resolution=1 / 360) == ()
    errors[3, 0] += 0.5
    assert [(one.arm, one.seed) for one in find_outliers(errors, resolution=1 / 360)] == [(3, 0)]


def test_of_two_arms_the_one_that_errs_more_has_diverged():
    errors = table(2, 8)
    errors[1, 3] += 50
    assert [(one.arm, one.seed) for one in find_outliers(errors)] == [(1, 3)]


@pytest.mark.parametrize("shape", [(2, 2), (1, 5), (5, 1), (2, 0)])
def test_too_small_a_table_names_none(shape):
    assert find_outliers(np.arange(float(shape[0] * shape[1])).reshape(shape) ** 3) == ()


def test_two_arms_have_their_paired_variance_alone():
    errors = table(2, 6)
    gap = errors[1] - errors[0]
    fitted = fit(errors)
    own = np.array([((gap - gap.mean()) ** 2).sum()])
    variance, freedom = discounted(own, np.array([6]), fitted.sum_of_squares, fitted.freedom)
    assert variance == pytest.approx([gap.var(ddof=1)])
    assert freedom == pytest.approx([5])


def test_a_rest_of_four_degrees_of_freedom_counts_in_full():
    """Three arms, five seeds: 4 of 8 degrees of freedom are the rest's, so that all is pooled."""
    errors = table(3, 5)
    fitted = fit(errors)
    gap = errors[1] - errors[0]
    own = np.array([((gap - gap.mean()) ** 2).sum()])
    variance, freedom = discounted(own, np.array([5]), fitted.sum_of_squares, fitted.freedom)
    assert variance == pytest.approx([2 * fitted.sum_of_squares / 8])
    assert freedom == pytest.approx([8])


def test_a_larger_rest_is_worth_four_degrees_of_freedom():
    """By hand, five arms and five seeds: w = 4/12; (4/12 · 12 + 4)² / (12/9 + 4) = 12."""
    variance, freedom = discounted(np.array([8.0]), np.array([5]), 16.0, 16)
    assert freedom == pytest.approx([12])
    assert variance == pytest.approx([(2 / 3 * 12 + 8) / 8])


def test_a_difference_of_one_seed_borrows_all_it_knows():
    variance, freedom = discounted(np.array([0.0]), np.array([1]), 12.0, 6)
    assert variance == pytest.approx([4.0])
    assert freedom == pytest.approx([6])


def test_without_degrees_of_freedom_there_is_no_variance():
    variance, freedom = discounted(np.array([0.0]), np.array([1]), 0.0, 0)
    assert np.isnan(variance).all()
    assert freedom.tolist() == [0]
