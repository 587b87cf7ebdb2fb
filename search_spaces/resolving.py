"""A search space for one kind of input: its points as designs, with what is left out and why."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from explorer.architecture import Architecture
from explorer.budget import Budget, Design, ImpossibleBudget, cost, describe_miss, nearest, scale
from explorer.errors import UserError
from explorer.text import human_count, human_percent
from search_spaces.space import REFERENCE_ARM, SpaceFile, scaled_quantity

# Some eighty references are tried, each at every arm: beyond so many
# arms that takes longer than anyone waits.
MOST_ARMS_TO_PROPOSE = 200


@dataclass(frozen=True)
class LeftOut:
    """A point of the space that no whole number solves within the
    tolerance, or that costs too much, and why."""

    arm: str
    reason: str


@dataclass(frozen=True)
class Resolved:
    """All of a space for one kind of input: its designs in the order of
    the file, and the points it leaves out."""

    designs: list[Design]
    left_out: list[LeftOut]


@dataclass(frozen=True)
class Proposal:
    """A reference near the space's own at which the whole space is matched more closely."""

    reference: str
    cost_ratio: float
    worst: float  # the largest mismatch over all points, a fraction
    left_out: int


class BoundSpace:
    """A space and its input. `axes` are what a search chooses from;
    `at` turns a choice into a design."""

    def __init__(self, space: SpaceFile, given: Mapping[str, int | None]) -> None:
        self.space = space
        self._given: dict[str, Any] = dict(given)

    @cached_property
    def axes(self) -> dict[str, list[Any]]:
        """What to choose along each axis. Where the points are no single
        grid, the choice is the arm itself."""
        space = self.space
        axes = {"reference": list(space.references)} if len(space.references) > 1 else {}
        if len(space.grids) == 1:
            return {**axes, **space.grids[0].values()}
        return {"arm": list(space.points)}

    def at(self, choice: Mapping[str, Any]) -> Design | LeftOut:
        """The design of one choice along the axes, or why there is none."""
        arm = self.space.arm_label(choice)
        return self._design(arm, self.space.points[arm])

    def __iter__(self) -> Iterator[Design | LeftOut]:
        for arm, point in self.space.points.items():
            yield self._design(arm, point)

    def resolve(self) -> Resolved:
        """All designs. Raises `UserError` where nothing is left."""
        designs: list[Design] = []
        left_out: list[LeftOut] = []
        for outcome in self:
            if isinstance(outcome, Design):
                designs.append(outcome)
            else:
                left_out.append(outcome)
        if not designs:
            reasons = "; ".join(f"{point.arm}: {point.reason}" for point in left_out[:5])
            raise UserError(
                f"no design of the space {self.space.name} is within its budget. {reasons}"
            )
        return Resolved(designs, left_out)

    def sample(self, number: int, seed: int = 0) -> list[Design]:
        """Different designs drawn at random, each point as likely as any
        other; fewer where the space holds fewer."""
        arms = list(self.space.points)
        random.Random(seed).shuffle(arms)
        drawn: list[Design] = []
        for arm in arms:
            if len(drawn) == number:
                break
            outcome = self._design(arm, self.space.points[arm])
            if isinstance(outcome, Design):
                drawn.append(outcome)
        return drawn

    def _reference(self, name: str) -> Architecture:
        return Architecture.from_name(name, **self._given)

    def _design(
        self, arm: str, point: Mapping[str, Any], reference: Architecture | None = None
    ) -> Design | LeftOut:
        values = dict(point)
        named = values.pop("reference")
        reference = reference or self._reference(named)
        try:
            if self.space.scale is not None:
                return self._scaled(arm, values["arm"], reference)
            if self.space.free is not None:
                return self._free(arm, reference, values)
            return self._matched(arm, reference, values)
        except ImpossibleBudget as error:
            return LeftOut(arm, str(error))

    def _matched(
        self, arm: str, reference: Architecture, values: dict[str, Any]
    ) -> Design | LeftOut:
        rule = self.space.match
        assert rule is not None
        policy = values.pop("depth_policy", rule.depth_policy)
        # The budget is the reference's own; growth and shortcut belong to the point.
        budget = cost(reference, rule.by)
        start = reference.with_(
            **{key: values.pop(key) for key in ("growth", "shortcut") if key in values}
        )
        given: dict[str, Any] = {key: [value] for key, value in values.items()}
        (design,) = nearest(
            start,
            solve=rule.solve,
            by=rule.by,
            budget=budget,
            multiple_of=rule.multiple_of,
            depth_policy=policy,
            **given,
        )
        if rule.tolerance is not None and abs(design.mismatch) > rule.tolerance:
            miss = describe_miss(design, rule.solve, given)
            return LeftOut(arm, f"{miss} is off by more than {human_percent(rule.tolerance)}")
        return replace(design, reference=reference.name, arm=arm)

    def _scaled(self, arm: str, kind: str, reference: Architecture) -> Design | LeftOut:
        rule = self.space.scale
        assert rule is not None
        if kind == REFERENCE_ARM:
            return Design(reference, Budget.of(reference, rule.by), reference.name, arm)
        solve = scaled_quantity(kind, reference)
        (design,) = scale(
            reference,
            rule.factor,
            solve=[solve],
            by=rule.by,
            depth_policy=rule.depth_policy,
            multiple_of=rule.multiple_of,
        )
        if rule.tolerance is not None and abs(design.mismatch) > rule.tolerance:
            return LeftOut(
                arm,
                f"{describe_miss(design, solve, ())} is off by more than"
                f" {human_percent(rule.tolerance)}",
            )
        return replace(design, arm=arm)

    def _free(self, arm: str, reference: Architecture, values: dict[str, Any]) -> Design | LeftOut:
        rule = self.space.free
        assert rule is not None
        architecture = reference.with_(**values)
        for measure, limit in rule.limits.items():
            spent = cost(architecture, measure)
            if spent > limit:
                return LeftOut(
                    arm, f"{human_count(spent)} {measure} are more than {human_count(limit)}"
                )
        return Design(architecture, Budget.of(reference, "flops"), reference.name, arm)

    def propose(self) -> Proposal | None:
        """A reference of nearly the same cost at which the points of a match space are matched
        more closely, or None, as for spaces of more than `MOST_ARMS_TO_PROPOSE` arms.

        Tries the reference's d and width up to a quarter away; takes the one nearest in cost that
        leaves nothing out, else the one with the smallest worst mismatch.
        """
        rule = self.space.match
        if (
            rule is None
            or len(self.space.references) > 1
            or len(self.space.points) > MOST_ARMS_TO_PROPOSE
        ):
            return None
        own = self._reference(self.space.references[0])
        template, spent = own.template, cost(own, rule.by)
        if template.bottleneck_width is None:
            return None
        d, width = template.bottleneck_width, template.width
        step = max(1, width // 32)
        candidates = [
            own.with_(bottleneck_width=near_d, width=near_width)
            for near_d in range(max(1, d - d // 4), d + d // 4 + 1, max(1, d // 16))
            for near_width in range(max(step, width - width // 4), width + width // 4 + 1, 2 * step)
        ]
        tried = [
            self._closeness(candidate, cost(candidate, rule.by) / spent) for candidate in candidates
        ]
        before = self._closeness(own, 1.0)
        tolerance = rule.tolerance or 0.0
        complete = [
            candidate
            for candidate in tried
            if candidate.left_out == 0 and candidate.worst <= tolerance
        ]
        best = min(
            complete,
            key=lambda candidate: (abs(candidate.cost_ratio - 1), candidate.worst),
            default=None,
        )
        best = best or min(tried, key=lambda candidate: (candidate.left_out, candidate.worst))
        return best if (best.left_out, best.worst) < (before.left_out, before.worst) else None

    def _closeness(self, reference: Architecture, cost_ratio: float) -> Proposal:
        rule = self.space.match
        assert rule is not None
        worst, left_out = 0.0, 0
        for arm, point in self.space.points.items():
            outcome = self._design(arm, point, reference)
            if isinstance(outcome, Design):
                worst = max(worst, abs(outcome.mismatch))
            else:
                left_out += 1
        return Proposal(reference.name, cost_ratio, worst, left_out)
