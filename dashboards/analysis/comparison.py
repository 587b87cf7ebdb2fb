"""Which arm has the lower error, and how sure are we: comparisons with the
reference arm, and the trend on log2 C.

The model is two-way: a trial's error is its arm's mean, plus what its seed adds to every arm, plus
a rest. The rest is what all standard errors come from, so that a lucky seed, which is lucky for
every arm, costs no precision (design: randomised blocks). Errors are fractions throughout; words
and figures turn them into points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from dashboards.analysis.arms import CONFIDENCE
from dashboards.analysis.dunnett import Array, critical_value, largest_t_below


@dataclass(frozen=True)
class Difference:
    """An arm minus the reference arm, in error (fractions). `low` to `high` is the simultaneous
    interval, `p_value` is of the same test; all three are None where there is no interval
    (`Comparison.problem` says why)."""

    arm: str
    estimate: float
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    # Cost of the arm over the reference arm's, in the budget's own measure.
    cost_ratio: float | None = None
    seeds: int = 0  # that both have a result for; 0 where only other arms connect the two

    @property
    def shown(self) -> bool:
        """Whether the data show a difference: the interval excludes zero."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


@dataclass(frozen=True)
class Trend:
    """The straight line of error on log2 C: change of error for each doubling of
    C, a test of its own beside the comparisons."""

    slope: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class Comparison:
    """Every arm against the reference arm."""

    reference: str
    differences: tuple[Difference, ...] = ()
    # Arms that no chain of shared seeds connects with the reference.
    incomparable: tuple[str, ...] = ()
    seeds: tuple[Any, ...] = ()  # the seeds that carry results
    residual_sd: float | None = None
    degrees_of_freedom: int = 0
    critical: float | None = None
    trend: Trend | None = None
    problem: str = ""  # why there are no intervals, in words; "" where there are
    confidence: float = CONFIDENCE  # of all the intervals together
    looks: int = 1  # at the study, this one included: see `looks`

    @property
    def arms(self) -> int:
        """Arms compared, the reference included."""
        return len(self.differences) + 1

    def difference(self, arm: str) -> Difference | None:
        return next((difference for difference in self.differences if difference.arm == arm), None)


