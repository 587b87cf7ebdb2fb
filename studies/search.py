"""Searches: which designs are tried on the first seed, and which of them, the finalists, are trained on all seeds.

A search tries `trials` different designs of its space. The reference arm is always one of them, the first; the method proposes the
others (`proposing`). When all have ended, the best `finalists` and the reference are trained on the other seeds: the winner of
one seed is often the luckiest. All this is a pure function of what is stored, so every worker comes to the same pairs.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator, model_validator

from explorer.budget import MEASURES
from explorer.errors import UserError, unknown
from explorer.parsing import parse_number
from studies.agenda import Agenda
from studies.attempt import Attempt, statuses
from studies.pair import Pair
from studies.schema import PROPOSAL, RESULT

if TYPE_CHECKING:
    from explorer import Design
    from search_spaces import SearchSpace
    from search_spaces.bound import BoundSpace
    from studies.recipe import Recipe

METHODS = ("random", "tpe", "nsga2")
ERROR, LATENCY = "validation_error", "latency"
# What a design costs, known before it is trained; `block` is not defined for every design.
COSTS = tuple(measure for measure in MEASURES if measure != "block")
OBJECTIVES = (ERROR, *COSTS, LATENCY)
PRUNERS = {"median": ("startup_trials", "warm_up_epochs"), "successive_halving": ("first_epoch", "reduction")}
# What an attempt tells beside its claim that decides what a search wants.
TOLD = (PROPOSAL, RESULT)
_ENDED = ("complete", "failed", "pruned")
Whole = Annotated[StrictInt, Field(ge=1, le=100_000)]


class Strict(BaseModel):
    """A part of a study file: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Pruning(Strict):
    """When a trial of a search is given up before its last epoch, by its validation error.

    `median`: its best so far is worse than the median of the completed trials at this epoch, once `startup_trials` are complete
    and from epoch `warm_up_epochs` + 1 on. `successive_halving`: at epochs `first_epoch`, `first_epoch * reduction`, ... only the best of
    every `reduction` that came so far go on.
    """

    method: str
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
            others = {key for keys in PRUNERS.values() for key in keys} - set(PRUNERS[given["method"]])
            for key in others & set(given):
                if given[key] != cls.model_fields[key].default:
                    raise UserError(
                        f"{given['method']} has no {key}; it takes {' and '.join(PRUNERS[given['method']])}"
                    )
        return given

    def check(self, trials: int, epochs: int) -> None:
        """Raise `UserError` where this could never prune anything."""
        # At the last epoch there is nothing left to save.
        if self.method == "median":
            if self.warm_up_epochs >= epochs - 1:
                raise UserError(
                    f"median pruning after {self.warm_up_epochs} warm_up_epochs cannot prune in {epochs} epochs; "
                    f"it needs at least {self.warm_up_epochs + 2} epochs, or fewer warm_up_epochs"
                )
            if self.startup_trials >= trials:
                raise UserError(
                    f"median pruning waits for {self.startup_trials} startup_trials, but the search has only {trials}; "
                    "give fewer startup_trials or more trials"
                )
        elif self.first_epoch >= epochs:
            raise UserError(
                f"successive halving decides first at epoch {self.first_epoch}, but a training has only {epochs} epochs; "
                f"give a first_epoch below {epochs}"
            )


class Search(Strict):
    """How designs are chosen: `method`, how many `trials`, and what is best.

    `objectives`: the validation error, alone or with one of flops, params, activations, latency (measured, seconds); all are
    minimised, two give a Pareto front. `constraints`: the most a design may cost, by measure; what costs more is never proposed.
    """

    method: str
    trials: Whole
    finalists: Whole = 3
    objectives: Annotated[list[str], Field(min_length=1, max_length=2)] = [ERROR]
    constraints: dict[str, float] = {}
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
            raise UserError(f"{ERROR} is listed twice; the second objective is one of {', '.join(OBJECTIVES[1:])}")
        return objectives

    @field_validator("constraints", mode="before")
    @classmethod
    def _numbers(cls, constraints: Any) -> Any:
        if not isinstance(constraints, dict):
            return constraints
        for measure in constraints:
            if measure not in COSTS:
                raise unknown("cost to constrain", str(measure), COSTS)
        return {key: parse_number(value) if isinstance(value, str) else value for key, value in constraints.items()}

    @model_validator(mode="after")
    def _consistent(self) -> "Search":
        if self.finalists > self.trials:
            raise UserError(f"{self.finalists} finalists cannot come out of {self.trials} trials")
        if self.prune and len(self.objectives) > 1:
            raise UserError(
                f"prune: pruning judges one curve, but the search has two objectives ({', '.join(self.objectives)}); "
                "take one of the two out"
            )
        return self

    def check(self, space: "SearchSpace", recipe: "Recipe") -> None:
        """Raise `UserError` where the search does not go with the rest of its study."""
        matched = space.match.by if space.match else space.scale.by if space.scale else None
        if matched in self.objectives:
            raise UserError(
                f"search.objectives: every design of the space {space.name} has the same {matched}, so it is no objective; "
                f"take another of {', '.join(OBJECTIVES[1:])}, or a free space"
            )
        if self.prune:
            self.prune.check(self.trials, recipe.epochs)

    def allows(self, design: "Design") -> bool:
        """Whether a design is within the constraints."""
        return all(getattr(design.complexity, measure) <= most for measure, most in self.constraints.items())

    def values(self, record: Mapping[str, Any], result: Mapping[str, Any]) -> list[float]:
        """A trained design's objectives. The error is an attempt's result, costs are the design's."""
        return [float(result[name] if name in result else record[name]) for name in self.objectives]


