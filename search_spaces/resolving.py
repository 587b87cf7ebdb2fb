"""A search space for one kind of input: the designs of its points, and the points left out."""

import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from operator import index
from typing import Any

from explorer.architecture import Architecture
from explorer.blueprints import Blueprint, blueprint
from explorer.budget import describe_miss, match, scale
from explorer.designs import Budget, Design, Designs, ImpossibleBudget, cost
from explorer.errors import UserError
from explorer.text import counted, human_count, human_percent
from search_spaces.space import REFERENCE_ARM, SpaceFile, scaled_quantity

# Some eighty references are tried, each at every arm: beyond so many arms that takes longer than
# anyone waits.
MOST_ARMS_TO_PROPOSE = 200


@dataclass(frozen=True)
class LeftOut:
    """A point of the space without a design, and why.

    No whole number solves it within the tolerance, or it costs too much.
    """

    arm: str
    reason: str


@dataclass(frozen=True, repr=False)
class Resolved:
    """The designs of a space for one kind of input, and the points left out, in file order."""

    designs: list[Design]
    left_out: list[LeftOut]

    def __repr__(self) -> str:
        left_out = f", {counted(len(self.left_out), 'point')} left out" if self.left_out else ""
        return f"<Resolved: {counted(len(self.designs), 'design')}{left_out}>"


@dataclass(frozen=True)
class Proposal:
    """A nearby reference at which the space's points are matched more closely.

    Attributes:
        reference: The name of the network.
        cost_ratio: Its cost, as a multiple of the space's own reference.
        worst: The largest mismatch over all points, a fraction.
        left_out: The number of points without a design.
    """

    reference: str
    cost_ratio: float
    worst: float
    left_out: int


