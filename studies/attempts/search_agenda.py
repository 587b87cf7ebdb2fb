"""Searches: which designs are tried on the first seed, and which finalists on all seeds.

A search tries `trials` different designs of its space. The reference arm is always one of them, the
first; the method proposes the others (`proposing`). When all have ended, the best `finalists` and
the reference are trained on the other seeds: the winner of one seed is often the luckiest. All this
is a pure function of what is stored, so every worker comes to the same pairs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from studies.attempts.agenda import Agenda
from studies.attempts.attempt import Attempt, statuses_of
from studies.config.design import StoredDesign
from studies.config.search import Search
from studies.pair import Pair
from studies.storage.schema import PROPOSAL, RESULT

_ENDED = ("complete", "failed", "pruned")


@dataclass(frozen=True)
class SearchAgenda:
    """What a search wants.

    Of its `trials` designs, `known` were chosen before it began, the reference first.
    """

    search: Search
    seeds: Sequence[int]
    known: Sequence[StoredDesign]
    trials: int
    retried_from: int = 0
    attribute_keys: tuple[str, ...] = (PROPOSAL, RESULT)

    def tried(self, attempts: Sequence[Attempt]) -> list[StoredDesign]:
        """The designs that it tries, in order: those known beforehand, then what was proposed.

        A proposal counts even if it was withdrawn: so what is among the first
        `trials` never changes by what comes later.
        """
        designs = {design.name: design for design in self.known}
        for attempt in attempts:
            if PROPOSAL in attempt.attributes and attempt.pair.design not in designs:
                proposal = attempt.attributes[PROPOSAL]
                designs[attempt.pair.design] = StoredDesign.read(proposal, self.known[0].shape)
        return list(designs.values())[: self.trials]

    def agenda(self, attempts: Sequence[Attempt]) -> Agenda:
        """What is wanted, seen what has been attempted."""
        designs = self.tried(attempts)
        first = [Pair(design.name, self.seeds[0]) for design in designs]
        stand = statuses_of(first, attempts, self.retried_from)
        unproposed = self.trials - len(designs)
        # What an earlier, smaller search trained on later seeds stays part of the study.
        names = {design.name for design in designs}
        earlier = [
            attempt.pair
            for attempt in attempts
            if attempt.ended == "complete"
            and attempt.pair.seed in self.seeds[1:]
            and attempt.pair.design in names
        ]
        if unproposed or not all(stands in _ENDED for stands in stand.values()):
            # One more than the finalists: the reference.
            finalists = min(self.search.finalists, self.trials - 1) + 1
            unnamed = max(0, finalists * (len(self.seeds) - 1) - len(earlier))
            return Agenda([*first, *earlier], unproposed=unproposed, to_come=unproposed + unnamed)
        complete = [
            design for design, pair in zip(designs, first, strict=True) if stand[pair] == "complete"
        ]
        results = {
            attempt.pair.design: attempt.attributes[RESULT]
            for attempt in attempts
            if attempt.ended == "complete" and attempt.pair.seed == self.seeds[0]
        }
        chosen = choose_finalists(self.search, complete, results, self.known[0].name)
        later = [Pair(name, seed) for seed in self.seeds[1:] for name in chosen]
        return Agenda([*first, *dict.fromkeys([*later, *earlier])])


def choose_finalists(
    search: Search,
    designs: Sequence[StoredDesign],
    results: Mapping[str, Mapping[str, Any]],
    reference: str,
) -> list[str]:
    """The names of the designs to train on all seeds: the reference and the best others.

    Best is the smallest validation error, of equal ones the cheapest. With two objectives, members
    of the Pareto front, evenly along it where it has more than are asked for.
    """
    values = {design.name: search.values(design, results[design.name]) for design in designs}
    # Sorting keeps the order in which they were tried among equals.
    by_cost = sorted(designs, key=lambda design: (*values[design.name], design.flops))
    ranked = [design.name for design in by_cost]
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
        best = [best[round(number * step)] for number in range(search.finalists)]
    return [*([reference] if reference in ranked else []), *best[: search.finalists]]
