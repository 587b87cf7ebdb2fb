"""However a training ends, its attempt is ended once, and its worker tells what counts."""

import json
import weakref
from pathlib import Path
from typing import Any

import fake_training
import numpy as np
import pytest

from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.records.creation import create_or_extend
from studies.records.same_data import about_data
from studies.records.stored_study import StoredStudy
from studies.storage import Storage

SETTINGS = {"device": "cpu", "precision": "32", "threads": 1}


def store(storage: Storage, tiny: Path) -> StoredStudy:
    study = Study.load(tiny)
    known = {**about_data(fake_training.load(study.data, None)), "settings": SETTINGS}
    return create_or_extend(storage, study, study.wanted(), lambda: known)


@pytest.mark.parametrize(
    ("mischief", "stopping", "ended"),
    [
        (None, False, "complete"),
        (None, True, "interrupted"),
        ("nan", False, "failed"),
        ("full disk", False, "failed"),
        ("bug", False, "failed"),
        ("gpu", False, "lost"),
    ],
)
@pytest.mark.parametrize("overtaken", [False, True])
def test_every_ending_is_written_and_told_unless_the_attempt_was_given_up_meanwhile(
    storage: Storage,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    mischief: str | None,
    stopping: bool,
    ended: str,
    overtaken: bool,
) -> None:
    monkeypatch.setattr(fake_training, "_gpu_failed", False)
    stored = store(storage, tiny)
    claims = Claims(storage, stored.id, stored)
    attempt = claims.claim(Worker("worker"))
    assert attempt
    design = stored.design(attempt.pair.design)
    if mischief:
        monkeypatch.setenv("FAKE_MISCHIEF", json.dumps({design.name: mischief}))
    trainer = fake_training.Trainer(storage, stored, None)
    if overtaken:
        claims.end(attempt, "superseded")
    events: list[dict[str, Any]] = []
    try:
        trainer.run(claims, attempt, design, events.append, lambda: stopping)
    except fake_training.AcceleratorError:
        assert ended == "lost"  # its process cannot go on
    endings = [event["event"] for event in events if event["event"] != "epoch"]
    expected = [] if ended == "lost" else ["late"] if overtaken else [ended]
    assert endings == expected
    assert claims.tried()[0].ended == ("superseded" if overtaken else ended)


class Hungry(fake_training.Trainer):
    """A trainer whose first training runs out of memory, with maps that it holds. It notes
    whether they are there when the next one begins."""

    maps: "weakref.ref[Any] | None" = None
    held: bool | None = None

    def train(self, *given: Any, **options: Any) -> Any:
        if self.maps is not None:
            self.held = self.maps() is not None
            return super().train(*given, **options)
        maps = np.zeros(1)
        self.maps = weakref.ref(maps)
        try:
            raise RuntimeError("CUDA out of memory. Tried to allocate 2 GiB")
        except RuntimeError as error:
            raise RuntimeError("CUDA out of memory in a library") from error


def test_what_ran_out_of_memory_is_let_go_before_another_design_is_tried(
    storage: Storage, tiny: Path
) -> None:
    """Else the largest design of a study, tried first, would leave no memory to any other."""
    stored = store(storage, tiny)
    claims = Claims(storage, stored.id, stored)
    attempt = claims.claim(Worker("worker"))
    assert attempt
    trainer = Hungry(storage, stored, None)
    events: list[dict[str, Any]] = []
    design = stored.design(attempt.pair.design)
    trainer.run(claims, attempt, design, events.append, lambda: False)
    assert trainer.held is False
    (event,) = events
    assert event["event"] == "failed"
    assert event["reason"].startswith("out of memory; a smaller batch_size")
    assert claims.tried()[0].ended == "failed"