def compare(
    errors: pd.DataFrame,
    reference: str,
    cardinalities: Mapping[str, int] | None = None,
    costs: Mapping[str, float] | None = None,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compare each arm with the reference arm, by least squares where pairs are missing.

    Args:
        errors: What `arms.error_table` gives: fractions, arms x seeds, NaN where a pair has no
            result.
        reference: The arm that all others are compared with.
        cardinalities: Of each arm, for the trend; none or empty: no trend.
        costs: Of each arm, for the cost ratios.
        confidence: Of all the intervals together.
    """
    log2_c = [np.log2(cardinalities[arm]) for arm in errors.index] if cardinalities else None
    comparison = compare_table(
        errors.to_numpy(dtype=float), list(errors.index), reference, log2_c, confidence
    )
    priced = tuple(
        replace(difference, cost_ratio=cost_ratio(costs or {}, difference.arm, reference))
        for difference in comparison.differences
    )
    return replace(
        comparison, differences=priced, seeds=tuple(errors.columns), confidence=confidence
    )


def cost_ratio(costs: Mapping[str, float], arm: str, reference: str) -> float | None:
    """The cost of an arm over the reference arm's; None where one of them is not known."""
    return costs[arm] / costs[reference] if arm in costs and costs.get(reference) else None


def compare_table(
    errors: Array,
    arms: Sequence[str],
    reference: str,
    log2_c: Sequence[float] | None = None,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """`compare` on a bare table of errors, arms x seeds, NaN where a
    pair has no result; without cost ratios.

    The differences are contrasts of the least-squares fit of arm + seed. Their intervals use the
    two-sided quantile of the largest of all |t| (Dunnett's many-to-one comparisons; Dunnett 1955,
    and Hsu 1996 for the general correlation), so all of them hold together with the given
    confidence, and an interval excludes zero exactly where p < 1 - confidence.
    """
    have = np.isfinite(errors)
    here = list(arms).index(reference) if reference in arms else -1
    if not have.any():
        return Comparison(reference, problem="no training is complete yet")
    if here < 0 or not have[here].any():
        return Comparison(
            reference, problem=f"the reference arm {reference} has no complete training"
        )
    others = [arm for arm in range(len(arms)) if arm != here]
    if not others:
        return Comparison(reference, problem="there is only one arm")
    rows, columns = np.nonzero(have)
    values = errors[rows, columns]
    # The seeds are swept out first, which leaves normal equations as large as the number of arms,
    # however many seeds there are. The pseudo-inverse takes care of their one dependence and of
    # tables with holes.
    seen = have.any(axis=0)
    held = have[:, seen].astype(float)
    per_seed = held.sum(axis=0)
    filled = np.where(have, errors, 0.0)[:, seen]
    normal = np.diag(held.sum(axis=1)) - (held / per_seed) @ held.T
    inverse = np.linalg.pinv(normal, rcond=1e-10, hermitian=True)
    contrasts = np.zeros((len(others), len(arms)))
    contrasts[:, here] = -1
    contrasts[np.arange(len(others)), others] = 1
    estimable = np.abs(contrasts @ (inverse @ normal) - contrasts).max(axis=1) < 1e-8
    contrasts = contrasts[estimable]
    names = [arms[arm] for arm, fine in zip(others, estimable, strict=True) if fine]
    lost = tuple(arms[arm] for arm, fine in zip(others, estimable, strict=True) if not fine)
    common = {arms[arm]: int((have[arm] & have[here]).sum()) for arm in others}
    effects = inverse @ (filled - held * (filled.sum(axis=0) / per_seed)).sum(axis=1)
    estimates = contrasts @ effects
    freedom = (
        len(values) - int(seen.sum()) - int(np.linalg.matrix_rank(normal, tol=1e-8, hermitian=True))
    )
    within = held * (filled - effects[:, None])
    residuals = (within - held * (within.sum(axis=0) / per_seed))[have[:, seen]]
    sd = float(np.sqrt(residuals @ residuals / freedom)) if freedom else None
    # Two fractions of images that differ, differ by far more than rounding does.
    flat = sd is not None and sd <= 1e-10 * max(1.0, float(np.abs(values).max()))
    if sd is None or flat or not names:
        return Comparison(
            reference,
            tuple(
                Difference(name, float(value), seeds=common[name])
                for name, value in zip(names, estimates, strict=True)
            ),
            lost,
            residual_sd=0.0 if flat else None,
            degrees_of_freedom=freedom,
            problem=_why_no_interval(have, here, flat, bool(names)),
        )
    covariance = contrasts @ inverse @ contrasts.T
    scale = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(scale, scale)
    critical = critical_value(correlation, freedom, confidence)
    differences = []
    for name, estimate, error in zip(names, estimates, sd * scale, strict=True):
        p_value = 1 - largest_t_below(abs(estimate) / error, correlation, freedom)
        low, high = estimate - critical * error, estimate + critical * error
        differences.append(
            Difference(
                name, float(estimate), float(low), float(high), float(p_value), seeds=common[name]
            )
        )
    trend = (
        _trend(values, rows, columns, log2_c, sd, freedom, confidence)
        if log2_c is not None
        else None
    )
    return Comparison(
        reference,
        tuple(differences),
        lost,
        residual_sd=sd,
        degrees_of_freedom=freedom,
        critical=critical,
        trend=trend,
    )


def _why_no_interval(have: NDArray[np.bool_], here: int, flat: bool, comparable: bool) -> str:
    if have.any(axis=0).sum() < 2:
        return "there is one seed only"
    if flat:
        return "every seed shows exactly the same gaps between the arms"
    if not comparable:
        return "the reference arm shares no seed with another arm"
    return "too few arms share two seeds"


def _trend(
    values: Array,
    rows: NDArray[np.intp],
    columns: NDArray[np.intp],
    log2_c: Sequence[float],
    sd: float,
    freedom: int,
    confidence: float,
) -> Trend | None:
    """Least squares of error on log2 C within seeds. Its standard error is the
    comparisons' own, which no curvature inflates."""
    x = np.asarray(log2_c, dtype=float)[rows]
    if len(np.unique(x)) < 3:
        return None
    counts = np.bincount(columns)
    centred = x - (np.bincount(columns, x) / np.maximum(counts, 1))[columns]
    spread = float(centred @ centred)
    if spread < 1e-9:
        return None
    slope, error = float(centred @ values) / spread, sd / float(np.sqrt(spread))
    half = float(stats.t.ppf((1 + confidence) / 2, freedom)) * error
    return Trend(
        slope, slope - half, slope + half, float(2 * stats.t.sf(abs(slope) / error, freedom))
    )
