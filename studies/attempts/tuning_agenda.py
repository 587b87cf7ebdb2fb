"""What a study that tunes wants: every arm's tuning trials, then its seeds with the best recipe."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from studies.attempts.agenda import Agenda
from studies.attempts.attempt import Attempt, statuses_of
from studies.config.tuning import Tune
from studies.pair import Pair
from studies.storage.schema import RECIPE, RESULT

_ENDED = ("complete", "failed")


@dataclass(frozen=True)
class Tuned:
    """What the tuning of a design has come to.

    Attributes:
        recipe: What it changes in the study's recipe.
        errors: The validation error (a fraction) of each trial; None where it failed.
        at_edge: Quantities that came out at an end of their range: a wider one might do better.
    """

    recipe: Mapping[str, float]
    errors: Sequence[float | None]
    at_edge: Sequence[str]


@dataclass(frozen=True)
class TuningAgenda:
    """What a study wants that tunes the designs of these `names`."""

    tune: Tune
    seeds: Sequence[int]
    names: Sequence[str]
    retried_from: int = 0
    attribute_keys: tuple[str, ...] = (RECIPE, RESULT)

    def agenda(self, attempts: Sequence[Attempt]) -> Agenda:
        """First every arm's tuning trials, then, as soon as an arm's have ended, its seeds."""
        tuning = [
            Pair.tuning(name, self.seeds[0], trial)
            for trial in range(self.tune.trials)
            for name in self.names
        ]
        stand = statuses_of(tuning, attempts, self.retried_from)
        blocked, hopeless = set(), set()
        for name in self.names:
            own = [stand[pair] for pair in tuning if pair.design == name]
            pairs = {Pair(name, seed) for seed in self.seeds}
            if not all(stands in _ENDED for stands in own):
                blocked |= pairs
            elif "complete" not in own:
                hopeless |= pairs
        wanted = [Pair(name, seed) for seed in self.seeds for name in self.names]
        return Agenda([*tuning, *wanted], blocked=frozenset(blocked), hopeless=frozenset(hopeless))

    def changes_for(self, pair: Pair, attempts: Sequence[Attempt]) -> Mapping[str, float]:
        """What a pair changes in the study's recipe.

        A tuning trial changes its own values, a seed those of its arm's best trial; nothing
        before that is known.
        """
        if pair.variant:
            return self.tune.recipes[pair.trial]
        tuned = self.tuned(attempts).get(pair.design)
        return tuned.recipe if tuned else {}

    def tuned(self, attempts: Sequence[Attempt]) -> dict[str, Tuned]:
        """Each design whose tuning has come to a result, by name.

        Of equal errors, the recipe nearest to the middle of the ranges. What a
        first training on any seed was given stays.
        """
        recipes = self.tune.recipes
        errors: dict[str, list[float | None]] = {
            name: [None] * self.tune.trials for name in self.names
        }
        frozen: dict[str, Mapping[str, float]] = {}
        blocked = {pair.design for pair in self.agenda(attempts).blocked}
        for attempt in attempts:
            name = attempt.pair.design
            if name not in errors:
                continue
            if not attempt.pair.variant:
                if RECIPE in attempt.attributes:
                    frozen.setdefault(name, attempt.attributes[RECIPE])
            elif attempt.ended == "complete":
                errors[name][attempt.pair.trial] = attempt.attributes[RESULT]["validation_error"]
        tuned = {}
        for name, own in errors.items():
            done = [trial for trial, error in enumerate(own) if error is not None]
            if name not in frozen and (name in blocked or not done):
                continue
            best = min(
                done,
                key=lambda trial: (own[trial], self._from_middle(recipes[trial]), trial),
                default=0,
            )
            chosen = frozen.get(name, recipes[best])
            at_edge = [key for key, limits in self.tune.ranges.items() if chosen[key] in limits]
            tuned[name] = Tuned(chosen, own, at_edge)
        return tuned

    def _from_middle(self, recipe: Mapping[str, float]) -> float:
        return sum(
            abs(math.log(recipe[key]) - math.log(low * high) / 2) / math.log(high / low)
            for key, (low, high) in self.tune.ranges.items()
        )
