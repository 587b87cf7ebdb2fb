"""A storage with as many trainings as wanted, written by plain SQL
in the form that workers leave behind."""

import json
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import sqlalchemy

from studies.api import Study
from studies.attempts.workers import Worker
from studies.missed import Missed
from studies.records.creation import create_or_extend
from studies.records.stored_study import StoredStudy
from studies.storage import Storage

START = datetime(2026, 11, 20, 8, 0, 0, tzinfo=UTC).replace(tzinfo=None)
GAPS = (0.0, -0.001, -0.002, -0.0035, -0.0025)


# Nine arms of mixed axes, with names of very different length.
MIXED_SPACE = """
reference: resnext11_1x64d_cifar
match: {solve: bottleneck_width, by: flops}
axes:
- {cardinality: [1, 4, 16]}
- {width: [32, 384]}
- {depths: [[1, 2, 1], [2, 2, 2]]}
- {cardinality: [4, 16], shortcut: [none]}
"""


def make_study(
    storage: Storage, name: str = "big", *, seeds: int | dict[str, int] = 3, **more: Any
) -> StoredStudy:
    """Store a study of five cardinalities, otherwise the preset `digits_cardinality`, under another
    name and with other seeds; nothing is trained."""
    document = {
        **Study.load("digits_cardinality").document(),
        "name": name,
        "seeds": list(range(seeds)) if isinstance(seeds, int) else seeds,
        "margin": None,
        "space": {
            "name": "five_cardinalities",
            "reference": "resnext_1-1-1_1x64d_w256_small",
            "match": {"solve": "bottleneck_width", "by": "flops", "tolerance": 0.02},
            "axes": {"cardinality": [1, 2, 4, 8, 16]},
        },
        **more,
    }
    study = Study.model_validate(document)
    found = {
        "settings": {
            "device": "cpu",
            "precision": "32",
            "threads": 1,
            "memory_format": "channels_last",
        },
        "splits": {"train": 1078, "validation": 359, "test": 360},
    }
    return create_or_extend(storage, study, study.wanted(), lambda: found)


