"""What else an interval owes its reader: an extension after a look is judged
more strictly, and a test set is a sample too."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from dashboards.analysis.comparison import (
    CONFIDENCE,
    Comparison,
    arm_order,
    compare,
    summarize_arms,
)


def reference_arm(trials: pd.DataFrame, info: dict[str, Any] | None = None) -> str:
    """The arm everything is compared with: the study's own; else the arm
    of the reference design; else the first."""
    if info and info.get("reference_arm"):
        return str(info["reference_arm"])
    own = trials[trials["design"].astype(str) == trials["reference"].astype(str)]
    return next(iter([*own["arm"].astype(str), *arm_order(trials)]), "")


def compare_study(
    trials: pd.DataFrame, info: dict[str, Any] | None = None, metric: str = "test_error"
) -> Comparison:
    """`statistics.compare` as the study wants it: with its reference arm, and
    corrected for looks where it was extended."""
    looks = count_looks(info or {})
    comparison = compare(trials, reference_arm(trials, info), metric, confidence_after(looks))
    return replace(comparison, confidence=confidence_after(looks), looks=looks)


def count_looks(info: dict[str, Any]) -> int:
    """How often the study may have been looked at, now included: once as
    planned, and once more for each extension by seeds."""
    now, planned = info.get("seeds") or [], info.get("planned_seeds") or []
    # A study stored before extensions were remembered still knows its plan.
    stages = info.get("extended_from") or ([planned] if planned else [])
    return 1 + len({len(stage) for stage in stages if len(stage) < len(now)})


def confidence_after(looks: int, confidence: float = CONFIDENCE) -> float:
    """The confidence to ask for at this look.

    The planned look has alpha, 5 %, to itself. A study is extended because of what was seen, so the
    extensions get another alpha for all of them together, alpha / (k (k - 1)) at look k: 2.5 %, 0.8
    %, 0.4 %, ..., which adds up to alpha however often the study is extended (a union bound, so
    that neither the reason for an extension nor its size matters).
    """
    alpha = 1 - confidence
    return 1 - (alpha if looks < 2 else alpha / (looks * (looks - 1)))


@dataclass(frozen=True)
class Sampling:
    """How far other test images could move what is seen (95 %), apart from the seeds. Fractions."""

    images: int
    low: float  # the reference arm's error, between low and high
    high: float
    gap: (
        float | None
    )  # a difference of two arms moves by at most this much; None without a second arm


def interval_over_images(
    error: float, images: int, confidence: float = CONFIDENCE
) -> tuple[float, float]:
    """Wilson's interval for an error (a fraction) measured on this
    many images, for one trained network."""
    found = stats.binomtest(round(error * images), images).proportion_ci(
        confidence, method="wilson"
    )
    return float(found.low), float(found.high)


def gap_sampling(first: float, second: float, images: int, confidence: float = CONFIDENCE) -> float:
    """The most by which the difference of two errors on the same images
    moves with the images (half of an interval).

    An image adds -1, 0 or +1 to the difference (or, in the mean over seeds, something between), so
    its variance is at most first + second - difference^2, reached where no image is missed by both.
    Arms that miss the same images move less.
    """
    variance = max(0.0, first + second - (first - second) ** 2)
    return float(stats.norm.ppf((1 + confidence) / 2) * np.sqrt(variance / images))


def sampling_of_tests(
    trials: pd.DataFrame, comparison: Comparison, info: dict[str, Any]
) -> Sampling | None:
    """The test set's own sampling error; None where its size or the
    reference arm's error is not known."""
    images = size_of_test_set(info)
    means = summarize_arms(trials)["mean"].dropna()
    if images is None or comparison.reference not in means.index:
        return None
    own = float(means[comparison.reference])
    others: Sequence[float] = [
        float(means[one.arm]) for one in comparison.differences if one.arm in means.index
    ]
    gap = max((gap_sampling(own, other, images) for other in others), default=None)
    return Sampling(images, *interval_over_images(own, images), gap)


def size_of_test_set(info: dict[str, Any]) -> int | None:
    """The size of the test set, wherever the study's description of its data holds it."""
    waiting = [info.get("data")]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, dict):
            if isinstance(entry.get("test"), int) and entry["test"] > 1:
                return int(entry["test"])
            waiting += entry.values()
    return None
