"""Searches for tests: stored without data or torch, and a worker process whose trials only take a moment."""

import random
import time
from pathlib import Path
from typing import Any

from studies import Study
from studies.claims import Claims, Lease, Worker
from studies.proposing import Proposer
from studies.storage import Storage
from studies.stored import StoredStudy, create_or_extend, get


def make(storage: Storage, file: Path) -> StoredStudy:
    """Store the study of a file, or extend it."""
    study = Study.load(file)

    def find_out() -> dict[str, Any]:
        return {
            "splits": {"train": 1000, "validation": 100, "test": 100},
            "settings": {"device": "cpu", "precision": "32", "threads": 1},
        }

    return create_or_extend(storage, study, study.wanted(), find_out)


def work(url: str, mean_seconds: float) -> None:
    """Claim, propose and complete pairs of the study `tiny` until none is left."""
    storage = Storage(url)
    stored = get(storage, "tiny")
    claims = Claims(storage, storage.open(), stored.id, stored, lease=Lease(every=0.1, stale=5))
    proposer = Proposer(stored)
    with Worker.hold(storage.folder("workers")) as me:
        index = random.randrange(4)
        while claims.counts().left:
            attempt = claims.claim(me, index) or proposer.claim(claims, me, index)
            if attempt is None:
                time.sleep(0.02)
                continue
            with claims.keep(attempt):
                time.sleep(random.expovariate(1 / mean_seconds))
                error = random.Random(f"{attempt.pair}").random()
                claims.end(attempt, "complete", error, {"result": {"validation_error": error}})
