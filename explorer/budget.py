"""The budget solver: the whole number whose cost is nearest to a budget.

Cost is at most quadratic in d and in the width, linear in C and in depths, so the solver needs no
formula of its own: it evaluates the count at three points, takes the parabola's (or line's) root
and compares its integer neighbours. Plain integers and NumPy arrays go through the same lines.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import product
from math import lcm
from typing import Any

from explorer.architecture import CHOICES, Architecture, as_architecture
from explorer.blueprints import Blueprint, as_blueprint
from explorer.calls import written_as
from explorer.complexity import check_fits
from explorer.depths import find_policy
from explorer.designs import (
    ARMS,
    LABELS,
    MEASURES,
    OURS,
    QUANTITIES,
    TIMES,
    Budget,
    Design,
    Designs,
    ImpossibleBudget,
    cost,
)
from explorer.errors import UnknownName, UserError, check_known, shorten
from explorer.numbers import as_number, parse_share
from explorer.searching import search_quantity
from explorer.template import FIXED_PATHS, MOST_BLOCKS, whole
from explorer.text import dashed, human_flops, human_percent


@written_as('match("resnet50", cardinality=[1, 2, 4])')
def match(
    reference: Blueprint | str,
    *,
    solve: str = "bottleneck_width",
    by: str = "flops",
    budget: float | str | None = None,
    tolerance: float | None = None,
    multiple_of: int = 1,
    depth_policy: str = "proportional",
    **given: Any,
) -> list[Design]:
    """Designs that cost what a reference costs: one for each combination of the given values.

    `match(resnet50, cardinality=[1, 2, 4])` solves d for each C, and `match(resnet50,
    kind="inception")` that of Inception's blocks.

    Args:
        reference: An architecture, or its name. It sets the budget, and every quantity that is
            neither solved nor given.
        solve: The quantity to solve, one of `QUANTITIES`, or of the parameters of a function of
            one's own. The whole number whose cost is nearest to the budget is taken; of two equally
            near, the cheaper.
        by: The cost to keep, one of `MEASURES`.
        budget: A plain budget in the measure's unit, a number or a text such as "5M", instead of
            the reference's own cost.
        tolerance: The largest mismatch allowed, a fraction; None allows any.
        multiple_of: Only multiples of this number are taken.
        depth_policy: The stages that grow where `depths` are solved (`explorer.depths`).
        given: One value or several of any other quantities, or of a choice (`kind`, `growth`,
            `shortcut`, `order`).

    Raises:
        UserError: No whole number brings a design within the tolerance, or a quantity or measure
            does not fit the reference; the message names every such design.
    """
    reference = as_blueprint(reference)
    starts = networks_to_solve(reference, solve, given)
    if tolerance is not None:
        tolerance = parse_share(tolerance, "tolerance")
    if by in TIMES:
        raise UserError(
            f"{by} is measured, not counted: use explorer.networks.match_time, or --by"
            f" {by} on the command line."
        )
    target = Budget.of(reference, by)
    if budget is not None:
        target = Budget(by, as_number(budget, "a budget"))
    step = whole(multiple_of, "multiple_of")
    if solve == "depths" and step != 1:
        raise UserError(
            f"multiple_of={step} has no meaning for depths; leave it out, or solve another"
            " quantity."
        )
    designs = []
    for values, start in starts:
        solution: Any
        note = ""
        check_measure(start, solve, by)
        if not isinstance(start, Architecture):
            solution, note = search_quantity(start, solve, target, step)
        elif solve == "depths":
            solution = _solve_depths(start, target, depth_policy)
        else:
            solution = _solve_number(start, solve, target, step, values)
        solved = start.with_(**{solve: solution})
        designs.append(Design(solved, target, reference.name if budget is None else "", note=note))
    missed = beyond(designs, tolerance)
    if missed and tolerance is not None:
        listed = "; ".join(describe_miss(design, solve, given) for design in missed)
        raise UserError(
            f"no whole number for {LABELS.get(solve, solve)} keeps {by} within"
            f" {human_percent(tolerance)} of {human_flops(missed[0].budget.value)}: {listed}."
            " Allow a larger tolerance, or start from another reference."
        )
    return Designs(designs)


def networks_to_solve(
    reference: Blueprint, solve: str, given: dict[str, Any]
) -> list[tuple[dict[str, Any], Blueprint]]:
    """The reference with each combination of the given values, and these.

    Raises:
        UserError: A quantity is not known, ignored, or cannot be solved.
    """
    known = OURS if isinstance(reference, Architecture) else reference.quantities
    try:
        check_quantity(solve, given, known)
    except UnknownName as error:
        hint = (
            "" if known is OURS else " What is solved is said by --solve, in a space match.solve."
        )
        raise UserError(f"{error}{hint}") from None
    networks = [(values, reference.with_(**values)) for values in combinations(given, known)]
    for _, network in networks:
        network.check_heeded(reference)
        check_solve(network, solve)
    return networks


def _solve_number(
    start: Architecture, solve: str, target: Budget, step: int, values: Iterable[str]
) -> int:
    """`solve_quantity` for a budget that the rest of the network does not exceed."""
    solution, fixed = solve_quantity(start, solve, target, step)
    if target.value <= fixed:
        raise ImpossibleBudget(
            f"a budget of {human_flops(target.value)} {target.by} is impossible at"
            f" {write_quantities(start, values) or start.name}: without any"
            f" {LABELS[solve]}, the rest of the network (stem, shortcuts, classifier)"
            f" costs {human_flops(fixed)}."
        )
    return int(solution)


def beyond(designs: Iterable[Design], tolerance: float | None) -> list[Design]:
    """The designs whose mismatch is larger than the tolerance, where there is one."""
    if tolerance is None:
        return []
    return [design for design in designs if abs(design.mismatch) > tolerance]


def describe_miss(design: Design, solve: str, given: Iterable[str]) -> str:
    """How near a design came, as text: 'C=8 (nearest d=13, -3.4 %)'."""
    where = write_quantities(design.architecture, given) or design.reference
    return (
        f"{where} (nearest {write_quantities(design.architecture, [solve])},"
        f" {human_percent(design.mismatch, signed=True)})"
    )


def write_quantities(network: Blueprint, quantities: Iterable[str]) -> str:
    """Some quantities of a network, ours in the paper's letters: 'C=8, d=13'."""
    values = network.settings if isinstance(network, Architecture) else network.quantities
    return ", ".join(f"{LABELS.get(key, key)}={dashed(values[key])}" for key in quantities)


