"""What the tests of the dashboards share: a page in a browser,
and a storage with a finished study."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Any]:
    """A headless Chromium that is offline, one for all tests of a process."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        yield started
        started.close()


@pytest.fixture
def stored_study(workdir: Path) -> Callable[[pd.DataFrame], str]:
    """Puts the results of a table like `make_trials()` into a storage, as
    workers do; returns the storage's URL."""
    from studies.api import Study
    from studies.attempts.claims import Claims
    from studies.attempts.workers import Worker
    from studies.records.creation import create_or_extend
    from studies.storage import Storage

    def put(trials: pd.DataFrame) -> str:
        storage = Storage(f"sqlite:///{workdir}/results.db")
        study = Study.load("digits_cardinality").changed(
            # The designs of `make_trials`.
            ["seeds=[0,1,2]", "margin=null", "space.reference=resnext_1-1-1_1x64d_w256_small"]
        )
        facts = {
            "settings": {"device": "cpu"},
            "splits": {"train": 1078, "validation": 359, "test": 360},
        }
        stored = create_or_extend(storage, study, study.wanted(), lambda: facts)
        claims = Claims(storage, stored.id, stored.pairs)
        results = {(row["arm"], row["seed"]): row for row in trials.to_dict("records")}
        for _ in range(len(trials)):
            attempt = claims.claim(Worker("worker"))
            assert attempt is not None
            row = results[stored.design(attempt.pair.design).arm, attempt.pair.seed]
            measured = (
                "epochs",
                "train_error",
                "validation_error",
                "test_error",
                "seconds",
                "images_per_second",
            )
            result = {**{key: row[key] for key in measured}, "peak_memory": None, "device": "cpu"}
            curve = {"epoch": [1, 2], "learning_rate": [0.1, 0.0], "seconds": [1.0, 1.0]}
            for split in ("train", "validation"):
                curve[f"{split}_loss"], curve[f"{split}_error"] = (
                    [1.0, 0.1],
                    [
                        0.5,
                        row[f"{split}_error"],
                    ],
                )
            if row["status"] == "failed":
                claims.end(
                    attempt, "failed", attributes={"failure": {"reason": row["reason"], "log": []}}
                )
            else:
                claims.end(
                    attempt,
                    "complete",
                    row["validation_error"],
                    {"curve/1": curve, "result": result},
                )
        return f"sqlite:///{workdir}/results.db"

    return put
