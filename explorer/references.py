"""References for a budget: networks of which every arm of a comparison can be matched.

A whole family (`explorer.family`) is counted, with arrays.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from explorer.architecture import Architecture
from explorer.budget import (
    check_measure,
    check_quantity,
    check_solve,
    combinations,
    match,
    solve_quantity,
)
from explorer.calls import written_as
from explorer.designs import LABELS, WHOLE_MEASURES, Budget, Design, Designs, cost
from explorer.errors import UserError, check_known
from explorer.family import LARGEST_WIDTH, TEMPLATE, references, usual_classes
from explorer.lazy import load
from explorer.numbers import as_number, parse_share
from explorer.template import SIZES, set_whole, whole
from explorer.text import counted, human_flops, human_percent

SUGGESTED = 10
MOST_ARMS = 1000  # of which each takes some 10 ms
TOLERANCE = 0.02


@dataclass(frozen=True)
class Question:
    """What is compared, and at which cost.

    Attributes:
        budget: The most that a reference may cost.
        points: The quantities that each arm sets; the reference has those of the first.
        solve: The quantity that is solved in every arm.
        multiple_of: Only multiples of this number are taken for `solve`.
    """

    budget: Budget
    points: Sequence[Mapping[str, Any]]
    solve: str = "bottleneck_width"
    multiple_of: int = 1

    def __post_init__(self) -> None:
        check_known("measure of a budget", self.budget.by, WHOLE_MEASURES)
        if self.solve == "depths":
            raise UserError(
                "a budget leads to a reference where d, the width or the cardinality is solved;"
                " give depths as an axis, or name a reference."
            )
        set_whole(self, "multiple_of", "multiple_of")
        if len(self.points) > MOST_ARMS:
            raise UserError(
                f"a budget leads to a reference for at most {MOST_ARMS:,} arms, and these are"
                f" {len(self.points):,}; give fewer values, or name a reference."
            )

    def check(self, reference: Architecture) -> None:
        """Raise `UserError` where the arms do not go with what is solved."""
        for point in self.points:
            check_quantity(self.solve, point)
            start = reference.with_(**point)
            check_solve(start, self.solve)
            check_measure(start, self.solve, self.budget.by)


@dataclass(frozen=True, repr=False)
class Suggestion:
    """A reference, and how closely its arms meet its cost.

    Attributes:
        reference: The network.
        question: What it answers.
        worst: The largest mismatch of an arm with the reference, a fraction.
    """

    reference: Architecture
    question: Question
    worst: float

    def __repr__(self) -> str:
        spent = human_flops(cost(self.reference, self.budget.by))
        below = human_percent(self.below)
        return (
            f"<Suggestion {self.name!r}, {self.budget.by}: {spent}, {below} below the budget,"
            f" worst mismatch of {counted(len(self.question.points), 'arm')}:"
            f" {human_percent(self.worst)}>"
        )

    def _repr_html_(self) -> str:
        """What a notebook shows."""
        html: str = load("explorer.showing").of_suggestion(self)
        return html

    @property
    def name(self) -> str:
        """The reference's name."""
        return self.reference.name

    @property
    def budget(self) -> Budget:
        """What it may cost."""
        return self.question.budget

    @property
    def below(self) -> float:
        """How far the reference's cost is below the budget, a fraction of it."""
        return 1 - cost(self.reference, self.budget.by) / self.budget.value

    @cached_property
    def arms(self) -> list[Design]:
        """The designs that cost what the reference costs, one for each point."""
        asked = self.question
        options: dict[str, Any] = {
            "solve": asked.solve,
            "by": asked.budget.by,
            "budget": cost(self.reference, asked.budget.by),
            "multiple_of": asked.multiple_of,
        }
        designs = [match(self.reference.with_(**point), **options)[0] for point in asked.points]
        return Designs(replace(design, reference=self.name) for design in designs)

    def record(self) -> dict[str, Any]:
        """The suggestion as plain data, as `suggest --json` prints it."""
        own = Design(self.reference, self.budget).record()
        return {
            **{key: value for key, value in own.items() if key not in ("reference", "mismatch")},
            "stem": vars(self.reference.stem),
            **{key: getattr(self.reference, key) for key in SIZES},
            "below": self.below,
            "worst_mismatch": self.worst,
            "arms": [design.record() for design in self.arms],
        }


