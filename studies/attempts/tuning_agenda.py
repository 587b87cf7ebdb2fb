"""What a study that tunes wants: first every arm's tuning trials, then,
with the best of their recipes, its seeds."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from studies.attempts.agenda import Agenda
from studies.attempts.attempt import Attempt, statuses
from studies.config.tuning import Tune
from studies.pair import Pair
from studies.storage.schema import RECIPE, RESULT

# What an attempt tells beside its claim that decides what is wanted.
TOLD = (RECIPE, RESULT)
_ENDED = ("complete", "failed")


def agenda(content: Mapping[str, Any], attempts: Sequence[Attempt], retried_from: int) -> Agenda:
    """First every arm's tuning trials, then, as soon as an arm's have ended, its seeds."""
    document = content["document"]
    tune = Tune.model_validate(document["tune"])
    names = [design["name"] for design in content["designs"]]
    tuning = [
        Pair.tuning(name, document["seeds"][0], trial)
        for trial in range(tune.trials)
        for name in names
    ]
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


def recipe(
    content: Mapping[str, Any], one: Pair, attempts: Sequence[Attempt], retried_from: int
) -> dict[str, float]:
    """What a pair changes in the study's recipe: a tuning trial's values, or
    the arm's best. Nothing before that is known."""
    tune = Tune.model_validate(content["document"]["tune"])
    if one.variant:
        return tune.recipes[one.trial]
    found = tuned(content, attempts, retried_from).get(one.design)
    return found["recipe"] if found else {}


def tuned(
    content: Mapping[str, Any], attempts: Sequence[Attempt], retried_from: int
) -> dict[str, dict[str, Any]]:
    """Of each design whose tuning has come to a result: its `recipe`, its validation error by trial
    (None: failed), and `at_edge`, the quantities that came out at an end of their range, where a
    wider one might do better.

    Of equal errors, the recipe nearest to the middle of the ranges. What a
    first training on any seed was given stays.
    """
    document = content["document"]
    tune = Tune.model_validate(document["tune"])
    recipes = tune.recipes
    errors: dict[str, list[float | None]] = {
        design["name"]: [None] * tune.trials for design in content["designs"]
    }
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
            trial = attempt.pair.trial
            errors[name][trial] = attempt.told[RESULT]["validation_error"]
    found = {}
    for name, own in errors.items():
        done = [trial for trial, error in enumerate(own) if error is not None]
        if name not in frozen and (name in blocked or not done):
            continue
        best = min(
            done,
            key=lambda trial: (own[trial], _from_middle(tune, recipes[trial]), trial),
            default=0,
        )
        chosen = frozen.get(name, recipes[best])
        at_edge = [key for key, limits in tune.ranges.items() if chosen[key] in limits]
        found[name] = {"recipe": chosen, "errors": own, "at_edge": at_edge}
    return found


def _from_middle(tune: Tune, recipe: Mapping[str, float]) -> float:
    return sum(
        abs(math.log(recipe[key]) - math.log(low * high) / 2) / math.log(high / low)
        for key, (low, high) in tune.ranges.items()
    )