def shuffled(bound: "BoundSpace", search: Search) -> Iterator["Design"]:
    """The space's different designs within the constraints, in an order that the search's seed decides: those at first that random
    search tries."""
    from explorer import Design

    arms = list(bound.space.points)
    random.Random(search.seed).shuffle(arms)
    seen: set[str] = set()
    for arm in arms:
        found = bound.at({"arm": arm})
        if isinstance(found, Design) and found.name not in seen and search.allows(found):
            seen.add(found.name)
            yield found


def tried(content: Mapping[str, Any], attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """The records of the designs that a stored search tries, in order: those it was stored with, then what was proposed.

    A proposal counts even if it was withdrawn: so what is among the first `trials` never changes by what comes later.
    """
    records = {record["name"]: record for record in content["designs"]}
    for attempt in attempts:
        if PROPOSAL in attempt.told:
            records.setdefault(attempt.pair.design, attempt.told[PROPOSAL])
    return list(records.values())[: content["trials"]]


def agenda(content: Mapping[str, Any], attempts: Sequence[Attempt], retried_from: int) -> Agenda:
    """What a stored search wants, seen what has been attempted."""
    search = Search.model_validate(content["document"]["search"])
    seeds = content["document"]["seeds"]
    records = tried(content, attempts)
    first = [Pair(record["name"], seeds[0]) for record in records]
    stand = statuses(first, attempts, retried_from)
    unproposed = content["trials"] - len(records)
    # What an earlier, smaller search trained on later seeds stays part of the study.
    names = {record["name"] for record in records}
    kept = [a.pair for a in attempts if a.ended == "complete" and a.pair.seed in seeds[1:] and a.pair.design in names]
    if unproposed or not all(stands in _ENDED for stands in stand.values()):
        # One more than the finalists: the reference.
        to_come = (min(search.finalists, content["trials"] - 1) + 1) * (len(seeds) - 1)
        unnamed = max(0, to_come - len(kept))
        return Agenda([*first, *kept], unproposed=unproposed, to_come=unproposed + unnamed)
    complete = [record for record in records if stand[Pair(record["name"], seeds[0])] == "complete"]
    results = {
        attempt.pair.design: attempt.told[RESULT]
        for attempt in attempts
        if attempt.ended == "complete" and attempt.pair.seed == seeds[0]
    }
    chosen = finalists(search, complete, results, content["designs"][0]["name"])
    later = [Pair(name, seed) for seed in seeds[1:] for name in chosen]
    return Agenda([*first, *dict.fromkeys([*later, *kept])])


def finalists(
    search: Search, records: Sequence[Mapping[str, Any]], results: Mapping[str, Mapping[str, Any]], reference: str
) -> list[str]:
    """The names of the designs to train on all seeds: of the trained ones the reference and the best others.

    Best is the smallest validation error, of equal ones the cheapest. With two objectives, members of the Pareto front, evenly
    along it where it has more than are asked for.
    """
    order = {record["name"]: place for place, record in enumerate(records)}
    values = {record["name"]: search.values(record, results[record["name"]]) for record in records}
    flops = {record["name"]: record["flops"] for record in records}
    ranked = sorted(order, key=lambda name: (*values[name], flops[name], order[name]))
    best = ranked
    if len(search.objectives) > 1:
        # Along the front, where the error grows, the cost falls.
        best, least = [], float("inf")
        for name in ranked:
            if values[name][1] < least:
                best.append(name)
                least = values[name][1]
    best = [name for name in best if name != reference]
    if len(search.objectives) > 1 and len(best) > search.finalists > 1:
        step = (len(best) - 1) / (search.finalists - 1)
        best = [best[round(place * step)] for place in range(search.finalists)]
    return [*([reference] if reference in order else []), *best[: search.finalists]]
