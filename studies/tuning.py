"""Is it the arm or the learning rate? Every arm is trained with the same recipes from given ranges, and goes on with its best.

The recipes are fixed beforehand and the same for all arms: a Latin hypercube, evenly spaced in the logarithm, its ends included. Each is
trained on the first seed and judged on validation; the best is frozen for all of the arm's seeds.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, model_validator

from explorer.errors import UserError
from search_spaces.space import MOST
from studies.agenda import Agenda
from studies.attempt import Attempt, statuses
from studies.pair import Pair
from studies.schema import RECIPE, RESULT

Range = Annotated[list[Annotated[float, Field(gt=0, le=MOST)]], Field(min_length=2, max_length=2)]
# What an attempt tells beside its claim that decides what is wanted.
TOLD = (RECIPE, RESULT)
TUNED = ("learning_rate", "weight_decay")
GOLDEN = (math.sqrt(5) - 1) / 2
_ENDED = ("complete", "failed")


class Tune(BaseModel):
    """How many tuning trials an arm gets, and the range of each quantity, from the smallest to the largest."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    trials: Annotated[StrictInt, Field(ge=2, le=1_000)]
    learning_rate: Range | None = None
    weight_decay: Range | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Tune":
        if not self.ranges:
            raise UserError(f"name what to tune with its range: {' or '.join(f'{key}: [low, high]' for key in TUNED)}")
        for key, (low, high) in self.ranges.items():
            if low >= high:
                raise UserError(f"{key} goes from low to high; given: [{low:g}, {high:g}]")
        return self

    @property
    def ranges(self) -> dict[str, list[float]]:
        return {key: values for key in TUNED if (values := getattr(self, key)) is not None}

    @property
    def recipes(self) -> list[dict[str, float]]:
        """What each tuning trial changes in the recipe. Every value stands for its share of the range and is tried once."""
        places = {key: self._places(number) for number, key in enumerate(self.ranges)}
        return [
            {
                key: _between(low, high, places[key][trial] / (self.trials - 1))
                for key, (low, high) in self.ranges.items()
            }
            for trial in range(self.trials)
        ]

    def _places(self, number: int) -> list[int]:
        """The place of each trial along the range of quantity `number`; of the second, well mixed with the first."""
        if number == 0:
            return list(range(self.trials))
        order = sorted(range(self.trials), key=lambda trial: ((trial + 1) * GOLDEN) % 1)
        return [order.index(trial) for trial in range(self.trials)]


def agenda(content: Mapping[str, Any], attempts: Sequence[Attempt], retried_from: int) -> Agenda:
    """First every arm's tuning trials, then, as soon as an arm's have ended, its seeds."""
    document = content["document"]
    tune = Tune.model_validate(document["tune"])
    names = [design["name"] for design in content["designs"]]
    tuning = [pair(name, document["seeds"][0], trial) for trial in range(tune.trials) for name in names]
    stand = statuses(tuning, attempts, retried_from)
    blocked, hopeless = set(), set()
    for name in names:
        own = [stand[one] for one in tuning if one.design == name]
        pairs = {Pair(name, seed) for seed in document["seeds"]}
        if not all(stands in _ENDED for stands in own):
            blocked |= pairs
        elif "complete" not in own:
            hopeless |= pairs
    wanted = [Pair(name, seed) for seed in document["seeds"] for name in names]
    return Agenda([*tuning, *wanted], blocked=frozenset(blocked), hopeless=frozenset(hopeless))


def pair(design: str, seed: int, trial: int) -> Pair:
    """The pair of a tuning trial, counted from 0."""
    return Pair(design, seed, f"tuning {trial + 1}")


def recipe(content: Mapping[str, Any], one: Pair, attempts: Sequence[Attempt], retried_from: int) -> dict[str, float]:
    """What a pair changes in the study's recipe: a tuning trial's values, or the arm's best. Nothing before that is known."""
    tune = Tune.model_validate(content["document"]["tune"])
    if one.variant:
        return tune.recipes[int(one.variant.removeprefix("tuning ")) - 1]
    found = tuned(content, attempts, retried_from).get(one.design)
    return found["recipe"] if found else {}


def tuned(content: Mapping[str, Any], attempts: Sequence[Attempt], retried_from: int) -> dict[str, dict[str, Any]]:
    """Of each design whose tuning has come to a result: its `recipe`, its validation error by trial (None: failed), and
    `at_edge`, the quantities that came out at an end of their range, where a wider one might do better.

    Of equal errors, the recipe nearest to the middle of the ranges. What a first training on any seed was given stays.
    """
    document = content["document"]
    tune = Tune.model_validate(document["tune"])
    recipes = tune.recipes
    errors: dict[str, list[float | None]] = {design["name"]: [None] * tune.trials for design in content["designs"]}
    frozen: dict[str, dict[str, float]] = {}
    blocked = {one.design for one in agenda(content, attempts, retried_from).blocked}
    for attempt in attempts:
        name = attempt.pair.design
        if name not in errors:
            continue
        if not attempt.pair.variant:
            if RECIPE in attempt.told:
                frozen.setdefault(name, attempt.told[RECIPE])
        elif attempt.ended == "complete":
            trial = int(attempt.pair.variant.removeprefix("tuning ")) - 1
            errors[name][trial] = attempt.told[RESULT]["validation_error"]
    found = {}
    for name, own in errors.items():
        done = [trial for trial, error in enumerate(own) if error is not None]
        if name not in frozen and (name in blocked or not done):
            continue
        best = min(done, key=lambda trial: (own[trial], _from_middle(tune, recipes[trial]), trial), default=0)
        chosen = frozen.get(name, recipes[best])
        at_edge = [key for key, limits in tune.ranges.items() if chosen[key] in limits]
        found[name] = {"recipe": chosen, "errors": own, "at_edge": at_edge}
    return found


def _from_middle(tune: Tune, recipe: Mapping[str, float]) -> float:
    return sum(
        abs(math.log(recipe[key]) - math.log(low * high) / 2) / math.log(high / low)
        for key, (low, high) in tune.ranges.items()
    )


def _between(low: float, high: float, share: float) -> float:
    """A value at its share of the way, in the logarithm, with three digits; the ends exactly."""
    if share in (0, 1):
        return low if share == 0 else high
    return float(f"{low ** (1 - share) * high**share:.3g}")
