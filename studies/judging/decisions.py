"""Seeds where the verdict is open: which arms are decided, since when, and what to train next.

Every arm is compared with the reference within a margin, group-sequentially: arms that are open get
the next seed, decided ones get no more. What is decided is a pure function of the table of results,
whatever the order in which they came (`walk`).

A table holds errors, arms x seeds of the plan, NaN where there is no result; the unit is the
caller's, as is the margin's. `lost` marks the pairs that failed for good.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from studies.judging.boundaries import tails
from studies.judging.residuals import Array, Mask, discounted
from studies.judging.walk import Pair, Walk

ALPHA = 0.05  # of wrong decisions, over all arms and looks of a study
START = 3  # seeds at the first look

Verdict = Literal["open", "better", "worse", "equal"]


@dataclass(frozen=True)
class Look:
    """An arm's difference from the reference after `seeds` shared seeds, the last in `column`.

    `low` to `high` must exclude zero for "better" or "worse"; `half` is what equivalence adds:
    the arm is equal within |estimate| + half.
    """

    column: int
    seeds: int
    estimate: float
    low: float
    high: float
    half: float

    @property
    def within(self) -> float:
        """The margin within which the arm equals the reference at this look."""
        return abs(self.estimate) + self.half


@dataclass(frozen=True)
class Standing:
    """Where an arm stands: its verdict, and every look at it; the last look is the decision's.

    `trained` counts its results that counted: those up to the decision.
    """

    verdict: Verdict
    looks: tuple[Look, ...]
    trained: int

    @property
    def decided_at(self) -> int | None:
        """The seeds it took to decide it; None while it is open."""
        return None if self.verdict == "open" else self.looks[-1].seeds


@dataclass(frozen=True)
class Course:
    """Where a study against a reference stands.

    Attributes:
        standings: Of each row of the table but the reference's.
        wanted: The pairs without which there is no further look, in the order to train them; empty
            when all arms are decided or the cap is reached.
        ahead: What open arms and the reference may want after these, in order, for idle workers.
        trained: Results that counted, the reference's included.
    """

    standings: dict[int, Standing]
    wanted: tuple[Pair, ...]
    ahead: tuple[Pair, ...]
    trained: int

    @property
    def finished(self) -> bool:
        return not self.wanted


def against_reference(
    errors: Array,
    reference: int,
    margin: float,
    *,
    lost: Mask | None = None,
    start: int = START,
    alpha: float = ALPHA,
    resolution: float = 0.0,
) -> Course:
    """Decide each arm "better", "worse" or "equal" within the margin, as soon as the seeds tell.

    With k other arms each has α / k to err with, over all looks (`boundaries.tails`: spending
    (α / k) (n / N)²). At a look after n shared seeds, d is the mean difference from the reference
    and se = √(v / n), v and its degrees of freedom pooled at a discount (`residuals.discounted`)
    from the arm's own differences and the residuals of the fit arm + seed to all results that
    count. An arm is better (worse) where d ± t(two-sided tail) se lies below (above) zero, and
    equal where |d| + t(one-sided tail) se < margin: two one-sided tests (Schuirmann 1987). It can
    be wrong in one way only, so a wrong decision is made in at most α of studies, whatever made
    other arms, a person or an interruption stop. What is open after the cap stays open.

    Args:
        errors: The table, (arms, N): as many columns as seeds at most, in the order of the plan.
        reference: Its row.
        margin: The gap that does not matter.
        lost: (arms, N), pairs that failed for good; n counts the seeds that arm and reference
            share.
        start: Shared seeds at the first look, at least 2.
        alpha: The error of all decisions together.
        resolution: One image's share of the test set. No variance is taken to be less than that
            of rounding to whole images, r² / 12 for each error; without it, arms that make the
            same errors in every seed stay open.
    """
    walk = Walk(errors, np.zeros(errors.shape, dtype=bool) if lost is None else lost)
    arms, cap = errors.shape
    others = np.flatnonzero(np.arange(arms) != reference)
    alpha = alpha / max(1, len(others))
    gaps = np.where(walk.have & walk.have[reference], errors - errors[reference], np.nan)
    seeds, mean, squares = np.zeros(arms, dtype=int), np.zeros(arms), np.zeros(arms)
    looks: dict[int, list[Look]] = {int(arm): [] for arm in others}
    verdicts: dict[int, Verdict] = dict.fromkeys(looks, "open")
    active = np.ones(arms, dtype=bool)
    for column in walk.columns(active, reference):
        seen = active & walk.have[:, column]
        seen[reference] = False
        seeds += seen
        step = np.where(seen, gaps[:, column] - mean, 0.0)
        mean += step / np.maximum(seeds, 1)
        squares += step * np.where(seen, gaps[:, column] - mean, 0.0)
        due = np.flatnonzero(seen & (seeds >= start))
        if not len(due):
            continue
        n = seeds[due]
        variance, freedom = discounted(squares[due], n, *walk.residual())
        variance = np.maximum(variance, resolution**2 / 6)
        due_error = np.sqrt(variance / n)
        half = {
            sides: -special.stdtrit(freedom, tails(cap, start, alpha, sides)[n - start]) * due_error
            for sides in (1, 2)
        }
        for i, arm in enumerate(due.tolist()):
            if not due_error[i] > walk.rounding:  # the same gap in each seed tells nothing
                continue
            d, sign, equal = float(mean[arm]), float(half[2][i]), float(half[1][i])
            look = Look(column, int(n[i]), d, d - sign, d + sign, equal)
            looks[arm].append(look)
            verdicts[arm] = _verdict(look, margin)
            active[arm] = verdicts[arm] == "open"
        if not active[others].any():
            break
    active[reference] = active[others].any()
    wanted, ahead = walk.to_train(active, reference, start)
    standings = {
        arm: Standing(verdicts[arm], tuple(looks[arm]), int(walk.trained[arm])) for arm in looks
    }
    return Course(standings, wanted, ahead, int(walk.trained.sum()))


def _verdict(look: Look, margin: float) -> Verdict:
    if look.high < 0:
        return "better"
    if look.low > 0:
        return "worse"
    return "equal" if look.within < margin else "open"
