"""Claims and leases, as the contract in `studies.attempts` has them.

Nothing here knows what an attempt does.
"""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.attempts import writing
from studies.attempts.agenda import Fixed, Wants
from studies.attempts.attempt import ENDINGS, RUNNING, Attempt
from studies.attempts.standing import Counts, Standing
from studies.attempts.workers import Lease, Worker
from studies.pair import Pair
from studies.storage import Storage
from studies.storage.schema import CLAIM, ENDED, LEASE, PROPOSAL

if TYPE_CHECKING:
    import sqlalchemy


class Claims:
    """One party's view of a study: what is left, and the claims it makes."""

    def __init__(
        self,
        storage: Storage,
        study_id: int,
        wanted: Sequence[Pair] | Wants,
        *,
        lease: Lease | None = None,
        retried_from: int = 0,
        attributes: Mapping[str, Any] | None = None,
        on_renewal: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._wants: Wants = Fixed(wanted) if isinstance(wanted, Sequence) else wanted
        self._study_id = study_id
        self._standing = Standing(storage, study_id, self._wants, retried_from)
        self._attempts = self._standing.attempts
        self._lease = lease or Lease()
        self._clock = clock
        self._attributes = attributes or {}  # of every attempt that is claimed
        self._storage, self._patience = storage, storage.patience
        self._on_renewal = on_renewal
        self._next_leases = float("-inf")  # when leases are looked at again
        # By attempt: its lease, how often the storage had been away, and when that was first seen.
        self._seen: dict[int, tuple[tuple[int, int], float]] = {}

    def look(self) -> dict[Pair, str]:
        """How every known pair stands, after giving up the attempts of workers that are gone."""
        self._look()
        return self._standing.pairs

    def counts(self) -> Counts:
        """How all pairs stand now, after a look."""
        self._look()
        return self._standing.counts

    def tried(self) -> list[Attempt]:
        """All attempts so far."""
        return self._attempts.read()

    def earlier(self, attempt: Attempt) -> list[Attempt]:
        """The attempts at a pair before this one, oldest first."""
        return [other for other in self._attempts.at(attempt.pair) if other.number < attempt.number]

    def _look(self) -> None:
        before = self._clock()
        leases = before >= self._next_leases
        self._standing.look(leases=leases)
        if leases:
            self._next_leases = before + self._lease.every
        gone = [
            attempt
            for attempt in self._attempts.running
            if attempt.worker.is_dead() or (leases and self._is_silent(attempt, before))
        ]
        if gone:
            for attempt in gone:
                self.end(attempt, "lost")
                self._seen.pop(attempt.id, None)
                if attempt.worker.is_dead():
                    Path(attempt.worker.lock).unlink(missing_ok=True)
            self._standing.look()

    def give_up(
        self, worker_id: str, ended: str, attributes: Mapping[str, Any] | None = None
    ) -> None:
        """End whatever a worker that is known to be gone was running."""
        self._attempts.read()
        for attempt in self._attempts.running:
            if attempt.worker.id == worker_id:
                self.end(attempt, ended, attributes=attributes)

    def claim(self, worker: Worker) -> Attempt | None:
        """Claim the first waiting pair.

        Returns:
            The attempt, or None where nothing is waiting.
        """
        self._look()
        return self._claim(worker, self._standing.waiting)

    def propose(
        self, draw: Callable[[list[Attempt]], tuple[Pair, dict[str, Any]] | None], worker: Worker
    ) -> Attempt | None:
        """Draw and claim a new pair, given the attempts so far.

        Where others have proposed the same meanwhile, it draws again.

        Args:
            draw: Makes a pair and its design's record of the attempts so far; None: there is none.
            worker: Who claims.

        Returns:
            The attempt, or None where no proposal is due or none can be drawn.
        """
        while True:
            self._look()
            if not self._standing.agenda.unproposed:
                return None
            drawn = draw(self._attempts.seen)
            if drawn is None:
                return None
            pair, proposal = drawn

            def still(pair: Pair = pair) -> Pair | None:
                agenda = self._standing.agenda
                return pair if agenda.unproposed and pair not in agenda.pairs else None

            attempt = self._claim(worker, still, proposal)
            if attempt:
                return attempt

    def _claim(
        self,
        worker: Worker,
        choose: Callable[[], Pair | None],
        proposal: Mapping[str, Any] | None = None,
    ) -> Attempt | None:
        """Create an attempt at the pair that is chosen while no other party can claim."""
        last = self._attempts.last

        def claim(connection: "sqlalchemy.Connection") -> Attempt | None:
            writing.lock(connection, self._study_id)
            self._standing.look(connection)
            for attempt in self._attempts.running:
                # It was made by an earlier try, whose answer was lost.
                if attempt.id > last and attempt.worker.id == worker.id:
                    return attempt
            pair = choose()
            return None if pair is None else self._create(connection, pair, worker, proposal)

        return self._storage.transact(claim)

    def _create(
        self,
        connection: "sqlalchemy.Connection",
        pair: Pair,
        worker: Worker,
        proposal: Mapping[str, Any] | None,
    ) -> Attempt:
        carried = self._wants.carry(pair, self._attempts.seen, proposal)
        attributes = {
            CLAIM: {**pair.claim(), "worker": asdict(worker)},
            LEASE: 0,
            **self._attributes,
            **carried.attributes,
            **({PROPOSAL: proposal} if proposal else {}),
        }
        trial_id, number = writing.create(connection, self._study_id, attributes, carried)
        asked = {key: attributes[key] for key in self._wants.attribute_keys if key in attributes}
        return Attempt(trial_id, number, pair, "RUNNING", "", 0, worker, attributes=asked)

    def _is_silent(self, attempt: Attempt, before: float) -> bool:
        """Whether its lease has not changed for too long.

        The time of this look is taken before reading and the time of the first sight after it, so
        that an observer that was itself held up between the two never takes its own absence for
        another's. Nor the storage's: while that was away, nobody could write.
        """
        now = (attempt.lease, self._patience.failures)
        seen, since = self._seen.get(attempt.id, (None, 0.0))
        if seen != now:
            self._seen[attempt.id] = (now, self._clock())
        return seen == now and before - since >= self._lease.stale

    def not_waiting(self) -> AbstractContextManager[None]:
        """Do not wait for a storage that is away while the block runs."""
        return self._patience.not_waiting()

    @contextmanager
    def keep(self, attempt: Attempt) -> Iterator[threading.Event]:
        """Keep the lease while the block runs. Whenever it is renewed, `on_renewal` is called, in
        another thread.

        Yields:
            An event that is set when the attempt is no longer ours.
        """
        stop, gone = threading.Event(), threading.Event()

        def renew() -> None:
            lease = attempt.lease
            while not stop.wait(self._lease.every):
                lease += 1
                try:
                    if not self.write(attempt, {LEASE: lease}):
                        gone.set()
                        return
                    self._on_renewal()
                    self._storage.rest()
                # The storage is away for a moment; if it stays away, the lease runs out.
                except Exception:  # noqa: BLE001
                    continue

        self._storage.rest()
        thread = threading.Thread(target=renew, name="lease", daemon=True)
        thread.start()
        try:
            yield gone
        finally:
            stop.set()
            thread.join()

    def write(self, attempt: Attempt, attributes: Mapping[str, Any]) -> bool:
        """Write attributes of a running attempt; False where it has ended: nothing is written."""

        def write(connection: "sqlalchemy.Connection") -> bool:
            is_running = writing.hold(connection, attempt.id) in RUNNING
            if is_running:
                writing.write(connection, attempt.id, attributes)
            return is_running

        return self._storage.transact(write)

    def end(
        self,
        attempt: Attempt,
        ended: str,
        value: float | Sequence[float] | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> bool:
        """End an attempt, and write all of its ending or nothing.

        Args:
            attempt: What ends.
            ended: How, one of `ENDINGS`.
            value: What it came to, of a complete one: a value for each objective.
            attributes: What else to write.

        Returns:
            False where it had ended already, and stays as it was.
        """
        from optuna.trial import TrialState

        assert ended in ENDINGS
        states = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}
        values = value if isinstance(value, Sequence) else [] if value is None else [value]
        state = states.get(ended, TrialState.FAIL)
        is_repeated = False

        def end(connection: "sqlalchemy.Connection") -> bool:
            nonlocal is_repeated
            if writing.end(connection, attempt.id, state, values):
                is_repeated = True
                writing.write(connection, attempt.id, {**(attributes or {}), ENDED: ended})
                return True
            # The answer to an earlier try was lost: nobody else completes this attempt.
            return (
                is_repeated
                and ended in states
                and writing.hold(connection, attempt.id) == state.name
            )

        return self._storage.transact(end)
