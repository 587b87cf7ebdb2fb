"""How far other images could move an error, against simulated test sets."""

import numpy as np
import pytest
from scipy import stats

from studies.judging.sampling import interval_over_images


def test_the_interval_of_a_test_sets_error_covers_the_truth_in_95_of_100_test_sets():
    random = np.random.default_rng(1)
    wrong = random.binomial(360, 0.03, 2000)
    covered = [
        low <= 0.03 <= high
        for low, high in (interval_over_images(count / 360, 360) for count in wrong)
    ]
    assert 0.93 < np.mean(covered) < 0.98


@pytest.mark.parametrize(("wrong", "confidence"), [(0, 0.95), (9, 0.95), (9, 0.9), (360, 0.9)])
def test_the_interval_is_wilsons(wrong: int, confidence: float):
    ends = stats.binomtest(wrong, 360).proportion_ci(confidence, method="wilson")
    assert interval_over_images(wrong / 360, 360, confidence) == pytest.approx(ends, abs=1e-12)
