"""The test set's own sampling error, against simulated test sets."""

import numpy as np
import pytest

from dashboards.analysis.test_set import gap_sampling, measured_gap_sampling
from studies.missed import Missed


@pytest.mark.parametrize("shared", [0.0, 0.5, 1.0])
def test_a_gap_moves_with_the_images_by_at_most_what_is_said(shared):
    """Two networks that err on 3 and 4 % of images, of the first's errors a share made by both."""
    random = np.random.default_rng(2)
    kind = random.choice(
        4,
        (2000, 500),
        p=[0.03 * shared, 0.03 * (1 - shared), 0.04 - 0.03 * shared, 0.93 + 0.03 * shared],
    )
    gaps = (kind == 1).mean(axis=1) - (kind == 2).mean(axis=1)
    said = gap_sampling(0.03, 0.04, 500)
    inside = np.mean(np.abs(gaps + 0.01) <= said)
    assert inside > 0.94
    if shared == 0.0:
        assert inside < 0.97  # the bound is reached where no image is missed by both


def missed(wrong):
    """What trainings missed, by seed, from seeds x images."""
    labels = np.zeros(wrong.shape[1], int)
    return {seed: Missed.of(labels, row.astype(int), 2) for seed, row in enumerate(wrong)}


def population(random):
    """How probably each of many images is missed by a training of either arm: 5 % are hard, and on
    these the arms differ."""
    hard = random.random(100_000) < 0.05
    first = np.where(hard, random.beta(0.5, 0.8, 100_000), 0.004)
    moved = np.where(hard, random.normal(0, 0.12, 100_000), 0)
    return first, np.clip(first + moved, 0, 1)


@pytest.mark.parametrize(("images", "seeds"), [(360, 3), (360, 20), (2000, 2), (2000, 5)])
def test_the_measured_share_covers_what_other_images_would_do_and_is_far_below_the_bound(
    images, seeds
):
    """400 test sets, and each time new trainings: how often does the gap that the arms would have
    with any number of seeds on these images lie within what is said of that on all images?"""
    random = np.random.default_rng(3)
    first, second = population(random)
    truth = (second - first).mean()
    said, moved = [], []
    for _ in range(400):
        drawn = random.integers(0, len(first), images)
        wrong = [random.random((seeds, images)) < p[drawn] for p in (first, second)]
        said.append(measured_gap_sampling(missed(wrong[0]), missed(wrong[1])))
        moved.append(abs((second - first)[drawn].mean() - truth))
    assert np.mean(np.array(moved) <= said) >= 0.925
    bound = gap_sampling(first.mean(), second.mean(), images)
    assert bound > {(360, 3): 3, (360, 20): 5, (2000, 2): 3, (2000, 5): 5}[
        images, seeds
    ] * np.median(said)


def test_with_many_seeds_and_images_little_more_is_said_than_the_images_alone_do():
    random = np.random.default_rng(4)
    first, second = population(random)
    ratios = []
    for _ in range(10):
        drawn = random.integers(0, len(first), 20_000)
        wrong = [random.random((20, 20_000)) < p[drawn] for p in (first, second)]
        alone = 1.96 * (second - first)[drawn].std() / np.sqrt(20_000)
        ratios.append(measured_gap_sampling(missed(wrong[0]), missed(wrong[1])) / alone)
    assert 1 < np.mean(ratios) < 1.15


def test_the_share_is_the_covariance_between_seeds_as_numpy_has_it():
    """Three seeds by hand: the estimate without its upper limit, from all pairs of seeds."""
    random = np.random.default_rng(5)
    wrong = random.random((2, 3, 300)) < random.choice([0.02, 0.7], 300)
    apart = wrong[0].astype(float) - wrong[1]
    pairs = [(0, 1), (0, 2), (1, 2)]
    covariance = np.mean([np.cov(apart[i], apart[k], bias=True)[0, 1] for i, k in pairs])
    centred = apart - apart.mean(axis=1, keepdims=True)
    parts = np.mean([centred[i] * centred[k] for i, k in pairs], axis=0)
    spread = np.sqrt(((parts - parts.mean()) ** 2).sum() + (2 / 6) ** 2) / 300
    expected = 1.959964 * np.sqrt((covariance + 1.644854 * spread) / 300)
    assert measured_gap_sampling(missed(wrong[0]), missed(wrong[1])) == pytest.approx(expected)


def test_only_seeds_that_both_arms_have_count():
    wrong = np.random.default_rng(6).random((2, 4, 200)) < 0.1
    first, second = missed(wrong[0]), missed(wrong[1])
    some = {seed: first[seed] for seed in (0, 2)}
    assert measured_gap_sampling(some, second) == measured_gap_sampling(
        some, {seed: second[seed] for seed in (0, 2)}
    )
    assert measured_gap_sampling({9: first[0]}, second) is None


def test_arms_that_never_differ_leave_room_for_an_image_that_was_not_seen():
    wrong = np.random.default_rng(7).random((3, 360)) < 0.03
    same = missed(wrong)
    assert 0 < measured_gap_sampling(same, same) < gap_sampling(0.03, 0.03, 360) / 3
