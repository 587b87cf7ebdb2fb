"""A worker process for tests of claims: its trials only take a moment."""

import multiprocessing
import random
import time

from studies.attempts.claims import Claims
from studies.attempts.standing import Counts
from studies.attempts.workers import Lease, Worker
from studies.pair import Pair
from studies.storage import Storage

# Forks of a process that has imported what they need: that takes a second.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(
    ["studies.attempts.claims", "optuna.storages._rdb.storage", "alembic.context"]
)


def work(url: str, wanted: list[Pair], mean_seconds: float, forever: bool) -> None:
    """Claim and complete pairs until none is waiting, or (`forever`) until
    none is left. A result says who completed it."""
    storage = Storage(url)
    claims = Claims(
        storage,
        storage.open().get_study_id_from_name("study"),
        wanted,
        lease=Lease(every=0.1, stale=5),
    )
    with Worker.hold(storage.folder("workers")) as me:
        while True:
            attempt = claims.claim(me)
            if attempt is None:
                if not forever or not Counts.of(claims.look()).left:
                    return
                time.sleep(0.02)
                continue
            with claims.keep(attempt):
                time.sleep(random.expovariate(1 / mean_seconds) if mean_seconds else 0)
                claims.end(attempt, "complete", 0.5, {"result": {"by": me.id}})
