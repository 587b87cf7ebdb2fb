"""What a set of designs is worth: error distributions of design spaces at equal
complexity, Pareto fronts, each arm's best and median."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboards.analysis.arms import finite

Array = NDArray[np.float64]
MOST_BINS = 10
DESIGNS_PER_BIN = 5


@dataclass(frozen=True)
class Distribution:
    """The share of a space's designs with an error of at most `errors[i]`
    (a fraction) is `shares[i]`; it steps up at each error."""

    errors: Array
    shares: Array
    designs: int  # that count; with complexity normalised, those in the bins that all spaces reach

    def quantile(self, share: float) -> float:
        """The error that this share of the designs does not exceed."""
        return float(
            self.errors[min(int(np.searchsorted(self.shares, share - 1e-12)), len(self.errors) - 1)]
        )


def design_means(trials: pd.DataFrame, columns: Sequence[str] = ("test_error",)) -> pd.DataFrame:
    """One row a design with a result: study, arm, design, its costs, n
    (seeds), and the means over seeds of `columns`.

    A training without a finite test error does not count.
    """
    rows = trials[(trials["status"] == "complete").to_numpy()]
    numbers = {
        name: pd.to_numeric(rows[name], errors="coerce").astype(float)
        for name in {*columns, "test_error", *_COSTS}
    }
    rows = rows.assign(**numbers)
    rows = rows[np.isfinite(rows["test_error"].to_numpy())]
    measured = {name: (name, "mean") for name in dict.fromkeys(("test_error", *columns))}
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
    return Distribution(steps, shares / shares[-1] if len(shares) else shares, len(values))


def error_distributions(
    trials: pd.DataFrame, by: str = "study", measure: str | None = "flops"
) -> dict[str, Distribution]:
    """The error distribution of each space (each value of the column `by`) over
    its designs, a design's error its mean over seeds.

    With a `measure`, spaces are compared at equal complexity (Radosavovic et al. 2019, "On Network
    Design Spaces for Visual Recognition", section 3.3): designs are weighted so that in every space
    each bin of log complexity weighs the same, and designs in bins that some space does not reach
    count nowhere. A space is missing from the answer where none of its designs counts.
    """
    designs = design_means(trials)
    if by not in designs:
        names = trials.drop_duplicates(["study", "arm", "design"]).set_index(
            ["study", "arm", "design"]
        )[by]
        designs = designs.join(names, on=["study", "arm", "design"])
    groups = {str(name): group for name, group in designs.groupby(by, sort=False)}
    weights: dict[str, Any] = dict.fromkeys(groups)
    if measure is not None and len(groups) > 1:
        weights = complexity_weights(
            {name: group[measure].to_numpy(dtype=float) for name, group in groups.items()}
        )
    spaces = {
        name: error_distribution(group["test_error"], weights[name])
        for name, group in groups.items()
    }
    return {name: space for name, space in spaces.items() if space.designs}


def complexity_weights(costs: dict[str, Array], bins: int | None = None) -> dict[str, Array]:
    """A weight for each design, so that each bin of log cost weighs the same in
    every space; 0 in bins that not all spaces reach.

    The bins divide the range of cost that all spaces share. Without `bins` there are as many as
    leave the smallest space about five designs in each, at most ten.
    """
    logs = {name: np.log(cost) for name, cost in costs.items()}
    low = max((log.min() for log in logs.values() if len(log)), default=0.0)
    high = min((log.max() for log in logs.values() if len(log)), default=0.0)
    inside = {name: (log >= low - 1e-12) & (log <= high + 1e-12) for name, log in logs.items()}
    fewest = min(int(within.sum()) for within in inside.values()) if inside else 0
    count = bins or max(1, min(MOST_BINS, fewest // DESIGNS_PER_BIN))
    edges = np.linspace(low, high, count + 1)[1:-1]
    bin_of = {name: np.digitize(log, edges) for name, log in logs.items()}
    filled = {name: np.bincount(bin_of[name][inside[name]], minlength=count) for name in logs}
    common = np.all([inside_bin > 0 for inside_bin in filled.values()], axis=0)
    return {
        name: np.where(
            inside[name] & common[bin_of[name]], 1 / np.maximum(filled[name], 1)[bin_of[name]], 0.0
        )
        for name in logs
    }


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
