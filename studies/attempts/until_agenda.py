"""What a study wants that gives more seeds only to arms whose verdict is open.

What is decided follows from the stored results alone (`studies.judging`) and is never stored, so
kills, many workers and many machines change nothing. A result that comes after its arm was decided
is shown, and not used.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from studies.attempts.agenda import Agenda, Carried
from studies.attempts.attempt import Attempt, status_of, statuses_of
from studies.config.until import Until
from studies.pair import Pair
from studies.storage.schema import RESULT

if TYPE_CHECKING:
    from studies.judging.decisions import Course
    from studies.judging.race import Race

# Test errors (fractions) by arm and seed of the plan; None where there is no result.
Errors = tuple[tuple[float | None, ...], ...]
Lost = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True)
class UntilAgenda:
    """What a study wants whose seeds end where the verdict is known.

    Attributes:
        until: When an arm gets no more seeds.
        names: The arms' designs.
        reference: The one of them that the others are compared with.
        resolution: One image's share of the test set; 0 where it is not known.
        ended_at: The seeds at most of a plan that came to its end before it was extended: all error
            that it may make is spent, so later seeds decide nothing.
        retried_from: Failures before this attempt are forgiven.
    """

    until: Until
    names: Sequence[str]
    reference: str
    resolution: float
    ended_at: int | None = None
    retried_from: int = 0
    attribute_keys: tuple[str, ...] = (RESULT,)

    def agenda(self, attempts: Sequence[Attempt]) -> Agenda:
        """What open arms need for the next decision and may need later, seen these attempts.

        Pairs that have been attempted stay, also those whose arm was decided without them.
        """
        statuses, missed = self._statuses(attempts), self.missed(attempts)
        course = self._course(statuses, attempts)
        attempted = [
            pair for pair, stands in statuses.items() if stands != "waiting" or pair in missed
        ]
        wanted = [self._pair(cell) for cell in course.wanted]
        if course.finished:  # what an extension adds to arms that stayed open: it decides nothing
            seeds = self.until.seeds[self.decisive :]
            wanted = [Pair(name, seed) for seed in seeds for name in self.open_names(course)]
        ahead = [self._pair(cell) for cell in course.ahead]
        pairs = list(dict.fromkeys([*attempted, *wanted, *ahead]))
        return Agenda(pairs, ahead=frozenset(ahead).difference(attempted))

    def carry(
        self, pair: Pair, attempts: Sequence[Attempt], proposal: Mapping[str, Any] | None = None
    ) -> Carried:
        return Carried()

    def course(self, attempts: Sequence[Attempt]) -> "Course | Race":
        """Where the arms stand, by their index among the names."""
        return self._course(self._statuses(attempts), attempts)

    def errors(self, attempts: Sequence[Attempt]) -> Errors:
        """The table of test errors, arms x seeds of the plan."""
        errors = {
            attempt.pair: float(attempt.attributes[RESULT]["test_error"])
            for attempt in attempts
            if attempt.ended == "complete"
        }
        return tuple(
            tuple(errors.get(Pair(name, seed)) for seed in self.until.seeds) for name in self.names
        )

    def missed(self, attempts: Sequence[Attempt]) -> set[Pair]:
        """Pairs that had failed for good before a later seed of their arm came in.

        Looks were taken without them, and no look is taken again: what a retry brings is shown, and
        not used.
        """
        tried: dict[Pair, list[Attempt]] = {}
        for attempt in attempts:
            tried.setdefault(attempt.pair, []).append(attempt)
        came_in = [attempt for attempt in attempts if attempt.ended == "complete"]
        missed = set()
        for pair, own in tried.items():
            if not any(attempt.ended in ("failed", "lost") for attempt in own):
                continue
            lost = [n for n in range(1, len(own) + 1) if status_of(own[:n]) == "failed"]
            again = own[lost[0]].number if lost and lost[0] < len(own) else math.inf
            if lost and any(
                other.pair.design == pair.design
                and other.pair.seed > pair.seed
                and other.number < again
                for other in came_in
            ):
                missed.add(pair)
        return missed

    def open_names(self, course: "Course | Race") -> list[str]:
        """The arms that are not decided, with the reference; none where all are decided."""
        from studies.judging.decisions import Course

        if isinstance(course, Course):
            rows = {row for row, arm in course.standings.items() if arm.verdict == "open"}
            rows |= {self.names.index(self.reference)} if rows else set()
        else:
            rows = set() if course.decided else {*range(len(self.names))} - course.dropped.keys()
        return [self.names[row] for row in sorted(rows)]

    @property
    def decisive(self) -> int:
        """Of how many seeds, in order, the results decide anything."""
        return self.ended_at or self.until.at_most

    def _statuses(self, attempts: Sequence[Attempt]) -> dict[Pair, str]:
        plan = [Pair(name, seed) for seed in self.until.seeds for name in self.names]
        return statuses_of(plan, attempts, self.retried_from)

    def _course(self, statuses: Mapping[Pair, str], attempts: Sequence[Attempt]) -> "Course | Race":
        seeds = self.until.seeds[: self.decisive]
        missed = self.missed(attempts)
        used = [attempt for attempt in attempts if attempt.pair not in missed]
        errors = tuple(row[: self.decisive] for row in self.errors(used))
        lost = tuple(
            tuple(
                statuses[pair] == "failed" or pair in missed
                for pair in (Pair(name, seed) for seed in seeds)
            )
            for name in self.names
        )
        reference = self.names.index(self.reference)
        return _decide(self.until, errors, lost, reference, self.resolution)

    def _pair(self, cell: tuple[int, int]) -> Pair:
        row, column = cell
        return Pair(self.names[row], self.until.seeds[column])


@lru_cache(maxsize=32)
def _decide(
    until: Until, errors: Errors, lost: Lost, reference: int, resolution: float
) -> "Course | Race":
    """The decisions that a table comes to; asked again and again for the same one."""
    # SciPy takes half a second to load, and most commands do without.
    import numpy as np

    from studies.judging.decisions import against_reference
    from studies.judging.race import best_of

    table, failed = np.array(errors, dtype=float), np.array(lost, dtype=bool)
    if until.margin is None:
        return best_of(table, lost=failed, start=until.start, resolution=resolution)
    return against_reference(
        table,
        reference,
        until.margin / 100,
        lost=failed,
        start=until.start,
        resolution=resolution,
    )
