"""The value of a quantity at which a cost is nearest to a budget, where no formula is known.

It brackets the budget, from the network's own value on, and bisects. That is
right where cost does not fall as the quantity grows, so every cost that was looked at is checked;
where one falls, the whole bracket is evaluated.
"""

from itertools import pairwise
from math import ceil, floor

from explorer.blueprints import Blueprint
from explorer.designs import Budget, cost
from explorer.errors import UserError

LARGEST = 2**20  # of a quantity, as in a space's file
# Each takes some 10 to 100 ms.
MOST_EVALUATED = 400


def search_quantity(start: Blueprint, solve: str, target: Budget, step: int) -> tuple[int, str]:
    """Find the multiple of `step` at which the cost is nearest to a budget.

    Args:
        start: The network with all other quantities set, and a value of this one to start from.
        solve: The quantity, a single whole number.
        target: The budget.
        step: Only multiples of it are considered.

    Returns:
        The value, of two equally near the cheaper, and a sentence where cost does not grow with the
        quantity; else "".

    Raises:
        UserError: The cost does not depend on the quantity, or no value near its own can be built.
    """
    costs = _Costs(start, solve, target.by, step)
    first = max(step, start.quantities[solve] // step * step)
    low, high = _bracket(costs, first, target.value)
    note = ""
    if costs.grow:
        _bisect(costs, low, high, target.value)
    if not costs.grow:
        note = costs.evaluate_all(min(costs.known), max(costs.known))
    if _is_constant(costs):  # near the budget; a much larger value tells
        costs.look(16 * max(costs.known))
    if _is_constant(costs):
        raise UserError(
            f"{solve} cannot be solved by {target.by}, which is {costs[first]:,} for every {solve}"
            f" from {min(costs.known):,} to {max(costs.known):,} of {start.name}; solve another"
            " quantity, or keep another cost."
        )
    return costs.nearest(target.value), note


class _Costs:
    """The costs that are known, by the quantity's value."""

    def __init__(self, start: Blueprint, solve: str, by: str, step: int) -> None:
        self._start, self._solve, self._by = start, solve, by
        self.step = step
        self.known: dict[int, int] = {}

    def __getitem__(self, value: int) -> int:
        if value not in self.known:
            try:
                self.known[value] = cost(self._start.with_(**{self._solve: value}), self._by)
            except UserError as error:
                raise UserError(
                    f"{error} (Met while solving {self._solve}. If only some values of it can be"
                    " built, take multiples: --multiple-of 8, multiple_of: 8 in a space.)"
                ) from None
        return self.known[value]

    def look(self, value: int) -> bool:
        """Look at a cost that may be there; whether it is."""
        try:
            return value >= self.step and self[value] >= 0
        except UserError:
            return False

    @property
    def grow(self) -> bool:
        """Whether no cost that is known is below that of a smaller value."""
        ordered = [self.known[value] for value in sorted(self.known)]
        return all(lower <= upper for lower, upper in pairwise(ordered))

    def nearest(self, target: float) -> int:
        """The value whose cost is the nearest; of equally near ones the cheapest and smallest."""
        return min(self.known, key=lambda value: (abs(self[value] - target), self[value], value))

    def evaluate_all(self, low: int, high: int) -> str:
        """Evaluate every multiple from `low` to `high`, but those that cannot be built.

        Returns:
            A sentence that says so.
        """
        values = range(low, high + 1, self.step)
        if len(values) > MOST_EVALUATED:
            raise UserError(
                f"{self._by} do not grow with {self._solve} of {self._start.name}, and from"
                f" {low:,} to {high:,} there are more than {MOST_EVALUATED} to evaluate; take"
                " fewer with multiple_of (--multiple-of), for example 8."
            )
        failed = sum(not self.look(value) for value in values)
        rest = f"; {failed} of them cannot be built" if failed else ""
        return (
            f"{self._by} do not grow with {self._solve}, so every {self._solve} from {low:,} to"
            f" {high:,} was evaluated{rest}."
        )


def _bracket(costs: _Costs, first: int, target: float) -> tuple[int, int]:
    """Values of which the costs are below the budget, and at it or above.

    Each next one is what a cost in proportion to the quantity would ask for, at most twice or half
    as much. Where there are none, or cost falls on the way, what has been looked at last.
    """
    step = costs.step
    low = high = first
    while costs[high] < target and costs.grow and high < LARGEST and _changes(costs):
        asked = ceil(high * min(2, target / max(1, costs[high])) / step) * step
        low, high = high, max(high + step, asked)
        costs[high]
    while costs[low] >= target and costs.grow and low > step and _changes(costs):
        asked = floor(low * max(0.5, target / costs[low]) / step) * step
        low, high = max(step, min(low - step, asked)), low
        costs[low]
    if not costs.grow:  # the budget may lie on either side
        for value in (low // 2 // step * step, 2 * high):
            costs.look(value)
    return low, high


def _is_constant(costs: _Costs) -> bool:
    return len(set(costs.known.values())) == 1


def _changes(costs: _Costs) -> bool:
    """Whether the cost depends on the quantity, as far as eight values tell."""
    return len(costs.known) < 8 or not _is_constant(costs)


def _bisect(costs: _Costs, low: int, high: int, target: float) -> None:
    """Look at values between, and at the neighbours of the nearest.

    Every other time the value is where a straight line would meet the budget, which often takes
    half the steps.
    """
    step, is_halved = costs.step, False
    while high - low > step:
        share = 0.5 if is_halved else (target - costs[low]) / max(1, costs[high] - costs[low])
        middle = round((low + share * (high - low)) / step) * step
        middle = min(max(middle, low + step), high - step)
        is_halved = not is_halved
        if costs[middle] < target:
            low = middle
        else:
            high = middle
    for value in (low - step, low, high, high + step):
        costs.look(value)
