"""What a set of designs is worth: error distributions of design spaces at equal
complexity, Pareto fronts, each arm's best and median."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboards.analysis.arms import finite
from dashboards.analysis.evidence import Evidence
from studies.judging.distributions import (
    CurveTest,
    area_under,
    best_of_draws,
    bin_weights,
    compare_distributions,
    complexity_bins,
    effective_number,
)

Array = NDArray[np.float64]
MOST_DRAWS = 10


@dataclass(frozen=True)
class Distribution:
    """The share of a space's designs with an error of at most `errors[i]`
    (a fraction) is `shares[i]`; it steps up at each error."""

    errors: Array
    shares: Array
    designs: int  # that count; with complexity normalised, those in the bins that all spaces reach
    effective: float  # as many equally weighted designs are as precise

    @property
    def masses(self) -> Array:
        """The share of designs that have each of the errors."""
        return np.diff(self.shares, prepend=0.0)

    def quantile(self, share: float) -> float:
        """The error that this share of the designs does not exceed."""
        return float(
            self.errors[min(int(np.searchsorted(self.shares, share - 1e-12)), len(self.errors) - 1)]
        )


def design_means(trials: pd.DataFrame, columns: Sequence[str] = ("test_error",)) -> pd.DataFrame:
    """One row a design with a result: study, arm, design, its costs, n
    (seeds), and the means over seeds of `columns` (of a latency, the median: `latency_of`).

    A training without a finite test error does not count.
    """
    rows = trials[(trials["status"] == "complete").to_numpy()]
    numbers = {
        name: pd.to_numeric(rows.get(name, np.nan), errors="coerce")
        for name in {*columns, "test_error", *_COSTS}
    }
    rows = rows.assign(**numbers).astype(dict.fromkeys(numbers, float))
    rows = rows[np.isfinite(rows["test_error"].to_numpy())]
    measured = {
        name: (name, "median" if name == "latency" else "mean")
        for name in dict.fromkeys(("test_error", *columns))
    }
    first = {name: (name, "first") for name in _COSTS if name not in measured}
    grouped = rows.groupby(["study", "arm", "design"], sort=False)
    return grouped.agg(n=("test_error", "size"), **first, **measured).reset_index()


_COSTS = ("flops", "params", "activations", "mismatch")


def error_distribution(errors: Any, weights: Any = None) -> Distribution:
    """The empirical distribution function of `errors`, each with its weight (alike where None)."""
    values = np.asarray(errors, dtype=float)
    heavy = np.full(len(values), 1.0) if weights is None else np.asarray(weights, dtype=float)
    values, heavy = values[heavy > 0], heavy[heavy > 0]
    steps, step_of = np.unique(values, return_inverse=True)
    shares = np.cumsum(np.bincount(step_of, heavy, len(steps)).astype(float))
    shares = shares / shares[-1] if len(shares) else shares
    return Distribution(steps, shares, len(values), effective_number(heavy))


@dataclass(frozen=True)
class ComparedSpaces:
    """The error distributions of design spaces, and whether they differ.

    Attributes:
        spaces: Of each space by its name; none where they share no cost.
        tests: Of each two spaces.
        costs: From what to what the designs of each space cost.
    """

    spaces: dict[str, Distribution]
    tests: tuple[CurveTest, ...]
    costs: dict[str, tuple[float, float]]

    @property
    def draws(self) -> int:
        """How many draws the best of which is told: ten, or as many as the designs are worth."""
        return max(1, min([MOST_DRAWS, *(int(space.effective) for space in self.spaces.values())]))

    def area(self, name: str) -> float:
        """The area under a space's curve, as a share, between the errors that any space has."""
        space, every = self.spaces[name], self.spaces.values()
        low, high = (
            end([end(other.errors) for other in every]) for end in (np.min, np.max)
        )  # fmt: skip
        return area_under(space.errors, space.masses, float(low), float(high))

    def best_of_draws(self, name: str) -> float:
        """The mean of the lowest error of `draws` designs drawn from a space."""
        return best_of_draws(self.spaces[name].errors, self.spaces[name].masses, self.draws)


