"""Searches: which designs are tried on the first seed, and which of
them, the finalists, are trained on all seeds.

A search tries `trials` different designs of its space. The reference arm is always one of them, the
first; the method proposes the others (`proposing`). When all have ended, the best `finalists` and
the reference are trained on the other seeds: the winner of one seed is often the luckiest. All this
is a pure function of what is stored, so every worker comes to the same pairs.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from studies.attempts.agenda import Agenda
from studies.attempts.attempt import Attempt, statuses
from studies.config.search import Search
from studies.pair import Pair
from studies.storage.schema import PROPOSAL, RESULT

# What an attempt tells beside its claim that decides what a search wants.
TOLD = (PROPOSAL, RESULT)
_ENDED = ("complete", "failed", "pruned")


def tried(content: Mapping[str, Any], attempts: Sequence[Attempt]) -> list[dict[str, Any]]:
    """The records of the designs that a stored search tries, in order: those
    it was stored with, then what was proposed.

    A proposal counts even if it was withdrawn: so what is among the first
    `trials` never changes by what comes later.
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
    kept = [
        a.pair
        for a in attempts
        if a.ended == "complete" and a.pair.seed in seeds[1:] and a.pair.design in names
    ]
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
    search: Search,
    records: Sequence[Mapping[str, Any]],
    results: Mapping[str, Mapping[str, Any]],
    reference: str,
) -> list[str]:
    """The names of the designs to train on all seeds: of the trained
    ones the reference and the best others.

    Best is the smallest validation error, of equal ones the cheapest. With two objectives, members
    of the Pareto front, evenly along it where it has more than are asked for.
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
