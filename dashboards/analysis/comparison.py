"""Which arm has the lower error, and how sure are we: comparisons with the
reference arm, and the trend on log2 C.

`studies.judging` computes; here its rows and columns get their names. The model is two-way: a
trial's error is its arm's mean, plus what its seed adds to every arm, plus a rest. Errors are
fractions throughout; words and figures turn them into points.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from studies.judging.decisions import Verdict
from studies.judging.differences import p_values
from studies.judging.dunnett import CONFIDENCE
from studies.judging.grids import Judgement, confidence_after, judge
from studies.judging.residuals import Fit, are_too_few, least_squares_means

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """An arm minus the reference arm, in error (fractions).

    Attributes:
        low, high: The simultaneous interval; None where there is none (`Comparison.problem`).
        within: The margin within which the arm equals the reference; None likewise.
        verdict: "better" or "worse" where the interval excludes zero, "equal" within the margin.
        cost_ratio: Cost of the arm over the reference arm's, in the budget's own measure.
        seeds: That both have a result for; 0 where only other arms connect the two.
    """

    arm: str
    estimate: float
    low: float | None = None
    high: float | None = None
    within: float | None = None
    verdict: Verdict = "open"
    cost_ratio: float | None = None
    seeds: int = 0

    @property
    def shown(self) -> bool:
        """Whether the data show a difference: the interval excludes zero."""
        return self.verdict in ("better", "worse")


@dataclass(frozen=True)
class Trend:
    """The straight line of error on log2 C: change of error for each doubling of
    C, a test of its own beside the comparisons."""

    slope: float
    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class OddTraining:
    """A training that is out of line: its error, and what all others let expect (fractions)."""

    arm: str
    seed: Any
    error: float
    expected: float
    diverged: bool  # it errs too much, not too little


@dataclass(frozen=True)
class Comparison:
    """Every arm against the reference arm.

    Attributes:
        incomparable: Arms that no chain of shared seeds connects with the reference.
        seeds: Those that carry results.
        largest_loss: What keeping the reference costs at most (one-sided); None without intervals.
        margin: A gap that does not matter; None where the study names none.
        problem: Why there are no intervals, in words; "" where there are.
        looks: At the study, this one included: see `looks`.
        odd: Trainings that are out of line, all of which count here.
        without: The same comparison without them; None where there are none.
        judgement: What all of it is from; None where nothing can be compared.
    """

    reference: str
    differences: tuple[Difference, ...] = ()
    incomparable: tuple[str, ...] = ()
    seeds: tuple[Any, ...] = ()
    largest_loss: float | None = None
    margin: float | None = None
    trend: Trend | None = None
    problem: str = ""
    looks: int = 1
    odd: tuple[OddTraining, ...] = ()
    without: "Comparison | None" = None
    means: Mapping[str, float] = field(default_factory=dict)  # by least squares
    judgement: Judgement | None = field(default=None, repr=False, compare=False)

    @property
    def confidence(self) -> float:
        """Of all the intervals together."""
        return confidence_after(self.looks)

    @property
    def arms(self) -> int:
        """Arms compared, the reference included."""
        return len(self.differences) + 1

    @property
    def residual_sd(self) -> float | None:
        """Standard deviation of a training after arm and seed."""
        return self.judgement.compared.fitted.sd if self.judgement else None

    @property
    def degrees_of_freedom(self) -> int:
        return self.judgement.compared.fitted.freedom if self.judgement else 0

    @property
    def unpaired(self) -> bool:
        """Whether two arms on few seeds are compared without pairing."""
        return bool(self.judgement and self.judgement.compared.unpaired)

    def difference(self, arm: str) -> Difference | None:
        return self._by_arm.get(arm)

    @cached_property
    def _by_arm(self) -> dict[str, Difference]:
        return {difference.arm: difference for difference in self.differences}

    @cached_property
    def p_values(self) -> dict[str, float]:
        """Of each difference, adjusted for looks: below 5 % exactly where it is shown. Integrals
        in tables with holes, so only on demand."""
        if self.problem or self.judgement is None:
            return {}
        raw = p_values(self.judgement.compared).tolist()
        arms = (difference.arm for difference in self.differences)
        return {arm: self.adjusted(p_value) for arm, p_value in zip(arms, raw, strict=True)}

    def adjusted(self, p_value: float) -> float:
        """A p-value of this look, to be read beside 5 %."""
        return min(1.0, p_value * (1 - CONFIDENCE) / (1 - self.confidence))


def as_decided(comparison: Comparison, until: Mapping[str, Any]) -> Comparison:
    """The comparison with each gap as it was at the arm's last look, with the interval that holds
    over all looks, where a study's arms get seeds until each is decided against the reference."""
    if until.get("margin") is None:
        return comparison
    at = {arm["arm"]: arm for arm in until["arms"] if arm.get("estimate") is not None}
    differences = (
        replace(
            gap,
            estimate=at[gap.arm]["estimate"],
            low=at[gap.arm]["low"],
            high=at[gap.arm]["high"],
            verdict=at[gap.arm]["verdict"],
            seeds=at[gap.arm]["seeds"],
        )
        if gap.arm in at
        else gap
        for gap in comparison.differences
    )
    return replace(comparison, differences=tuple(differences))


