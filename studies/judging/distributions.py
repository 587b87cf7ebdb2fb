"""Error distributions of design spaces at equal complexity: whether two differ, how good the best
of a few draws is, and how many designs a weighted curve is worth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Bins = NDArray[np.intp]
MOST_BINS = 10
DESIGNS_PER_BIN = 5
PERMUTATIONS = 1999  # p-values are multiples of 1 / 2000


def complexity_bins(costs: Mapping[str, Array], bins: int | None = None) -> dict[str, Bins]:
    """The bin of log cost that each design of each space lies in; -1 outside those that all reach.

    The bins divide the range of cost that all spaces share (Radosavovic et al. 2019, "On Network
    Design Spaces for Visual Recognition", section 3.3). Without `bins` there are as many as leave
    the smallest space about five designs in each, at most ten.

    Args:
        costs: Of each space's designs, (designs,), in any measure.
        bins: How many.
    """
    logs = {name: np.log(cost) for name, cost in costs.items()}
    low = max((values.min() for values in logs.values() if len(values)), default=0.0)
    high = min((values.max() for values in logs.values() if len(values)), default=0.0)
    inside = {
        name: (values >= low - 1e-12) & (values <= high + 1e-12) for name, values in logs.items()
    }
    fewest = min((int(rows.sum()) for rows in inside.values()), default=0)
    count = bins or max(1, min(MOST_BINS, fewest // DESIGNS_PER_BIN))
    edges = np.linspace(low, high, count + 1)[1:-1]
    places = {name: np.digitize(values, edges) for name, values in logs.items()}
    reached = np.ones(count, dtype=bool)
    for name, rows in inside.items():
        reached &= np.bincount(places[name][rows], minlength=count) > 0
    return {name: np.where(inside[name] & reached[places[name]], places[name], -1) for name in logs}


def bin_weights(bins: Bins) -> Array:
    """A weight for each design, so that each bin weighs the same and all together 1.

    1 / (k m_j) for each of the m_j designs of bin j of k (as `complexity_bins`); 0 outside.
    """
    counts = np.bincount(bins[bins >= 0]) if (bins >= 0).any() else np.ones(1)
    used = max(1, int((counts > 0).sum()))
    return np.where(bins >= 0, 1 / (used * np.maximum(counts, 1)[np.maximum(bins, 0)]), 0.0)


def effective_number(weights: Array) -> float:
    """How many equally weighted designs are as precise: (Σw)² / Σw² (Kish 1965, "Survey
    Sampling")."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares else 0.0


def area_under(errors: Array, weights: Array, low: float, high: float) -> float:
    """The area under the error distribution between two errors, as a share of the whole (0 to 1).

    The mean of F(e) for e from `low` to `high`, F the weighted share of designs with an error of at
    most e: the larger, the better the space as a whole. Compare curves over the same two errors.
    """
    reach = np.clip((high - errors) / (high - low), 0, 1) if high > low else errors <= high
    return float(weights @ reach / weights.sum())


def best_of_draws(errors: Array, weights: Array, draws: int) -> float:
    """The mean of the lowest error among `draws` designs drawn at random from the distribution.

    Exact, from the order statistics: Σ e_(i) [(1 − F_(i−1))^m − (1 − F_(i))^m] over the sorted
    errors. So good is a random search of m trainings in this space (Bergstra and Bengio 2012,
    "Random search for hyper-parameter optimization"; Dodge et al. 2019, "Show your work"). It is
    too good by little where m is far below `effective_number`, and by much beyond it.
    """
    order = np.argsort(errors)
    above = 1 - np.concatenate([[0.0], np.cumsum(weights[order]) / weights.sum()])
    chances = np.maximum(above, 0.0) ** draws
    return float(errors[order] @ (chances[:-1] - chances[1:]))


@dataclass(frozen=True)
class CurveTest:
    """Two spaces' error distributions compared.

    `distance` is the largest vertical distance of the two curves; `gap` the weighted mean error of
    the first minus the second's; `p_value` is Holm's where there are more than two spaces.
    """

    first: str
    second: str
    distance: float
    gap: float
    p_value: float


def compare_distributions(
    errors: Mapping[str, Array],
    bins: Mapping[str, Bins],
    permutations: int = PERMUTATIONS,
    random_seed: int = 0,
) -> tuple[CurveTest, ...]:
    """Test every two spaces for a difference of their error distributions at equal complexity.

    The statistic is the largest vertical distance of the weighted curves, its distribution that
    over random exchanges of the spaces' names within each bin of complexity: where the names say
    nothing, p is at most x with a chance of at most x, whatever complexity does to the error (Good
    2005, "Permutation, Parametric and Bootstrap Tests of Hypotheses", stratified). With more than
    two spaces Holm's (1979) step-down keeps that true of all pairs together.

    Args:
        errors: Of each space's designs, (designs,), as in `complexity_bins`.
        bins: Of the same designs, as `complexity_bins` gives them.
        permutations: Random ones; the same each time, by `random_seed`.
        random_seed: Of the permutations.

    Returns:
        A test for each pair, in the order of `errors`; none where no bin is shared.
    """
    names = [name for name in errors if (bins[name] >= 0).any()]
    pairs = list(combinations(names, 2))
    tests = []
    for first, second in pairs:
        binned = [bins[name] >= 0 for name in (first, second)]
        values = np.concatenate([errors[first][binned[0]], errors[second][binned[1]]])
        places = np.concatenate([bins[first][binned[0]], bins[second][binned[1]]])
        is_first = np.arange(len(values)) < binned[0].sum()
        signed = np.where(is_first, 1.0, -1.0) * np.concatenate(
            [bin_weights(bins[first][binned[0]]), bin_weights(bins[second][binned[1]])]
        )
        distance, p_value = _permute(
            values, places, signed, permutations, np.random.default_rng(random_seed)
        )
        tests.append((distance, float(signed @ values), p_value))
    adjusted = holm([p_value for *_, p_value in tests])
    return tuple(
        CurveTest(first, second, distance, gap, p_value)
        for (first, second), (distance, gap, _), p_value in zip(pairs, tests, adjusted, strict=True)
    )


def _permute(
    values: Array, bins: Bins, signed: Array, permutations: int, random: np.random.Generator
) -> tuple[float, float]:
    """The largest distance of the curves, and its p-value. `signed` holds the weights, those of the
    second space negative: the difference of the curves is their running sum in the order of the
    errors, and an exchange of names within a bin is an exchange of these."""
    order = np.argsort(values, kind="stable")
    last = np.append(np.diff(values[order]) > 0, True)  # curves step once at equal errors
    sheets = np.broadcast_to(signed, (permutations, len(signed))).copy()
    for number in np.unique(bins):
        members = np.flatnonzero(bins == number)
        sheets[:, members] = random.permuted(sheets[:, members], axis=1)
    distances = np.abs(np.cumsum(sheets[:, order], axis=1)[:, last]).max(axis=1)
    seen = float(np.abs(np.cumsum(signed[order])[last]).max())
    return seen, (1 + int((distances >= seen - 1e-12).sum())) / (1 + permutations)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for being several (Holm 1979, "A simple sequentially rejective multiple
    test procedure")."""
    adjusted, largest = [0.0] * len(p_values), 0.0
    for rank, position in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[position]))
        adjusted[position] = largest
    return adjusted
