"""Running the tiny study with the stand-in for training, and looking at what happened."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import fake_training
import pandas as pd

import studies.running.supervisor
from studies import Study
from studies.attempts.attempt import Attempt
from studies.attempts.standing import Attempts, Counts
from studies.attempts.workers import Lease
from studies.pair import Pair
from studies.records.stored_study import get
from studies.results import Reader, read
from studies.running.progress import View
from studies.storage import Storage

DONE = Counts(wanted=6, complete=6, running=0, waiting=0, failed=0, pruned=0)
# What depends on when and by whom a pair was trained.
INCIDENTAL = [
    "attempt",
    "worker",
    "started",
    "finished",
    "seconds",
    "seconds_per_epoch",
    "images_per_second",
    "peak_memory",
]


class Recorder(View):
    """Keeps what happened, and may act on it."""

    def __init__(self, act: Any = None) -> None:
        super().__init__()
        self.happened: list[dict[str, Any]] = []
        self._act = act

    def event(self, worker: int, event: dict[str, Any]) -> None:
        self.happened.append(event)
        if self._act:
            self._act(worker, event)

    def note(self, worker: int, text: str) -> None:
        self.happened.append({"event": "note", "text": text})

    def died(self, worker: int, cause: str, log: str) -> None:
        self.happened.append({"event": "died", "cause": cause})

    def nothing_to_do(self, stored: Any, counts: Counts) -> None:
        self.happened.append({"event": "nothing"})

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.happened if event["event"] == name]


def run(
    tiny: Path,
    view: View | None = None,
    *,
    workers: int = 1,
    lease: Lease | None = None,
    artifacts: str | None = None,
) -> Counts:
    """Run the study; give it two workers where they are of any interest: each takes a second to
    start."""
    return studies.running.supervisor.run(
        Study.load(tiny),
        storage="sqlite:///t.db",
        workers=workers,
        view=view,
        lease=lease,
        artifacts=artifacts,
    )


def start(tiny: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    """The command line as a process of its own, at the head of a process group."""
    return subprocess.Popen(
        [
            sys.executable,
            fake_training.__file__,
            "study",
            "run",
            str(tiny),
            "--storage",
            "sqlite:///t.db",
            *options,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **environment},
    )


def kill(pid: int) -> None:
    """Kill a worker, which may have ended meanwhile."""
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def wait_for(process: "subprocess.Popen[str]", event: str, count: int) -> None:
    """Read the JSON lines of a run until it told so many such events."""
    assert process.stdout
    for line in process.stdout:
        count -= json.loads(line)["event"] == event
        if count <= 0:
            return


def attempts(url: str = "sqlite:///t.db") -> list[Attempt]:
    with Storage.visit(url) as storage:
        return Attempts(storage, get(storage, "tiny").id).read()


def endings() -> list[str]:
    return [attempt.ended for attempt in attempts()]


def tables(url: str = "sqlite:///t.db") -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of the study, with what each training missed."""
    trials, curves = read(url, "tiny")
    with Storage.visit(url) as storage:
        reader = Reader(storage)
        for split in ("validation", "test"):
            misses = {pair: str(own.record()) for pair, own in reader.misses("tiny", split).items()}
            pairs = map(Pair, trials["design"], trials["seed"])
            trials[f"{split}_missed"] = [misses.get(pair, "") for pair in pairs]
    return trials.drop(columns=INCIDENTAL), curves.drop(columns="seconds")


def assert_undisturbed(
    expected: tuple[pd.DataFrame, pd.DataFrame], url: str = "sqlite:///t.db"
) -> None:
    """The tables are those of a run that nothing happened to, and each pair was completed once."""
    for found, wanted in zip(tables(url), expected, strict=True):
        pd.testing.assert_frame_equal(found, wanted)
    completed = [attempt.pair for attempt in attempts(url) if attempt.ended == "complete"]
    assert len(completed) == len(set(completed)) == DONE.complete
