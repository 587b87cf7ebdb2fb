"""Dunnett's many-to-one comparisons: how far apart two of several arms must be to differ, and
how many seeds would show it.

The value that the largest |t| of several correlated comparisons stays below (Dunnett 1955; Hsu
1996 for the general correlation), and from it the seeds that settle a gap.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

from dashboards.analysis.arms import CONFIDENCE

POWER = 0.8  # "would settle" means: in 8 of 10 repeats the interval excludes zero
MOST_SEEDS = 1000
# Comparisons with unequal correlations: the integral over 9 takes a second, over 99 minutes.
MOST_INTEGRATED = 8

Array = NDArray[np.float64]


def critical_value(correlation: Array, freedom: int, confidence: float = CONFIDENCE) -> float:
    """The value that the largest |t| of several correlated comparisons
    stays below with probability `confidence`."""
    k = len(correlation)
    if k == 1:
        return float(stats.t.ppf((1 + confidence) / 2, freedom))
    equal = _equal_correlation(correlation)
    if equal is not None:
        return _equal_critical_value(k, equal, freedom, confidence)
    return _general_critical_value(
        tuple(map(tuple, correlation.round(12).tolist())), freedom, confidence
    )


def largest_t_below(t: float, correlation: Array, freedom: int) -> float:
    """P(max |T_i| < t) for a multivariate t with this correlation;
    where that takes long, a bound below it."""
    k = len(correlation)
    if k == 1:
        return float(1 - 2 * stats.t.sf(t, freedom))
    equal = _equal_correlation(correlation)
    if equal is not None:
        return _equal_largest_t_below(t, k, equal, freedom)
    if k > MOST_INTEGRATED:
        # Sidak's inequality (1967), for a shared variance too: intervals a little
        # wider, so that nothing is claimed too easily.
        return float((1 - 2 * stats.t.sf(t, freedom)) ** k)
    # Quasi-random integration with fixed points: the same table gives the same digits each time.
    box = np.full(k, t)
    return float(
        stats.multivariate_t.cdf(
            box, shape=correlation, df=freedom, lower_limit=-box, maxpts=4_000 * k, random_state=0
        )
    )


def seeds_to_settle(
    gap: float, residual_sd: float, arms: int, confidence: float = CONFIDENCE
) -> int | None:
    """How many seeds in all make a true gap of `gap` (a fraction) between an arm and the
    reference exclude zero in 8 of 10 repeats, if the rest keeps its size. None where even
    1,000 would not do."""
    if gap <= 0:
        return None
    low, high = 1, MOST_SEEDS
    if _power(gap, residual_sd, arms, high, confidence) < POWER:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (
            (low, middle)
            if _power(gap, residual_sd, arms, middle, confidence) >= POWER
            else (middle, high)
        )
    return high


def gap_settled_by(
    seeds: int, residual_sd: float, arms: int, confidence: float = CONFIDENCE
) -> float:
    """The gap (a fraction) that `seeds` seeds in all would settle,
    in the sense of `seeds_to_settle`."""
    unit = residual_sd * np.sqrt(2 / seeds)
    root = optimize.brentq(
        lambda gap: _power(gap, residual_sd, arms, seeds, confidence) - POWER, 0, 200 * unit
    )
    return float(root)


def _power(gap: float, residual_sd: float, arms: int, seeds: int, confidence: float) -> float:
    freedom = (arms - 1) * (seeds - 1)
    critical = critical_value(
        np.full((arms - 1, arms - 1), 0.5) + 0.5 * np.eye(arms - 1), freedom, confidence
    )
    # The chance that the interval excludes zero on the right side: a t with the
    # gap for its centre passes the critical value.
    return float(stats.nct.sf(critical, freedom, gap / (residual_sd * np.sqrt(2 / seeds))))


def _equal_correlation(correlation: Array) -> float | None:
    """The correlation every two comparisons share (1/2 where no pair is missing), or None."""
    off_diagonal = correlation[~np.eye(len(correlation), dtype=bool)]
    same = np.ptp(off_diagonal) < 1e-9 and 0 <= off_diagonal[0] < 1
    return round(float(off_diagonal[0]), 12) if same else None


@lru_cache(maxsize=256)
def _general_critical_value(
    rows: tuple[tuple[float, ...], ...], freedom: int, confidence: float
) -> float:
    correlation, k = np.array(rows), len(rows)
    alone = float(stats.t.ppf((1 + confidence) / 2, freedom))
    bonferroni = float(stats.t.ppf(1 - (1 - confidence) / (2 * k), freedom))
    root = optimize.brentq(
        lambda t: largest_t_below(t, correlation, freedom) - confidence,
        0.99 * alone,
        1.01 * bonferroni,
        xtol=1e-5,
    )
    return float(root)


@lru_cache(maxsize=1024)
def _equal_critical_value(k: int, correlation: float, freedom: int, confidence: float) -> float:
    bonferroni = float(stats.t.ppf(1 - (1 - confidence) / (2 * k), freedom))
    root = optimize.brentq(
        lambda t: _equal_largest_t_below(t, k, correlation, freedom) - confidence,
        0.5,
        1.01 * bonferroni,
        xtol=1e-9,
    )
    return float(root)


def _equal_largest_t_below(t: float, k: int, correlation: float, freedom: int) -> float:
    """The same for equal correlations, by quadrature: given the shared part and
    the scale, the comparisons are independent."""
    z, z_weight, s, s_weight = _nodes(freedom)
    shared = np.sqrt(correlation) * z[:, None]
    spread = np.sqrt(1 - correlation)
    inside = special.ndtr((t * s - shared) / spread) - special.ndtr((-t * s - shared) / spread)
    return float(min(1.0, z_weight @ inside**k @ s_weight))


@lru_cache(maxsize=256)
def _nodes(freedom: int) -> tuple[Array, Array, Array, Array]:
    """Gauss-Legendre nodes and weights: of a standard normal, and of the scale sqrt(chi2/df)."""
    node, weight = np.polynomial.legendre.leggauss(96)
    z = 8 * node
    low, high = stats.chi.ppf([1e-13, 1 - 1e-13], freedom)
    scale = (high - low) / 2 * (node + 1) + low
    return (
        z,
        8 * weight * stats.norm.pdf(z),
        scale / np.sqrt(freedom),
        (high - low) / 2 * weight * stats.chi.pdf(scale, freedom),
    )
