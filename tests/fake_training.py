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

import studies.data


class TrainingStopped(Exception):
    pass


class TrainingFailed(Exception):
    pass


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


def train(
    architecture: Any,
    recipe: Any,
    splits: Any,
    seed: int,
    settings: Any,
    *,
    checkpoints: Path | None,
    on_epoch: Callable[[dict[str, Any]], None],
    should_stop: Callable[[], bool],
    on_resume: Callable[[list[dict[str, Any]]], None],
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
    return Outcome(error, error, error, 0.1, 100.0, recipe.epochs, rows, None, None)


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


def load(spec: Any, data_dir: Path | None) -> Any:
    if spec.name != "digits":
        return studies.data.load(spec, data_dir)
    train, other = (
        studies.data.Images(np.zeros((count, 1, 8, 8), np.uint8), np.arange(count) % 10)
        for count in (1000, 100)
    )
    return studies.data.Splits(train, other, other, 10, (0.5,), (0.5,))


def install() -> None:
    """Train like this in this process, and in the workers it starts."""
    import studies
    import studies.machine.settings
    import studies.running.supervisor
    import studies.running.trial
    import studies.storage.outages
    import studies.storage.postgres

    studies.running.trial.load = studies.running.supervisor.load = load
    studies.storage.outages.PATIENCE = float(
        os.environ.get("FAKE_PATIENCE", studies.storage.outages.PATIENCE)
    )
    studies.storage.postgres.ANSWER_TIMEOUT = float(
        os.environ.get("FAKE_ANSWER", studies.storage.postgres.ANSWER_TIMEOUT)
    )

    studies.training.training = sys.modules["studies.training.training"] = sys.modules[__name__]  # type: ignore[attr-defined]
    studies.machine.settings.check_settings = lambda settings: None
    studies.running.supervisor.resolve = lambda **_: studies.machine.settings.Settings(
        device="cpu", precision="32", threads=1
    )
    if "fake_training" not in studies.running.supervisor.BOOTSTRAP:
        studies.running.supervisor.BOOTSTRAP = studies.running.supervisor.BOOTSTRAP.replace(
            "from studies.running.worker",
            "import fake_training; fake_training.install(); from studies.running.worker",
        )


if __name__ == "__main__":
    import fake_training  # under its own name, as the workers import it

    fake_training.install()
    from explorer.cli import main

    main()
