"""Two axes at once: the mean error of each pair of their values, which is least, and which are not
told apart from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from dashboards.analysis.arms import error_table
from dashboards.analysis.findings import Findings
from dashboards.analysis.words import own_quantities, template_label
from explorer.own.names import is_own
from studies.judging.rivals import behind, standings

# What can be an axis of our own networks, the more telling first, and what it is called. Costs and
# solved numbers have a value of their own almost everywhere: few of their pairs have a design.
AXES = {
    "cardinality": "C",
    "depths": "depths",
    "width": "width",
    "bottleneck_width": "d",
    "growth": "growth",
    "shortcut": "shortcut",
}
MOST_VALUES = 12  # of an axis
FILLED = 0.6  # the share of pairs that have a design, at least


@dataclass(frozen=True)
class Cells:
    """The errors of a study on two axes.

    Attributes:
        across: The axis with more values, a column of `trials`, and `down` the other.
        table: One row a pair of values that has a result: `across` and `down` (its values),
            `template`, `designs`, `n` (trainings), `error` (the mean, a fraction), `is_best`, and
            `is_tied`, whether it is not told apart from the best.
        problem: Why none are told apart, in words; "" where they are.
        confidence: Of all comparisons with the best together.
        is_fitted: Whether cells lack seeds that others have: then errors are by least squares, as
            if none were missing, and not the means of what is there.
    """

    across: str
    down: str
    table: pd.DataFrame
    problem: str
    confidence: float
    is_fitted: bool = False

    @property
    def best(self) -> pd.Series:
        """The row of the least mean error."""
        return self.table[self.table["is_best"]].iloc[0]


def axis_name(axis: str) -> str:
    """What a column is called as an axis; a quantity of the user's own has its own name."""
    return AXES.get(axis, axis)


def pairs_of_axes(designs: pd.DataFrame) -> dict[str, str]:
    """The pairs of axes that designs fill, by their key ("cardinality,depths"), with their names.

    Args:
        designs: Rows of `trials`, one a design.
    """
    columns = dict.fromkeys([*own_quantities(designs["design"]), *AXES])
    known = [
        name
        for name in columns
        if name in designs and 1 < designs[name].dropna().nunique() <= MOST_VALUES
    ]
    pairs = {}
    for first, second in combinations(known, 2):
        own = designs[[first, second]].dropna().drop_duplicates()
        if len(own) >= FILLED * own[first].nunique() * own[second].nunique():
            pairs[f"{first},{second}"] = f"{axis_name(first)} and {axis_name(second)}"
    return pairs


def cells(findings: Findings, pair: str) -> Cells:
    """The errors of a study, or of a choice of its trainings, on a pair of axes.

    The rule is that of `study winner`: the intervals of the differences of every two cells hold
    together (Tukey), and so those from the best, which is picked from the same numbers. A cell of
    several designs has their mean in each seed. Of a search only the seed counts that all designs
    have. Nothing is told apart before the study's verdict is due.
    """
    rows = findings.trials
    if findings.search:
        rows = rows[rows["seed"] == findings.choosing_seed]
    axes = pair.split(",")
    rows = rows.dropna(subset=axes)
    designs = _designs(rows, axes).reindex(rows["design"])
    designs.index = rows.index
    rows = rows[["design", "seed", "status", "test_error"]].join(designs)
    across, down = sorted(axes, key=lambda name: -rows[name].nunique())
    arms = list(dict.fromkeys(rows["arm"]))
    errors = error_table(rows, arms)
    errors = errors[errors.notna().any(axis=1)]
    confidence = findings.comparison.confidence
    if errors.empty:
        nothing = pd.DataFrame(columns=[across, down, "error", "is_best", "is_tied"])
        return Cells(across, down, nothing, "no training is complete yet", confidence)
    ranked = standings(errors.to_numpy(dtype=float))
    best = int(np.nanargmin(ranked.means))
    _, low, _ = behind(ranked, best, confidence)
    problem = _problem(findings, is_known=ranked.is_known)
    is_best = np.arange(len(errors)) == best
    is_tied = ~is_best & ~(low > 0) if not problem else np.zeros(len(errors), dtype=bool)
    done = rows[(rows["status"] == "complete") & rows["arm"].isin(errors.index)].groupby("arm")
    table = pd.DataFrame(
        {
            **{name: done[name].first() for name in (across, down)},
            "template": pd.Series({arm: _of_all(own) for arm, own in done}),
            "designs": done["design"].nunique(),
            "n": done.size(),
        }
    ).reindex(errors.index)
    return Cells(
        across,
        down,
        table.assign(error=ranked.means, is_best=is_best, is_tied=is_tied).reset_index(drop=True),
        problem,
        confidence,
        is_fitted=bool(errors.isna().to_numpy().any()),
    )


def _problem(findings: Findings, *, is_known: bool) -> str:
    if findings.until:
        return "each arm is decided seed by seed"
    if findings.whole.is_unfinished:
        return f"the verdict comes with {findings.last_seed}"
    return "" if is_known else "too few seeds to tell any apart"


def _designs(rows: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """Of each design its axes as text, both together as its "arm", and as "template" what it is
    but for them; of one's own networks, the numbers that differ."""
    keys = ("cardinality", "bottleneck_width", "width", "kind")
    designs = rows.drop_duplicates("design").set_index("design")
    own = own_quantities(designs.index)
    labels = []
    for name, *numbers in designs[list(keys)].itertuples():
        if is_own(name):
            shown = [key for key, values in own.items() if key not in axes and name in values]
            labels.append(", ".join(f"{key}={own[key][name]}" for key in shown))
        else:
            labels.append(template_label(*numbers))
    places = designs[list(axes)].astype(str)
    return places.assign(arm=places[axes[0]] + " " + places[axes[1]], template=labels)


def _of_all(rows: pd.DataFrame) -> str:
    """What all designs of a cell are, or how many there are."""
    labels = set(rows["template"])
    return str(labels.pop()) if len(labels) == 1 else f"{rows['design'].nunique()} designs"


def order_of(axis: str, values: Mapping[str, int] | pd.Series) -> list[str]:
    """The values of an axis in their order: numbers and depths by size, words as they come."""
    known = list(dict.fromkeys(values))
    numbers = {
        value: [int(part) for part in value.split("-")] for value in known if _is_number(value)
    }
    if len(numbers) < len(known):
        return known
    return sorted(known, key=lambda value: (sum(numbers[value]), numbers[value]))


def _is_number(value: str) -> bool:
    return value.replace("-", "").isdigit()
