"""The best and the worst designs of many, to be looked at side by side."""

from dataclasses import dataclass

import pandas as pd

from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import are_many, ranking_split

FEW = 3  # of each


@dataclass(frozen=True)
class Extremes:
    """The three best and the three worst designs, the best first: rows of `Findings.by_design`.

    Attributes:
        chosen_by: The split whose error ranks them.
        seeds: That each has at least, where designs with fewer are left out; else None.
    """

    best: pd.DataFrame
    worst: pd.DataFrame
    chosen_by: str
    seeds: int | None = None

    @property
    def names(self) -> dict[str, str]:
        """Which each is, "best 1" to "worst 1", by its design's name."""
        best = {name: f"best {rank}" for rank, name in enumerate(self.best["design"], 1)}
        last = len(self.worst)
        worst = {name: f"worst {last - rank}" for rank, name in enumerate(self.worst["design"])}
        return {**best, **worst}


def extreme_designs(findings: Findings) -> Extremes | None:
    """The designs of the lowest and of the highest mean validation error (test error where nobody
    measured that); of designs with fewer seeds than others none, since they may have been lucky.
    None of few designs."""
    designs = findings.by_design
    if not are_many(designs):
        return None
    # A search trains its finalists on more seeds than the rest: those count that most have.
    usual = int(designs["n"].mode().max())
    fewest = usual if (designs["n"] < usual).any() else None
    designs = designs[designs["n"] >= usual]
    split = ranking_split(designs)
    ranked = designs.sort_values(f"{split}_error", kind="stable")
    few = min(FEW, len(ranked) // 2)
    return Extremes(ranked.head(few), ranked.tail(few), split, fewest) if few else None
