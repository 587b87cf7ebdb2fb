"""The three ways to spend a budget: which share of a network's FLOPs goes to paths, to width and to
depth."""

from collections.abc import Mapping
from itertools import permutations
from math import log
from typing import Any

import numpy as np
import pandas as pd

from dashboards.analysis.arms import finite
from explorer import Architecture
from explorer.complexity import count
from explorer.errors import UserError
from explorer.template import SIZES

WAYS = ("paths", "width", "depth")
# The exact meaning of a share, for figures and READMEs.
MEANING = (
    "Of the growth in log FLOPs from the smallest network (each of C, d, width and stage depths the"
    " smallest of any design here) to the design: the part that raising C (paths), d and width"
    " (width) or the stage depths (depth) brings, averaged over the six orders of raising the three"
)
FIXED = ("growth", "shortcut", "stem", "kind", "order", *SIZES)
TEMPLATE = ("cardinality", "bottleneck_width", "width")


def spending(designs: pd.DataFrame) -> pd.DataFrame | None:
    """The shares of `WAYS` of each design, see `MEANING`; they sum to 1. None where the designs do
    not differ in all three, or in anything else, such as the number of stages.

    The smallest network itself has spent nothing, and NaN for shares. FLOPs are counted over the
    layers of every network between the two.

    Args:
        designs: Rows of `trials`, one a design.
    """
    depths = designs["depths"].astype(str).str.split("-", expand=True)
    if (
        designs.empty
        or depths.isna().to_numpy().any()
        or any(designs[name].nunique() > 1 for name in FIXED if name in designs)
    ):
        return None
    numbers = {name: finite(designs[name]) for name in TEMPLATE}
    numbers |= {f"stage {n}": finite(depths[n]) for n in depths}
    if not all(np.isfinite(values).all() for values in numbers.values()):
        return None
    ways = {name: _way(name) for name in numbers}
    varied = {ways[name] for name, values in numbers.items() if np.ptp(values) > 0}
    if varied != set(WAYS):
        return None
    least = {name: np.full(len(designs), values.min()) for name, values in numbers.items()}
    try:
        network = Architecture.from_name(
            str(designs["design"].iloc[0]),
            **{name: int(designs[name].iloc[0]) for name in SIZES},
        )
        spent = {
            raised: _log_flops(
                network,
                {name: (numbers if ways[name] in raised else least)[name] for name in numbers},
            )
            for raised in {frozenset(order[:k]) for order in permutations(WAYS) for k in range(4)}
        }
    except UserError:
        return None  # a table from elsewhere may have any name for a design
    shares = {way: np.zeros(len(designs)) for way in WAYS}
    orders = list(permutations(WAYS))
    for order in orders:
        for index, way in enumerate(order):
            step = spent[frozenset(order[: index + 1])] - spent[frozenset(order[:index])]
            shares[way] += step / len(orders)
    whole = spent[frozenset(WAYS)] - spent[frozenset()]
    return pd.DataFrame(
        {
            way: np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > log(1.001))
            for way, part in shares.items()
        },
        index=designs.index,
    )


def _way(name: str) -> str:
    return {"cardinality": "paths", "bottleneck_width": "width", "width": "width"}.get(
        name, "depth"
    )


def _log_flops(network: Architecture, numbers: Mapping[str, Any]) -> Any:
    """Of a batch of networks like this one with other numbers."""
    whole = {name: values.astype(np.int64) for name, values in numbers.items()}
    template = {name: whole.pop(name) for name in TEMPLATE}
    batch = network.with_(**template, depths=tuple(whole.values()))
    return np.log(np.asarray(count(batch).flops, dtype=float))
