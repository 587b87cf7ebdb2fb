"""Which arm makes fewer errors, and how sure are we: intervals over seeds,
comparisons with the reference arm, the trend on log2 C.

The model is two-way: a trial's error is its arm's mean, plus what its seed adds to every arm, plus
a rest. The rest is what all standard errors come from, so that a lucky seed, which is lucky for
every arm, costs no precision (design: randomised blocks). Errors are fractions throughout; words
and figures turn them into points.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import optimize, special, stats

CONFIDENCE = 0.95
POWER = 0.8  # "would settle" means: in 8 of 10 repeats the interval excludes zero
MOST_SEEDS = 1000
SAME = 1e-9  # a spread of errors below this is rounding
MOST_INTEGRATED = (
    8  # comparisons with unequal correlations: the integral over 9 takes a second, over 99 minutes
)

Array = NDArray[np.float64]


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
    cost_ratio: float | None = (
        None  # cost of the arm over the reference arm's, in the budget's own measure
    )
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
    incomparable: tuple[
        str, ...
    ] = ()  # arms that no chain of shared seeds connects with the reference
    seeds: tuple[Any, ...] = ()  # the seeds that carry results
    residual_sd: float | None = None
    degrees_of_freedom: int = 0
    critical: float | None = None
    trend: Trend | None = None
    problem: str = ""  # why there are no intervals, in words; "" where there are
    confidence: float = CONFIDENCE  # of all the intervals together
    # at the study, this one included; `sampling.compare_study` counts them and sets the confidence
    looks: int = 1

    @property
    def arms(self) -> int:
        """Arms compared, the reference included."""
        return len(self.differences) + 1

    def difference(self, arm: str) -> Difference | None:
        return next((difference for difference in self.differences if difference.arm == arm), None)


def designs_of(trials: pd.DataFrame) -> pd.DataFrame:
    """The first row of each design of each arm: enough for all that does not
    depend on results, and soon looked through."""
    return trials.drop_duplicates(["arm", "design"])


def arm_order(trials: pd.DataFrame) -> list[str]:
    """The arms in the order to show them: by cardinality where every arm has
    one of its own, else as the table has them."""
    arms = [str(arm) for arm in trials["arm"].drop_duplicates()]
    cardinalities = arm_cardinalities(trials)
    return sorted(arms, key=cardinalities.__getitem__) if len(cardinalities) == len(arms) else arms


def arm_cardinalities(trials: pd.DataFrame) -> dict[str, int]:
    """The cardinality of each arm; empty unless every arm has
    exactly one and no two arms share it."""
    values = pd.to_numeric(trials["cardinality"], errors="coerce")
    known = (
        pd.DataFrame({"arm": trials["arm"], "cardinality": values})
        .drop_duplicates()
        .dropna(subset=["cardinality"])
    )
    arms = known["arm"].astype(str)
    every = arms.nunique() == len(arms) == trials["arm"].nunique()
    single = (
        {arm: int(value) for arm, value in zip(arms, known["cardinality"], strict=True)}
        if every
        else {}
    )
    return single if len(set(single.values())) == len(single) else {}


def error_table(trials: pd.DataFrame, metric: str = "test_error") -> pd.DataFrame:
    """The complete trials as a table, one row an arm and one column
    a seed; NaN where a pair has no result.

    An arm of several designs has their mean in each cell: the
    seed is the replicate, not the design.
    """
    arms = arm_order(designs_of(trials))
    errors = pd.to_numeric(trials[metric], errors="coerce").to_numpy(dtype=float)
    kept = (trials["status"] == "complete").to_numpy() & np.isfinite(errors)
    if not kept.any():
        return pd.DataFrame(index=arms)
    seed, seeds = pd.factorize(trials["seed"][kept], sort=True)
    cell = pd.Index(arms).get_indexer(trials["arm"][kept].astype(str)) * len(seeds) + seed
    count, total = (
        np.bincount(cell, weights, len(arms) * len(seeds)) for weights in (None, errors[kept])
    )
    means = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return pd.DataFrame(
        means.reshape(len(arms), len(seeds)),
        index=pd.Index(arms, name="arm"),
        columns=pd.Index(seeds, name="seed"),
    )


def summarize_arms(
    trials: pd.DataFrame, metric: str = "test_error", confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Each arm's n (seeds with a result), mean, sd and t interval over its seeds (`low`, `high`).

    The interval is NaN where n < 2, and where all seeds make the same error, as
    they may on few images: that is no certainty.

    These intervals are each arm's own. Whether two arms differ is
    `compare`'s question: arms share their seeds.
    """
    table = error_table(trials, metric)
    n = table.notna().sum(axis=1)
    mean, sd = table.mean(axis=1), table.std(axis=1, ddof=1)
    told = n.where((n > 1) & (sd > SAME))
    half = stats.t.ppf((1 + confidence) / 2, told - 1) * sd / np.sqrt(told)
    return pd.DataFrame({"n": n, "mean": mean, "sd": sd, "low": mean - half, "high": mean + half})


def compare(
    trials: pd.DataFrame, reference: str, metric: str = "test_error", confidence: float = CONFIDENCE
) -> Comparison:
    """Compare each arm with the reference arm on the complete trials, by
    least squares where pairs are missing."""
    table = error_table(trials, metric)
    cardinalities = arm_cardinalities(trials)
    log2_c = [np.log2(cardinalities[arm]) for arm in table.index] if cardinalities else None
    comparison = compare_table(
        table.to_numpy(dtype=float), list(table.index), reference, log2_c, confidence
    )
    costs = arm_costs(trials)
    priced = tuple(
        replace(difference, cost_ratio=_ratio(costs, difference.arm, reference))
        for difference in comparison.differences
    )
    return replace(
        comparison, differences=priced, seeds=tuple(table.columns), confidence=confidence
    )


def arm_costs(trials: pd.DataFrame) -> dict[str, float]:
    """What each arm costs, in the measure its budget is stated in (mean over its designs)."""
    cost = pd.to_numeric(trials["budget"], errors="coerce") * (
        1 + pd.to_numeric(trials["mismatch"], errors="coerce")
    )
    designs = pd.DataFrame(
        {"arm": trials["arm"].astype(str), "design": trials["design"], "cost": cost.astype(float)}
    )
    means = designs.drop_duplicates(["arm", "design"]).groupby("arm")["cost"].mean().dropna()
    return {str(arm): float(value) for arm, value in means.items()}


def _ratio(costs: dict[str, float], arm: str, reference: str) -> float | None:
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
        p_value = 1 - _largest_t_below(abs(estimate) / error, correlation, freedom)
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
    found = optimize.brentq(
        lambda gap: _power(gap, residual_sd, arms, seeds, confidence) - POWER, 0, 200 * unit
    )
    return float(found)


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
    found = optimize.brentq(
        lambda t: _largest_t_below(t, correlation, freedom) - confidence,
        0.99 * alone,
        1.01 * bonferroni,
        xtol=1e-5,
    )
    return float(found)


@lru_cache(maxsize=1024)
def _equal_critical_value(k: int, correlation: float, freedom: int, confidence: float) -> float:
    bonferroni = float(stats.t.ppf(1 - (1 - confidence) / (2 * k), freedom))
    found = optimize.brentq(
        lambda t: _equal_largest_t_below(t, k, correlation, freedom) - confidence,
        0.5,
        1.01 * bonferroni,
        xtol=1e-9,
    )
    return float(found)


def _largest_t_below(t: float, correlation: Array, freedom: int) -> float:
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
