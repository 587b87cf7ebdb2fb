"""A plan's designs as rows of a table, for a terminal and for a notebook."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from explorer.showing import paragraph, table
from explorer.text import human_count, human_flops, human_mismatch, human_time

if TYPE_CHECKING:
    from studies.running.plan import Plan


def plan_table(plan: "Plan") -> tuple[list[str], list[list[Any]]]:
    """Headings, and a row a design, with the time of one trial where something is left to train."""
    trials = Counter(pair.design for pair in plan.pairs)
    times = {f"time a trial ({recipe.name})": recipe.trial_seconds for recipe in plan.recipes}
    times = times or {"time a trial": plan.trial_seconds}
    times = times if plan.left else {}  # else nothing was measured
    rows = [
        [
            design.arm,
            design.name,
            human_flops(design.complexity.flops),
            human_count(design.complexity.params),
            human_mismatch(design.mismatch, is_solved=design.is_solved),
            trials[design.name],
            *map(human_time, seconds),
        ]
        for design, *seconds in zip(plan.designs, *times.values(), strict=True)
    ]
    return ["arm", "design", "FLOPs", "params", "mismatch", "trials", *times], rows


def of_plan(plan: "Plan") -> str:
    """What a notebook shows: what is trained and how long that takes, the table, and what to know
    beforehand."""
    notes = [f"Left out: {point.arm}: {point.reason}" for point in plan.left_out] + plan.notes
    return (
        paragraph(f"{plan.study}: {plan.summary}")
        + table(*plan_table(plan), left=["design"])
        + "".join(map(paragraph, notes))
    )