def check_quantity(solve: str, given: Iterable[str], known: Collection[str] = QUANTITIES) -> None:
    """Raise `UserError` where `solve` is no known quantity, or is given already."""
    check_known("quantity to solve", solve, [key for key in known if key not in CHOICES])
    if solve in given:
        raise UserError(f"{solve} is both given and to be solved; give it, or solve it.")


def check_solve(start: Blueprint, solve: str) -> None:
    """Raise `UserError` where a network has no such quantity to solve for."""
    if not isinstance(start, Architecture):
        if isinstance(start.quantities[solve], tuple):
            raise UserError(
                f"{solve} is several numbers in {start.name}, and only a single one can be"
                " solved; give it, and solve another quantity."
            )
        return
    template = start.template
    possible = (*template.numbers, "depths")
    if solve not in possible:
        reason = f": {FIXED_PATHS[template.kind][1]}" if solve == "cardinality" else ""
        words = " or ".join(repr(quantity) for quantity in possible)
        raise UserError(
            f"{template.article} has no {LABELS[solve]} to solve for{reason}. Use solve={words}, or"
            " a bottleneck reference such as resnet50."
        )


def check_measure(reference: Blueprint, solve: str, by: str) -> None:
    """Raise `UserError` where the cost does not depend on the quantity to solve.

    Then every value of it would meet a budget, or none. Of a network of the user's own,
    `search_quantity` sees that.
    """
    if isinstance(reference, Architecture) and not _changes(reference, solve, by):
        others = ", ".join(measure for measure in MEASURES if measure != by)
        raise UserError(
            f"{LABELS[solve]} cannot be solved by {by}, which does not change with {LABELS[solve]};"
            f" solve another quantity, or keep another cost: {others}."
        )


