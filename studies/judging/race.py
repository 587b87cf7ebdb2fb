"""Which arm is best? What is worse than another gets no more seeds, until one is left or the rest
does not matter: a pure function of the table of results, as in `decisions`."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from studies.judging.boundaries import tails
from studies.judging.decisions import ALPHA, START
from studies.judging.residuals import Array, Mask
from studies.judging.walk import Pair, Walk


@dataclass(frozen=True)
class Drop:
    """An arm dropped after `seeds` seeds shared with arm `by`, for being worse by more than 0:
    `gap` is by how much, at least `low`. `column` is that of the last seed."""

    column: int
    seeds: int
    by: int
    gap: float
    low: float


@dataclass(frozen=True)
class Lead:
    """The arm with the lowest mean among those left after a look; it is worse than none of them by
    more than `loss`. `halves` is the half-width of each survivor's gap to it, by row."""

    column: int
    arm: int
    loss: float
    gaps: dict[int, float]
    halves: dict[int, float]


@dataclass(frozen=True)
class Race:
    """Where a study stands that looks for the best arm.

    Attributes:
        dropped: By row, in the order of dropping.
        leads: One a look; the last one names the leader. Empty before the first look.
        decided: Whether one arm is left, or the leader is good enough.
        wanted, ahead, trained: As in `Course`.
    """

    dropped: dict[int, Drop]
    leads: tuple[Lead, ...]
    decided: bool
    wanted: tuple[Pair, ...]
    ahead: tuple[Pair, ...]
    trained: int

    @property
    def leader(self) -> int | None:
        return self.leads[-1].arm if self.leads else None

    @property
    def finished(self) -> bool:
        return not self.wanted


def best_of(
    errors: Array,
    margin: float = 0.0,
    *,
    lost: Mask | None = None,
    start: int = START,
    alpha: float = ALPHA,
    resolution: float = 0.0,
) -> Race:
    """Drop every arm that is worse than one still in the race; stop when one is left, or the leader
    is worse than none of the others by more than the margin.

    A pair of arms on n shared seeds differs by d ± t(one-sided tail; ν) s √(2 / n), with the
    residual deviation s of all results that count. Wrong is only what is said of the best arm,
    against each of the k others in one direction, so each comparison has α / k over all looks
    (elimination as of Paulson 1964, "A sequential procedure for selecting the population with the
    largest mean from k normal populations", with boundaries by error spending): the best arm is
    dropped, or a leader named that is worse by more than the margin, in at most α of studies.

    Args:
        errors: The table, (arms, N), as for `against_reference`, with the other arguments.
        margin: The loss that does not matter; 0 goes on until one arm is left, or the cap.
    """
    walk = Walk(errors, np.zeros(errors.shape, dtype=bool) if lost is None else lost)
    arms, cap = errors.shape
    alpha = alpha / max(1, arms - 1)
    active = np.ones(arms, dtype=bool)
    dropped: dict[int, Drop] = {}
    leads: list[Lead] = []
    decided = arms == 1
    before = np.zeros((arms, arms), dtype=int)
    for column in walk.columns(active):
        alive = np.flatnonzero(active)
        block = np.ix_(alive, alive)
        gap, n = _pairwise(errors[alive, : column + 1])
        grown = n > before[block]
        before[block] = n
        total, freedom = walk.residual()
        variance = max(total / freedom, resolution**2 / 12) if freedom else 0.0
        # The same gaps in each seed tell nothing.
        if not (grown & (n >= start)).any() or np.sqrt(variance) <= walk.rounding:
            continue
        tail = tails(cap, start, alpha, 1)[np.maximum(n - start, 0)]
        half = -special.stdtrit(freedom, tail) * np.sqrt(2 * variance / np.maximum(n, 1))
        half = np.where(n >= start, half, np.inf)
        first = int(gap.max(axis=1).argmin())
        low = np.where(grown, gap - half, -np.inf)  # a pair without a new seed has no new look
        for i in np.flatnonzero(low.max(axis=1) > 0).tolist():
            if i == first:
                continue
            by = int(low[i].argmax())
            arm, gap_to, low_to = int(alive[i]), float(gap[i, by]), float(low[i, by])
            dropped[arm] = Drop(column, int(n[i, by]), int(alive[by]), gap_to, low_to)
            active[arm] = False
        left = np.flatnonzero(active[alive])
        rest = [i for i in left.tolist() if i != first]
        loss = max([0.0, *(gap[first, rest] + half[first, rest]).tolist()])
        gaps = {int(alive[i]): float(gap[i, first]) for i in rest}
        halves = {int(alive[i]): float(half[i, first]) for i in rest}
        leads.append(Lead(column, int(alive[first]), loss, gaps, halves))
        decided = not rest or loss <= margin
        if decided:
            break
    if decided:
        active[:] = False
    wanted, ahead = walk.to_train(active, None, start)
    return Race(dropped, tuple(leads), decided, wanted, ahead, int(walk.trained.sum()))


def _pairwise(errors: Array) -> tuple[Array, NDArray[np.intp]]:
    """Row minus column: the mean difference of each two arms over the seeds that both have, and how
    many these are; nothing shared on the diagonal."""
    have = np.isfinite(errors)
    held, filled = have.astype(float), np.where(have, errors, 0.0)
    shared = held @ held.T
    sums = filled @ held.T
    seeds = np.rint(shared).astype(np.intp)
    np.fill_diagonal(seeds, 0)
    return (sums - sums.T) / np.maximum(shared, 1), seeds
