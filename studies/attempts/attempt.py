"""One attempt at a pair, and how a pair stands for the attempts at it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from studies.attempts.workers import Worker
from studies.pair import Pair
from studies.storage.schema import RESULT

# How an attempt ended; only `failed` counts against its pair, and three `lost` in
# a row that got no further count as one `failed`.
ENDINGS = ("complete", "failed", "lost", "interrupted", "superseded", "pruned")
STATUSES = ("complete", "running", "waiting", "failed", "pruned")
RUNNING = ("RUNNING", "WAITING")  # Optuna's states
LOST_IN_A_ROW = 3
# What failed this often stays failed, also when it is asked for again.
FAILURES = 3


@dataclass(frozen=True)
class Attempt:
    """One attempt at a pair, as read from the storage.

    Attributes:
        id: Optuna's, of the trial.
        number: In its study, from 0.
        pair: What is attempted.
        state: Optuna's.
        ended: One of `ENDINGS`; "" while it runs.
        lease: A count of its worker's signs of life.
        worker: Who made it.
        progress: The first epoch that it finished; 0 means none.
        attributes: What else of it was asked for; see `Attempts`.
    """

    id: int
    number: int
    pair: Pair
    state: str
    ended: str
    lease: int
    worker: Worker
    progress: int = 0
    attributes: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def running(self) -> bool:
        return self.state in RUNNING

    @property
    def is_too_slow(self) -> bool:
        """Whether it was pruned by a limit on the latency, before it was trained: of what is pruned
        by its curve no result is stored."""
        return self.ended == "pruned" and RESULT in self.attributes


def how_it_ended(state: str, ended: str | None) -> str:
    """The ending of an attempt. The state decides: it is written last, and once."""
    if state in RUNNING:
        return ""
    if state == "COMPLETE":
        return "complete"
    if state == "PRUNED":
        return "pruned"
    # Who gave it up may have been overtaken between the two writes by a
    # worker that was about to report success.
    return ended if ended in ("failed", "interrupted", "superseded") else "lost"


def status_of(attempts: Iterable[Attempt], retried_from: int = 0) -> str:
    """How a pair stands, from the attempts at it in order.

    Failures before attempt number `retried_from` are forgiven, and so is a latency above a limit,
    which a busy machine may have made.

    A lost attempt that took up where another had left off, and got further,
    is no sign that the pair kills its workers.
    """
    failures = forgiven = lost = furthest = 0
    for attempt in attempts:
        if attempt.is_too_slow and attempt.number < retried_from:
            continue
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


def statuses_of(
    wanted: Iterable[Pair], attempts: Iterable[Attempt], retried_from: int = 0
) -> dict[Pair, str]:
    """How every wanted pair stands."""
    by_pair: dict[Pair, list[Attempt]] = {pair: [] for pair in wanted}
    for attempt in attempts:
        if attempt.pair in by_pair:
            by_pair[attempt.pair].append(attempt)
    return {pair: status_of(tried, retried_from) for pair, tried in by_pair.items()}
