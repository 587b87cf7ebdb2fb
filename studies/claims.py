"""Who trains what: a study wants a set of pairs; a trial in the storage is one attempt at a pair.

A worker *claims* a wanted pair by creating a RUNNING attempt that carries it, in one write, and then reads again: if an earlier
attempt stands in the way, it withdraws. Attempts are numbered one after the other by the storage, so the earliest always stays
and no pair is completed twice. A *lease* that stops changing, or a lock that its worker no longer holds, gives an attempt
up as lost. Finished attempts refuse every write: that fences off a worker that comes back too late.

Nothing here knows what an attempt does; writes go through Optuna's storage interface, reads through one plain query.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.agenda import Agenda, Fixed, Wants
from studies.presence import Lease as Lease
from studies.presence import Worker as Worker
from studies.storage import Storage, from_json

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

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
    """All attempts of a study. Each `read` is one query that starts at the first attempt not known to have ended."""

    def __init__(self, storage: Storage, study_id: int, told: Iterable[str] = ()) -> None:
        self._storage, self._study_id, self._told = storage, study_id, tuple(told)
        self._known: dict[int, Attempt] = {}
        self._from = -1

    @property
    def seen(self) -> list[Attempt]:
        """Every attempt as it was at the last reading."""
        return list(self._known.values())

    def read(self) -> list[Attempt]:
        """Every attempt, in the order of their numbers."""
        with self._storage.sound():
            return self._read()

    def _read(self) -> list[Attempt]:
        rows: dict[int, dict[str, Any]] = {}
        keys = {f"key{place}": key for place, key in enumerate(("claim", "lease", "progress", "ended", *self._told))}
        for trial_id, number, state, key, text in self._storage.tuples(
            "SELECT t.trial_id, t.number, CAST(t.state AS VARCHAR(16)) AS state, a.key, a.value_json "
            "FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id "
            f"AND a.key IN ({', '.join(f':{name}' for name in keys)}) "
            "WHERE t.study_id = :study AND t.trial_id >= :first",
            study=self._study_id,
            first=self._from,
            **keys,
        ):
            rows.setdefault(trial_id, {"number": number, "state": state})[key] = from_json(text)
        for trial_id in sorted(rows):
            trial = rows[trial_id]
            if "claim" not in trial:  # not ours: created by another program
                continue
            state = trial["state"]
            self._known[trial_id] = Attempt(
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
        running = [attempt.id for attempt in self._known.values() if attempt.running]
        # Ids grow with the order in which attempts were created, so everything before the first running one is final.
        self._from = min(running, default=max(self._known, default=-2) + 1)
        return self.seen


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


class Claims:
    """One party's view of a study: what is left, and the claims it makes. Used from one thread; `keep` starts its own."""

    def __init__(
        self,
        storage: Storage,
        writer: "RDBStorage",
        study_id: int,
        wanted: Sequence[Pair] | Wants,
        *,
        lease: Lease | None = None,
        retried_from: int = 0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wants: Wants = Fixed(wanted) if isinstance(wanted, Sequence) else wanted
        self._writer, self._study_id, self._retried_from = writer, study_id, retried_from
        self._attempts = Attempts(storage, study_id, self._wants.told)
        self._lease = lease or Lease()
        self._clock = clock
        self._patience = storage.patience
        # By attempt: its lease, how often the storage had been away, and when that was first seen.
        self._seen: dict[int, tuple[tuple[int, int], float]] = {}

    def look(self) -> dict[Pair, str]:
        """How every pair that is known stands now, after giving up the attempts of workers that are gone."""
        return self._look()[1]

    def counts(self) -> Counts:
        """How all pairs stand now, after a look."""
        agenda, found = self._look()
        return Counts.of(found, agenda.to_come)

    def tried(self) -> list[Attempt]:
        """All attempts so far."""
        return self._attempts.read()

    def _look(self) -> tuple[Agenda, dict[Pair, str]]:
        before = self._clock()
        attempts = self._attempts.read()
        gone = [attempt for attempt in attempts if attempt.running and self._is_gone(attempt, before)]
        if gone:
            for attempt in gone:
                self.end(attempt, "lost")
                self._seen.pop(attempt.id, None)
                if attempt.worker.is_dead():
                    Path(attempt.worker.lock).unlink(missing_ok=True)
            attempts = self._attempts.read()
        agenda = self._wants.agenda(attempts)
        return agenda, stand(agenda, attempts, self._retried_from)

    def give_up(self, worker_id: str, ended: str, attributes: Mapping[str, Any] | None = None) -> None:
        """End whatever a worker that is known to be gone was running."""
        for attempt in self._attempts.read():
            if attempt.running and attempt.worker.id == worker_id:
                self.end(attempt, ended, attributes=attributes)

    def claim(self, worker: Worker, skip: int = 0) -> Attempt | None:
        """Claim the first waiting pair (or the one `skip` further on, to keep out of others' way). None: nothing is waiting.

        Whoever was overtaken draws the next pair among several for each party that is at work, so that a crowd spreads out.
        """
        while True:
            agenda, found = self._look()
            waiting = [pair for pair, stands in found.items() if stands == "waiting" and pair not in agenda.blocked]
            if not waiting:
                return None
            attempt = self._create(waiting[skip % len(waiting)], worker)
            if attempt is not None:
                return attempt
            skip = random.randrange(4 * (1 + sum(stands == "running" for stands in found.values())))

    def propose(
        self, draw: Callable[[list[Attempt]], tuple[Pair, dict[str, Any]] | None], worker: Worker
    ) -> Attempt | None:
        """Claim a pair that nobody has named yet, drawn seen what has been attempted. None: none is missing, or none can be drawn.

        One that turns out to be too many, because others proposed at the same moment, withdraws.
        """
        while self._look()[0].unproposed:
            drawn = draw(self._attempts.read())
            if drawn is None:
                return None
            pair, proposal = drawn
            attempt = self._create(pair, worker, proposal)
            if attempt is None:
                continue
            if pair in self._wants.agenda(self._attempts.read()).pairs:
                return attempt
            self.end(attempt, "superseded")
        return None

    def _create(self, pair: Pair, worker: Worker, proposal: Mapping[str, Any] | None = None) -> Attempt | None:
        from optuna.trial import TrialState, create_trial

        carried = self._wants.carry(pair, self._attempts.seen, proposal)
        claim = {"claim": {**pair.claim(), "worker": asdict(worker)}, "lease": 0}
        template = create_trial(
            state=TrialState.RUNNING,
            user_attrs={**claim, **carried.attributes, **({"proposal": proposal} if proposal else {})},
            params=dict(carried.params),
            distributions=dict(carried.distributions),
        )
        trial_id = self._writer.create_new_trial(self._study_id, template)
        tried = [attempt for attempt in self._attempts.read() if attempt.pair == pair]
        mine, *again = [
            attempt
            for attempt in tried
            if attempt.id == trial_id or (attempt.running and attempt.worker.id == worker.id)
        ]
        for attempt in again:  # the answer to an earlier try was lost, and it was made all the same
            self.end(attempt, "superseded")
        earlier = [attempt for attempt in tried if attempt.number < mine.number]
        if status(earlier, self._retried_from) == "waiting":
            return mine
        self.end(mine, "superseded")
        return None

    def _is_gone(self, attempt: Attempt, before: float) -> bool:
        """Whether its worker is known to be dead, or its lease has been seen unchanged for too long.

        The time of this look is taken before reading and the time of the first sight after it, so that an observer that was itself held
        up between the two never takes its own absence for another's. Nor the storage's: while that was away, nobody could write.
        """
        now = (attempt.lease, self._patience.failures)
        seen, since = self._seen.get(attempt.id, (None, 0.0))
        if seen != now:
            self._seen[attempt.id] = (now, self._clock())
        elif before - since >= self._lease.stale:
            return True
        return attempt.worker.is_dead()

    def not_waiting(self) -> AbstractContextManager[None]:
        """Do not wait for a storage that is away while the block runs."""
        return self._patience.not_waiting()

    @contextmanager
    def keep(self, attempt: Attempt) -> Iterator[threading.Event]:
        """Keep the lease while the block runs. The event is set when the attempt is no longer ours."""
        stop, gone = threading.Event(), threading.Event()

        def renew() -> None:
            lease = attempt.lease
            while not stop.wait(self._lease.every):
                lease += 1
                try:
                    if not self.write(attempt, {"lease": lease}):
                        gone.set()
                        return
                except Exception:  # noqa: BLE001 - the storage is away for a moment; if it stays away, the lease runs out
                    continue

        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield gone
        finally:
            stop.set()
            thread.join()

    def write(self, attempt: Attempt, attributes: Mapping[str, Any]) -> bool:
        """Write attributes of a running attempt. False: it has ended, nothing was written."""
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            for key, value in attributes.items():
                self._writer.set_trial_user_attr(attempt.id, key, value)
        except (UpdateFinishedTrialError, KeyError):  # KeyError: the whole study was deleted
            return False
        return True

    def end(
        self,
        attempt: Attempt,
        ended: str,
        value: float | Sequence[float] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> bool:
        """End an attempt: everything is written before the state. False: it had ended already, and stays as it was."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        assert ended in ENDINGS
        state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}.get(ended, TrialState.FAIL)
        if not self.write(attempt, {**(attributes or {}), "ended": ended}):
            return False
        try:
            values = value if value is None or isinstance(value, Sequence) else [value]
            return self._writer.set_trial_state_values(attempt.id, state, values)
        except UpdateFinishedTrialError:
            # Others can only end it as lost: what is complete, this worker has completed, and the answer was lost.
            return ended == "complete" and any(
                one.id == attempt.id and one.ended == ended for one in self._attempts.read()
            )
        except KeyError:  # the whole study was deleted
            return False
