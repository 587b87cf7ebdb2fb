"""What of a design its error may depend on: its own numbers and its costs, one row a design."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboards.analysis.arms import are_powers, finite
from dashboards.analysis.spaces import design_means
from dashboards.analysis.words import network_label, own_values
from explorer.own.names import is_own
from explorer.text import human_count, human_flops

FEWEST_DESIGNS = 8  # that are many: with fewer, arms are looked at one by one
WIDE = 10  # quantities that spread by more than this have a log axis
# A cost that spreads by less is held equal, and what is left of its spread is rounding.
SPREAD = 1.05
COSTS = ("flops", "params", "activations", "seconds_per_epoch")


@dataclass(frozen=True)
class Quantity:
    """A number of a design.

    Attributes:
        name: As a figure's axis has it.
        is_power: Whether its values double from one to the next, so that its axis is log2.
    """

    name: str
    is_power: bool = False

    def text(self, value: float) -> str:
        """A value as a tick has it."""
        if self.name in ("FLOPs", "params", "activations"):
            return (human_flops if self.name == "FLOPs" else human_count)(value)
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.3g}"


QUANTITIES = {
    "cardinality": Quantity("C", is_power=True),
    "bottleneck_width": Quantity("d", is_power=True),
    "width": Quantity("width", is_power=True),
    "depth": Quantity("depth (blocks)"),
    "params": Quantity("params"),
    "activations": Quantity("activations"),
    "flops": Quantity("FLOPs"),
    "seconds_per_epoch": Quantity("seconds per epoch"),
}
_MEASURED = ("cardinality", "bottleneck_width", "width", "seconds_per_epoch", "validation_error")
_STAGE = "stage_"
_OWN = "own_"


def designs_by_quantity(trials: pd.DataFrame) -> pd.DataFrame:
    """One row a design with a result: `spaces.design_means` with `validation_error`, the columns of
    `QUANTITIES`, `depths` and `kind` as text, and the depth of each stage, `stage_1` and so on; of
    networks of the user's own their other numbers, as `own_kernel`.

    The depth of a network is the number of its blocks. NaN is what a design does not have (d of
    basic blocks, the fourth stage of three) or nobody measured.
    """
    designs = design_means(trials, _MEASURED)
    texts = trials.drop_duplicates("design").set_index("design").reindex(columns=["depths", "kind"])
    for name in texts:
        designs[name] = texts[name].astype(str).reindex(designs["design"]).to_numpy()
    stages = designs["depths"].str.split("-", expand=True).apply(pd.to_numeric, errors="coerce")
    stages.columns = pd.Index([f"{_STAGE}{number}" for number in range(1, 1 + stages.shape[1])])
    designs["depth"] = stages.sum(axis=1, min_count=1).astype(float)
    own = {
        f"{_OWN}{key}": designs["design"].map(of_name).astype(float)
        for key, of_name in own_values(designs["design"]).items()
        if key not in QUANTITIES and all(map(str.isdigit, of_name.values()))
    }
    return designs.assign(**own).join(stages.astype(float))


def varied(designs: pd.DataFrame) -> dict[str, Quantity]:
    """The quantities in which these designs differ, by column."""
    stages = [name for name in designs if str(name).startswith(_STAGE)]
    known = {name: Quantity(f"depth of stage {str(name)[len(_STAGE) :]}") for name in stages}
    own = {
        name: Quantity(str(name)[len(_OWN) :], is_power=are_powers(designs[name].dropna()))
        for name in designs
        if str(name).startswith(_OWN)
    }
    every = {**own, **QUANTITIES, **(known if len(stages) > 1 else {})}
    # The depth of each stage beside the whole depth.
    order = [*own, "cardinality", "bottleneck_width", "width", "depth", *known]
    ordered = {name: every[name] for name in dict.fromkeys([*order, *every]) if name in every}
    return {name: quantity for name, quantity in ordered.items() if _varies(designs, name)}


def is_spread(costs: Any) -> bool:
    """Whether a cost differs between designs by more than its budget's tolerance explains."""
    known = finite(pd.Series(costs).dropna())
    return bool(len(known) and known.max() > SPREAD * known.min())


def unequal_flops(designs: pd.DataFrame) -> str:
    """What a figure says of designs that differ in FLOPs; "" where those are held equal."""
    return "FLOPs not held equal" if is_spread(designs["flops"]) else ""


def _varies(designs: pd.DataFrame, name: str) -> bool:
    return is_spread(designs[name]) if name in COSTS else designs[name].dropna().nunique() > 1


def scaled(values: Any, quantity: Quantity) -> tuple[NDArray[np.float64], str]:
    """Values on the scale of their axis, and its name: "log2", "log10" or ""."""
    numbers = finite(pd.Series(values))
    known = numbers[np.isfinite(numbers)]
    if quantity.is_power:
        return np.log2(numbers), "log2"
    if len(known) and known.min() > 0 and known.max() > WIDE * known.min():
        return np.log10(numbers), "log10"
    return numbers, ""


def template_words(design: Mapping[Any, Any]) -> str:
    """What a design is, in short: '8x14d, width 128, 1-2-1'; of one's own network what
    stands in parentheses."""
    name = str(design["design"])
    if is_own(name):
        return name.partition("(")[2].removesuffix(")").replace(",", ", ")
    label = network_label(design)
    width = "" if label.startswith("w") else f"width {design['width']:.0f}"
    return ", ".join(filter(None, (label, width, str(design["depths"]))))


def ranking_split(designs: pd.DataFrame) -> str:
    """The split by whose mean error designs are ranked: "test" where validation is not known."""
    return "validation" if designs["validation_error"].notna().all() else "test"


def names_of(quantities: Mapping[str, Quantity]) -> dict[str, str]:
    """The names of quantities by column, for a choice on a page."""
    return {key: quantity.name for key, quantity in quantities.items()}


def are_many(designs: Sequence[Any]) -> bool:
    """Whether designs are so many that trends say more than a list of arms."""
    return len(designs) >= FEWEST_DESIGNS
