"""Budgets in measured time: the design whose step takes as long as the reference's here.

Time does not rise steadily with d, because kernels are faster for some channel counts than for
others. So nothing is solved: all designs in a bracket of FLOPs are measured, interleaved with the
reference, and the nearest is taken.
"""

from collections.abc import Callable
from dataclasses import replace
from math import lcm
from typing import Any

from explorer.architecture import Architecture
from explorer.blueprints import Blueprint, as_blueprint
from explorer.budget import beyond, match, networks_to_solve
from explorer.designs import LABELS, Budget, Design, Designs, ImpossibleBudget, cost
from explorer.errors import UserError
from explorer.networks.measuring import Case, Timing, measure
from explorer.numbers import parse_share
from explorer.template import whole

STEPS = {"latency": "inference", "train_step": "train_step"}
# At equal FLOPs more paths take up to 1.5 times as long, so a design of equal time may need far
# fewer FLOPs.
BRACKET = (0.6, 1.2)
# How far a bracket is widened while the nearest design is at one of its ends.
LOWEST, HIGHEST = 0.05, 8
# Five rounds of so many designs take some minutes; a bracket of more asks for larger steps.
MOST_MEASURED = 500


def match_time(
    reference: Blueprint | str,
    *,
    solve: str = "bottleneck_width",
    by: str = "latency",
    budget: float | None = None,
    tolerance: float | None = None,
    multiple_of: int = 1,
    device: str = "cpu",
    batch: int = 1,
    rounds: int = 5,
    progress: Callable[[int, int], None] = lambda done, total: None,
    **given: Any,
) -> list[Design]:
    """`match` by measured seconds.

    Args:
        reference: As in `match`.
        solve: As in `match`, but not `depths`.
        by: `latency` (inference) or `train_step`, of one step.
        budget: Seconds; by default the reference's own time.
        tolerance: As in `match`, and so is `multiple_of`.
        device: "cpu", "cuda" or "cuda:1".
        batch: Images at once.
        rounds: How often each design is visited.
        progress: As in `measure`.
        given: As in `match`.

    Returns:
        One design for each combination of the given values. Each carries all its `candidates` as
        `Timing`s, the reference's first.

    Raises:
        UserError: As in `match`; or there are more than `MOST_MEASURED` designs to measure.
    """
    reference = as_blueprint(reference)
    starts = networks_to_solve(reference, solve, given)
    if solve == "depths":
        raise UserError(
            "depths cannot be solved by measured time; use solve='bottleneck_width', 'cardinality'"
            " or 'width'."
        )
    multiple = whole(multiple_of, "multiple_of")
    if tolerance is not None:
        tolerance = parse_share(tolerance, "tolerance")
    if budget is not None:
        Budget(by, budget)  # refused before anything is measured
    designs = []
    for _, start in starts:
        step = lcm(multiple, start.unit(solve) if isinstance(start, Architecture) else 1)
        options: dict[str, Any] = {"device": device, "rounds": rounds, "progress": progress}

        def case(architecture: Blueprint) -> Case:
            return Case(architecture, batch=batch, mode=STEPS[by])

        flops = cost(reference, "flops")
        if budget is not None:
            # A rough guess of the FLOPs that the time allows; the bracket below corrects it.
            (first,) = measure([case(reference)], **options)
            flops = max(1, round(flops * budget / first.seconds))
        low, high = BRACKET
        measured: dict[int, Timing] = {}
        while True:
            ends = [_solved(start, solve, flops * share, step) for share in (low, high)]
            new = [value for value in range(ends[0], ends[1] + 1, step) if value not in measured]
            if len(new) + len(measured) > MOST_MEASURED:
                raise UserError(
                    f"from {LABELS.get(solve, solve)} = {ends[0]:,} to {ends[1]:,} there are more"
                    f" than {MOST_MEASURED} designs to measure; take fewer of them with multiple_of"
                    " (--multiple-of), for example 8."
                )
            own, *timings = measure(
                [case(reference), *(case(start.with_(**{solve: value})) for value in new)],
                **options,
            )
            measured |= dict(zip(new, timings, strict=True))
            target = own.seconds if budget is None else budget
            closest = min(sorted(measured), key=lambda value: abs(measured[value].seconds - target))
            # If the nearest is at an end of the bracket, a nearer one may lie outside.
            if (
                closest == ends[0]
                and closest > step
                and measured[closest].seconds > target
                and low > LOWEST
            ):
                low /= 2
            elif closest == ends[1] and measured[closest].seconds < target and high < HIGHEST:
                high *= 1.5
            else:
                break
        design = Design(
            start.with_(**{solve: closest}),
            Budget(by, target),
            reference.name if budget is None else "",
            measured=measured[closest].seconds,
        )
        designs.append(
            replace(design, candidates=(own, *(measured[value] for value in sorted(measured))))
        )
    missed = beyond(designs, tolerance)
    if missed:
        names = ", ".join(f"{design.name} ({100 * design.mismatch:+.1f} %)" for design in missed)
        raise UserError(
            f"no measured design is within the tolerance; the nearest in {by}: {names}. Allow a"
            " larger tolerance."
        )
    return Designs(designs)


def _solved(start: Blueprint, solve: str, flops: float, step: int) -> int:
    """The quantity at which `start` costs about so many FLOPs.

    It is the smallest allowed where the rest of the network costs more.
    """
    try:
        (design,) = match(start, solve=solve, budget=max(1, round(flops)), multiple_of=step)
    except ImpossibleBudget:
        return step
    return int(design.architecture.quantities[solve])