class RankedSuggestions(list[Suggestion]):
    """A list of suggestions, which a notebook shows as a table."""

    def _repr_html_(self) -> str:
        html: str = load("explorer.showing").of_suggestions(self)
        return html


@dataclass(frozen=True)
class Suggestions:
    """The references that fit a budget, best first.

    Attributes:
        best: The first ones.
        number: How many fit in all.
    """

    best: list[Suggestion]
    number: int


@written_as('suggest("5M", resolution=32, cardinality=[1, 2, 4])')
def suggest(
    budget: float | str,
    *,
    resolution: int,
    by: str = "flops",
    solve: str = "bottleneck_width",
    tolerance: float | None = TOLERANCE,
    multiple_of: int = 1,
    classes: int | None = None,
    in_channels: int = 3,
    top: int = SUGGESTED,
    **axes: Any,
) -> list[Suggestion]:
    """References at or under a budget, with arms that all cost the same, best first.

    `suggest("5M", resolution=32, cardinality=[1, 2, 4, 8])` gives networks of C=1 that cost at most
    5 million FLOPs, and of which C=2, 4 and 8 cost as much.

    Best is where the larger of two shares is smallest: how far the reference is below the budget,
    and the largest mismatch of an arm; of equals, the nearest to the budget. See `explorer.family`.

    Args:
        budget: The most a reference may cost, a number or a text such as "5M".
        resolution: Side of the square input, in pixels.
        by: What the budget is in: one of `WHOLE_MEASURES`.
        solve: The quantity that is solved in every arm; not `depths`.
        tolerance: The largest share of both kinds that is allowed; None allows any.
        multiple_of: Only multiples of this number are taken for the quantity that is solved.
        classes: Outputs of the classifier; by default 10 up to a resolution of 64, else 1000.
        in_channels: Channels of the input.
        top: How many are returned at most.
        axes: One value or several of the other quantities, or of a choice (`kind`, `growth`,
            `shortcut`, `order`): an arm for each combination. The reference has the first values.

    Raises:
        UserError: No reference fits; the message says which is the nearest. Or an argument is no
            number or not known.
    """
    target = Budget(by, as_number(budget, "a budget"))
    question = Question(target, list(combinations(axes)), solve, multiple_of)
    return suggest_for(
        question,
        resolution=resolution,
        classes=classes,
        in_channels=in_channels,
        tolerance=tolerance,
        top=top,
    ).best


def suggest_for(
    question: Question,
    *,
    resolution: int,
    classes: int | None = None,
    in_channels: int | None = None,
    tolerance: float | None = TOLERANCE,
    top: int = SUGGESTED,
) -> Suggestions:
    """`suggest` for points that are no grid of axes."""
    resolution = whole(resolution, "resolution")
    if tolerance is not None:
        tolerance = parse_share(tolerance, "tolerance")
    family = list(
        references(
            question.points[0],
            solve=question.solve,
            multiple_of=question.multiple_of,
            resolution=resolution,
            classes=usual_classes(resolution) if classes is None else classes,
            in_channels=3 if in_channels is None else in_channels,
        )
    )
    if not family:
        raise UserError(
            f"no reference with {dict(question.points[0])} is offered: the widest have"
            f" {LARGEST_WIDTH} channels. Give a width, or other values."
        )
    question.check(_member(family[0], 0))
    groups = list(_count(family, question, 1.0 if tolerance is None else tolerance))
    chosen = _best(groups, question.budget, tolerance)
    if not chosen:
        raise _nothing_fits(family, question, tolerance)
    return Suggestions(
        RankedSuggestions(
            Suggestion(_member(groups[group].batch, row), question, float(groups[group].worst[row]))
            for group, row in chosen[: whole(top, "top")]
        ),
        len(chosen),
    )


@dataclass(frozen=True)
class _Counted:
    """Some references, as a batch; what each costs, and the largest mismatch of its arms."""

    batch: Architecture
    spent: Any
    worst: Any


