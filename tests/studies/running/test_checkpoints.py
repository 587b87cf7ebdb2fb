"""A training goes on where another machine left it, if its checkpoints are with the artifacts."""

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import fake_training
import pandas as pd
import pytest
from tiny_runs import (
    DONE,
    Recorder,
    assert_undisturbed,
    attempts,
    endings,
    kill,
    run,
    start,
    wait_for,
)

from studies import Study
from studies.artifacts import Artifacts
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.records.creation import create_or_extend
from studies.records.same_data import about_data
from studies.storage import Storage

SETTINGS = {"device": "cpu", "precision": "32", "threads": 1}


def leave_in_mid_trial(tiny: Path, *options: str) -> None:
    """A run of which everything is killed after two epochs, and whose machine is lost."""
    process = start(tiny, "--json", *options, FAKE_EPOCH="1")
    wait_for(process, "epoch", 2)
    process.kill()
    for attempt in attempts():
        if attempt.running:
            kill(attempt.worker.pid)
    process.communicate()
    shutil.rmtree("t-files/tiny/checkpoints")


def first_epochs(view: Recorder, design: str) -> list[int]:
    epochs = [row for row in view.named("epoch") if (row["design"], row["seed"]) == (design, 0)]
    return [row["epoch"] for row in epochs]


@pytest.mark.heavy
def test_another_machine_goes_on_from_the_last_epoch_that_is_with_the_artifacts(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path
) -> None:
    leave_in_mid_trial(tiny, "--artifacts", "shared")
    view = Recorder()
    assert run(tiny, view, artifacts="shared") == DONE
    (lost,) = [attempt for attempt in attempts() if attempt.ended == "lost"]
    assert first_epochs(view, lost.pair.design)[0] >= 2
    assert view.named("note") == []
    assert_undisturbed(undisturbed)
    # What is over needs no checkpoint.
    assert [path for path in Path("shared").rglob("*") if path.is_file()] == []


@pytest.mark.heavy
def test_without_artifacts_it_begins_again_and_says_so(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path
) -> None:
    leave_in_mid_trial(tiny)
    view = Recorder()
    assert run(tiny, view) == DONE
    (lost,) = [attempt for attempt in attempts() if attempt.ended == "lost"]
    assert first_epochs(view, lost.pair.design) == [1, 2, 3, 4]
    (note,) = view.named("note")
    assert note["text"].startswith(f"{lost.pair.design} seed 0 begins again at its first epoch")
    assert_undisturbed(undisturbed)


class Unmounting(Recorder):
    """Takes the artifacts away as the first pair is claimed, and brings them back once their
    absence is told."""

    def event(self, worker: int, event: dict[str, Any]) -> None:
        super().event(worker, event)
        if event["event"] == "claimed" and len(self.named("claimed")) == 1:
            os.rename("shared", "gone")

    def note(self, worker: int, text: str) -> None:
        super().note(worker, text)
        if "Trainings go on" in text:
            os.rename("gone", "shared")


def test_artifacts_that_are_away_cost_no_training(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH", "0.2")
    monkeypatch.setenv("FAKE_RESPITE", "0")
    view = Unmounting()
    assert run(tiny, view, artifacts="shared") == DONE
    assert endings() == ["complete"] * 6
    made, away, back = (note["text"] for note in view.named("note"))
    assert made == f"Made the folder {tiny.with_name('shared')} for the artifacts."
    assert away.startswith(f"The artifacts at {Path('shared').absolute()} cannot be used: it is")
    assert back.endswith("are back.")
    assert_undisturbed(undisturbed)


def test_a_full_disk_fails_the_training_with_its_reason_and_the_worker_goes_on(
    storage: Storage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study.load(tiny)
    known = {**about_data(fake_training.load(study.data, None)), "settings": SETTINGS}
    stored = create_or_extend(storage, study, study.wanted(), lambda: known)
    claims = Claims(storage, stored.id, stored)
    artifacts = Artifacts("shared")
    artifacts.check(print)
    trainer = fake_training.Trainer(storage, stored, None, artifacts)

    def full(*_: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    told: list[dict[str, Any]] = []
    for is_full in (True, False):
        with monkeypatch.context() as patch:
            if is_full:
                patch.setattr(artifacts._system, "put_file", full)
            attempt = claims.claim(Worker("worker"))
            assert attempt
            design = stored.design(attempt.pair.design)
            trainer.run(claims, attempt, design, told.append, lambda: False)
    failed, complete = (event for event in told if event["event"] in ("failed", "complete"))
    assert failed["reason"].endswith(
        "shared cannot be used: the disk is full, there or here. Make room."
    )
    assert complete["event"] == "complete"
    assert [attempt.ended for attempt in claims.tried()] == ["failed", "complete"]
