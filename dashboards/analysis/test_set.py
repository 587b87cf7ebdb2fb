"""The test set is a sample too: how far other images could move an error, and a gap."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from dashboards.analysis.comparison import Comparison
from studies.judging.dunnett import CONFIDENCE
from studies.judging.sampling import interval_over_images
from studies.missed import Missed

BLOCK = 256  # trainings whose images are compared at once


@dataclass(frozen=True)
class Sampling:
    """How far other test images could move what is seen (95 %), apart from the seeds. Fractions."""

    images: int
    low: float  # the reference arm's error, between low and high
    high: float
    gap: float | None  # a difference of two arms moves by at most this; None without a second arm
    measured: bool = False  # by the images that each training missed; else a bound for any images


def gap_sampling(first: float, second: float, images: int) -> float:
    """The most by which the difference of two errors on the same images
    moves with the images (half of an interval).

    An image adds -1, 0 or +1 to the difference (or, in the mean over seeds, something between), so
    its variance is at most first + second - difference^2, reached where no image is missed by both.
    Arms that miss the same images move less.
    """
    variance = max(0.0, first + second - (first - second) ** 2)
    return float(stats.norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(variance / images))


def measured_gap_sampling(
    first: Mapping[int, Missed], second: Mapping[int, Missed]
) -> float | None:
    """The images' own share in the difference of two arms: the most by which other images could
    move it (half of an interval), were the seeds as many as one likes.

    With D the difference of the two arms on an image (-1, 0 or 1), the share's variance is that
    over images of D's mean over all seeds there could be. Two seeds err apart, so the mean over
    pairs of different seeds of the covariance over images of their D estimates it without bias.
    From few seeds that is rough, so its upper limit counts (95 %, one-sided), from the spread over
    images of each image's part in it, with one more image on which two seeds agree: none that was
    seen is no proof that there is none. With one seed, the training's own luck is in it.

    Args:
        first: What the trainings of one arm missed, by seed.
        second: Those of the other arm. Seeds of one arm alone are left out.

    Returns:
        A fraction; None where the arms share no seed.
    """
    seeds = [seed for seed in first if seed in second]
    if not seeds:
        return None
    images = first[seeds[0]].images
    total, squares = np.zeros(images), np.zeros(images)
    for start in range(0, len(seeds), BLOCK):
        block = seeds[start : start + BLOCK]
        wrong = flags_of([first[seed] for seed in block])
        apart = wrong.astype(np.float32) - flags_of([second[seed] for seed in block])
        apart -= apart.mean(axis=1, keepdims=True)
        total += apart.sum(axis=0)
        squares += (apart**2).sum(axis=0)
    pairs = len(seeds) * (len(seeds) - 1)
    parts = (total**2 - squares) / pairs if pairs else squares
    agreeing = 2 / pairs if pairs else 1.0
    spread = np.sqrt(((parts - parts.mean()) ** 2).sum() + agreeing**2) / images
    most = max(0.0, float(parts.mean() + stats.norm.ppf(CONFIDENCE) * spread))
    return float(stats.norm.ppf((1 + CONFIDENCE) / 2) * np.sqrt(most / images))


def flags_of(trainings: Sequence[Missed]) -> NDArray[np.uint8]:
    """1 where a training missed an image, trainings x images."""
    bits = np.frombuffer(b"".join(missed.bits for missed in trainings), np.uint8)
    return np.unpackbits(bits.reshape(len(trainings), -1), axis=1, count=trainings[0].images)


def sampling_of_tests(
    summary: pd.DataFrame,
    comparison: Comparison,
    images: int | None,
    missed: Mapping[str, Mapping[int, Missed]],
) -> Sampling | None:
    """The test set's own sampling error; None where its size or the
    reference arm's error is not known.

    Args:
        summary: What `arms.summarize_arms` gives.
        comparison: Says which arms stand against which reference.
        images: The size of the test set.
        missed: Which images each training missed, by arm and seed; of trainings that stored it.
    """
    means = summary["mean"].dropna()
    if images is None or comparison.reference not in means.index:
        return None
    own = float(means[comparison.reference])
    arms = [gap.arm for gap in comparison.differences if gap.arm in means.index]
    bounds = [gap_sampling(own, float(means[arm]), images) for arm in arms]
    reference = missed.get(comparison.reference, {})
    shares = [measured_gap_sampling(reference, missed.get(arm, {})) for arm in arms]
    known = [
        min(share, bound) for share, bound in zip(shares, bounds, strict=True) if share is not None
    ]
    is_measured = 0 < len(known) == len(arms)
    gap = max(known if is_measured else bounds, default=None)
    return Sampling(images, *interval_over_images(own, images), gap, is_measured)


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
