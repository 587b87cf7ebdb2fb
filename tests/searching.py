"""Searches for tests: stored without data or torch, and a worker
process whose trials only take a moment."""

import random
import time
from pathlib import Path
from typing import Any

from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Lease, Worker
from studies.records.creation import create_or_extend
from studies.records.stored_study import StoredStudy, get
from studies.running.proposing import Proposer
from studies.storage import Storage

NOBODY = Worker("nobody", host="elsewhere", machine="elsewhere")
SPACE = """
reference: resnext_1-1_1x8d_w16_small8
match: {solve: bottleneck_width, by: flops}
axes: {cardinality: [1, 2, 4, 8], width: [16, 20, 24, 28, 32]}
"""
BASE = {
    "name": "tiny",
    "space": "tiny_space.yaml",
    "reference_arm": {"cardinality": 1, "width": 16},
    "data": {"name": "digits", "validation": 0.2, "test": 0.2, "split_seed": 0},
    "recipe": {"name": "quick", "epochs": 4, "batch_size": 64},
    "seeds": [0, 1],
}


def claims_of(storage: Storage, stored: StoredStudy) -> Claims:
    return Claims(storage, stored.id, stored)


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
    claims = Claims(storage, stored.id, stored, lease=Lease(every=0.1, stale=5))
    proposer = Proposer(stored)
    with Worker.hold(storage.folder("workers")) as me:
        index = random.randrange(4)
        while claims.counts().left:
            attempt = claims.claim(me) or proposer.claim(claims, me, index)
            if attempt is None:
                time.sleep(0.02)
                continue
            with claims.keep(attempt):
                time.sleep(random.expovariate(1 / mean_seconds))
                error = random.Random(f"{attempt.pair}").random()
                claims.end(attempt, "complete", error, {"result": {"validation_error": error}})
