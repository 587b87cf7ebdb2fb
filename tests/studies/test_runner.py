"""Runs with real processes around a stand-in for training: killed, stopped, frozen, started twice, they end with the same tables."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fake_training
import pandas as pd
import pytest
from tiny_study import change

import studies.runner
from explorer.errors import UserError
from studies import Study
from studies.claims import Attempt, Attempts, Counts, Lease
from studies.results import read
from studies.storage import Storage
from studies.stored import get
from studies.views import View

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


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> Iterator[None]:
    """Runs that this process starts train with the stand-in."""
    for module, name in ((studies.runner, "BOOTSTRAP"), (studies.runner, "resolve"), (studies.settings, "check")):
        monkeypatch.setattr(module, name, getattr(module, name))
    before = {name: sys.modules.get(name) for name in ("studies.training",)}
    fake_training.install()
    yield
    for name, module in before.items():
        if module is None:
            del sys.modules[name]
            del studies.training  # type: ignore[attr-defined]
        else:
            sys.modules[name] = studies.training = module  # type: ignore[attr-defined]


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

    def died(self, worker: int, cause: str, log: Path) -> None:
        self.happened.append({"event": "died", "cause": cause})

    def nothing_to_do(self, stored: Any, counts: Counts) -> None:
        self.happened.append({"event": "nothing"})

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.happened if event["event"] == name]


def run(tiny: Path, view: View | None = None, *, workers: int = 2, lease: Lease | None = None) -> Counts:
    return studies.runner.run(Study.load(tiny), storage="sqlite:///t.db", workers=workers, view=view, lease=lease)


def start(tiny: Path, *options: str, **environment: str) -> "subprocess.Popen[str]":
    """The command line as a process of its own, at the head of a process group."""
    return subprocess.Popen(
        [sys.executable, fake_training.__file__, "study", "run", str(tiny), "--storage", "sqlite:///t.db", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env={**os.environ, **environment},
    )


def wait_for_epochs(process: "subprocess.Popen[str]", count: int) -> None:
    """Read the JSON lines of a run until so many epochs are trained."""
    assert process.stdout
    for line in process.stdout:
        count -= json.loads(line)["event"] == "epoch"
        if count <= 0:
            return


def attempts() -> list[Attempt]:
    storage = Storage("sqlite:///t.db")
    return Attempts(storage, get(storage, "tiny").id).read()


def endings() -> list[str]:
    return [attempt.ended for attempt in attempts()]


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    trials, curves = read("sqlite:///t.db", "tiny")
    return trials.drop(columns=INCIDENTAL), curves.drop(columns="seconds")


@pytest.fixture
def undisturbed(fake: None, tiny: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of a run that nothing happened to; its storage is gone again."""
    assert run(tiny) == DONE
    result = tables()
    for path in tiny.parent.glob("t.db*"):
        path.unlink()
    return result


