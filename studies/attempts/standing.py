"""Attempts at pairs as the storage holds them, and how the pairs stand by them.

Looking again costs as much as has changed since.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from heapq import heappop, heappush
from typing import Any

import sqlalchemy

from studies.attempts.agenda import Agenda, Wants
from studies.attempts.attempt import STATUSES, Attempt, how_it_ended, status_of, statuses_of
from studies.attempts.workers import Worker
from studies.pair import Pair
from studies.storage import Storage, from_json, schema, select_in


class Attempts:
    """All attempts of a study.

    Each `read` is one query for those that came since the last reading, and those that have ended.
    Of those that still run, lease and progress stay as they were first read, unless `leases` are
    asked for: nobody else needs them, and of a thousand workers each would read a thousand.

    Args:
        storage: Where they are.
        study_id: Optuna's.
        attribute_keys: What else of an attempt to read, into `Attempt.attributes`.
    """

    def __init__(self, storage: Storage, study_id: int, attribute_keys: Iterable[str] = ()) -> None:
        self._storage, self._study_id = storage, study_id
        self._attribute_keys = tuple(attribute_keys)
        # Every attempt as it was at the last reading, in the order of their numbers; handed out as
        # it is, for a copy of 20,000 takes half a millisecond. Where each is in it, by its id.
        self.seen: list[Attempt] = []
        self._indices: dict[int, int] = {}
        self._at: dict[Pair, dict[int, Attempt]] = {}
        self._running: dict[int, Attempt] = {}
        self.last = -1  # the id of the newest attempt that was read
        self._changed: set[Pair] = set()

    @property
    def running(self) -> list[Attempt]:
        """The attempts that ran at the last reading."""
        return list(self._running.values())

    def at(self, pair: Pair) -> list[Attempt]:
        """The attempts at a pair as they were at the last reading, oldest first."""
        return list(self._at.get(pair, {}).values())

    def changed(self) -> set[Pair]:
        """The pairs at which attempts have begun, moved or ended since this was last asked."""
        changed, self._changed = self._changed, set()
        return changed

    def read(
        self, connection: sqlalchemy.Connection | None = None, *, leases: bool = False
    ) -> list[Attempt]:
        """Every attempt, in the order of their numbers: `seen`, which the next reading changes.

        Args:
            connection: In a transaction, which keeps others waiting: read no more than those that
                came since.
            leases: Read also the lease and progress of those that run.
        """
        select = partial(select_in, connection) if connection else self._storage.tuples
        running = () if connection else self._running
        with self._storage.sound():
            self._read(select, running, leases)
        return self.seen

    def _read(
        self, select: Callable[..., Sequence[Sequence[Any]]], running: Iterable[int], leases: bool
    ) -> None:
        rows: dict[int, dict[str, Any]] = {}
        keys = (schema.CLAIM, schema.PROGRESS, schema.ENDED, *self._attribute_keys)
        keys += (schema.LEASE,) if leases else ()
        for trial_id, number, state, key, text in select(
            # Ids grow with the order in which attempts are created, and what has ended stays as it
            # is.
            schema.query_attempts(len(keys), running, leases=leases, again=self.last >= 0),
            study=self._study_id,
            last=self.last,
            **{f"key{number}": key for number, key in enumerate(keys)},
        ):
            rows.setdefault(trial_id, {"number": number, "state": state})[key] = from_json(text)
        for trial_id in sorted(rows):
            trial = rows[trial_id]
            if schema.CLAIM not in trial:  # not ours: created by another program
                continue
            state = trial["state"]
            self._take(
                Attempt(
                    id=trial_id,
                    number=trial["number"],
                    pair=Pair.of(trial[schema.CLAIM]),
                    state=state,
                    ended=how_it_ended(state, trial.get(schema.ENDED)),
                    lease=trial.get(schema.LEASE, 0),
                    worker=Worker(**trial[schema.CLAIM]["worker"]),
                    progress=trial.get(schema.PROGRESS, 0),
                    attributes={key: trial[key] for key in self._attribute_keys if key in trial},
                )
            )

    def _take(self, attempt: Attempt) -> None:
        index = self._indices.setdefault(attempt.id, len(self.seen))
        if index == len(self.seen):
            self.seen.append(attempt)
        elif (known := self.seen[index]) == attempt and known.attributes == attempt.attributes:
            return
        self.seen[index] = attempt
        self._at.setdefault(attempt.pair, {})[attempt.id] = attempt
        self._changed.add(attempt.pair)
        self.last = max(self.last, attempt.id)
        if attempt.running:
            self._running[attempt.id] = attempt
        else:
            self._running.pop(attempt.id, None)


def agenda_statuses(
    agenda: Agenda, attempts: Iterable[Attempt], retried_from: int = 0
) -> dict[Pair, str]:
    """How every pair of an agenda stands."""
    statuses = statuses_of(agenda.pairs, attempts, retried_from)
    hopeless = [pair for pair in agenda.hopeless if statuses[pair] == "waiting"]
    return {**statuses, **dict.fromkeys(hopeless, "failed")}


@dataclass(frozen=True)
class Counts:
    """How many pairs a study wants and how they stand."""

    wanted: int
    complete: int
    running: int
    waiting: int
    failed: int
    pruned: int

    @classmethod
    def of(cls, statuses: Mapping[Any, str], to_come: int = 0) -> "Counts":
        """Counted from how each pair stands; `to_come` are wanted too, and wait."""
        values = [*statuses.values(), *["waiting"] * to_come]
        return cls(len(values), **{name: values.count(name) for name in STATUSES})

    @property
    def left(self) -> int:
        """Pairs that are neither complete, failed nor pruned."""
        return self.running + self.waiting

    @property
    def ended(self) -> int:
        return self.wanted - self.left


class Standing:
    """How the pairs of one study stand, kept between looks."""

    def __init__(
        self, storage: Storage, study_id: int, wants: Wants, retried_from: int = 0
    ) -> None:
        self.attempts = Attempts(storage, study_id, wants.attribute_keys)
        self._storage = storage
        self._wants, self._retried_from = wants, retried_from
        self._agenda: Agenda | None = None
        self._pairs: dict[Pair, str] = {}
        self._numbers: Counter[str] = Counter()
        self._order: dict[Pair, tuple[bool, int]] = {}  # pairs that are ahead come last
        self._waiting: list[tuple[bool, int]] = []  # a heap of places in the agenda

    def look(
        self, connection: sqlalchemy.Connection | None = None, *, leases: bool = False
    ) -> None:
        """Read what has changed, as `Attempts.read` does.

        Where the wanted pairs are the same as before, only those that were attempted are judged
        again.
        """
        with self._storage.sound():
            self._look(connection, leases)

    def _look(self, connection: sqlalchemy.Connection | None, leases: bool) -> None:
        attempts = self.attempts.read(connection, leases=leases)
        changed = self.attempts.changed()
        if self._agenda is not None and not changed:
            return
        agenda = self._wants.agenda(attempts)
        if agenda != self._agenda:
            self._agenda, self._pairs = agenda, dict.fromkeys(agenda.pairs, "")
            self._numbers, self._waiting = Counter(), []
            self._order = {
                pair: (pair in agenda.ahead, index) for index, pair in enumerate(agenda.pairs)
            }
            changed = set(agenda.pairs)
        for pair in changed & self._pairs.keys():
            stands = status_of(self.attempts.at(pair), self._retried_from)
            if stands == "waiting" and pair in agenda.hopeless:
                stands = "failed"
            self._numbers[self._pairs[pair]] -= 1
            self._numbers[stands] += 1
            self._pairs[pair] = stands
            if stands == "waiting" and pair not in agenda.blocked:
                heappush(self._waiting, self._order[pair])

    @property
    def agenda(self) -> Agenda:
        """What was wanted at the last look."""
        return self._agenda or Agenda(())

    @property
    def pairs(self) -> dict[Pair, str]:
        """How each wanted pair that is known stood at the last look."""
        return dict(self._pairs)

    @property
    def counts(self) -> Counts:
        """How many pairs stand how; those that are not known yet wait."""
        numbers = {name: self._numbers[name] for name in STATUSES}
        numbers["waiting"] += self.agenda.to_come
        return Counts(sum(numbers.values()), **numbers)

    def waiting(self) -> Pair | None:
        """The first pair of the agenda that waits and is not blocked, or None.

        Pairs that are ahead come where there is no other. It takes no longer after many pairs.
        """
        while self._waiting:
            pair = self.agenda.pairs[self._waiting[0][1]]
            if self._pairs[pair] == "waiting":
                return pair
            heappop(self._waiting)
        return None