def compare_spaces(
    trials: pd.DataFrame, by: str = "study", measure: str | None = "flops"
) -> ComparedSpaces:
    """The error distribution of each space (each value of the column `by`) over its designs, a
    design's error its mean over seeds; and a test of each two.

    With a `measure`, spaces are compared at equal complexity (Radosavovic et al. 2019, "On Network
    Design Spaces for Visual Recognition", section 3.3): designs are weighted so that in every space
    each bin of log complexity weighs the same, and designs in bins that some space does not reach
    count nowhere. None compares them as they are.
    """
    designs = design_means(trials)
    if by not in designs:
        names = trials.drop_duplicates(["study", "arm", "design"]).set_index(
            ["study", "arm", "design"]
        )[by]
        designs = designs.join(names, on=["study", "arm", "design"])
    groups = {str(name): group for name, group in designs.groupby(by, sort=False)}
    errors = {name: group["test_error"].to_numpy(dtype=float) for name, group in groups.items()}
    costs = {name: finite(group[measure or "flops"]) for name, group in groups.items()}
    if measure is not None and len(groups) > 1:
        bins = complexity_bins(costs)
    else:
        bins = {name: np.zeros(len(values), dtype=np.intp) for name, values in errors.items()}
    spaces = {name: error_distribution(errors[name], bin_weights(bins[name])) for name in groups}
    return ComparedSpaces(
        {name: space for name, space in spaces.items() if space.designs},
        compare_distributions(errors, bins),
        {name: (float(cost.min()), float(cost.max())) for name, cost in costs.items()},
    )


def drawn_from_space(evidence: Evidence) -> tuple[pd.DataFrame, str]:
    """The trainings whose designs stand for a study's space, and why there are none.

    A grid has all designs of its space, a random search draws from it (on its first seed: finalists
    have more). What TPE, NSGA-II or a search that prunes tries is better than its space.
    """
    search = evidence.search
    if not search:
        return evidence.trials, ""
    if search.get("method") != "random":
        return evidence.trials.iloc[:0], "its search tries what it expects to be good"
    if search.get("prune") or evidence.counts.get("pruned"):
        return evidence.trials.iloc[:0], "its search gives up what looks bad"
    return evidence.trials[evidence.trials["seed"] == evidence.choosing_seed], ""


def pareto_front(costs: Any, errors: Any) -> NDArray[np.bool_]:
    """Which points no other beats: none has at most the same cost and at most the same
    error, and is better in one of the two."""
    cost, error = np.asarray(costs, dtype=float), np.asarray(errors, dtype=float)
    known = np.isfinite(cost) & np.isfinite(error)
    front = np.zeros(len(cost), dtype=bool)
    order = np.lexsort((error, cost))
    best, at_best = np.inf, np.nan
    for point in order[known[order]]:
        # A twin of a point of the front, equal in both, is on it too.
        if error[point] < best or (error[point] == best and cost[point] == at_best):
            front[point] = True
            best, at_best = error[point], cost[point]
    return front


def extremes(complete: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Each arm's best, median and worst test error (fractions), with the best training's
    design and seed and the number of trainings.

    The best of many is luckier than the best of few: compare arms by it only where `n` is the same.

    Args:
        complete: The complete trainings of each arm: `Evidence.complete`.
    """
    records = []
    for arm, rows in complete.items():
        errors = finite(rows["test_error"])
        record: dict[str, Any] = {"arm": arm, "n": len(rows), "design": "", "seed": None}
        if len(rows):
            best = rows.iloc[int(errors.argmin())]
            record |= {"best": errors.min(), "median": np.median(errors), "worst": errors.max()}
            record |= {"design": str(best["design"]), "seed": best["seed"]}
        records.append(record)
    columns = ["arm", "n", "best", "median", "worst", "design", "seed"]
    return pd.DataFrame(records, columns=columns).set_index("arm")
