"""Claims and leases, as the contract in `studies.attempts` has them.

Nothing here knows what an attempt does. Writes go through Optuna's storage interface, reads
through one plain query.
"""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.attempts.agenda import Fixed, Wants
from studies.attempts.attempt import ENDINGS, Attempt
from studies.attempts.standing import Counts, Standing
from studies.attempts.workers import Lease, Worker
from studies.pair import Pair
from studies.storage import Storage
from studies.storage.schema import CLAIM, ENDED, LEASE, PROPOSAL

if TYPE_CHECKING:
    from optuna.storages import RDBStorage


class Claims:
    """One party's view of a study: what is left, and the claims it makes."""

    def __init__(
        self,
        storage: Storage,
        writer: "RDBStorage",
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
        self._writer, self._study_id = writer, study_id
        self._standing = Standing(storage, study_id, self._wants, retried_from)
        self._attempts = self._standing.attempts
        self._lease = lease or Lease()
        self._clock = clock
        self._attributes = attributes or {}  # of every attempt that is claimed
        self._storage, self._patience = storage, storage.patience
        self._on_renewal = on_renewal
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
        self._standing.look()
        gone = [attempt for attempt in self._attempts.running if self._is_gone(attempt, before)]
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

    def claim(self, worker: Worker, skip: int = 0) -> Attempt | None:
        """Claim the first waiting pair, or the one `skip` further on, out of others' way.

        Whoever was overtaken draws the next pair among several for each party
        that is at work, so that a crowd spreads out.

        Returns:
            The attempt, or None where nothing is waiting.
        """
        while True:
            self._look()
            pair = self._standing.waiting(skip)
            if pair is None:
                return None
            attempt = self._create(pair, worker)
            if attempt is not None:
                return attempt
            skip = random.randrange(4 * (1 + self._standing.running))

    def propose(
        self, draw: Callable[[list[Attempt]], tuple[Pair, dict[str, Any]] | None], worker: Worker
    ) -> Attempt | None:
        """Draw and claim a new pair, given the attempts so far.

        One that turns out to be too many, because others proposed at the same moment, withdraws.

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
            attempt = self._create(pair, worker, proposal)
            if attempt is None:
                continue
            self._standing.look()
            if pair in self._standing.agenda.pairs:
                return attempt
            self.end(attempt, "superseded")

    def _create(
        self, pair: Pair, worker: Worker, proposal: Mapping[str, Any] | None = None
    ) -> Attempt | None:
        from optuna.trial import TrialState, create_trial

        carried = self._wants.carry(pair, self._attempts.seen, proposal)
        claim = {CLAIM: {**pair.claim(), "worker": asdict(worker)}, LEASE: 0}
        template = create_trial(
            state=TrialState.RUNNING,
            user_attrs={
                **claim,
                **self._attributes,
                **carried.attributes,
                **({PROPOSAL: proposal} if proposal else {}),
            },
            params=dict(carried.params),
            distributions=dict(carried.distributions),
        )
        trial_id = self._writer.create_new_trial(self._study_id, template)
        self._attempts.read()
        mine, *again = [
            attempt
            for attempt in self._attempts.at(pair)
            if attempt.id == trial_id or (attempt.running and attempt.worker.id == worker.id)
        ]
        for attempt in again:  # the answer to an earlier try was lost, and it was made all the same
            self.end(attempt, "superseded")
        if self._standing.before(mine) == "waiting":
            return mine
        self.end(mine, "superseded")
        return None

    def _is_gone(self, attempt: Attempt, before: float) -> bool:
        """Whether its worker is known to be dead, or its lease has not changed for too long.

        The time of this look is taken before reading and the time of the first sight after it, so
        that an observer that was itself held up between the two never takes its own absence for
        another's. Nor the storage's: while that was away, nobody could write.
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
        """End an attempt: everything is written before the state.

        Args:
            attempt: What ends.
            ended: How, one of `ENDINGS`.
            value: What it came to, of a complete one: a value for each objective.
            attributes: What else to write.

        Returns:
            False where it had ended already, and stays as it was.
        """
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        assert ended in ENDINGS
        state = {"complete": TrialState.COMPLETE, "pruned": TrialState.PRUNED}.get(
            ended, TrialState.FAIL
        )
        if not self.write(attempt, {**(attributes or {}), ENDED: ended}):
            return False
        try:
            values = value if value is None or isinstance(value, Sequence) else [value]
            return self._writer.set_trial_state_values(attempt.id, state, values)
        except UpdateFinishedTrialError:
            # Others can only end it as lost: what is complete, this worker has
            # completed, and the answer was lost.
            return ended == "complete" and any(
                other.id == attempt.id and other.ended == ended for other in self._attempts.read()
            )
        except KeyError:  # the whole study was deleted
            return False