@lru_cache  # a space asks for each of its arms
def _changes(reference: Architecture, solve: str, by: str) -> bool:
    few: Any = (1,) * len(reference.depths)
    many: Any = (2,) * len(reference.depths)
    if solve != "depths":  # beyond the stem's width, at which a projection disappears
        few, many = ((reference.stem.channels + n) * reference.unit(solve) for n in (1, 2))
    return cost(reference.with_(**{solve: few}), by) != cost(reference.with_(**{solve: many}), by)


def combinations(
    given: dict[str, Any], quantities: Mapping[str, Any] = OURS
) -> Iterator[dict[str, Any]]:
    """Every combination of the given values; a quantity's value may be one or many.

    Args:
        given: Values by quantity.
        quantities: Those that are known, each with a value of its kind.
    """
    choices: list[list[Any]] = []
    for key, value in given.items():
        check_known("quantity", key, quantities)
        many = isinstance(value, Iterable) and not isinstance(value, str)
        if isinstance(quantities[key], tuple):  # one value is itself a list, as depths are
            many = many and any(isinstance(item, Iterable) for item in value)
        values = list(value) if many else [value]
        if not values:
            example = list(CHOICES[key]) if key in CHOICES else [1, 2, 4]
            raise UserError(
                f"{key} lists no values; give at least one, for example {key}={example}."
            )
        choices.append(values)
    for combination in product(*choices):
        yield dict(zip(given, combination, strict=True))


