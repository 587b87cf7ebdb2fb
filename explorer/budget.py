"""The budget solver: the whole number whose cost is nearest to a budget.

Cost is at most quadratic in d and in the width, linear in C and in depths, so the solver needs no formula of its own: it
evaluates the count at three points, takes the parabola's (or line's) root and compares its integer neighbours. Plain integers and NumPy
arrays go through the same lines.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from explorer.architecture import Architecture, whole
from explorer.complexity import Complexity, count, weights
from explorer.errors import UserError, unknown
from explorer.layers import iter_layers
from explorer.text import human_flops, human_percent

MEASURES = ("flops", "block", "params", "activations")
QUANTITIES = ("cardinality", "bottleneck_width", "width", "depths")
SOLVABLE = ("cardinality", "bottleneck_width", "width")
LABELS = {"cardinality": "C", "bottleneck_width": "d", "width": "width", "depths": "depths"}


class ImpossibleBudget(UserError):
    """A budget below what the rest of the network costs, whatever is chosen for the quantity to solve."""


@dataclass(frozen=True)
class Budget:
    """What a design may cost: a measure (`flops`, `block`, `params`, `activations`) and a value in its unit."""

    by: str
    value: int

    def __post_init__(self) -> None:
        if self.by not in MEASURES:
            raise unknown("measure", str(self.by), MEASURES)
        if not self.value > 0:
            raise UserError(f"a budget must be above zero; given: {self.value!r} {self.by}.")

    @classmethod
    def of(cls, architecture: Architecture, by: str = "flops") -> "Budget":
        """The budget that an architecture spends."""
        return cls(by, cost(architecture, by))


@dataclass(frozen=True)
class Design:
    """An architecture solved for a budget. `reference` is the name of the network that set the budget ("" for a plain one);
    `arm` names the group a comparison puts it in."""

    architecture: Architecture
    budget: Budget
    reference: str = ""
    arm: str = ""

    @property
    def name(self) -> str:
        return self.architecture.name

    @property
    def complexity(self) -> Complexity:
        return count(self.architecture)

    @property
    def cost(self) -> int:
        """Cost in the budget's own measure."""
        return cost(self.architecture, self.budget.by)

    @property
    def mismatch(self) -> float:
        """Cost over the budget, minus one: a signed fraction."""
        return (self.cost - self.budget.value) / self.budget.value

    def record(self) -> dict[str, Any]:
        """The design as plain data, as `match --json` prints it."""
        template, complexity = self.architecture.template, self.complexity
        return {
            "name": self.name,
            "reference": self.reference or None,
            "cardinality": template.cardinality,
            "bottleneck_width": template.bottleneck_width,
            "width": template.width,
            "depths": list(self.architecture.depths),
            "flops": complexity.flops,
            "params": complexity.params,
            "activations": complexity.activations,
            "by": self.budget.by,
            "budget": self.budget.value,
            "mismatch": self.mismatch,
            **({"arm": self.arm} if self.arm else {}),
        }


def cost(architecture: Architecture, by: str) -> int:
    """What an architecture costs in the measure `by` (design of each measure: the paper's sections 3.1 and 3.4).

    `flops`, `params`, `activations` are of the whole network; `block` is the weights of an identity block of the first stage
    (equation 4), which basic blocks do not define.
    """
    if by == "block":
        if architecture.template.kind == "basic":
            raise UserError(
                "the measure 'block' (equation 4 of the paper) is defined for bottleneck blocks only; use 'flops'."
            )
        # The second block of a first stage is an identity block, also where the architecture itself has none.
        two_blocks = architecture.with_(depths=(2,))
        identity = (layer for layer in iter_layers(two_blocks) if layer.stage == 1 and layer.block == 1)
        return sum(weights(layer) for layer in identity)
    if by not in MEASURES:
        raise unknown("measure", str(by), MEASURES)
    total: int = getattr(count(architecture), by)
    return total


def match(
    reference: Architecture,
    *,
    solve: str = "bottleneck_width",
    by: str = "flops",
    budget: int | None = None,
    tolerance: float | None = None,
    multiple_of: int = 1,
    **given: Any,
) -> list[Design]:
    """Designs that cost what `reference` costs (or `budget`), in the measure `by`: one for each combination of the `given` values.

    `match(resnet50, cardinality=[1, 2, 4])` solves d for each C. Of the whole numbers (multiples of `multiple_of`) it takes the
    one whose cost is nearest to the budget; ties go to the cheaper. What is neither solved nor given stays as in the
    reference. Raises `UserError` naming every design that no whole number brings within `tolerance` (a fraction).
    """
    designs = nearest(reference, solve=solve, by=by, budget=budget, multiple_of=multiple_of, **given)
    missed = [design for design in designs if tolerance is not None and abs(design.mismatch) > tolerance]
    if missed and tolerance is not None:
        listed = "; ".join(describe_miss(design, solve, given) for design in missed)
        raise UserError(
            f"no whole {LABELS[solve]} keeps {by} within {human_percent(tolerance)} of {human_flops(missed[0].budget.value)}: {listed}. "
            "Allow a larger tolerance, or start from another reference."
        )
    return designs


