"""Attempts at pairs as the storage holds them, and how the pairs stand for it, read again at the cost of what has changed."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from studies.agenda import Agenda, Wants
from studies.presence import Worker
from studies.storage import Storage, from_json

# How an attempt ended; only `failed` counts against its pair, and three `lost` in a row that got no further count as one `failed`.
ENDINGS = ("complete", "failed", "lost", "interrupted", "superseded", "pruned")
STATUSES = ("complete", "running", "waiting", "failed", "pruned")
LOST_IN_A_ROW = 3
# What failed this often stays failed, also when it is asked for again.
FAILURES = 3


@dataclass(frozen=True, order=True)
class Pair:
    """The unit of a study: a design, trained from a seed; a `variant` is trained beside it, such as a tuning trial."""

    design: str
    seed: int
    variant: str = ""

    @classmethod
    def of(cls, claim: Mapping[str, Any]) -> "Pair":
        """The pair that a stored claim names."""
        return cls(claim["design"], claim["seed"], claim.get("variant", ""))

    def claim(self) -> dict[str, Any]:
        """What a claim stores of it."""
        return {key: value for key, value in asdict(self).items() if key != "variant" or value}


@dataclass(frozen=True)
class Attempt:
    """One attempt at a pair, as read from the storage. `ended` is "" while it runs; `lease` counts its signs of life, and
    `progress` is the first epoch it finished (0: none)."""

    id: int
    number: int
    pair: Pair
    state: str
    ended: str
    lease: int
    worker: Worker
    progress: int = 0
    told: Mapping[str, Any] = field(default_factory=dict, compare=False)  # what else it was asked to be read with

    @property
    def running(self) -> bool:
        return self.state in ("RUNNING", "WAITING")


class Attempts:
    """All attempts of a study. Each `read` is one query for those that ran at the last reading and those that came since."""

    def __init__(self, storage: Storage, study_id: int, told: Iterable[str] = ()) -> None:
        self._storage, self._study_id, self._told = storage, study_id, tuple(told)
        self._known: dict[int, Attempt] = {}
        self._at: dict[Pair, dict[int, Attempt]] = {}
        self._running: dict[int, Attempt] = {}
        self._last = -1
        self._changed: set[Pair] = set()

    @property
    def seen(self) -> list[Attempt]:
        """Every attempt as it was at the last reading."""
        return list(self._known.values())

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

    def read(self) -> list[Attempt]:
        """Every attempt, in the order of their numbers."""
        with self._storage.sound():
            self._read()
        return self.seen

    def _read(self) -> None:
        rows: dict[int, dict[str, Any]] = {}
        keys = {f"key{place}": key for place, key in enumerate(("claim", "lease", "progress", "ended", *self._told))}
        for trial_id, number, state, key, text in self._storage.tuples(
            "SELECT t.trial_id, t.number, CAST(t.state AS VARCHAR(16)) AS state, a.key, a.value_json "
            "FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id "
            f"AND a.key IN ({', '.join(f':{name}' for name in keys)}) "
            # Ids grow with the order in which attempts are created, and what has ended stays as it is.
            f"WHERE t.study_id = :study AND (t.trial_id > :last OR t.trial_id IN ({_numbers(self._running)}))",
            study=self._study_id,
            last=self._last,
            **keys,
        ):
            rows.setdefault(trial_id, {"number": number, "state": state})[key] = from_json(text)
        for trial_id in sorted(rows):
            trial = rows[trial_id]
            if "claim" not in trial:  # not ours: created by another program
                continue
            state = trial["state"]
            self._take(
                Attempt(
                    id=trial_id,
                    number=trial["number"],
                    pair=Pair.of(trial["claim"]),
                    state=state,
                    ended=how_it_ended(state, trial.get("ended")),
                    lease=trial.get("lease", 0),
                    worker=Worker(**trial["claim"]["worker"]),
                    progress=trial.get("progress", 0),
                    told={key: trial[key] for key in self._told if key in trial},
                )
            )

    def _take(self, attempt: Attempt) -> None:
        known = self._known.get(attempt.id)
        if known == attempt and known.told == attempt.told:
            return
        self._known[attempt.id] = attempt
        self._at.setdefault(attempt.pair, {})[attempt.id] = attempt
        self._changed.add(attempt.pair)
        self._last = max(self._last, attempt.id)
        if attempt.running:
            self._running[attempt.id] = attempt
        else:
            self._running.pop(attempt.id, None)


def _numbers(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids)) or "NULL"


def how_it_ended(state: str, ended: str | None) -> str:
    """The ending of an attempt. The state decides: it is written last, and once."""
    if state in ("RUNNING", "WAITING"):
        return ""
    if state == "COMPLETE":
        return "complete"
    if state == "PRUNED":
        return "pruned"
    # Who gave it up may have been overtaken between the two writes by a worker that was about to report success.
    return ended if ended in ("failed", "interrupted", "superseded") else "lost"


def status(attempts: Iterable[Attempt], retried_from: int = 0) -> str:
    """How a pair stands, from the attempts at it in order. Failures before attempt number `retried_from` are forgiven.

    A lost attempt that took up where another had left off, and got further, is no sign that the pair kills its workers.
    """
    failures = forgiven = lost = furthest = 0
    for attempt in attempts:
        if attempt.ended in ("complete", "pruned"):
            return attempt.ended
        if attempt.running:
            return "running"
        if attempt.ended == "superseded":
            continue
        lost = lost + 1 if attempt.ended == "lost" and attempt.progress <= furthest else 0
        furthest = max(furthest, attempt.progress)
        if attempt.ended == "failed" or lost == LOST_IN_A_ROW:
            lost = 0
            failures += 1
            forgiven += attempt.number < retried_from
    return "failed" if failures > forgiven or failures >= FAILURES else "waiting"


def statuses(wanted: Iterable[Pair], attempts: Iterable[Attempt], retried_from: int = 0) -> dict[Pair, str]:
    """How every wanted pair stands."""
    by_pair: dict[Pair, list[Attempt]] = {pair: [] for pair in wanted}
    for attempt in attempts:
        if attempt.pair in by_pair:
            by_pair[attempt.pair].append(attempt)
    return {pair: status(tried, retried_from) for pair, tried in by_pair.items()}


def stand(agenda: Agenda, attempts: Iterable[Attempt], retried_from: int = 0) -> dict[Pair, str]:
    """How every pair of an agenda stands."""
    found = statuses(agenda.pairs, attempts, retried_from)
    return {**found, **{pair: "failed" for pair in agenda.hopeless if found[pair] == "waiting"}}


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
    def of(cls, stand: Mapping[Pair, str], to_come: int = 0) -> "Counts":
        """Counted from how each pair stands; `to_come` are wanted too, and wait."""
        values = [*stand.values(), *["waiting"] * to_come]
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

    def __init__(self, storage: Storage, study_id: int, wants: Wants, retried_from: int = 0) -> None:
        self.attempts = Attempts(storage, study_id, wants.told)
        self._storage = storage
        self._wants, self._retried_from = wants, retried_from
        self._agenda: Agenda | None = None
        self._pairs: dict[Pair, str] = {}
        self._numbers: Counter[str] = Counter()
        self._begin = 0  # no pair of the agenda before this place will be waiting again

    def look(self) -> None:
        """Read what has changed. Where the wanted pairs are the same as before, only those that were attempted are judged again."""
        with self._storage.sound():
            self._look()

    def _look(self) -> None:
        attempts = self.attempts.read()
        changed = self.attempts.changed()
        if self._agenda is not None and not changed:
            return
        agenda = self._wants.agenda(attempts)
        if agenda is not self._agenda:
            self._agenda, self._pairs = agenda, dict.fromkeys(agenda.pairs, "")
            self._numbers, self._begin = Counter(), 0
            changed = set(agenda.pairs)
        for pair in changed & self._pairs.keys():
            stands = status(self.attempts.at(pair), self._retried_from)
            if stands == "waiting" and pair in agenda.hopeless:
                stands = "failed"
            self._numbers[self._pairs[pair]] -= 1
            self._numbers[stands] += 1
            self._pairs[pair] = stands

    @property
    def agenda(self) -> Agenda:
        """What was wanted at the last look."""
        return self._agenda or Agenda(())

    @property
    def pairs(self) -> dict[Pair, str]:
        """How each wanted pair that is known stood at the last look."""
        return dict(self._pairs)

    def before(self, attempt: Attempt) -> str:
        """How the pair of an attempt stood before it."""
        earlier = (other for other in self.attempts.at(attempt.pair) if other.number < attempt.number)
        return status(earlier, self._retried_from)

    @property
    def running(self) -> int:
        """How many pairs are running."""
        return self._numbers["running"]

    @property
    def counts(self) -> Counts:
        """How many pairs stand how; those that are not known yet wait."""
        numbers = {name: self._numbers[name] for name in STATUSES}
        numbers["waiting"] += self.agenda.to_come
        return Counts(sum(numbers.values()), **numbers)

    def waiting(self, skip: int = 0) -> Pair | None:
        """The first pair of the agenda that waits and is not blocked, or the one `skip` further on, counted round. None: there is none."""
        pairs = self.agenda.pairs
        while self._begin < len(pairs) and self._pairs[pairs[self._begin]] not in ("running", "waiting"):
            self._begin += 1
        found = list(islice(self._waiting(), skip + 1))
        return found[skip % len(found)] if found else None

    def _waiting(self) -> Iterator[Pair]:
        for pair in islice(self.agenda.pairs, self._begin, None):
            if self._pairs[pair] == "waiting" and pair not in self.agenda.blocked:
                yield pair
