"""Which design, or arm, validation chooses: one rule for
`study winner`, the report and every page."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

SAME = 1e-9  # differences of errors that are smaller are rounding


@dataclass(frozen=True)
class Ranking:
    """What is compared, best first, with the mean validation error of each (a
    fraction); and what lacks seeds to be compared."""

    means: Mapping[str, float]
    fewer_seeds: tuple[str, ...]

    @property
    def order(self) -> list[str]:
        return list(self.means)


def rank(trials: pd.DataFrame, by: str = "design") -> Ranking:
    """Rank the designs (or, by "arm", the arms) of one study's table of
    trials; nothing where no pair is complete.

    First the least mean validation error over the planned seeds; of equal means (an order of
    summing apart) the cheaper, in what the study's budget is stated in; then the name. Compared are
    those with results for the most seeds: one that has but its luckiest would win by luck.
    """
    table = validation_errors(trials, by)
    seeds = table.notna().sum(axis=1)
    full = table[(seeds == seeds.max()) & (seeds > 0)]
    means = {str(name): float(mean) for name, mean in full.mean(axis=1).items()}
    costs = _costs(trials, by)
    level, levels = -np.inf, {}
    for name in sorted(means, key=means.__getitem__):
        level = level if means[name] - level <= SAME else means[name]
        levels[name] = level
    order = sorted(means, key=lambda name: (levels[name], costs.get(name, np.inf), name))
    fewer = tuple(str(name) for name in table.index if name not in full.index)
    return Ranking({name: means[name] for name in order}, fewer)


def validation_errors(trials: pd.DataFrame, by: str = "design") -> pd.DataFrame:
    """Validation errors of complete pairs, a row a design (or arm) and
    a column a seed; NaN where there is none.

    An arm of several designs has their mean in each cell.
    """
    errors = pd.to_numeric(trials["validation_error"], errors="coerce").astype(float)
    done = trials.assign(validation_error=errors)[
        (trials["status"] == "complete") & np.isfinite(errors)
    ]
    return done.assign(**{by: done[by].astype(str)}).pivot_table(
        "validation_error", by, "seed", sort=True
    )


def _costs(trials: pd.DataFrame, by: str) -> dict[str, float]:
    """What each costs, in the measure that its budget is stated in, in
    whole units; without a budget, in FLOPs."""
    numbers = trials.reindex(columns=["budget", "mismatch", "flops"]).apply(
        pd.to_numeric, errors="coerce"
    )
    cost = (numbers["budget"].astype(float) * (1 + numbers["mismatch"].astype(float))).round()
    designs = pd.DataFrame(
        {
            by: trials[by].astype(str),
            "a design": trials["design"],
            "cost": cost.fillna(numbers["flops"].astype(float)),
        }
    )
    means = designs.drop_duplicates([by, "a design"]).groupby(by)["cost"].mean().dropna()
    return {str(name): float(value) for name, value in means.items()}
