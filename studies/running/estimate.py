"""How long training takes: the rest of a run, by its speed, and a study, by measured steps."""

import heapq
import time
from dataclasses import asdict
from typing import Any

from explorer import Design
from studies.attempts.standing import Counts
from studies.config.recipe import Recipe
from studies.config.study import Wanted
from studies.machine.threads import Step
from studies.records.stored_study import StoredStudy

# Designs whose FLOPs differ by less than this are told apart by activations:
# on matched designs those are what costs time.
SIMILAR = 1.1


class Work:
    """How much of a study's training is done, in FLOPs, and how long the rest will take."""

    def __init__(self, stored: StoredStudy, counts: Counts) -> None:
        recipes = stored.content.file.all_recipes
        self._epochs = {recipe.name: recipe.epochs for recipe in recipes}
        # Of several recipes, each trains as many pairs as another.
        mean = sum(self._epochs.values()) / len(recipes)
        self._flops = {design.name: design.flops for design in stored.designs}
        # A search has not named all its designs yet; those to come cost as much as those before.
        self._usual = sum(self._flops.values()) / max(1, len(self._flops))
        self._total = float(self._usual * counts.wanted * mean)
        self._ended = counts.ended
        self._mean = self._total / max(1, counts.wanted)
        self._running: dict[int, float] = {}
        self._trained = 0.0  # by this run
        self._start: float | None = None

    def epochs(self, event: dict[str, Any]) -> int:
        """The epochs of the training that an event is of."""
        usual = next(iter(self._epochs.values()))
        return self._epochs.get(event.get("recipe", ""), usual)

    def take(self, worker: int, event: dict[str, Any]) -> None:
        """Count what a worker tells."""
        if event["event"] == "epoch":
            cost = self._flops.get(event["design"], self._usual)
            self._running[worker] = cost * event["epoch"]
            self._trained += cost
            if self._start is None:  # what came before it is the start of the workers
                self._start = time.monotonic() - event["seconds"]
        else:
            self._running.pop(worker, None)

    def stand(self, counts: Counts) -> None:
        """Take over how many pairs are wanted and have ended, also by other runs."""
        self._total, self._ended = self._mean * counts.wanted, counts.ended

    def share(self) -> float:
        """The share of all training that is done."""
        return min(1.0, (self._ended * self._mean + sum(self._running.values())) / self._total)

    def time_left(self) -> float | None:
        """Seconds until everything is trained, or None before there is anything to go by."""
        if self._start is None or not self._trained:
            return None
        speed = self._trained / max(1e-9, time.monotonic() - self._start)
        return (1 - self.share()) * self._total / speed


def cost_of(designs: list[Design]) -> Any:
    """What tells cheap designs from expensive ones, as a key for sorting."""
    flops = [design.complexity.flops for design in designs]
    if max(flops) > SIMILAR * min(flops):
        return lambda design: design.complexity.flops
    return lambda design: design.complexity.activations


def typical_step(recipe: Recipe, wanted: Wanted) -> Step:
    """What is timed to choose the number of threads: a step of the design of median cost."""
    by_cost = sorted(wanted.designs, key=cost_of(wanted.designs))
    return Step(by_cost[len(by_cost) // 2].name, asdict(wanted.shape), recipe.batch_size)


def seconds_a_step(
    designs: list[Design], chosen: list[Design], seconds: list[float]
) -> list[float]:
    """Seconds a step of every design, on the straight line between the two that were measured."""
    cost = cost_of(designs)
    low, high = cost(chosen[0]), cost(chosen[-1])
    if low == high:
        return [sum(seconds) / len(seconds)] * len(designs)
    return [
        seconds[0] + (seconds[-1] - seconds[0]) * (cost(design) - low) / (high - low)
        for design in designs
    ]


def schedule(seconds: list[float], workers: int) -> float:
    """When the last is done if each worker takes the next as soon as it is free."""
    free = [0.0] * workers
    for trial in seconds:
        heapq.heappush(free, heapq.heappop(free) + trial)
    return max(free)
