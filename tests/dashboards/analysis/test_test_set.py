"""The test set's own sampling error, against simulated test sets."""

import numpy as np
import pytest

from dashboards.analysis.test_set import gap_sampling, interval_over_images


def test_the_interval_of_a_test_sets_error_covers_the_truth_in_95_of_100_test_sets():
    random = np.random.default_rng(1)
    wrong = random.binomial(360, 0.03, 2000)
    covered = [
        low <= 0.03 <= high
        for low, high in (interval_over_images(count / 360, 360) for count in wrong)
    ]
    assert 0.93 < np.mean(covered) < 0.98


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
