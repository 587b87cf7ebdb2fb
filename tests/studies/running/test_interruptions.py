"""Runs that are killed, stopped, frozen and started twice end with the same
tables (real processes, a stand-in for training)."""

import json
import os
import random
import signal
import time
from pathlib import Path
from typing import Any

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
    tables,
    wait_for,
)
from tiny_study import change

import studies.engines.worker_process
import studies.records.stored_study
import studies.running.supervisor
from explorer.errors import UserError
from studies import Study
from studies.attempts.attempt import Attempt
from studies.attempts.workers import Lease
from studies.engines.worker_process import WorkerProcess, worker_environment


def test_a_killed_worker_is_replaced_and_its_pair_resumed(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH", "0.1")
    killed: list[int] = []

    def kill_one(worker: int, event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and event["epoch"] == 2 and not killed:
            running = [
                a
                for a in attempts()
                if a.running and (a.pair.design, a.pair.seed) == (event["design"], event["seed"])
            ]
            if running:  # none, where it has come to its end meanwhile
                killed.append(running[0].worker.pid)
                kill(killed[0])

    view = Recorder(kill_one)
    assert run(tiny, view, workers=2) == DONE
    assert len(killed) == len(view.named("died")) == 1
    assert "SIGKILL" in view.named("died")[0]["cause"]
    assert endings().count("lost") == 1
    assert_undisturbed(undisturbed)
    (lost,) = [attempt for attempt in attempts() if attempt.ended == "lost"]
    # The pair was resumed, not begun anew. What is stored when the kill
    # comes, but not told yet, is not told again.
    epochs = [
        event["epoch"]
        for event in view.named("epoch")
        if (event["design"], event["seed"]) == (lost.pair.design, lost.pair.seed)
    ]
    assert epochs.count(1) == epochs.count(2) == 1
    assert epochs[-1] == 4


@pytest.mark.parametrize("seed", range(3))
def test_everything_killed_at_once_goes_on_at_once(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, seed: int
) -> None:
    process = start(tiny, "--workers", "2", "--json", FAKE_EPOCH="0.05")
    wait_for(process, "epoch", random.Random(seed).randrange(1, 20))
    process.kill()
    for attempt in attempts():
        if attempt.running:
            kill(attempt.worker.pid)
    process.wait()
    begin = time.monotonic()
    assert run(tiny, workers=2) == DONE
    assert time.monotonic() - begin < 30  # it did not wait for a lease to run out
    assert_undisturbed(undisturbed)


@pytest.mark.slow
def test_a_storm_of_kills_loses_nothing(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path
) -> None:
    rng = random.Random(7)
    for _ in range(5):
        process = start(tiny, "--workers", "2", "--json", FAKE_EPOCH="0.1")
        wait_for(process, "epoch", 1)
        # Three losses in a row that gained nothing would count as a failure
        # of the pair: let each get somewhere.
        while not all(attempt.progress for attempt in attempts() if attempt.running):
            time.sleep(0.02)
        time.sleep(0.2 * rng.random())
        victims = [attempt.worker.pid for attempt in attempts() if attempt.running]
        if victims and rng.random() < 0.5:
            victims = [rng.choice(victims)]
            kill(victims[0])
            process.send_signal(signal.SIGINT)
        else:
            process.kill()
            for pid in victims:
                kill(pid)
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
    process = start(tiny, "--workers", "2", "--json", FAKE_EPOCH="5")
    wait_for(process, "claimed", 2)
    process.kill()
    process.wait()
    deadline = time.monotonic() + 60
    while any(attempt.running for attempt in attempts()) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert endings() == ["interrupted", "interrupted"]


def test_a_frozen_worker_that_wakes_late_records_nothing(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH", "0.1")
    frozen: list[Attempt] = []
    woken: list[Attempt] = []

    def freeze_then_wake(worker: int, event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and not frozen:
            mine = (event["design"], event["seed"])
            running = [a for a in attempts() if a.running and (a.pair.design, a.pair.seed) == mine]
            if running:
                os.kill(running[0].worker.pid, signal.SIGSTOP)
                frozen.append(running[0])
        if event["event"] == "complete" and frozen and not woken:
            done = [a for a in attempts() if a.ended == "complete" and a.pair == frozen[0].pair]
            if done:
                os.kill(frozen[0].worker.pid, signal.SIGCONT)
                woken.append(frozen[0])

    view = Recorder(freeze_then_wake)
    assert run(tiny, view, workers=2, lease=Lease(every=0.2, stale=1.5)) == DONE
    assert {a.number: a.ended for a in attempts()}[frozen[0].number] == "lost"
    assert len(view.named("late")) == 1
    assert_undisturbed(undisturbed)


def test_two_runs_of_one_study_share_it(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path
) -> None:
    both = [start(tiny, "--workers", "1", FAKE_EPOCH="0.1") for _ in range(2)]
    for process in both:
        out, err = process.communicate(timeout=60)
        assert process.returncode == 0, err
        assert "6 of 6 pairs complete" in out
    assert_undisturbed(undisturbed)


def test_a_pair_that_kills_its_workers_fails_and_the_others_go_on(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    design = Study.load(tiny).wanted().designs[1].name
    monkeypatch.setenv("FAKE_MISCHIEF", json.dumps({design: "die"}))
    change(tiny, "[0, 1]", "[0]")
    view = Recorder()
    counts = run(tiny, view, workers=2)
    assert (counts.complete, counts.failed) == (2, 1)
    assert endings().count("lost") == len(view.named("died")) == 3
    trials, _ = tables()
    assert (
        trials.set_index("design")
        .loc[design, "reason"]
        .startswith("its worker died three times in a row")
    )


def test_workers_that_cannot_start_end_the_run(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.running.supervisor, "TRAINER", "no_such_module:Trainer")
    with pytest.raises(UserError, match=r"(?s)workers keep dying here.*'no_such_module'"):
        run(tiny, workers=2)
    assert Study.load(tiny).results(storage="sqlite:///t.db")["status"].unique() == ["waiting"]


def test_a_worker_that_died_before_it_read_anything_can_be_asked_to_stop(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.engines.worker_process, "BOOTSTRAP", "")
    with open("log", "wb") as log:
        process = WorkerProcess({}, worker_environment(1), log)
    child = process.popen
    child.wait()
    assert child.stdin
    child.stdin.write(b"what it is to do\n")  # is still to be sent
    process.ask_to_stop()
    assert child.stdin.closed
