"""Budgets in measured time: the design whose latency, or training step, comes nearest to the reference's on this device.

Time is not monotone in d (a kernel likes some channel counts better than others), so nothing is solved: designs in a bracket
of FLOPs are all measured, interleaved with the reference, and the nearest wins.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from explorer.architecture import Architecture, whole
from explorer.budget import Budget, Design, check_solve, combinations, cost, nearest
from explorer.errors import UserError
from explorer.measuring import Case, Timing, measure

MODES = {"latency": "inference", "train_step": "train_step"}
# At equal FLOPs more paths take up to 1.5 times as long, so a design of equal time may need far fewer FLOPs.
BRACKET = (0.6, 1.2)


def match_time(
    reference: Architecture,
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
    """`match` by measured seconds of one step with `batch` images: the budget is the reference's own time, or `budget` seconds.

    Every design carries all `candidates` that were measured (as `Timing`s, the reference's own first). Raises `UserError`
    as `match` does.
    """
    check_solve(reference, solve, given)
    if solve == "depths":
        raise UserError(
            "depths cannot be solved by measured time; use solve='bottleneck_width', 'cardinality' or 'width'."
        )
    step = whole(multiple_of, "multiple_of")
    designs = []
    for values in combinations(given):
        start = reference.with_(**values)
        options: dict[str, Any] = {"device": device, "rounds": rounds, "progress": progress}

        def case(architecture: Architecture) -> Case:
            return Case(architecture, batch=batch, mode=MODES[by])

        flops = cost(reference, "flops")
        if budget is not None:  # a rough guess of the FLOPs that the time allows; the bracket below corrects it
            (first,) = measure([case(reference)], **options)
            flops = max(1, round(flops * budget / first.seconds))
        low, high = BRACKET
        measured: dict[int, Timing] = {}
        while True:
            ends = [
                getattr(
                    nearest(start, solve=solve, budget=max(1, round(flops * share)), multiple_of=step)[
                        0
                    ].architecture.template,
                    solve,
                )
                for share in (low, high)
            ]
            new = [value for value in range(ends[0], ends[1] + 1, step) if value not in measured]
            own, *timings = measure(
                [case(reference), *(case(start.with_(**{solve: value})) for value in new)], **options
            )
            measured |= dict(zip(new, timings, strict=True))
            target = own.seconds if budget is None else budget
            found = min(sorted(measured), key=lambda value: abs(measured[value].seconds - target))
            # The nearest at the rim of the bracket says that a nearer one may lie outside.
            if found == ends[0] and found > step and measured[found].seconds > target and low > 0.05:
                low /= 2
            elif found == ends[1] and measured[found].seconds < target and high < 8:
                high *= 1.5
            else:
                break
        design = Design(
            start.with_(**{solve: found}),
            Budget(by, target),
            reference.name if budget is None else "",
            measured=measured[found].seconds,
        )
        designs.append(replace(design, candidates=(own, *(measured[value] for value in sorted(measured)))))
    missed = [design for design in designs if tolerance is not None and abs(design.mismatch) > tolerance]
    if missed:
        names = ", ".join(f"{design.name} ({100 * design.mismatch:+.1f} %)" for design in missed)
        raise UserError(
            f"no measured design is within the tolerance of {by}; the nearest: {names}. Allow a larger one."
        )
    return designs
