"""Whether gaps depend on the recipe: a paired test over shared seeds, right under any block."""

import numpy as np
import pytest
from scipy import stats

from studies.judging.interaction import interaction_p_values, interactions


def study(
    random: np.random.Generator, arms: int, seeds: int, noise: tuple[float, ...] = (0.3, 0.3)
) -> np.ndarray:
    """Errors (recipes, arms, seeds) without an interaction: arms, recipes and seeds add up, and
    seeds also by recipe and by arm."""
    shape = (len(noise), arms, seeds)
    blocks = random.normal(0, 1, (len(noise), 1, seeds)) + random.normal(0, 0.5, (1, arms, seeds))
    main = random.normal(0, 1, (len(noise), 1, 1)) + random.normal(0, 1, (1, arms, 1))
    return main + blocks + np.array(noise)[:, None, None] * random.normal(size=shape)


def test_two_arms_and_two_recipes_are_a_paired_t_test_of_their_gaps() -> None:
    errors = study(np.random.default_rng(0), 2, 8)
    gaps = errors[:, 1] - errors[:, 0]
    expected = stats.ttest_rel(gaps[1], gaps[0])
    judged = interactions(errors, 0)
    (p_values,) = interaction_p_values(judged)
    assert p_values[0] == pytest.approx(expected.pvalue, rel=1e-6)
    ends = expected.confidence_interval(0.95)
    assert judged[0].low[0] == pytest.approx(ends.low, rel=1e-6)
    assert judged[0].high[0] == pytest.approx(ends.high, rel=1e-6)


def test_an_estimate_is_the_difference_of_differences_of_means() -> None:
    errors = study(np.random.default_rng(1), 4, 5)
    means = errors.mean(axis=2)
    gaps = means - means[:, [2]]
    (judged,) = interactions(errors, 2)
    expected = (gaps[1] - gaps[0])[[0, 1, 3]]
    np.testing.assert_allclose(judged.compared.estimate, expected, atol=1e-12)


def test_what_a_seed_adds_to_all_arms_of_a_recipe_or_to_an_arm_by_all_recipes_is_a_block() -> None:
    errors = study(np.random.default_rng(2), 4, 5)
    shifted = errors.copy()
    shifted[1] += np.array([5.0, -3.0, 0.0, 1.0, 9.0])  # seeds, by the second recipe
    shifted[:, 1] += np.array([2.0, 0.0, -1.0, 4.0, 4.0])  # seeds, of one arm
    for before, after in zip(interactions(errors, 0), interactions(shifted, 0), strict=True):
        np.testing.assert_allclose(after.low, before.low, atol=1e-9)
        np.testing.assert_allclose(after.high, before.high, atol=1e-9)


@pytest.mark.heavy
@pytest.mark.parametrize("noise", [(0.3, 0.3), (0.5, 0.1), (0.3, 0.3, 0.6)])
def test_without_an_interaction_one_is_claimed_in_one_study_of_twenty_at_most(
    noise: tuple[float, ...],
) -> None:
    random = np.random.default_rng(3)
    studies = 800
    wrong = sum(
        any(((each.low > 0) | (each.high < 0)).any() for each in interactions(table, 0))
        for table in (study(random, 5, 4, noise) for _ in range(studies))
    )
    assert wrong / studies < 0.05 + 3 * np.sqrt(0.05 * 0.95 / studies)


def test_a_gain_that_vanishes_with_the_recipe_is_found() -> None:
    random = np.random.default_rng(4)
    found = 0
    for _ in range(100):
        errors = study(random, 3, 6, (0.2, 0.2))
        errors[0, 2] -= 1.0  # only by the first recipe
        (judged,) = interactions(errors, 0)
        found += bool(judged.low[1] > 0)
    assert found > 90


def test_a_missing_training_costs_its_seed_of_the_arm_alone() -> None:
    errors = study(np.random.default_rng(5), 3, 5)
    errors[1, 1, 0] = np.nan
    (judged,) = interactions(errors, 0)
    assert judged.compared.seeds.tolist() == [4, 5]
