"""The test set is a sample too: how far other images could move an error, and a gap."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from dashboards.analysis.comparison import Comparison
from studies.judging.dunnett import CONFIDENCE


@dataclass(frozen=True)
class Sampling:
    """How far other test images could move what is seen (95 %), apart from the seeds. Fractions."""

    images: int
    low: float  # the reference arm's error, between low and high
    high: float
    gap: float | None  # a difference of two arms moves by at most this; None without a second arm


def interval_over_images(error: float, images: int) -> tuple[float, float]:
    """Wilson's interval for an error (a fraction) measured on this
    many images, for one trained network."""
    test = stats.binomtest(round(error * images), images)
    ends = test.proportion_ci(CONFIDENCE, method="wilson")
    return float(ends.low), float(ends.high)


def gap_sampling(first: float, second: float, images: int) -> float:
    """The most by which the difference of two errors on the same images
    moves with the images (half of an interval).

    An image adds -1, 0 or +1 to the difference (or, in the mean over seeds, something between), so
    its variance is at most first + second - difference^2, reached where no image is missed by both.
    Arms that miss the same images move less.
    """
    variance = max(0.0, first + second - (first - second) ** 2)
    return float(stats.norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(variance / images))


def sampling_of_tests(
    summary: pd.DataFrame, comparison: Comparison, images: int | None
) -> Sampling | None:
    """The test set's own sampling error; None where its size or the
    reference arm's error is not known.

    Args:
        summary: What `arms.summarize_arms` gives.
        comparison: Says which arms stand against which reference.
        images: The size of the test set.
    """
    means = summary["mean"].dropna()
    if images is None or comparison.reference not in means.index:
        return None
    own = float(means[comparison.reference])
    arms = (difference.arm for difference in comparison.differences)
    others = [float(means[arm]) for arm in arms if arm in means.index]
    gap = max((gap_sampling(own, other, images) for other in others), default=None)
    return Sampling(images, *interval_over_images(own, images), gap)


def size_of_test_set(info: Mapping[str, Any]) -> int | None:
    """The size of the test set, wherever the study's description of its data holds it."""
    waiting = [info.get("data")]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, dict):
            if isinstance(entry.get("test"), int) and entry["test"] > 1:
                return int(entry["test"])
            waiting += entry.values()
    return None
