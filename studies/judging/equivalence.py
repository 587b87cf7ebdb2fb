"""What a study without a difference says all the same: how much keeping the reference can cost,
which arms are equal within a margin, and how many seeds would tell.

Everything here follows from `differences.Differences`, in its own unit (fractions or points).
"""

import numpy as np

from studies.judging.differences import Differences, quantiles
from studies.judging.dunnett import CONFIDENCE, t_quantile
from studies.judging.residuals import Array

MOST_SEEDS = 10_000
POWER = 0.9  # that so many seeds suffice where arms are equal; simulated: 85 to 93 % of studies


def most_gained(compared: Differences, confidence: float = CONFIDENCE) -> Array:
    """How much less error each arm can have than the reference, at most: (k,).

    The one-sided simultaneous upper ends −d_j + g se_j, with g Dunnett's one-sided quantile
    (Dunnett 1955): together they hold with `confidence`. Negative where the arm is surely worse.
    """
    half = quantiles(compared, confidence, sides=1) * compared.error
    return np.asarray(half - compared.estimate, dtype=float)


def largest_loss(compared: Differences, confidence: float = CONFIDENCE) -> float:
    """What keeping the reference costs at most: the largest of `most_gained`, at least 0."""
    return max(0.0, float(most_gained(compared, confidence).max()))


def within(compared: Differences, confidence: float = CONFIDENCE) -> Array:
    """The margin within which each arm is equal to the reference, (k,).

    |d_j| + t(1 − α / k; ν_j) se_j: two one-sided tests (Schuirmann 1987, "A comparison of the two
    one-sided tests procedure and the power approach") at α / k each, so that with `confidence` no
    arm is told equal within less than it is.
    """
    tail = (1 - confidence) / len(compared.arms)
    half = np.array([t_quantile(tail, freedom) for freedom in compared.freedom.tolist()])
    return np.asarray(np.abs(compared.estimate) + half * compared.error, dtype=float)


def seeds_for_margin(
    margin: float, residual_sd: float, arms: int, confidence: float = CONFIDENCE
) -> int | None:
    """How many seeds an arm, in all, tell every gap within ±`margin` where there is none.

    The smallest n with n >= 2 s² (t[1 − α / k] + t[1 − β / k])² / m², k = arms − 1 comparisons at
    k (n − 1) degrees of freedom, α = 1 − confidence, β = 10 %: the sample size of two one-sided
    tests (Julious 2004, "Sample sizes for clinical trials with normal data", section 5), divided
    among the comparisons. It rests on the margin and the noise alone: planned on the gap that was
    seen, a study ends without an answer. None where even 10,000 seeds are too few.

    Args:
        margin: m, in the unit of `residual_sd`.
        residual_sd: s, standard deviation of a training after arm and seed.
        arms: The reference included.
        confidence: Of all comparisons together.
    """
    comparisons = arms - 1

    def enough(seeds: int) -> bool:
        freedom = comparisons * (seeds - 1)
        t = t_quantile((1 - confidence) / comparisons, freedom)
        t += t_quantile((1 - POWER) / comparisons, freedom)
        return seeds >= 2 * (residual_sd * t / margin) ** 2

    if margin <= 0 or not enough(MOST_SEEDS):
        return None
    low, high = 1, MOST_SEEDS
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high
