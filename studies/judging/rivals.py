"""How far all others lie behind the best: every two arms compared at once (Tukey), since the best
is picked from the same numbers."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from studies.judging.dunnett import CONFIDENCE
from studies.judging.residuals import FEW_SEEDS, Array, fit, least_squares_means


@dataclass(frozen=True)
class Standings:
    """The means of all arms, and what is needed to compare any two.

    Attributes:
        means: By least squares, (arms,), NaN without a result; in the table's own unit.
        seeds: With a result, (arms,).
        groups: As of `residuals.Fit`: only arms of one group can be compared.
        error: Standard error of the difference of each two means, (arms, arms); NaN where nothing
            tells it, 0 on the diagonal.
        freedom: Of that standard error.
    """

    means: Array
    seeds: NDArray[np.intp]
    groups: NDArray[np.intp]
    error: Array
    freedom: float

    @property
    def is_known(self) -> bool:
        """Whether there are intervals: two seeds at least, and not the same gaps in each."""
        return bool(self.freedom > 0 and np.nanmax(self.error) > 0)


def standings(errors: Array) -> Standings:
    """Each arm's least-squares mean, and the standard errors of their differences.

    The means are as if no pair were missing, so that an arm that lost one seed can still be best.
    The standard error of every difference is from the residuals of all arms. Two arms by
    themselves on fewer than six seeds each are compared without pairing (`differences`).

    Args:
        errors: The table, (arms, seeds), NaN where a pair has no result: of the arms that may be
            best, those that were meant to have all these seeds.
    """
    fitted = fit(errors)
    seeds = np.isfinite(errors).sum(axis=1)
    diagonal = np.diag(fitted.inverse)
    scale = np.sqrt(np.maximum(diagonal[:, None] + diagonal - 2 * fitted.inverse, 0))
    scale[fitted.groups[:, None] != fitted.groups] = np.nan
    shared = np.isfinite(errors).all(axis=0)
    if len(errors) == 2 and 2 <= shared.sum() < FEW_SEEDS:
        freedom = 2.0 * (shared.sum() - 1)
        sd = float(np.sqrt(errors[:, shared].var(axis=1, ddof=1).mean()))
    else:
        freedom, sd = float(fitted.freedom), fitted.sd or 0.0
    error = (0.0 if fitted.flat else sd) * scale
    return Standings(least_squares_means(fitted), seeds, fitted.groups, error, freedom)


def behind(
    ranked: Standings, best: int, confidence: float = CONFIDENCE
) -> tuple[Array, Array, Array]:
    """How much more error each arm makes than `best`: estimate, low and high, (arms,) each.

    The intervals are d ± q / √2 × se, q the quantile of the studentised range (Tukey 1953, "The
    problem of multiple comparisons"; Kramer 1956 for unequal numbers of seeds): those of every two
    arms hold together with `confidence`, and so those of whichever arm came out best. An arm is
    worse where its interval lies above 0. NaN where there is no interval, and for `best` itself.
    """
    gap = ranked.means - ranked.means[best]
    gap[(ranked.groups != ranked.groups[best]) | (np.arange(len(gap)) == best)] = np.nan
    if not ranked.is_known:
        nothing = np.full(len(gap), np.nan)
        return gap, nothing, nothing
    compared = int((ranked.groups == ranked.groups[best]).sum())
    half = _range_quantile(compared, ranked.freedom, confidence) / np.sqrt(2) * ranked.error[best]
    return gap, gap - half, gap + half


@lru_cache(maxsize=256)
def _range_quantile(arms: int, freedom: float, confidence: float) -> float:
    from scipy import stats  # a second to import, and a sixth for a quantile

    return float(stats.studentized_range.ppf(confidence, arms, freedom)) if arms > 1 else np.nan
