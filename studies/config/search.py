"""The `search` section of a study file: how designs are chosen, and when a trial is pruned."""

import random
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StrictInt, field_serializer, field_validator, model_validator

from explorer.designs import MEASURES
from explorer.errors import UserError, unknown
from explorer.numbers import parse_seconds
from search_spaces.documents import FileModel
from search_spaces.rules import Amount, words

if TYPE_CHECKING:
    from explorer import Design
    from search_spaces import SearchSpace
    from search_spaces.resolving import BoundSpace
    from studies.config.design import StoredDesign
    from studies.config.recipe import Recipe

METHODS = ("random", "tpe", "nsga2")
ERROR, LATENCY = "validation_error", "latency"
# What a design costs, known before it is trained; `block` is not defined for every design.
COSTS = tuple(measure for measure in MEASURES if measure != "block")
OBJECTIVES = (ERROR, *COSTS, LATENCY)
PRUNERS = {
    "median": ("startup_trials", "warm_up_epochs"),
    "successive_halving": ("first_epoch", "reduction"),
}
Whole = Annotated[StrictInt, Field(ge=1, le=100_000)]


class Pruning(FileModel):
    """When a trial of a search is given up before its last epoch, by its validation error.

    Attributes:
        method: `median`: its best so far is worse than the median of the completed trials at this
            epoch. `successive_halving`: at epochs `first_epoch`, `first_epoch * reduction`, ...
            only the best of every `reduction` that came so far go on.
        startup_trials: Of median: how many must be complete before one is given up.
        warm_up_epochs: Of median: none is given up up to this epoch.
        first_epoch: Of successive halving.
        reduction: Of successive halving.
    """

    method: Annotated[str, words(tuple(PRUNERS))]
    startup_trials: Whole = 5
    warm_up_epochs: Annotated[StrictInt, Field(ge=0, le=100_000)] = 1
    first_epoch: Whole = 1
    reduction: Annotated[StrictInt, Field(ge=2, le=100_000)] = 2

    @model_validator(mode="before")
    @classmethod
    def _own_keys(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = {"method": given}
        if isinstance(given, dict) and "method" in given:
            if not isinstance(given["method"], str) or given["method"] not in PRUNERS:
                raise unknown("pruning method", str(given["method"]), PRUNERS)
            others = {key for keys in PRUNERS.values() for key in keys} - set(
                PRUNERS[given["method"]]
            )
            for key in others & set(given):
                if given[key] != cls.model_fields[key].default:
                    raise UserError(
                        f"{given['method']} has no {key}; it takes"
                        f" {' and '.join(PRUNERS[given['method']])}"
                    )
        return given

    def check(self, trials: int, epochs: int) -> None:
        """Raise `UserError` where this could never prune anything."""
        # At the last epoch there is nothing left to save.
        if self.method == "median":
            if self.warm_up_epochs >= epochs - 1:
                raise UserError(
                    f"median pruning after {self.warm_up_epochs} warm_up_epochs cannot prune in"
                    f" {epochs} epochs; it needs at least {self.warm_up_epochs + 2} epochs, or"
                    " fewer warm_up_epochs"
                )
            if self.startup_trials >= trials:
                raise UserError(
                    f"median pruning waits for {self.startup_trials} startup_trials, but the search"
                    f" has only {trials}; give fewer startup_trials or more trials"
                )
        elif self.first_epoch >= epochs:
            raise UserError(
                f"successive halving decides first at epoch {self.first_epoch}, but a training has"
                f" only {epochs} epochs; give a first_epoch below {epochs}"
            )


class Search(FileModel):
    """How designs are chosen, how many are tried, and what is best.

    Attributes:
        method: Of proposing designs.
        trials: How many designs are tried.
        finalists: How many of the best get the study's other seeds, beside the reference arm.
        objectives: The validation error, alone or with one of flops, params, activations, latency
            (measured, seconds); all are minimised, two give a Pareto front.
        constraints: The most a design may cost, by measure; what costs more is never proposed. A
            latency is measured before a design is trained: one that is above its limit is not,
            unless it is the reference arm's.
        seed: Of the proposals.
        prune: When a trial is given up before its last epoch.
    """

    method: Annotated[str, words(METHODS)]
    trials: Whole
    finalists: Whole = 3
    objectives: Annotated[
        list[Annotated[str, words(OBJECTIVES)]], Field(min_length=1, max_length=2)
    ] = Field(default_factory=lambda: [ERROR])
    constraints: dict[str, Amount] = Field(default_factory=dict)
    seed: Annotated[StrictInt, Field(ge=0, lt=2**32)] = 0
    prune: Pruning | None = None

    @field_validator("method")
    @classmethod
    def _known_method(cls, method: str) -> str:
        if method not in METHODS:
            raise unknown("search", method, ("grid", *METHODS))
        return method

    @field_validator("objectives")
    @classmethod
    def _known_objectives(cls, objectives: list[str]) -> list[str]:
        for objective in objectives:
            if objective not in OBJECTIVES:
                raise unknown("objective", objective, OBJECTIVES)
        if objectives[0] != ERROR:
            raise UserError(f"the first objective is {ERROR}; a cost may come second")
        if len(set(objectives)) < len(objectives):
            raise UserError(
                f"{ERROR} is listed twice; the second objective is one of"
                f" {', '.join(OBJECTIVES[1:])}"
            )
        return objectives

    @field_validator("constraints", mode="before")
    @classmethod
    def _numbers(cls, constraints: Any) -> Any:
        if not isinstance(constraints, dict):
            return constraints
        for measure in constraints:
            if measure not in (*COSTS, LATENCY):
                raise unknown("cost to constrain", str(measure), (*COSTS, LATENCY))
        if LATENCY in constraints:
            seconds = parse_seconds(constraints[LATENCY], LATENCY)
            return {**constraints, LATENCY: seconds}
        return constraints

    @field_serializer("constraints")
    def _with_units(self, constraints: dict[str, float]) -> dict[str, float | str]:
        """As in a file, where a time needs its unit."""
        return {
            measure: f"{most!r} s" if measure == LATENCY else most
            for measure, most in constraints.items()
        }

    @model_validator(mode="after")
    def _consistent(self) -> "Search":
        if self.finalists > self.trials:
            raise UserError(f"{self.finalists} finalists cannot come out of {self.trials} trials")
        if self.prune and len(self.objectives) > 1:
            raise UserError(
                "prune: pruning judges one curve, but the search has two objectives"
                f" ({', '.join(self.objectives)}); take one of the two out"
            )
        return self

    def check(self, space: "SearchSpace", recipe: "Recipe") -> None:
        """Raise `UserError` where the search does not go with the rest of its study."""
        matched = space.match.by if space.match else space.scale.by if space.scale else None
        if matched in self.objectives:
            raise UserError(
                f"search.objectives: every design of the space {space.name} has the same {matched},"
                f" so it is no objective; take another of {', '.join(OBJECTIVES[1:])}, or a free"
                " space"
            )
        if self.prune:
            self.prune.check(self.trials, recipe.epochs)

    def allows(self, design: "Design") -> bool:
        """Whether a design is within the constraints that can be counted."""
        return all(
            getattr(design.complexity, measure) <= most
            for measure, most in self.constraints.items()
            if measure != LATENCY
        )

    @property
    def limits(self) -> list[str]:
        """The constraints as comparisons: 'latency<=2ms', 'params<=500000'."""
        return [
            f"{measure}<={f'{1000 * most:.12g}ms' if measure == LATENCY else f'{most:.12g}'}"
            for measure, most in self.constraints.items()
        ]

    @property
    def measures_latency(self) -> bool:
        """Whether the latency of every design is measured."""
        return LATENCY in self.objectives or LATENCY in self.constraints

    def values(self, design: "StoredDesign", result: Mapping[str, Any]) -> list[float]:
        """A trained design's objectives: the error from its result, costs from the design."""
        return [
            float(result[name] if name in result else getattr(design, name))
            for name in self.objectives
        ]


def shuffled(bound: "BoundSpace", search: Search) -> Iterator["Design"]:
    """The space's different designs within the constraints, in the order of random search.

    The search's seed decides it.
    """
    from explorer import Design

    arms = list(bound.space.points)
    random.Random(search.seed).shuffle(arms)
    seen: set[str] = set()
    for arm in arms:
        design = bound.at({"arm": arm})
        if isinstance(design, Design) and design.name not in seen and search.allows(design):
            seen.add(design.name)
            yield design