def add_attempts(
    storage: Storage,
    stored: StoredStudy,
    *,
    epochs: int = 20,
    first: int = 0,
    states: dict[int, str] | None = None,
    reason: str = "the loss is not a number after step 12",
    misses: bool = False,
) -> None:
    """Attempts at the pairs from number `first` on, one each. `states` says which are "failed",
    "running" or "waiting" (none is written), by their place; all others are complete. The errors
    have the gaps of `GAPS` between arms, in every storage the same. With `misses` they say which
    images they missed. Where the study asks for a latency, it grows from arm to arm.
    """
    arms = [design.name for design in stored.designs]
    random = np.random.default_rng(0)
    by_seed = {seed: random.normal(0, 0.002) for seed in stored.seeds}
    noise = random.normal(0, 0.0015, (len(stored.pairs), 2))
    engine = storage.open().engine
    with engine.connect() as connection:
        trial_id = connection.execute(
            sqlalchemy.text("SELECT COALESCE(MAX(trial_id), 0) FROM trials")
        ).scalar_one()
        number = connection.execute(
            sqlalchemy.text("SELECT COUNT(*) FROM trials WHERE study_id = :id"), {"id": stored.id}
        ).scalar_one()
    trials: list[dict[str, Any]] = []
    values: list[dict[str, Any]] = []
    attributes: list[dict[str, Any]] = []
    for place, pair in enumerate(stored.pairs):
        ended = (states or {}).get(place, "complete")
        if place < first or ended == "waiting":
            continue
        trial_id += 1
        error = 0.025 + GAPS[arms.index(pair.design) % len(GAPS)] + by_seed[pair.seed]
        test, validation = (max(0.0, float(error + wobble)) for wobble in noise[place])
        started = START + timedelta(seconds=3 * place)
        state = {"complete": "COMPLETE", "failed": "FAIL"}.get(ended, "RUNNING")
        trials.append(
            {
                "trial_id": trial_id,
                "number": number,
                "study_id": stored.id,
                "state": state,
                "datetime_start": started,
                "datetime_complete": (
                    None if state == "RUNNING" else started + timedelta(seconds=40)
                ),
            }
        )
        number += 1
        done = epochs if ended == "complete" else max(1, epochs // 3)
        worker = Worker(f"worker{place % 4}", "", "node", 1234, "another machine")
        written: dict[str, Any] = {"claim": {**asdict(pair), "worker": asdict(worker)}, "lease": 3}
        written["curve/1"] = _curve(done, epochs, test, validation)
        if ended == "complete":
            written["result"] = {
                "train_error": max(0.0, test - 0.018), "validation_error": validation,
                "test_error": test, "seconds": 38.0, "images_per_second": 280.0,
                "epochs": epochs, "peak_memory": None, "device": "cpu",
            }  # fmt: skip
            reached = [validation]
            search = stored.content.file.search
            if search and "latency" in search.objectives:
                reached.append(0.001 * 1.4 ** arms.index(pair.design))
                written["result"]["latency"] = reached[1]
            values += [
                {"trial_id": trial_id, "objective": number, "value": value, "value_type": "FINITE"}
                for number, value in enumerate(reached)
            ]
            if misses:
                written["missed"] = {
                    "validation": _missed(validation, 359, random),
                    "test": _missed(test, 360, random),
                }
        if ended == "failed":
            log = [
                "Traceback (most recent call last):",
                '  File "training.py", line 1, in fit',
                "TrainingFailed: loss",
                reason,
            ]
            written["failure"] = {"reason": reason, "log": log}
        if state != "RUNNING":
            written["ended"] = ended
        attributes += [
            {"trial_id": trial_id, "key": key, "value_json": json.dumps(written[key])}
            for key in written
        ]
    _insert(
        storage, {"trials": trials, "trial_values": values, "trial_user_attributes": attributes}
    )


def finish(storage: Storage, stored: StoredStudy, *, error: float = 0.02, epochs: int = 20) -> None:
    """Let every running attempt of a study complete, as its worker would: the
    result is written first, the state last."""
    result = {
        "train_error": error, "validation_error": error, "test_error": error, "seconds": 38.0,
        "images_per_second": 280.0, "epochs": epochs, "peak_memory": None, "device": "cpu",
    }  # fmt: skip
    writer = storage.open()
    from optuna.trial import TrialState

    for trial in writer.get_all_trials(stored.id, states=(TrialState.RUNNING,)):
        writer.set_trial_user_attr(trial._trial_id, "result", result)
        writer.set_trial_user_attr(trial._trial_id, "ended", "complete")
        writer.set_trial_state_values(trial._trial_id, TrialState.COMPLETE, [error])


def _missed(error: float, images: int, random: np.random.Generator) -> dict[str, Any]:
    """A record of what a training missed: mostly the first images, which are hard."""
    labels = np.arange(images) % 10
    hard = np.exp(-np.arange(images) / 20) + 0.02
    wrong = random.choice(images, round(error * images), replace=False, p=hard / hard.sum())
    guesses = labels.copy()
    guesses[wrong] = (labels[wrong] + 1) % 10
    return Missed.of(labels, guesses, 10).record()


def _curve(done: int, epochs: int, test: float, validation: float) -> dict[str, list[float]]:
    left = np.exp(-6 * np.arange(1, done + 1) / epochs)
    columns = {
        "learning_rate": 0.1 * (1 - np.arange(1, done + 1) / epochs),
        "train_loss": 0.02 + 2 * left,
        "train_error": max(0.0, test - 0.018) + 0.6 * left,
        "validation_loss": 0.08 + 1.8 * left,
        "validation_error": validation + 0.45 * left,
        "seconds": np.full(done, 1.9),
    }
    return {
        "epoch": list(range(1, done + 1)),
        **{key: column.round(6).tolist() for key, column in columns.items()},
    }


def _insert(storage: Storage, tables: dict[str, list[dict[str, Any]]]) -> None:
    engine = storage.open().engine
    metadata = sqlalchemy.MetaData()
    metadata.reflect(engine, only=list(tables))
    with engine.begin() as connection:
        for name, rows in tables.items():
            for start in range(0, len(rows), 5000):
                connection.execute(
                    sqlalchemy.insert(metadata.tables[name]), rows[start : start + 5000]
                )