class BoundSpace:
    """A space and its input: the axes that a search chooses from, and the design of each choice."""

    def __init__(self, space: SpaceFile, given: Mapping[str, int | None]) -> None:
        self.space = space
        self._given: dict[str, Any] = dict(given)

    def __repr__(self) -> str:
        known = ((key, size) for key, size in self._given.items() if size is not None)
        given = "".join(f", {key}={size}" for key, size in known)
        return f"<BoundSpace {self.space.name!r}{given}>"

    @cached_property
    def axes(self) -> dict[str, list[Any]]:
        """The values to choose from along each axis.

        Where the points are not one single grid, the only axis is the arm.
        """
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
        """All designs, and the points left out; raises `UserError` where there is no design."""
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
        return Resolved(Designs(designs), left_out)

    def sample(self, number: int, seed: int = 0) -> list[Design]:
        """Different designs drawn at random, each point with the same chance.

        There are fewer than `number` where the space holds fewer.
        """
        arms = list(self.space.points)
        random.Random(index(seed)).shuffle(arms)
        drawn: list[Design] = []
        for arm in arms:
            if len(drawn) == number:
                break
            outcome = self._design(arm, self.space.points[arm])
            if isinstance(outcome, Design):
                drawn.append(outcome)
        return Designs(drawn)

    def _reference(self, name: str) -> Blueprint:
        if self.space.budget is None:
            return blueprint(name, **self._given)
        return self._within_budget

    @cached_property
    def _within_budget(self) -> Blueprint:
        """The reference that the budget leads to, or the given one, if it is within the budget."""
        from explorer.family import usual_classes
        from explorer.references import suggest_for

        space, sizes = self.space, dict(self._given)
        assert space.budget is not None
        assert space.match is not None
        if sizes["resolution"] is None:
            raise UserError(
                f"what the reference of the space {space.name} may cost depends on the input: give"
                " its side, --resolution (resolution=), or in the file resolution: 32."
            )
        if sizes["classes"] is None:
            sizes["classes"] = usual_classes(sizes["resolution"])
        if space.question is not None:
            try:
                suggested = suggest_for(
                    space.question, tolerance=space.match.tolerance, top=1, **sizes
                )
            except UserError as error:
                problem = f"the space {space.name}: {error.problem}"
                raise UserError(problem, error.advice) from None
            return suggested.best[0].reference
        budget, reference = space.budget.budget, blueprint(str(space.reference), **sizes)
        if (spent := cost(reference, budget.by)) > budget.value:
            raise UserError(
                f"the reference {space.reference} costs {human_count(spent)} {budget.by}, more than"
                f" the budget of {human_count(budget.value)}; take out one of the two."
            )
        return reference

    def _design(
        self, arm: str, point: Mapping[str, Any], reference: Blueprint | None = None
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

    def _matched(self, arm: str, reference: Blueprint, values: dict[str, Any]) -> Design | LeftOut:
        rule = self.space.match
        assert rule is not None
        options = dict(rule) | {"tolerance": None}
        if "depth_policy" in values:
            options["depth_policy"] = values.pop("depth_policy")
        given: dict[str, Any] = {key: [value] for key, value in values.items()}
        (design,) = match(reference, **options, **given)
        return _within(rule.tolerance, replace(design, arm=arm), rule.solve, given)

    def _scaled(self, arm: str, kind: str, reference: Blueprint) -> Design | LeftOut:
        rule = self.space.scale
        assert rule is not None
        if kind == REFERENCE_ARM:
            return Design(reference, Budget.of(reference, rule.by), reference.name, arm)
        assert isinstance(reference, Architecture)  # a file is refused otherwise
        solve = scaled_quantity(kind, reference)
        (design,) = scale(
            reference,
            rule.factor,
            solve=[solve],
            by=rule.by,
            depth_policy=rule.depth_policy,
            multiple_of=rule.multiple_of,
        )
        return _within(rule.tolerance, replace(design, arm=arm), solve, ())

    def _free(self, arm: str, reference: Blueprint, values: dict[str, Any]) -> Design | LeftOut:
        rule = self.space.free
        assert rule is not None
        architecture = reference.with_(**values)
        architecture.check_heeded(reference)
        for measure, limit in rule.limits.items():
            spent = cost(architecture, measure)
            if spent > limit:
                return LeftOut(
                    arm, f"{human_count(spent)} {measure} are more than {human_count(limit)}"
                )
        budget = Budget.of(reference, "flops")
        return Design(architecture, budget, reference.name, arm, is_solved=False)

    def propose(self) -> Proposal | None:
        """A nearby reference at which the points of a match space are matched more closely.

        It tries the reference's d and width up to a quarter away. Of the references at which
        nothing is left out and all is within the tolerance it takes the nearest in cost, else the
        one with the fewest points left out and the smallest worst mismatch.

        Returns:
            None where no reference is better, for other kinds of space, for those with a budget,
            and for more than `MOST_ARMS_TO_PROPOSE` arms.
        """
        rule = self.space.match
        arms = len(self.space.points)
        if rule is None or len(self.space.references) > 1 or arms > MOST_ARMS_TO_PROPOSE:
            return None
        if self.space.budget is not None:  # which has led to the best one
            return None
        own = self._reference(self.space.references[0])
        if not isinstance(own, Architecture) or own.template.bottleneck_width is None:
            return None
        spent = cost(own, rule.by)
        d, width = own.template.bottleneck_width, own.template.width
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
        complete = [each for each in tried if each.left_out == 0 and each.worst <= tolerance]
        if complete:
            best = min(complete, key=lambda each: (abs(each.cost_ratio - 1), each.worst))
        else:
            best = min(tried, key=lambda each: (each.left_out, each.worst))
        return best if (best.left_out, best.worst) < (before.left_out, before.worst) else None

    def _closeness(self, reference: Blueprint, cost_ratio: float) -> Proposal:
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


def _within(
    tolerance: float | None, design: Design, solve: str, given: Iterable[str]
) -> Design | LeftOut:
    """The design, unless its mismatch is above the tolerance."""
    if tolerance is None or abs(design.mismatch) <= tolerance:
        return design
    miss = describe_miss(design, solve, given)
    return LeftOut(design.arm, f"{miss} is off by more than {human_percent(tolerance)}")