def _count(family: Iterable[Architecture], question: Question, window: float) -> Iterator[_Counted]:
    """The references that cost at most the budget, and not less than it by more than `window`."""
    by, most = question.budget.by, question.budget.value
    for batch in family:
        spent: Any = cost(batch, by)
        chosen = (spent <= most) & (spent >= (1 - window) * most)
        if not chosen.any():
            continue
        few, spent = _members(batch, chosen), spent[chosen]
        worst = np.zeros(len(spent))
        for number, point in enumerate(question.points):
            start = few.with_(**point)
            solution, fixed = solve_quantity(
                start, question.solve, Budget(by, spent), question.multiple_of
            )
            off = abs(cost(start.with_(**{question.solve: solution}), by) - spent) / spent
            # Another arm of the reference's own values would be the same network twice.
            twice = _has_values(few, point) if number else False
            possible = (fixed < spent) & np.logical_not(twice)
            worst = np.maximum(worst, np.where(possible, off, np.inf))
        yield _Counted(few, spent, worst)


def _has_values(batch: Architecture, point: Mapping[str, Any]) -> Any:
    """Which networks of a batch have the values of a point already."""
    own = batch.settings
    same = np.ones(np.shape(batch.template.width), bool)
    for key, value in point.items():
        if key == "depths":
            same &= len(own[key]) == len(value)
            for blocks, asked in zip(own[key], value, strict=False):
                same &= blocks == asked
        else:
            same &= own[key] == value
    return same


def _best(
    groups: Sequence[_Counted], budget: Budget, tolerance: float | None
) -> list[tuple[int, int]]:
    """The group and row of every reference within the tolerance, best first."""
    if not groups:
        return []
    group = np.concatenate([np.full(len(each.spent), n) for n, each in enumerate(groups)])
    row = np.concatenate([np.arange(len(each.spent)) for each in groups])
    below = 1 - np.concatenate([each.spent for each in groups]) / budget.value
    off = np.maximum(below, np.concatenate([each.worst for each in groups]))
    order = np.lexsort((below, off))
    fits = order[off[order] <= (np.finfo(float).max if tolerance is None else tolerance)]
    return list(zip(group[fits].tolist(), row[fits].tolist(), strict=True))


def _members(batch: Architecture, chosen: Any) -> Architecture:
    """Those networks of a batch that a mask chooses."""
    template = {key: getattr(batch.template, key)[chosen] for key in TEMPLATE}
    depths: Any = batch.depths
    return batch.with_(**template, depths=tuple(blocks[chosen] for blocks in depths))


def _member(batch: Architecture, row: int) -> Architecture:
    """One network of a batch."""
    template = {key: int(getattr(batch.template, key)[row]) for key in TEMPLATE}
    depths: Any = batch.depths
    return batch.with_(**template, depths=tuple(int(blocks[row]) for blocks in depths))


def _nothing_fits(
    family: Sequence[Architecture], question: Question, tolerance: float | None
) -> UserError:
    """The error where no reference fits: it names the nearest."""
    budget, side = question.budget, family[0].resolution
    asked = f"{human_flops(budget.value)} {budget.by} at {side}x{side}"
    groups = list(_count(family, question, 1.0))
    if not groups:
        costs: list[Any] = [cost(batch, budget.by) for batch in family]
        of = min(range(len(family)), key=lambda n: costs[n].min())
        smallest, spent = _member(family[of], costs[of].argmin()), human_flops(costs[of].min())
        return UserError(
            f"no reference costs at most {asked}: the smallest, {smallest.name}, costs {spent}.",
            "Give a larger budget or a lower resolution.",
        )
    nearest = _best(groups, budget, None)
    if not nearest:
        return UserError(
            f"no reference of at most {asked} leaves anything for {LABELS[question.solve]} in every"
            " arm: the rest of an arm costs more.",
            "Give other arms, or solve another quantity.",
        )
    group, row = nearest[0]
    network, worst = _member(groups[group].batch, row), float(groups[group].worst[row])
    below = 1 - float(groups[group].spent[row]) / budget.value
    needed = math.ceil(1000 * max(below, worst)) / 10
    return UserError(
        f"no reference of at most {asked} fits within {100 * (tolerance or 0):.3g} %: the nearest,"
        f" {network.name}, is {human_percent(below)} below it, and its arms are up to"
        f" {human_percent(worst)} off.",
        f"Allow a tolerance of {needed:g}%, or give other arms.",
    )
