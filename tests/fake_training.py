"""A stand-in for `studies.training.training` that takes milliseconds:
everything around the training is real, processes included.

Its numbers are a pure function of design, seed and epoch, computed step by step like weights, so
that a resume from a wrong checkpoint shows. The environment says how fast it is (FAKE_EPOCH,
seconds) and which designs misbehave (FAKE_MISCHIEF).

As a program it is the command line, with workers that train like this.
"""

import errno
import hashlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import studies.data.splits
import studies.running.checkpoints
import studies.running.trial
import studies.storage.outages
import studies.storage.postgres
from explorer.errors import UserError
from studies.judging.latency import Latency
from studies.machine.settings import Resolved, Settings
from studies.missed import Missed
from studies.training.outcome import TrainingFailed, TrainingStopped

# Workers import this module as well.
studies.storage.outages.PATIENCE = float(
    os.environ.get("FAKE_PATIENCE", studies.storage.outages.PATIENCE)
)
studies.storage.postgres.ANSWER_TIMEOUT = float(
    os.environ.get("FAKE_ANSWER", studies.storage.postgres.ANSWER_TIMEOUT)
)
studies.running.checkpoints.RESPITE = float(
    os.environ.get("FAKE_RESPITE", studies.running.checkpoints.RESPITE)
)


class AcceleratorError(RuntimeError):
    """What torch raises when the GPU fails."""


_gpu_failed = False  # after that nothing can be computed in this process


@dataclass(frozen=True)
class Outcome:
    train_error: float
    validation_error: float
    test_error: float
    seconds: float
    images_per_second: float
    epochs: int
    curves: list[dict[str, Any]]
    peak_memory: int | None
    state_dict: object
    missed: dict[str, Missed]


def train(
    architecture: Any,
    recipe: Any,
    splits: Any,
    seed: int,
    settings: Any,
    *,
    should_stop: Callable[[], bool],
    checkpoints: Path | None = None,
    on_epoch: Callable[[dict[str, Any]], None] = lambda row: None,
    on_resume: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
) -> Outcome:
    mischief = json.loads(os.environ.get("FAKE_MISCHIEF", "{}")).get(architecture.name)
    global _gpu_failed
    if mischief == "starved":
        raise MemoryError
    if mischief == "exit":
        sys.exit(0)
    checkpoints = checkpoints or Path(tempfile.mkdtemp(dir="."))
    if mischief == "gpu" and not (checkpoints / "failed_before").exists():
        (checkpoints / "failed_before").touch()
        _gpu_failed = True
    if _gpu_failed:
        raise AcceleratorError("CUDA error: an illegal memory access was encountered")
    path = checkpoints / "checkpoint.json"
    state, rows = f"{architecture.name} {seed}", []
    if path.exists():
        state, rows = json.loads(path.read_text())
    on_resume(list(rows))
    while mischief == "held" and not Path("go").exists():
        time.sleep(0.02)
        if should_stop():
            raise TrainingStopped
    while len(rows) < recipe.epochs:
        for _ in range(5):
            time.sleep(float(os.environ.get("FAKE_EPOCH", "0.02")) / 5)
            if should_stop():
                raise TrainingStopped
        state = hashlib.sha256(state.encode()).hexdigest()
        error = int(state[:8], 16) / 16**8
        names = (
            "learning_rate",
            "train_loss",
            "train_error",
            "validation_loss",
            "validation_error",
        )
        rows.append({"epoch": len(rows) + 1, **dict.fromkeys(names, error), "seconds": 0.02})
        if mischief == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        if mischief == "nan":
            raise TrainingFailed("the training loss became nan in epoch 1")
        if mischief == "memory":
            raise RuntimeError(
                "[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory:"
                " you tried"
            )
        if mischief == "full disk":
            full_disk(path)
        if mischief == "bug":
            raise ZeroDivisionError("division\nby zero")
        temporary = path.with_name(".checkpoint")
        temporary.write_text(json.dumps([state, rows]))
        temporary.replace(path)
        on_epoch(rows[-1])
    error = rows[-1]["validation_error"]  # perhaps all epochs came from the checkpoint
    missed = {name: _missed(state, getattr(splits, name)) for name in ("validation", "test")}
    return Outcome(error, error, error, 0.1, 100.0, recipe.epochs, rows, None, None, missed)


def _missed(state: str, images: Any) -> Missed:
    classes = int(images.labels.max()) + 1
    guesses = np.random.default_rng(int(state[:8], 16)).integers(0, classes, len(images.labels))
    return Missed.of(images.labels, guesses, classes)


def full_disk(path: Path) -> None:
    """What writing a checkpoint to a full disk comes to."""
    from explorer import files

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    before, files.os.fsync = files.os.fsync, full
    try:
        files.write_atomic(path, "checkpoint")
    finally:
        files.os.fsync = before


def load(spec: Any, data_dir: Path | None, parts: Any = None, **options: Any) -> Any:
    if spec.name != "digits":
        return studies.data.splits.load(spec, data_dir, parts, **options)
    train, other = (
        studies.data.Images(np.zeros((count, 1, 8, 8), np.uint8), np.arange(count) % 10)
        for count in (1000, 100)
    )
    return studies.data.Splits(train, other, other, 10, (0.5,), (0.5,))


class Trainer(studies.running.trial.Trainer):
    """What a worker trains with."""

    def prepare(self, data_dir: Path | None) -> Any:
        return load(self._file.data, data_dir)

    def train(self, *given: Any, **options: Any) -> Any:
        return train(*given, **options)


class WithoutData(Trainer):
    """One that cannot load its data."""

    def prepare(self, data_dir: Path | None) -> Any:
        return 1 / 0


class OtherDataOnce(Trainer):
    """One that finds other data on the first machine."""

    def prepare(self, data_dir: Path | None) -> Any:
        try:
            Path("other_data").mkdir()
        except FileExistsError:
            return super().prepare(data_dir)
        raise UserError("the data of tiny has changed")


class SlowerLater(Trainer):
    """One whose machine is slower after four designs."""

    _measured = 0

    def _latency(self, design: Any) -> Latency | None:
        self._measured += 1
        return Latency(0.001 if self._measured <= 4 else 0.005)


class Busy(Trainer):
    """One whose machine does something else now and then."""

    def _latency(self, design: Any) -> Latency | None:
        return Latency(0.005, 0.0019, 0.009)


class Busier(Trainer):
    """One whose machine does something else all the time."""

    def _latency(self, design: Any) -> Latency | None:
        return Latency(0.0131, 0.009, 0.015)


# What `studies.running.supervisor` has in these names' places.
SUPERVISED = {
    "TRAINER": "fake_training:Trainer",
    "load": load,
    "resolve": lambda **_: Resolved(Settings(device="cpu", precision="32", threads=1)),
}


def install() -> None:
    """Runs that this process starts train like this."""
    import studies.running.supervisor

    for name, value in SUPERVISED.items():
        setattr(studies.running.supervisor, name, value)


if __name__ == "__main__":
    import fake_training  # under its own name, as the workers import it

    fake_training.install()
    from explorer.cli import main

    main()
