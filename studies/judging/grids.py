"""The verdict on a study all of whose planned seeds are in: each arm against the reference, in one
look, with every seed and without the trainings that are out of line."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from studies.judging.decisions import Verdict
from studies.judging.differences import Differences, differences, intervals
from studies.judging.dunnett import CONFIDENCE
from studies.judging.equivalence import most_gained, within
from studies.judging.residuals import Array, Outlier, find_outliers

Stage = tuple[Collection[str], int]  # the arms that a study had, and on how many seeds


@dataclass(frozen=True)
class Judgement:
    """Where every arm stands; arrays are of `compared.arms`, k of them, in the table's unit.

    Attributes:
        compared: The differences, with their standard errors.
        low, high: Simultaneous intervals, (k,); NaN where there are none (`compared.is_known`).
        within: The margin within which each arm equals the reference, (k,); NaN likewise.
        gained: How much less error each arm can have than the reference, at most, (k,).
        verdicts: Of each arm; "open" where nothing is shown.
        outliers: Trainings that are out of line, all of which count here.
        without: The judgement without them; None where there are none.
    """

    compared: Differences
    low: Array
    high: Array
    within: Array
    gained: Array
    verdicts: tuple[Verdict, ...]
    outliers: tuple[Outlier, ...]
    without: "Judgement | None"

    @property
    def largest_loss(self) -> float | None:
        """What keeping the reference costs at most (one-sided); None without intervals."""
        return max(0.0, float(self.gained.max())) if self.compared.is_known else None


def judge(
    errors: Array,
    reference: int,
    margin: float | None = None,
    confidence: float = CONFIDENCE,
    resolution: float = 0.0,
) -> Judgement:
    """Judge every arm that seeds connect with the reference.

    "Better" and "worse" where the simultaneous interval (Dunnett) excludes zero, "equal" where it
    does not and two one-sided tests show a gap of less than the margin (`equivalence.within`).

    Args:
        errors: The table, (arms, seeds), NaN where a pair has no result.
        reference: Its row.
        margin: A gap that does not matter; without one nothing is equal.
        confidence: Of all intervals together: `confidence_after` the looks so far.
        resolution: One image's share of the test set (`residuals.find_outliers`).
    """
    outliers = find_outliers(errors, resolution)
    without = None
    if outliers:
        table = errors.copy()
        for outlier in outliers:
            table[outlier.arm, outlier.seed] = np.nan
        without = _judge(table, reference, margin, confidence, (), None)
    return _judge(errors, reference, margin, confidence, outliers, without)


def _judge(
    errors: Array,
    reference: int,
    margin: float | None,
    confidence: float,
    outliers: tuple[Outlier, ...],
    without: Judgement | None,
) -> Judgement:
    compared = differences(errors, reference)
    if not compared.is_known:
        nothing = np.full(len(compared.arms), np.nan)
        undecided: Verdict = "open"
        verdicts = (undecided,) * len(compared.arms)
        return Judgement(compared, nothing, nothing, nothing, nothing, verdicts, outliers, without)
    low, high = intervals(compared, confidence)
    equal = within(compared, confidence)
    verdicts = tuple(
        _verdict(*numbers, margin or 0.0) for numbers in zip(low, high, equal, strict=True)
    )
    gained = most_gained(compared, confidence)
    return Judgement(compared, low, high, equal, gained, verdicts, outliers, without)


def _verdict(low: float, high: float, equal: float, margin: float) -> Verdict:
    if high < 0:
        return "better"
    if low > 0:
        return "worse"
    return "equal" if equal < margin else "open"


def count_looks(stages: Sequence[Stage]) -> int:
    """How often a study could be looked at with intervals, now included.

    A plan that was extended by seeds, or whose arms changed, was perhaps extended because of what
    was seen. A stage of one seed, or of one arm, showed no interval and is no look.

    Args:
        stages: As planned, after each change, and as it is now.
    """
    seen = [
        (frozenset(arms), seeds) for arms, seeds in stages if seeds >= 2 and len(set(arms)) >= 2
    ]
    return max(1, len(dict.fromkeys(seen)))


def confidence_after(looks: int, confidence: float = CONFIDENCE) -> float:
    """The confidence to ask for at this look.

    The planned look has alpha, 5 %, to itself. All later ones share another alpha, alpha / (k
    (k - 1)) at look k: 2.5 %, 0.8 %, 0.4 %, ..., which adds up to alpha however often the study is
    extended (a union bound, so that neither the reason for an extension nor its size matters).
    """
    alpha = 1 - confidence
    return 1 - (alpha if looks < 2 else alpha / (looks * (looks - 1)))
