"""Which design, or arm, validation chooses: one rule for
`study winner`, the report and every page."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from studies.judging.residuals import fit, least_squares_means

SAME = 1e-9  # differences of errors that are smaller are rounding


@dataclass(frozen=True)
class Ranking:
    """What is compared, best first.

    Attributes:
        means: The mean validation error of each (a fraction), by least squares.
        errors: Its validation errors, a row each in the same order and a column a seed, NaN where
            a training has no result.
        planned: The seeds that each was meant to have.
        fewer_seeds: What lacks seeds to be compared.
    """

    means: Mapping[str, float]
    errors: pd.DataFrame
    planned: Mapping[str, int]
    fewer_seeds: tuple[str, ...]

    @property
    def order(self) -> list[str]:
        return list(self.means)


def rank(
    trials: pd.DataFrame, by: str = "design", *, until: bool = False, chosen_on: int | None = None
) -> Ranking:
    """Rank the designs (or, by "arm", the arms) of one study's table of
    trials; nothing where no pair is complete.

    First the least mean validation error, as if no training were missing (least squares: whoever
    lost a hard seed is not the better for it); of equal means (an order of summing apart) the
    cheaper, in what the study's budget is stated in; then the name. Compared are those that are
    meant to have the most seeds, and have more than half of them: one that has but its luckiest
    would win by luck.

    Args:
        trials: One row a pair.
        by: "design" or "arm".
        until: Whether each arm gets seeds until it is decided: then all are compared that have
            more than half of their own.
        chosen_on: Of a search, the seed that chose its finalists. It is left out once they have
            others: on that one, the best of many looks better than it is.
    """
    if chosen_on is not None:
        fresh = trials[trials["seed"] != chosen_on]
        trials = fresh if (fresh["status"] == "complete").any() else trials
    table = _validation_errors(trials, by)
    wanted = trials[trials["status"].isin(["complete", "failed"])] if until else trials
    planned = wanted.groupby(wanted[by].astype(str))["seed"].nunique().reindex(table.index)
    seeds = table.notna().sum(axis=1)
    most = planned == planned.max()
    full = table[2 * seeds > planned] if until else table[most & (2 * seeds > seeds[most].max())]
    fitted = least_squares_means(fit(full.to_numpy(dtype=float)))
    means = dict(zip(map(str, full.index), fitted.tolist(), strict=True))
    costs = _costs(trials, by)
    level, levels = -np.inf, {}
    for name in sorted(means, key=means.__getitem__):
        level = level if means[name] - level <= SAME else means[name]
        levels[name] = level
    order = sorted(means, key=lambda name: (levels[name], costs.get(name, np.inf), name))
    fewer = tuple(map(str, table.index.difference(full.index, sort=False)))
    counts = planned.to_dict()
    meant = {name: int(counts[name]) for name in order}
    return Ranking({name: means[name] for name in order}, full.loc[order], meant, fewer)


def _validation_errors(trials: pd.DataFrame, by: str) -> pd.DataFrame:
    """Validation errors of complete pairs, a row a design (or arm) and
    a column a seed; NaN where there is none.

    An arm of several designs has their mean in each cell.
    """
    errors = pd.to_numeric(trials["validation_error"], errors="coerce").to_numpy(dtype=float)
    done = (trials["status"] == "complete").to_numpy() & np.isfinite(errors)
    names, seeds = trials[by][done].astype(str), trials["seed"][done]
    return pd.Series(errors[done], names.index).groupby([names, seeds]).mean().unstack()


def _costs(trials: pd.DataFrame, by: str) -> dict[str, float]:
    """What each costs, in the measure that its budget is stated in, in
    whole units; without a budget, in FLOPs."""
    priced = ["budget", "mismatch", "flops"]
    names = list(dict.fromkeys([by, "design"]))
    designs = trials.reindex(columns=[*names, *priced]).drop_duplicates(names)
    numbers = designs[priced].apply(pd.to_numeric, errors="coerce")
    cost = (numbers["budget"].astype(float) * (1 + numbers["mismatch"].astype(float))).round()
    cost = cost.fillna(numbers["flops"].astype(float))
    means = cost.groupby(designs[by].astype(str)).mean().dropna()
    return {str(name): float(value) for name, value in means.items()}
