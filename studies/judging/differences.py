"""Each arm's difference from the reference, once all planned seeds are in: estimates, standard
errors and simultaneous intervals (Dunnett)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.judging.dunnett import CONFIDENCE, critical_value, largest_t_below
from studies.judging.residuals import FEW_SEEDS, Array, Fit, discounted, fit


@dataclass(frozen=True)
class Differences:
    """Arms minus the reference, in the table's own unit; k of them.

    Attributes:
        reference: Its row in the table.
        arms: The rows that can be compared with it, (k,).
        estimate: Difference of the arms' means by least squares, (k,).
        error: Its standard error, (k,); NaN where nothing tells it.
        freedom: Degrees of freedom of that, (k,); fractions (Satterthwaite).
        correlation: Of the estimates, (k, k).
        seeds: That the arm and the reference both have a result for, (k,); 0 where only other arms
            connect the two.
        unpaired: Whether these are two arms by themselves on few seeds, compared without pairing.
        fitted: The fit of the whole table.
    """

    reference: int
    arms: NDArray[np.intp]
    estimate: Array
    error: Array
    freedom: Array
    correlation: Array
    seeds: NDArray[np.intp]
    unpaired: bool
    fitted: Fit

    @property
    def is_known(self) -> bool:
        """Whether there are intervals: two seeds at least, and not the same gaps in each."""
        return bool(len(self.arms) and np.isfinite(self.error).all() and (self.error > 0).all())


def differences(errors: Array, reference: int) -> Differences:
    """Compare every arm with the reference.

    The estimate is the contrast of the least-squares fit arm + seed, in a complete table the
    difference of means. Its variance is that of one seed's difference, pooled at a discount
    (`residuals.discounted`), times half of what the contrast takes of a training's variance: 1 / n
    in a complete table of n seeds. Two arms by themselves on fewer than six shared seeds are
    compared without pairing, by the variance within arms: seeds have little in common, and pairing
    costs half of the few degrees of freedom. Where they have much in common, that is too careful,
    never too bold.

    Args:
        errors: The table, (arms, seeds), NaN where a pair has no result.
        reference: Its row.
    """
    fitted = fit(errors)
    group = fitted.groups[reference]
    same = (fitted.groups == group) & (group >= 0)
    arms = np.flatnonzero(same & (np.arange(len(errors)) != reference))
    gaps = errors[arms] - errors[reference]
    seeds = np.isfinite(gaps).sum(axis=1)
    # Of contrasts arm - reference. In place: of 600 arms each further matrix takes a millisecond.
    rows = fitted.inverse[arms]
    rows -= fitted.inverse[reference]
    covariance = rows[:, arms]
    covariance -= rows[:, [reference]]
    scale = np.sqrt(np.diag(covariance))
    unpaired = len(arms) == 1 and len(errors) == 2 and 2 <= int(seeds[0]) < FEW_SEEDS
    if unpaired:
        variance, freedom = _unpaired(errors[:, np.isfinite(gaps[0])])
    else:
        variance, freedom = discounted(
            _sums_of_squares(gaps, seeds), seeds, fitted.sum_of_squares, fitted.freedom
        )
    correlation = covariance
    correlation /= scale[:, None]
    correlation /= scale
    # What rounding leaves of a variance is no variance.
    error = np.zeros(len(arms)) if fitted.flat else np.sqrt(variance / 2) * scale
    return Differences(
        reference,
        arms,
        fitted.effects[arms] - fitted.effects[reference],
        error,
        freedom,
        correlation,
        seeds,
        unpaired,
        fitted,
    )


def _sums_of_squares(gaps: Array, seeds: NDArray[np.intp]) -> Array:
    mean = np.nansum(gaps, axis=1) / np.maximum(seeds, 1)
    return np.asarray(np.nansum((gaps - mean[:, None]) ** 2, axis=1), dtype=float)


def _unpaired(errors: Array) -> tuple[Array, Array]:
    """Twice the variance within two arms of equally many seeds, as of a difference, and df."""
    return np.array([errors.var(axis=1, ddof=1).sum()]), np.array([2.0 * (errors.shape[1] - 1)])


def quantiles(compared: Differences, confidence: float = CONFIDENCE, sides: int = 2) -> Array:
    """Dunnett's quantile for each difference, at its own degrees of freedom: (k,)."""
    # Arms on equally many seeds have the same.
    freedoms, which = np.unique(compared.freedom.round(6), return_inverse=True)
    known = [
        critical_value(compared.correlation, freedom, confidence, sides)
        for freedom in freedoms.tolist()
    ]
    return np.array(known)[which]


def intervals(compared: Differences, confidence: float = CONFIDENCE) -> tuple[Array, Array]:
    """Lower and upper ends, (k,) each, that hold together with `confidence`: a difference is shown
    where its interval excludes zero. Only where `compared.is_known`."""
    half = quantiles(compared, confidence) * compared.error
    return compared.estimate - half, compared.estimate + half


def p_values(compared: Differences) -> Array:
    """P-values of the same simultaneous test, (k,): below 1 − confidence exactly where the interval
    excludes zero. NaN where there are no intervals; none of no comparison."""
    if not compared.is_known:
        return np.full(len(compared.arms), np.nan)
    t = np.abs(compared.estimate) / compared.error
    return 1 - largest_t_below(t, compared.correlation, compared.freedom.round(6))