def assert_undisturbed(expected: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    for found, wanted in zip(tables(), expected, strict=True):
        pd.testing.assert_frame_equal(found, wanted)
    completed = [attempt.pair for attempt in attempts() if attempt.ended == "complete"]
    assert len(completed) == len(set(completed)) == DONE.complete


def test_a_run_completes_the_set_and_a_second_one_trains_nothing(fake: None, tiny: Path) -> None:
    assert run(tiny) == DONE
    trials, curves = tables()
    assert list(trials["status"]) == ["complete"] * 6
    assert list(trials["seed"]) == [0, 0, 0, 1, 1, 1]
    assert len(curves) == 6 * 4
    assert curves.groupby(["design", "seed"])["epoch"].apply(list).tolist() == [[1, 2, 3, 4]] * 6
    second = Recorder()
    assert run(tiny, second) == DONE
    assert second.happened == [{"event": "nothing"}]
    # Nothing is left behind but the database.
    assert sorted(path.name for path in tiny.parent.rglob("*") if path.is_file()) == sorted(
        [".lock", "t.db", "tiny.yaml", "tiny_space.yaml"]
    )


def test_neither_the_supervisor_nor_an_idle_worker_imports_torch(fake: None, tiny: Path) -> None:
    assert run(tiny) == DONE
    code = (
        "import sys\nfrom studies import Study\n"
        "assert Study.load('tiny.yaml').run(storage='sqlite:///t.db', workers=2).complete == 6\n"
        "import os, studies.worker\n"
        "os.dup2(os.pipe()[0], 0)  # a supervisor that is there\n"
        "config = {'storage': 'sqlite:///t.db', 'study': 'tiny', 'data_dir': None, 'worker': 'w', 'index': 0, 'lease': {}}\n"
        "try:\n    studies.worker.main(config)\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'torch', 'pytorch_lightning', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_killed_worker_is_replaced_and_its_pair_resumed(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path
) -> None:
    killed: list[int] = []

    def kill_one(worker: int, event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and event["epoch"] == 2 and not killed:
            running = [
                a for a in attempts() if a.running and (a.pair.design, a.pair.seed) == (event["design"], event["seed"])
            ]
            killed.append(running[0].worker.pid)
            os.kill(killed[0], signal.SIGKILL)

    view = Recorder(kill_one)
    assert run(tiny, view) == DONE
    assert len(killed) == len(view.named("died")) == 1
    assert "SIGKILL" in view.named("died")[0]["cause"]
    assert endings().count("lost") == 1
    assert_undisturbed(undisturbed)
    # The pair was resumed, not begun anew.
    (lost,) = [attempt for attempt in attempts() if attempt.ended == "lost"]
    told = [
        event for event in view.named("epoch") if (event["design"], event["seed"]) == (lost.pair.design, lost.pair.seed)
    ]
    assert 4 <= len(told) <= 5


@pytest.mark.parametrize("seed", range(3))
def test_everything_killed_at_once_goes_on_at_once(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, seed: int
) -> None:
    process = start(tiny, "--workers", "2", "--json", FAKE_EPOCH="0.05")
    wait_for_epochs(process, random.Random(seed).randrange(1, 20))
    process.kill()
    for attempt in attempts():
        if attempt.running:
            os.kill(attempt.worker.pid, signal.SIGKILL)
    process.wait()
    begin = time.monotonic()
    assert run(tiny) == DONE
    assert time.monotonic() - begin < 30  # it did not wait for a lease to run out
    assert_undisturbed(undisturbed)


@pytest.mark.slow
def test_a_storm_of_kills_loses_nothing(undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path) -> None:
    rng = random.Random(7)
    for _ in range(4):
        process = start(tiny, "--workers", "2", "--json", FAKE_EPOCH="0.05")
        # Long enough for no pair to be killed three times in a row, which would count as a failure.
        wait_for_epochs(process, rng.randrange(5, 9))
        victims = [attempt.worker.pid for attempt in attempts() if attempt.running]
        if victims and rng.random() < 0.5:
            victims = [rng.choice(victims)]
            os.kill(victims[0], signal.SIGKILL)
            process.send_signal(signal.SIGINT)
        else:
            process.kill()
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
        process.communicate()
    assert run(tiny) == DONE
    assert_undisturbed(undisturbed)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_stops_and_the_same_command_goes_on(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, number: signal.Signals
) -> None:
    process = start(tiny, "--workers", "2", FAKE_EPOCH="0.3")
    assert process.stdout
    assert "6 pairs" in process.stdout.readline()
    while not any(attempt.running for attempt in attempts()):
        time.sleep(0.05)
    os.killpg(process.pid, number)  # as a terminal does
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Go on with: resnext-explorer study run" in out
    assert "--workers 2 --storage sqlite:///t.db" in out
    assert not any(attempt.running for attempt in attempts())
    assert set(endings()) <= {"complete", "interrupted", "superseded"}
    again = start(tiny, "--workers", "2")
    out, err = again.communicate(timeout=60)
    assert again.returncode == 0, err
    assert "6 of 6 pairs complete" in out
    assert_undisturbed(undisturbed)


def test_a_second_ctrl_c_stops_at_once(fake: None, tiny: Path) -> None:
    process = start(tiny, "--workers", "2", "--json", FAKE_EPOCH="600")
    assert process.stdout
    while "claimed" not in process.stdout.readline():
        pass
    begin = time.monotonic()
    for _ in range(2):
        process.send_signal(signal.SIGINT)
        time.sleep(0.6)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert time.monotonic() - begin < 20
    assert set(endings()) <= {"interrupted", "superseded"}


def test_workers_stop_when_their_supervisor_is_gone(fake: None, tiny: Path) -> None:
    process = start(tiny, "--workers", "2", "--json", FAKE_EPOCH="0.3")
    wait_for_epochs(process, 1)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 20
    while any(attempt.running for attempt in attempts()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert set(endings()) <= {"complete", "interrupted", "superseded"}
    assert "interrupted" in endings()


def test_a_frozen_worker_that_wakes_late_records_nothing(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH", "0.1")
    frozen: list[Attempt] = []

    def freeze_then_wake(worker: int, event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and not frozen:
            mine = (event["design"], event["seed"])
            frozen.extend(a for a in attempts() if a.running and (a.pair.design, a.pair.seed) == mine)
            os.kill(frozen[0].worker.pid, signal.SIGSTOP)
        if event["event"] == "complete" and frozen:
            done = [a for a in attempts() if a.ended == "complete" and a.pair == frozen[0].pair]
            if done:
                os.kill(frozen[0].worker.pid, signal.SIGCONT)

    view = Recorder(freeze_then_wake)
    assert run(tiny, view, lease=Lease(every=0.2, stale=1.5)) == DONE
    assert {a.number: a.ended for a in attempts()}[frozen[0].number] == "lost"
    assert len(view.named("late")) == 1
    assert_undisturbed(undisturbed)


def test_two_runs_of_one_study_share_it(undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path) -> None:
    both = [start(tiny, "--workers", "1", FAKE_EPOCH="0.1") for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "6 of 6 pairs complete" in out
    assert_undisturbed(undisturbed)


def test_failed_pairs_stay_failed_until_they_are_retried(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path
) -> None:
    arms = {design.arm: design.name for design in Study.load(tiny).wanted().designs}
    mischief = json.dumps({arms["C=2"]: "nan", arms["C=4"]: "bug"})
    process = start(tiny, "--workers", "2", FAKE_MISCHIEF=mischief)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "2 of 6 pairs complete, 4 failed" in out
    assert "resnext-explorer study retry" in out
    trials, _ = tables()
    reasons = dict(zip(trials["arm"], trials["reason"], strict=True))
    assert reasons == {
        "C=1": "",
        "C=2": "the training loss became nan in epoch 1",
        "C=4": "ZeroDivisionError: division by zero",
    }
    logs = "".join(path.read_text() for path in tiny.parent.glob("t-files/tiny/logs/*.log"))
    assert "ZeroDivisionError" in logs
    again = Recorder()
    assert run(tiny, again).failed == 4
    assert again.happened == [{"event": "nothing"}]
    storage = Storage("sqlite:///t.db")
    assert studies.stored.retry(storage, get(storage, "tiny")) == 4
    assert run(tiny) == DONE
    assert_undisturbed(undisturbed)


def test_a_pair_that_kills_its_workers_fails_and_the_others_go_on(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = Study.load(tiny).wanted().designs[1].name
    monkeypatch.setenv("FAKE_MISCHIEF", json.dumps({design: "die"}))
    change(tiny, "[0, 1]", "[0]")
    view = Recorder()
    counts = run(tiny, view)
    assert (counts.complete, counts.failed) == (2, 1)
    assert endings().count("lost") == len(view.named("died")) == 3
    trials, _ = tables()
    assert trials.set_index("design").loc[design, "reason"] == "its worker died three times in a row"


def test_workers_that_cannot_start_end_the_run(fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies.runner, "BOOTSTRAP", "raise ImportError('libtorch is broken')")
    with pytest.raises(UserError, match=r"(?s)workers keep dying here.*libtorch is broken"):
        run(tiny)
    assert Study.load(tiny).results(storage="sqlite:///t.db")["status"].unique() == ["waiting"]


def test_a_mistake_that_a_worker_finds_ends_the_run(fake: None, tiny: Path) -> None:
    run(tiny)
    storage = Storage("sqlite:///t.db")
    stored = get(storage, "tiny")
    content = {**stored.content, "splits": {"train": 5, "validation": 5, "test": 5}}
    storage.open().set_study_user_attr(stored.id, "explorer", content)
    change(tiny, "[0, 1]", "[0, 1, 2]")
    with pytest.raises(UserError, match="the data of tiny has changed: it was started with 5 train"):
        run(tiny)
    assert set(endings()) <= {"complete", "interrupted", "superseded"}


def test_more_seeds_train_only_what_is_missing(fake: None, tiny: Path) -> None:
    assert run(tiny) == DONE
    before = tables()[0]
    change(tiny, "[0, 1]", "[0, 1, 2]")
    view = Recorder()
    assert run(tiny, view).complete == 9
    assert {event["seed"] for event in view.named("claimed")} == {2}
    after = tables()[0]
    pd.testing.assert_frame_equal(after[after["seed"] < 2].reset_index(drop=True), before)
    stored = get(Storage("sqlite:///t.db"), "tiny")
    assert (stored.seeds, stored.content["planned_seeds"]) == ([0, 1, 2], [0, 1])


def test_a_changed_file_shows_the_difference_and_changes_nothing(fake: None, tiny: Path) -> None:
    assert run(tiny) == DONE
    before = tables()
    change(tiny, "epochs: 4", "epochs: 5")
    with pytest.raises(UserError, match=r"recipe\.epochs: 4 -> 5"):
        run(tiny)
    change(tiny, "epochs: 5", "epochs: 4")
    change(tiny, "[0, 1]", "[0]")
    with pytest.raises(UserError, match=r"seeds: \[0, 1\] -> \[0\]"):
        run(tiny)
    assert_undisturbed(before)


def test_a_new_study_of_an_old_name_does_not_resume_the_old_ones_checkpoints(fake: None, tiny: Path) -> None:
    process = start(tiny, "--workers", "1", "--json", FAKE_EPOCH="0.1")
    wait_for_epochs(process, 2)
    process.send_signal(signal.SIGINT)
    process.wait()
    assert list(tiny.parent.glob("t-files/tiny/checkpoints/*/*/checkpoint.json"))
    for path in tiny.parent.glob("t.db*"):
        path.unlink()
    view = Recorder()
    assert run(tiny, view) == DONE
    assert len(view.named("epoch")) == 6 * 4


def test_neither_arguments_nor_logs_hold_the_storage_url(fake: None, tiny: Path) -> None:
    seen: list[str] = []

    def look(worker: int, event: dict[str, Any]) -> None:
        pids = [attempt.worker.pid for attempt in attempts() if attempt.running]
        seen.extend(Path(f"/proc/{pid}/cmdline").read_text() for pid in pids)

    if not Path("/proc/self/cmdline").exists():
        pytest.skip("needs /proc")
    run(tiny, Recorder(look), workers=1)
    assert seen
    assert not any("t.db" in line for line in seen)


@pytest.mark.parametrize("workers", [0, -1, True, 1.5])
def test_the_number_of_workers_is_checked(fake: None, tiny: Path, workers: Any) -> None:
    with pytest.raises(UserError, match="whole number of at least 1"):
        run(tiny, workers=workers)


def test_a_run_outside_the_main_thread_works(fake: None, tiny: Path) -> None:
    found: list[Counts] = []
    thread = threading.Thread(target=lambda: found.append(run(tiny)))
    thread.start()
    thread.join()
    assert found == [DONE]