def compare(
    errors: pd.DataFrame,
    reference: str,
    cardinalities: Mapping[str, int] | None = None,
    costs: Mapping[str, float] | None = None,
    *,
    looks: int = 1,
    margin: float | None = None,
    resolution: float = 0.0,
    problem: str = "",
) -> Comparison:
    """Compare each arm with the reference arm, by least squares where pairs are missing.

    Args:
        errors: What `arms.error_table` gives: fractions, arms x seeds, NaN where a pair has no
            result.
        reference: The arm that all others are compared with.
        cardinalities: Of the arms that the trend is to rest on; none or empty: no trend.
        costs: Of each arm, for the cost ratios.
        looks: At the study, this one included; later looks are judged more strictly.
        margin: A gap that does not matter (a fraction); without one no arm is equal.
        resolution: One image's share of the test set.
        problem: Why nothing is to be judged yet, where that is so: then there are gaps only.
    """
    table, arms = errors.to_numpy(dtype=float), [str(arm) for arm in errors.index]
    if absent := _why_no_comparison(table, arms, reference):
        return Comparison(reference, margin=margin, problem=absent, looks=looks)
    judged = judge(table, arms.index(reference), margin, confidence_after(looks), resolution)

    def named(judgement: Judgement, without: Comparison | None) -> Comparison:
        return _named(
            judgement, errors, cardinalities or {}, costs or {}, looks, margin, problem, without
        )

    return named(judged, named(judged.without, None) if judged.without else None)


def _named(
    judged: Judgement,
    errors: pd.DataFrame,
    cardinalities: Mapping[str, int],
    costs: Mapping[str, float],
    looks: int,
    margin: float | None,
    problem: str,
    without: Comparison | None,
) -> Comparison:
    compared, arms = judged.compared, [str(arm) for arm in errors.index]
    fitted, reference = compared.fitted, arms[compared.reference]
    problem = problem or _why_no_interval(judged)
    differences = []
    for number, row in enumerate(compared.arms.tolist()):
        judgement: dict[str, Any] = {}
        if not problem:
            ends = (judged.low[number], judged.high[number], judged.within[number])
            judgement = dict(zip(("low", "high", "within"), map(float, ends), strict=True))
            judgement["verdict"] = judged.verdicts[number]
        differences.append(
            Difference(
                arms[row],
                float(compared.estimate[number]),
                **judgement,
                cost_ratio=cost_ratio(costs, arms[row], reference),
                seeds=int(compared.seeds[number]),
            )
        )
    joined = {reference, *(difference.arm for difference in differences)}
    return Comparison(
        reference,
        tuple(differences),
        tuple(arm for arm in arms if arm not in joined),
        tuple(errors.columns),
        largest_loss=None if problem else min(1.0, judged.largest_loss or 0.0),
        margin=margin,
        trend=None if problem else _trend(fitted, arms, cardinalities, confidence_after(looks)),
        problem=problem,
        looks=looks,
        odd=tuple(
            OddTraining(
                arms[odd.arm], errors.columns[odd.seed], odd.error, odd.expected, odd.diverged
            )
            for odd in judged.outliers
        ),
        without=without,
        means=dict(zip(arms, least_squares_means(fitted).tolist(), strict=True)),
        judgement=judged,
    )


def cost_ratio(costs: Mapping[str, float], arm: str, reference: str) -> float | None:
    """The cost of an arm over the reference arm's; None where one of them is not known."""
    return costs[arm] / costs[reference] if arm in costs and costs.get(reference) else None


def _why_no_comparison(table: Array, arms: Sequence[str], reference: str) -> str:
    have = np.isfinite(table)
    if not have.any():
        return "no training is complete yet"
    if reference not in arms or not have[arms.index(reference)].any():
        return f"the reference arm {reference} has no complete training"
    return "there is only one arm" if len(arms) == 1 else ""


def _why_no_interval(judged: Judgement) -> str:
    """Why nothing can be told of the gaps, in words; "" where there are intervals."""
    if judged.compared.is_known:
        compared, is_open = judged.compared, set(judged.verdicts) <= {"open"}
        is_vague = are_too_few(int(compared.seeds.max()), float(compared.freedom.min()))
        return "two seeds are too few for an interval" if is_open and is_vague else ""
    if np.isfinite(judged.compared.fitted.errors).any(axis=0).sum() < 2:
        return "there is one seed only"
    if judged.compared.fitted.flat:
        return "every seed shows exactly the same gaps"
    if not len(judged.compared.arms):
        return "the reference arm shares no seed with another arm"
    return "too few arms share two seeds"


def _trend(
    fitted: Fit, arms: Sequence[str], cardinalities: Mapping[str, int], confidence: float
) -> Trend | None:
    """Least squares of error on log2 C within seeds. Its standard error is from the fit of arm +
    seed, which no curvature inflates."""
    from scipy import stats

    log2_c = np.log2([cardinalities.get(arm, np.nan) for arm in arms])
    rows, columns = np.nonzero(np.isfinite(fitted.errors) & np.isfinite(log2_c)[:, None])
    x, values = log2_c[rows], fitted.errors[rows, columns]
    if fitted.sd is None or len(np.unique(x)) < 3:
        return None
    counts = np.bincount(columns)
    centred = x - (np.bincount(columns, x) / np.maximum(counts, 1))[columns]
    spread = float(centred @ centred)
    if spread < 1e-9:
        return None
    slope, error = float(centred @ values) / spread, fitted.sd / float(np.sqrt(spread))
    half = float(stats.t.ppf((1 + confidence) / 2, fitted.freedom)) * error
    p_value = float(2 * stats.t.sf(abs(slope) / error, fitted.freedom))
    return Trend(slope, slope - half, slope + half, p_value)
