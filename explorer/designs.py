"""A design, the budget that it is made for, and what both are counted in."""

from dataclasses import dataclass
from typing import Any, SupportsIndex, overload

from explorer.architecture import CHOICES, Architecture
from explorer.blueprints import Blueprint, as_blueprint
from explorer.complexity import count, layer_weights, total
from explorer.costs import Complexity
from explorer.errors import UserError, check_known, shorten
from explorer.layers import iter_layers
from explorer.lazy import load
from explorer.template import any_of
from explorer.text import human_flops, human_mismatch

MEASURES = ("flops", "block", "params", "activations")
# Those of a whole network, in which budgets are given.
WHOLE_MEASURES = ("flops", "params", "activations")
# Seconds on a device, measured (`explorer.networks.match_time`), not counted.
TIMES = ("latency", "train_step")
QUANTITIES = ("cardinality", "bottleneck_width", "width", "depths")
# Our own quantities, each with a value of its kind.
OURS: dict[str, Any] = {
    **dict.fromkeys(QUANTITIES, 1), "depths": (1,), **dict.fromkeys(CHOICES, ""),
}  # fmt: skip
ARMS = {
    "depths": "deeper",
    "bottleneck_width": "wider",
    "width": "wider",
    "cardinality": "more paths",
}
# The solver computes the root of a cost in floating point, which holds whole numbers up to here to
# the unit.
LARGEST_BUDGET = 10**15
LABELS = {
    "cardinality": "C",
    "bottleneck_width": "d",
    "width": "width",
    "depths": "depths",
    # What is chosen by a word (`explorer.architecture.CHOICES`).
    "kind": "block",
    "growth": "growth",
    "shortcut": "shortcut",
    "order": "order",
}


class ImpossibleBudget(UserError):
    """A budget that the rest of the network exceeds, whatever the quantity to solve."""


@dataclass(frozen=True)
class Budget:
    """What a design may cost.

    Attributes:
        by: The measure: one of `MEASURES`, which are counted, or of `TIMES`, which are measured.
        value: The cost in the measure's unit: multiply-adds, weights, parameters or activations of
            one image, or seconds; an array of them for a batch of designs.

    Raises:
        UserError: The measure is unknown, or the value is not above zero or above `LARGEST_BUDGET`.
    """

    by: str
    value: float

    def __post_init__(self) -> None:
        if hasattr(self.value, "item") and getattr(self.value, "ndim", 0) == 0:
            object.__setattr__(self, "value", self.value.item())  # NumPy's number as Python's
        check_known("measure", self.by, (*MEASURES, *TIMES))
        if not any_of(self.value > 0):
            raise UserError(f"a budget must be above zero; given: {shorten(self.value)} {self.by}.")
        if any_of(self.value > LARGEST_BUDGET):
            raise UserError(
                f"a budget is at most {human_flops(LARGEST_BUDGET)} {self.by}; given:"
                f" {shorten(self.value)}."
            )

    @classmethod
    def of(cls, architecture: Blueprint | str, by: str = "flops") -> "Budget":
        """The budget that an architecture spends; raises `UserError` as `cost` does."""
        return cls(by, cost(architecture, by))


@dataclass(frozen=True, repr=False)
class Design:
    """An architecture solved for a budget.

    Attributes:
        architecture: The network.
        budget: What it may cost.
        reference: Name of the network that set the budget; "" for a plain budget.
        arm: Group that a comparison puts the design in; "" for none.
        is_solved: Whether it was to cost as much as its budget; not of a space that solves nothing.
        measured: Seconds that this design takes, where the budget is in time.
        candidates: All `Timing`s that the design was chosen from, the reference's first, where the
            budget is in time.
        note: What to know of how it was solved, a sentence; "" for nothing.
    """

    architecture: Blueprint
    budget: Budget
    reference: str = ""
    arm: str = ""
    is_solved: bool = True
    measured: float | None = None
    candidates: tuple[Any, ...] = ()
    note: str = ""

    def __repr__(self) -> str:
        if getattr(self.mismatch, "ndim", 0):
            return f"<Design: {self.architecture!r}>"
        arm = f", arm={self.arm!r}" if self.arm else ""
        cost = f"{self.cost:.3g} s" if self.budget.by in TIMES else f"{self.cost:,}"
        off = human_mismatch(self.mismatch, is_solved=self.is_solved)
        return f"<Design {self.name!r}{arm}, {self.budget.by}: {cost}, {off} of its budget>"

    def _repr_html_(self) -> str | None:
        """What a notebook shows; of a batch nothing, so that it shows the `repr`."""
        if getattr(self.mismatch, "ndim", 0):
            return None
        html: str = load("explorer.showing").of_design(self)
        return html

    @property
    def name(self) -> str:
        """The architecture's name."""
        return self.architecture.name

    @property
    def complexity(self) -> Complexity:
        """FLOPs, parameters and activations of the architecture."""
        return count(self.architecture)

    @property
    def cost(self) -> float:
        """Cost in the budget's own measure."""
        return cost(self.architecture, self.budget.by) if self.measured is None else self.measured

    @property
    def mismatch(self) -> float:
        """Cost over the budget, minus one: a signed fraction."""
        return (self.cost - self.budget.value) / self.budget.value

    def record(self) -> dict[str, Any]:
        """The design as plain data, as `match --json` prints it."""
        return {
            "name": self.name,
            "reference": self.reference or None,
            **self.architecture.record(),
            **vars(self.complexity),
            "by": self.budget.by,
            "budget": self.budget.value,
            "mismatch": self.mismatch,
            **({"arm": self.arm} if self.arm else {}),
        }


class Designs(list[Design]):
    """A list of designs, which a notebook shows as a table, and a part of it as well."""

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Design: ...
    @overload
    def __getitem__(self, index: slice, /) -> "Designs": ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> "Design | Designs":
        part = super().__getitem__(index)
        return Designs(part) if isinstance(part, list) else part

    def _repr_html_(self) -> str:
        html: str = load("explorer.showing").of_designs(self)
        return html


def cost(architecture: Blueprint | str, by: str) -> int:
    """What an architecture costs in one measure (sections 3.1 and 3.4 of the paper).

    Args:
        architecture: A network, its name, or a batch of networks; then the result is an array.
        by: `flops`, `params` or `activations` of the whole network, or `block`, the weights of an
            identity block of the first stage (equation 4).

    Raises:
        UserError: The measure is unknown, or it is `block` and the network has basic blocks, which
            have no d, or is the user's own.
    """
    architecture = as_blueprint(architecture)
    check_known("measure", by, MEASURES)
    if not isinstance(architecture, Architecture):
        if by == "block":
            raise UserError(
                f"the measure 'block' is of our own bottleneck blocks only, not of"
                f" {architecture.name}; use 'flops'."
            )
        return int(getattr(architecture.count(), by))
    if by == "block":
        if "bottleneck_width" not in architecture.template.numbers:
            raise UserError(
                "the measure 'block' (equation 4 of the paper) is defined for blocks with a"
                f" bottleneck width d, and {architecture.template.article} has none; use 'flops'."
            )
        # The second block of a first stage is an identity block, also where the architecture itself
        # has none.
        two_blocks = architecture.with_(depths=(2,))
        identity = (
            layer for layer in iter_layers(two_blocks) if layer.stage == 1 and layer.block == 1
        )
        return sum(layer_weights(layer) for layer in identity)
    return total(iter_layers(architecture), by)