def describe_miss(design: Design, solve: str, given: Iterable[str]) -> str:
    """How near a design came: 'C=8 (nearest d=13, -3.4 %)'."""
    where = point(design.architecture, given) or design.reference
    return f"{where} (nearest {point(design.architecture, [solve])}, {human_percent(design.mismatch, signed=True)})"


def point(architecture: Architecture, quantities: Iterable[str]) -> str:
    """Some quantities of an architecture in the paper's letters: 'C=8, d=13'."""
    values = {**vars(architecture.template), "depths": "-".join(map(str, architecture.depths))}
    return ", ".join(f"{LABELS[key]}={values[key]}" for key in quantities)


def nearest(
    reference: Architecture,
    *,
    solve: str = "bottleneck_width",
    by: str = "flops",
    budget: int | None = None,
    multiple_of: int = 1,
    **given: Any,
) -> list[Design]:
    """`match` without a tolerance."""
    if solve not in SOLVABLE:
        raise unknown("quantity to solve", str(solve), SOLVABLE)
    if solve in given:
        raise UserError(f"{solve} is both given and to be solved; give it, or solve it.")
    if reference.template.kind == "basic" and solve != "width":
        raise UserError(
            f"a basic block has no {LABELS[solve]} to solve for; use solve='width', or a bottleneck reference such as resnet50."
        )
    target = Budget.of(reference, by) if budget is None else Budget(by, budget)
    step = whole(multiple_of, "multiple_of")
    designs = []
    for values in _combinations(given):
        start = reference.with_(**values)
        found = _solve(start, solve, target, step, values)
        designs.append(Design(start.with_(**{solve: found}), target, reference.name if budget is None else ""))
    return designs


def _combinations(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    choices: list[list[Any]] = []
    for key, value in given.items():
        if key not in QUANTITIES:
            raise unknown("quantity", key, QUANTITIES)
        many = isinstance(value, Iterable) and not isinstance(value, str)
        if key == "depths":  # one value is itself a list of blocks per stage
            many = many and any(isinstance(item, Iterable) for item in value)
        values = list(value) if many else [value]
        if not values:
            raise UserError(f"{key} lists no values; give at least one whole number, for example {key}=[1, 2, 4].")
        choices.append(values)
    for combination in product(*choices):
        yield dict(zip(given, combination, strict=True))


def _solve(start: Architecture, solve: str, target: Budget, step: int, given: Iterable[str]) -> int:
    """The multiple of `step` at which the cost of `start` with `solve` set to it is nearest to the target."""

    def cost_at(value: int) -> int:
        return cost(start.with_(**{solve: value}), target.by)

    # Where the width equals the stem's, the first projection disappears: that one value does not lie on the parabola, so
    # it stays out of the three points and is compared apart.
    apart = start.stem.channels if solve == "width" else None
    root, fixed = _root(cost_at, apart or 0, target.value)
    if target.value <= fixed:
        raise ImpossibleBudget(
            f"a budget of {human_flops(target.value)} {target.by} is impossible at {point(start, given) or start.name}: before any "
            f"{LABELS[solve]}, the rest of the network (stem, shortcuts, classifier) costs {human_flops(max(fixed, 0))}."
        )
    low = int(root // step) * step
    candidates = {max(low + offset * step, step) for offset in (-1, 0, 1, 2)}
    if apart is not None and apart % step == 0:
        candidates.add(apart)
    # Sorted by cost, so that a tie goes to the cheaper.
    return min(sorted(candidates), key=lambda value: (abs(cost_at(value) - target.value), cost_at(value)))


def _root(cost_at: Callable[[int], int], base: int, target: int) -> tuple[float, int]:
    """Where the parabola (or line) through the costs at base + 1, + 2, + 3 meets `target`, and its value at 0."""
    first, second, third = (cost_at(base + offset) for offset in (1, 2, 3))
    quadratic = (third - 2 * second + first) // 2
    slope = second - first - 3 * quadratic
    # From powers of (x - base) to powers of x.
    linear = slope - 2 * quadratic * base
    constant = first - slope - quadratic - slope * base + quadratic * base**2
    missing = target - constant
    if missing <= 0:
        return 0.0, constant
    # This form of the root loses no digits to cancellation, and serves the line as well.
    return 2 * missing / (linear + (linear**2 + 4 * quadratic * missing) ** 0.5), constant
