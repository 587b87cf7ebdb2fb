"""Dunnett's many-to-one comparisons: the quantiles of the largest of several correlated t.

Dunnett 1955, "A multiple comparison procedure for comparing several treatments with a control", and
Hsu 1996, "Multiple Comparisons", for correlations that are not all 1/2. Degrees of freedom may be
fractions, as Satterthwaite's are.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Rows = tuple[tuple[float, ...], ...]  # of a matrix, to be remembered by
CONFIDENCE = 0.95
DRAWS = 2**15  # of the normals for unequal correlations: quantiles are right to 0.1 %


def critical_value(
    correlation: Array, freedom: float, confidence: float = CONFIDENCE, sides: int = 2
) -> float:
    """The value that the largest of several t stays below with probability `confidence`.

    Args:
        correlation: Of the comparisons, (k, k); 1/2 off the diagonal where no pair is missing.
        freedom: Degrees of freedom of the variance that all share.
        confidence: Of all comparisons together.
        sides: 2 for the largest |t|, 1 for the largest t.
    """
    k = len(correlation)
    alone = t_quantile((1 - confidence) / sides, freedom)
    if k == 1:
        return alone
    bonferroni = t_quantile((1 - confidence) / (sides * k), freedom)
    equal = _equal_correlation(correlation)
    if equal is not None:
        return _equal_critical_value(k, equal, freedom, confidence, sides)
    rows = _rows(correlation)
    return _general_critical_value(rows, freedom, confidence, sides, 0.99 * alone, bonferroni)


def largest_t_below(t: Any, correlation: Array, freedom: Any, sides: int = 2) -> Array:
    """The probability that the largest of several t (`sides` as above) stays below each of `t`, at
    the degrees of freedom of each; in their shape."""
    k = len(correlation)
    if k == 1:
        return np.asarray(1 - sides * special.stdtr(freedom, -np.asarray(t)))
    equal = _equal_correlation(correlation)
    if equal is not None:
        below = partial(_equal_largest_t_below, k, equal, sides)
    else:
        below = partial(_general_largest_t_below, _largest_normals(_rows(correlation), sides))
    return np.asarray(np.vectorize(below, otypes=[float])(t, freedom))


def t_quantile(tail: float, freedom: float) -> float:
    """The value that Student's t exceeds with probability `tail`."""
    return float(-special.stdtrit(freedom, tail))


def _root(function: Callable[[float], float], low: float, high: float, xtol: float) -> float:
    from scipy import optimize  # a second to import, and most commands need no quantile

    return float(optimize.brentq(function, low, high, xtol=xtol))


def _equal_correlation(correlation: Array) -> float | None:
    """The correlation that every two comparisons share (1/2 where no pair is missing), or None."""
    k = len(correlation)
    # A row of k + 1 begins with an entry of the diagonal.
    off_diagonal = np.ascontiguousarray(correlation).ravel()[:-1].reshape(k - 1, k + 1)[:, 1:]
    first = float(off_diagonal[0, 0])
    same = np.ptp(off_diagonal) < 1e-9 and 0 <= first < 1
    return round(first, 12) if same else None


def _rows(correlation: Array) -> Rows:
    return tuple(map(tuple, correlation.round(12).tolist()))


@lru_cache(maxsize=4096)
def _equal_critical_value(
    k: int, correlation: float, freedom: float, confidence: float, sides: int
) -> float:
    bonferroni = t_quantile((1 - confidence) / (sides * k), freedom)
    return _root(
        lambda t: _equal_largest_t_below(k, correlation, sides, t, freedom) - confidence,
        0.5,
        1.01 * bonferroni,
        1e-9,
    )


def _equal_largest_t_below(
    k: int, correlation: float, sides: int, t: float, freedom: float
) -> float:
    """By quadrature: given the shared part and the scale, the comparisons are independent."""
    z, z_weight, s, s_weight = _nodes(freedom)
    if sides == 2:  # what the shared part's sign makes no difference to
        z, z_weight = z[: len(z) // 2], 2 * z_weight[: len(z) // 2]
    shared = np.sqrt(correlation) * z[:, None]
    spread = np.sqrt(1 - correlation)
    inside = special.ndtr((t * s - shared) / spread)
    if sides == 2:
        inside = inside - special.ndtr((-t * s - shared) / spread)
    return float(min(1.0, z_weight @ inside**k @ s_weight))


@lru_cache(maxsize=256)
def _nodes(freedom: float) -> tuple[Array, Array, Array, Array]:
    """Gauss-Legendre nodes and weights: of a standard normal, and of the scale sqrt(chi2/df)."""
    node, weight = np.polynomial.legendre.leggauss(96)
    z = 8 * node
    low, high = np.sqrt(2 * special.gammaincinv(freedom / 2, [1e-13, 1 - 1e-13]))
    scale = (high - low) / 2 * (node + 1) + low
    density = np.exp(
        np.log(2)
        - freedom / 2 * np.log(2)
        - special.gammaln(freedom / 2)
        + special.xlogy(freedom - 1, scale)
        - scale**2 / 2
    )
    return (
        z,
        8 * weight * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi),
        scale / np.sqrt(freedom),
        (high - low) / 2 * weight * density,
    )


@lru_cache(maxsize=1024)
def _general_critical_value(
    rows: Rows,
    freedom: float,
    confidence: float,
    sides: int,
    low: float,
    high: float,
) -> float:
    largest = _largest_normals(rows, sides)
    return _root(
        lambda t: _general_largest_t_below(largest, t, freedom) - confidence,
        low,
        1.01 * high,
        1e-6,
    )


def _general_largest_t_below(largest: Array, t: float, freedom: float) -> float:
    """For any correlations: the mean, over fixed draws of the largest normal M (`largest`), of
    the probability that the scale sqrt(chi2/df) exceeds M / t.

    The draws serve every t and every df, so that a table with holes takes milliseconds.
    """
    return float(special.gammaincc(freedom / 2, freedom / 2 * (largest / t) ** 2).mean())


@lru_cache(maxsize=64)
def _largest_normals(rows: Rows, sides: int) -> Array:
    """The largest of k correlated normals, `DRAWS` times, from Sobol's points scrambled by a fixed
    seed: the same table gives the same digits each time. What is below zero counts as zero, since
    any positive t exceeds it."""
    from scipy.stats import qmc

    values, vectors = np.linalg.eigh(np.array(rows))
    factor = vectors * np.sqrt(np.maximum(values, 0))
    points = qmc.Sobol(len(rows), rng=np.random.default_rng(0)).random(DRAWS)
    normals = special.ndtri(np.clip(points, 1e-15, 1 - 1e-15)) @ factor.T
    largest = (np.abs(normals) if sides == 2 else normals).max(axis=1)
    return np.asarray(np.maximum(largest, 0.0), dtype=float)