def solve_quantity(start: Architecture, solve: str, target: Budget, step: int) -> tuple[Any, Any]:
    """Find the multiple of `step` at which the cost is nearest to a budget.

    Args:
        start: The network with all other quantities set, or a batch of them.
        solve: The quantity to solve, any but `depths`.
        target: The budget.
        step: Only multiples of it are considered, and of the quantity's own unit
            (`Architecture.unit`).

    Returns:
        The quantity, and the cost at 0, which is that of the rest of the network; arrays for a
        batch. Of two equally near, the cheaper. Where the cost at 0 is not below the budget, no
        value meets it and the smallest is returned.
    """
    unit = start.unit(solve)
    if unit > 1:  # counted in units, in which the cost is a parabola as well
        step = lcm(step, unit) // unit

    def whole_units(value: Any) -> Any:
        return value * unit if unit > 1 else value

    def counted(value: Any) -> Any:
        return cost(start.with_(**{solve: whole_units(value)}), target.by)

    # Where the width equals the stem's, the first projection disappears: that one value does not
    # lie on the parabola, so it stays out of the three points and is compared apart.
    apart = start.stem.channels if solve == "width" else None
    constant, linear, quadratic = _parabola(counted, apart or 0)
    dip = 0 if apart is None else counted(apart) - (constant + apart * (linear + apart * quadratic))

    def cost_at(value: Any) -> Any:
        on_parabola = constant + value * (linear + value * quadratic)
        return on_parabola if apart is None else on_parabola + (value == apart) * dip

    missing = 1.0 * (target.value - constant)
    missing = missing * (missing > 0)
    # This form of the root loses no digits to cancellation, and serves the line as well.
    root = 2 * missing / (linear + (1.0 * linear * linear + 4.0 * quadratic * missing) ** 0.5)
    # Conditions are factors instead of branches, so that arrays go through the same lines.
    low = _integer(root // step) * step
    best = low + (low < step) * (step - low)
    # Nothing larger than this was or will be counted here.
    check_fits(start, **{solve: whole_units(best + 2 * step + (apart or 0) + 3)})
    best_cost = cost_at(best)
    others = [best + step]
    if apart is not None:
        others += [best - step, best + 2 * step]
        others += [apart] if apart % step == 0 else []
    for other in others:
        other_cost = cost_at(other)
        gap, other_gap = abs(best_cost - target.value), abs(other_cost - target.value)
        better = (other >= step) & (
            (other_gap < gap) | ((other_gap == gap) & (other_cost < best_cost))
        )
        best = best + better * (other - best)
        best_cost = best_cost + better * (other_cost - best_cost)
    return whole_units(best), constant


def _parabola(counted: Callable[[int], Any], base: int) -> tuple[Any, Any, Any]:
    """Coefficients (of 1, x and x squared) of the parabola through three costs.

    The costs are those at base + 1, base + 2 and base + 3; the result is exact, in whole numbers.
    """
    first, second, third = (counted(base + offset) for offset in (1, 2, 3))
    quadratic = (third - 2 * second + first) // 2
    slope = second - first - 3 * quadratic
    constant = first - slope - quadratic
    # From powers of (x - base) to powers of x.
    return constant - slope * base + quadratic * base**2, slope - 2 * quadratic * base, quadratic


def _solve_depths(start: Architecture, target: Budget, policy_name: str) -> tuple[int, ...]:
    """The policy's depths whose cost is nearest to the target.

    Cost never falls along a policy, so bisection finds it.
    """
    depths_at = find_policy(policy_name, start)

    def counted(n: int) -> int:
        return cost(start.with_(depths=depths_at(n)), target.by)

    last = bisect_right(range(1, MOST_BLOCKS + 1), MOST_BLOCKS, key=lambda n: sum(depths_at(n)))
    # The first n whose cost reaches the target, and the last one below it.
    reaching = bisect_left(range(1, last + 1), target.value, key=counted) + 1
    if reaching > last and depths_at(2 * last) != depths_at(last):  # published depths end before
        raise UserError(
            f"a budget of {human_flops(target.value)} {target.by} asks for more than"
            f" {MOST_BLOCKS:,} blocks, the most that a network may have; give a smaller budget, or"
            " solve another quantity."
        )
    candidates = {max(reaching - 1, 1), min(reaching, last)}
    nearest_n = min(sorted(candidates), key=lambda n: (abs(counted(n) - target.value), counted(n)))
    return depths_at(nearest_n)


@written_as('scale("resnet50", 2)')
def scale(
    reference: Architecture | str,
    factor: float,
    *,
    solve: Sequence[str] | None = None,
    by: str = "flops",
    tolerance: float | None = None,
    multiple_of: int = 1,
    depth_policy: str = "proportional",
) -> list[Design]:
    """Designs that cost a multiple of the reference: the arms of the paper's Table 4.

    Args:
        reference: The network to scale, or its name.
        factor: The budget, as a multiple of the reference's cost.
        solve: The quantities to scale, one for each design: `depths` ("deeper"), `bottleneck_width`
            ("wider"; `width` for basic blocks), `cardinality` ("more paths"; bottleneck blocks
            only). By default all that the block has.
        by: As in `match`, and so are `tolerance`, `multiple_of` and `depth_policy`.

    Raises:
        UserError: As in `match`, or the factor is not above zero.
    """
    reference = as_architecture(reference)
    if not 0 < factor < float("inf"):
        raise UserError(
            f"factor must be a number above zero, for example 2; given: {shorten(factor)}."
        )
    if solve is None:
        own = reference.template.numbers
        wider = "bottleneck_width" if "bottleneck_width" in own else "width"
        solve = [key for key in ("depths", wider, "cardinality") if key in (*own, "depths")]
    target = round(factor * cost(reference, by))
    designs = []
    for quantity in solve:
        step = 1 if quantity == "depths" else multiple_of
        options: dict[str, Any] = {
            "depth_policy": depth_policy,
            "multiple_of": step,
            "tolerance": tolerance,
        }
        (design,) = match(reference, solve=quantity, by=by, budget=target, **options)
        designs.append(replace(design, reference=reference.name, arm=ARMS[quantity]))
    return Designs(designs)


def _integer(value: Any) -> Any:
    return value.astype("int64") if hasattr(value, "astype") else int(value)
