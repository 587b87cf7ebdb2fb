"""The model error = arm + seed on a table with holes: its fit, the means it gives every arm,
trainings that are out of line, and what is known of the noise of a difference.

A table holds errors, arms x seeds, NaN where a pair has no result. The unit is the caller's
(fractions or points); whatever comes out has the same unit, variances its square.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]

FLAG_RATE = 0.001  # of studies without an outlier in which a training is named all the same
MOST_OUTLIERS = 0.2  # of a table's trainings; where more go wrong, it is not single ones
MOST_STEPS = 12  # of looking for them, each a fit: the threshold grows beyond reach with each
BORROWED_FREEDOM = 4.0  # degrees of freedom that a difference takes from the rest of the table
FEW_SEEDS = 6  # under this number, two arms by themselves are compared without pairing
FEWEST_FREEDOM = 4  # degrees of freedom, with which Dunnett's t is below 4


def are_too_few(seeds: int, freedom: float) -> bool:
    """Whether intervals rest on two seeds (the most of any arm) and little else, so that they are
    many times as wide as the errors differ: where they show nothing, that is said instead."""
    return seeds == 2 and freedom < FEWEST_FREEDOM


@dataclass(frozen=True)
class Fit:
    """The least-squares fit of arm + seed.

    Attributes:
        errors: The table, (arms, seeds).
        effects: Of the arms, (arms,), apart from a constant that every group of arms has its own.
        factors: Of `inverse`: alone (arms,), left and right, (arms, n).
        residuals: (arms, seeds), NaN where there is no result.
        leverages: (arms, seeds), the share of its own that each result has in its fitted value;
            NaN where there is no result. The variance of a residual is (1 - leverage) times that of
            a training.
        groups: (arms,); arms with the same number are connected by a chain of shared seeds, and
            only these can be compared. -1: no result.
        sum_of_squares: Of the residuals.
        freedom: Their degrees of freedom.
    """

    errors: Array
    effects: Array
    factors: tuple[Array, Array, Array]
    residuals: Array
    leverages: Array
    groups: NDArray[np.intp]
    sum_of_squares: float
    freedom: int

    @cached_property
    def inverse(self) -> Array:
        """(arms, arms), a generalized inverse; the variance of a contrast c of arms of one group is
        c @ inverse @ c times that of a training."""
        alone, left, right = self.factors
        inverse = np.asarray(left @ right.T)
        inverse[np.diag_indices_from(inverse)] += alone
        return inverse

    @property
    def flat(self) -> bool:
        """Whether every seed shows exactly the same gaps, so that nothing is known of the noise.

        Two fractions of images that differ, differ by far more than rounding does.
        """
        largest = float(np.nanmax(np.abs(self.errors), initial=1.0))
        return self.freedom > 0 and self.sum_of_squares <= self.freedom * (1e-10 * largest) ** 2

    @property
    def sd(self) -> float | None:
        """The residual standard deviation of a training; None without degrees of freedom."""
        return float(np.sqrt(self.sum_of_squares / self.freedom)) if self.freedom else None


def fit(errors: Array) -> Fit:
    """Fit arm + seed by least squares.

    Arms or seeds, whichever are more, are swept out of the normal equations (Searle 1971, "Linear
    Models", chapter 7). Each group of arms that seeds connect takes one degree of freedom less than
    it has arms and seeds.
    """
    have = np.isfinite(errors)
    held = have.astype(float)
    per_seed = held.sum(axis=0)
    share = held / np.maximum(per_seed, 1)
    filled = np.where(have, errors, 0.0)
    alone, left, right = _inverse_factors(held, share)
    own = (filled - share * filled.sum(axis=0)).sum(axis=1)
    effects = alone * own + left @ (right.T @ own)
    within = held * (filled - effects[:, None])
    residuals = within - share * within.sum(axis=0)
    spread = alone[:, None] * share + left @ (right.T @ share)
    leverages = (
        1 / np.maximum(per_seed, 1)
        + (alone + (left * right).sum(axis=1))[:, None]
        - 2 * spread
        + (share * spread).sum(axis=0)
    )
    groups = _groups(have)
    parameters = have.any(axis=0).sum() + have.any(axis=1).sum() - len(set(groups.tolist()) - {-1})
    return Fit(
        errors,
        effects,
        (alone, left, right),
        np.where(have, residuals, np.nan),
        np.where(have, leverages, np.nan),
        groups,
        float((residuals**2).sum()),
        int(have.sum() - parameters),
    )


def _inverse_factors(held: Array, share: Array) -> tuple[Array, Array, Array]:
    """Of a generalized inverse of the arms' normal equations: diag(alone) + left @ right.T. With
    few seeds it comes from the seeds' own, and of many arms is a thin product.

    Args:
        held: (arms, seeds), 1 where there is a result.
        share: The same, divided by each seed's results.
    """
    per_arm = held.sum(axis=1)
    if held.shape[0] <= held.shape[1]:
        inverse = _pseudo_inverse(np.diag(per_arm) - share @ held.T)
        return np.zeros(len(per_arm)), inverse, np.eye(len(per_arm))
    own = held / np.maximum(per_arm, 1)[:, None]
    seeds = _pseudo_inverse(np.diag(held.sum(axis=0)) - own.T @ held)
    alone = np.divide(1.0, per_arm, out=np.zeros(len(per_arm)), where=per_arm > 0)
    return alone, own @ seeds, own


def _pseudo_inverse(normal: Array) -> Array:
    """Of a symmetric matrix; the eigenvalues that are zero count the groups."""
    values, vectors = np.linalg.eigh(normal)
    nonzero = values > 1e-8
    return np.asarray((vectors[:, nonzero] / values[nonzero]) @ vectors[:, nonzero].T)


def _groups(have: Mask) -> NDArray[np.intp]:
    """Numbers the sets of arms that chains of shared seeds connect, -1 for an arm without any."""
    none = len(have)
    groups = np.arange(none)
    while True:  # until no arm's number falls any more: all of a group have that of its first
        of_seeds = np.where(have, groups[:, None], none).min(axis=0, initial=none)
        lowest = np.where(have, of_seeds, none).min(axis=1, initial=none)
        if (lowest == groups).all():
            return np.where(have.any(axis=1), groups, -1)
        groups = lowest


def least_squares_means(fitted: Fit) -> Array:
    """Each arm's mean over all seeds of its group, as if no pair were missing: (arms,).

    mean of arm a = effect a + mean over the group's seeds of the seed's effect; in a complete table
    the arithmetic mean. An arm that missed a hard seed is not the better for it (Searle, Speed and
    Milliken 1980, "Population marginal means in the linear model"). NaN without a result.
    """
    have = np.isfinite(fitted.errors)
    means = np.full(len(have), np.nan)
    for group in set(fitted.groups.tolist()) - {-1}:
        members = fitted.groups == group
        rest = (fitted.errors - fitted.effects[:, None])[members]
        seeds = have[members].any(axis=0)
        seed_effects = np.nanmean(rest[:, seeds], axis=0)
        means[members] = fitted.effects[members] + seed_effects.mean()
    return means


@dataclass(frozen=True)
class Outlier:
    """A training whose error lies far from what its arm and its seed let expect.

    `arm` and `seed` are its row and column, `expected` the error that all other trainings predict
    for it, `studentised` how many standard deviations it lies above that.
    """

    arm: int
    seed: int
    error: float
    expected: float
    studentised: float

    @property
    def diverged(self) -> bool:
        """Whether it errs too much. If it errs too little, others of its arm, or of its seed, may
        have diverged: of three seeds of which two did, the third is the odd one."""
        return self.studentised > 0


def find_outliers(
    errors: Array, resolution: float = 0.0, rate: float = FLAG_RATE
) -> tuple[Outlier, ...]:
    """Name the trainings that are out of line, the farthest first.

    The externally studentised residual of a training, t = r / (s' √(1 − h)), follows Student's t
    with one degree of freedom less than the fit (s' is the residual deviation without that
    training, h its leverage; Cook and Weisberg 1982, "Residuals and Influence in Regression",
    section 2.2.1). As two outliers hide each other, the training with the largest |t| is taken out
    and the rest looked at again; all up to the last that passes are named (Rosner 1983, "Percentage
    points for a generalized ESD many-outlier procedure"). Step i = 1, 2, ... passes where |t| is
    above the quantile 1 − 0.45 · 0.1^(i − 1) `rate` / trainings: by Bonferroni's inequality over
    signs, trainings and steps, one is named in at most `rate` of the studies that have none.

    Args:
        errors: The table, (arms, seeds).
        resolution: The smallest step of an error, 1 / images of the test set. s' is not taken to be
            smaller: where nearly all errors are alike, one image more is nothing out of line.
        rate: Share of clean studies in which a training is named.
    """
    table = errors.copy()
    steps: list[Outlier] = []
    named = 0
    for _ in range(max(1, min(MOST_STEPS, int(MOST_OUTLIERS * np.isfinite(errors).sum())))):
        worst = _worst(table, resolution)
        if worst is None:
            break
        step, freedom = worst
        steps.append(step)
        tail = 0.45 * 0.1 ** (len(steps) - 1) * rate / np.isfinite(table).sum()
        if abs(step.studentised) > -special.stdtrit(freedom, tail):
            named = len(steps)
        table[step.arm, step.seed] = np.nan
    return tuple(steps[:named])


def _worst(table: Array, resolution: float) -> tuple[Outlier, int] | None:
    """The training with the largest externally studentised residual of either sign, and the degrees
    of freedom; None where none can be told from its arm and seed."""
    fitted = fit(table)
    freedom = fitted.freedom - 1
    free = 1 - fitted.leverages
    known = np.isfinite(table) & (free > 1e-8)
    if freedom < 1 or not known.any():
        return None
    square = np.where(known, fitted.residuals**2 / np.where(known, free, 1.0), 0.0)
    variance = np.maximum(fitted.sum_of_squares - square, 0.0) / freedom
    # What rounding leaves of a variance is no variance.
    tiny = 1e-10 * max(1.0, float(np.nanmax(np.abs(table))))
    deviation = np.maximum(np.sqrt(variance), resolution)
    usable = known & (deviation > tiny)
    if not usable.any():
        return None
    with np.errstate(invalid="ignore", divide="ignore"):
        studentised = np.where(usable, fitted.residuals / (deviation * np.sqrt(free)), 0.0)
    # Of two arms, both trainings of a seed are equally far out: the one that errs more diverged.
    extreme = np.abs(studentised) >= (1 - 1e-9) * np.abs(studentised).max()
    arm, seed = np.unravel_index(int(np.where(extreme, studentised, -np.inf).argmax()), table.shape)
    error = float(table[arm, seed])
    expected = error - float(fitted.residuals[arm, seed] / free[arm, seed])
    step = Outlier(int(arm), int(seed), error, expected, float(studentised[arm, seed]))
    return step, freedom


def discounted(
    own: Array, seeds: Array, total: float, freedom: int, borrowed: float = BORROWED_FREEDOM
) -> tuple[Array, Array]:
    """The variance of one seed's difference from the reference, and its degrees of freedom.

    A difference has its own variance, from its n seeds: S_j / (n − 1). The rest of the table knows
    it too, as far as all arms vary alike: R_j = S − S_j / 2 on ν_R = ν − (n − 1). The rest counts
    with the weight w = min(1, 4 / ν_R), worth at most four degrees of freedom, so that an arm that
    varies more than others is soon judged by itself:

        v_j = (2 w R_j + S_j) / (w ν_R + n − 1),  ν_j = (w ν_R + n − 1)² / (w² ν_R + n − 1)

    with the degrees of freedom of Satterthwaite (1946, "An approximate distribution of estimates of
    variance components").

    Args:
        own: S_j, each arm's sum of squares of its differences about their mean, (k,).
        seeds: n, the seeds that each shares with the reference, (k,).
        total: S, the residual sum of squares of the whole table.
        freedom: ν, its degrees of freedom.
        borrowed: Degrees of freedom that the rest counts for at most.

    Returns:
        v_j and ν_j, each (k,); NaN and 0 where there are no degrees of freedom.
    """
    own_freedom = np.maximum(seeds - 1, 0).astype(float)
    rest_freedom = np.maximum(freedom - own_freedom, 0)
    rest = np.maximum(total - own / 2, 0)
    weight = np.minimum(1.0, borrowed / np.maximum(rest_freedom, 1))
    weight = np.where(rest_freedom > 0, weight, 0.0)
    counted = weight * rest_freedom + own_freedom
    squares = weight**2 * rest_freedom + own_freedom
    usable = counted > 0
    variance = (2 * weight * rest + own) / np.where(usable, counted, 1.0)
    degrees = counted**2 / np.where(usable, squares, 1.0)
    return np.where(usable, variance, np.nan), np.where(usable, degrees, 0.0)
