"""Whole runs with real training: killed in the middle, they end with the
numbers of an undisturbed run, bit for bit."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny_study
from searching import SPACE
from tiny_runs import INCIDENTAL

from studies.attempts.standing import Attempts
from studies.records.stored_study import get
from studies.results import read
from studies.storage import Storage
from studies.storage.schema import CURVES_OF_ATTEMPT

URL = "sqlite:///t.db"
pytestmark = pytest.mark.slow


def start(folder: Path, *options: str, workers: int = 2) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "explorer", "study", "run", "./tiny.yaml", "--storage", URL]
    command += ["--workers", str(workers)]
    return subprocess.Popen(
        [*command, *options], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def running_workers(storage: Storage) -> list[Any]:
    return [
        attempt.worker
        for attempt in Attempts(storage, get(storage, "tiny").id).read()
        if attempt.running
    ]


def tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    trials, curves = read(f"sqlite:///{folder}/t.db", "tiny")
    return trials.drop(columns=INCIDENTAL), curves.drop(columns="seconds")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that nothing happened to."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "tiny.yaml").write_text(tiny_study.STUDY)
    (folder / "tiny_space.yaml").write_text(tiny_study.SPACE)
    process = start(folder)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    assert "6 of 6 pairs complete" in out
    return folder


def test_every_pair_is_trained_and_learns(undisturbed: Path) -> None:
    trials, curves = tables(undisturbed)
    assert list(trials["status"]) == ["complete"] * 6
    assert len(curves) == 24
    losses = curves.pivot(index="epoch", columns=["design", "seed"], values="train_loss")
    assert (losses.loc[4] < losses.loc[1]).all()
    assert trials["test_error"].between(0, 0.9).all()
    assert not list(undisturbed.rglob("*.pt"))
    assert not list(undisturbed.rglob("*.log"))


def wait_for_epochs(process: "subprocess.Popen[str]", count: int) -> None:
    """Read what a run tells until so many epochs are trained."""
    assert process.stdout
    epochs = (line for line in process.stdout if json.loads(line)["event"] == "epoch")
    for _ in range(count):
        next(epochs)


def kill_everything(process: "subprocess.Popen[str]", storage: Storage) -> None:
    process.send_signal(signal.SIGSTOP)  # it replaces nobody, and no worker sees it gone
    for worker in running_workers(storage):
        os.kill(worker.pid, signal.SIGKILL)
    process.kill()
    process.communicate()


def test_killed_in_the_middle_it_ends_with_the_same_numbers(
    undisturbed: Path, workdir: Path
) -> None:
    """First everything is killed, then a worker of the run that goes on, which replaces it.

    TensorBoard shows each attempt that came to a number, which changes none.
    """
    for name in ("tiny.yaml", "tiny_space.yaml"):
        shutil.copy(undisturbed / name, workdir)
    storage, rng = Storage(URL), random.Random(0)
    process = start(workdir, "--json", "--log", "tensorboard")
    wait_for_epochs(process, rng.randrange(2, 8))
    kill_everything(process, storage)
    process = start(workdir, "--json", "--log", "tensorboard")
    wait_for_epochs(process, rng.randrange(1, 6))
    os.kill(running_workers(storage)[0].pid, signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (0, "")
    attempts = Attempts(storage, get(storage, "tiny").id).read()
    assert [attempt.ended for attempt in attempts].count("lost") >= 2
    completed = [attempt.pair for attempt in attempts if attempt.ended == "complete"]
    assert len(completed) == len(set(completed)) == 6
    for table, expected in zip(tables(workdir), tables(undisturbed), strict=True):
        pd.testing.assert_frame_equal(table, expected)
    boards = (workdir / "t-files" / "tiny" / "tensorboard").rglob("events.out.tfevents.*")
    shown = sorted(int(path.parent.name.removeprefix("attempt")) for path in boards)
    assert shown == [
        attempt.number
        for attempt in attempts
        if storage.tuples(CURVES_OF_ATTEMPT, trial=attempt.id)
    ]


@pytest.fixture
def one_core() -> Iterator[None]:
    """What is started has one core, so that a single worker trains in one thread, as two do on
    two cores. Threads of one training that wait for a busy core took twice the time."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {random.choice(sorted(cores))})
    yield
    os.sched_setaffinity(0, cores)


@pytest.mark.usefixtures("one_core")
def test_a_pruned_search_that_is_killed_once_ends_with_the_same_designs_and_numbers(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    search = "search: {method: tpe, trials: 4, finalists: 1, prune: {method: successive_halving}}\n"
    folders = [tmp_path_factory.mktemp(name) for name in ("calm", "killed")]
    for folder in folders:
        study = tiny_study.STUDY.replace("{cardinality: 1}", "{cardinality: 1, width: 16}").replace(
            "[0, 1]", "[0]"
        )
        (folder / "tiny.yaml").write_text(study + search)
        (folder / "tiny_space.yaml").write_text(SPACE)
    calm, killed = folders
    _, err = (process := start(calm, workers=1)).communicate(timeout=300)
    assert (process.returncode, err) == (0, "")

    monkeypatch.chdir(killed)
    process = start(killed, "--json", workers=1)
    # The reference is trained whole, for four epochs, before anything is pruned: this is in the
    # middle of it.
    wait_for_epochs(process, 2)
    storage = Storage(URL)
    kill_everything(process, storage)
    _, err = (process := start(killed, workers=1)).communicate(timeout=300)
    assert (process.returncode, err) == (0, "")

    endings = [attempt.ended for attempt in Attempts(storage, get(storage, "tiny").id).read()]
    assert "lost" in endings
    assert "pruned" in endings
    for table, expected in zip(tables(killed), tables(calm), strict=True):
        pd.testing.assert_frame_equal(table, expected, check_exact=True)
