"""However a training ends, its attempt is ended once, and its worker tells what counts."""

import json
from pathlib import Path
from typing import Any

import fake_training
import pytest

from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.records.creation import create_or_extend
from studies.records.same_data import about_data
from studies.storage import Storage

SETTINGS = {"device": "cpu", "precision": "32", "threads": 1}


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
    study = Study.load(tiny)
    known = {**about_data(fake_training.load(study.data, None)), "settings": SETTINGS}
    stored = create_or_extend(storage, study, study.wanted(), lambda: known)
    claims = Claims(storage, storage.open(), stored.id, stored)
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
