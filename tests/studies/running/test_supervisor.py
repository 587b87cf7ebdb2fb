"""Runs with real processes around a stand-in for training: what is
trained, what is stored, what goes wrong."""

import json
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import fake_training
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from tiny_runs import (
    DONE,
    Recorder,
    assert_undisturbed,
    attempts,
    endings,
    run,
    start,
    tables,
    wait_for,
)
from tiny_study import change

import studies.engines.local
import studies.machine.gpus
import studies.records.stored_study
import studies.running.supervisor
import studies.running.trial
from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.attempts.standing import Counts
from studies.machine import failures
from studies.machine.cores import available_cores
from studies.machine.gpus import deal, visible_gpus, visible_models
from studies.machine.provenance import machine
from studies.machine.settings import Resolved, Settings
from studies.records.stored_study import get
from studies.storage import Storage


def test_running_a_finished_study_imports_no_torch(done: None, tiny: Path) -> None:
    again = subprocess.run(
        [
            sys.executable,
            "-X",
            "importtime",
            "-m",
            "explorer",
            "study",
            "run",
            str(tiny),
            "--storage",
            "sqlite:///t.db",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "nothing to train" in again.stdout
    imported = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in again.stderr.splitlines()}
    assert "studies" in imported
    assert not imported & {"torch", "pytorch_lightning"}


def test_a_run_completes_the_set_and_a_second_one_trains_nothing(fake: None, tiny: Path) -> None:
    assert run(tiny, workers=2) == DONE
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


def test_neither_the_supervisor_nor_an_idle_worker_imports_torch(done: None, tiny: Path) -> None:
    code = (
        "import sys\nfrom studies import Study\nassert"
        " Study.load('tiny.yaml').run(storage='sqlite:///t.db', workers=2).complete == 6\nimport"
        " os, studies.running.worker\nos.dup2(os.pipe()[0], 0)  # a supervisor that is"
        " there\nconfig = {'storage': 'sqlite:///t.db', 'study': 'tiny', 'data_dir': None,"
        " 'worker': 'w', 'index': 0, 'lease': {}, 'stops': 0, 'devices': 1, 'artifacts': None,"
        " 'trainer':"
        " 'studies.running.trial:Trainer'}\nassert studies.running.worker.main(config) =="
        " 0\nassert not {'torch', 'pytorch_lightning', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


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
    assert studies.records.stored_study.retry(storage, get(storage, "tiny")) == 4
    assert run(tiny) == DONE
    assert_undisturbed(undisturbed)


def test_a_gpu_that_fails_fails_no_pair(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker cannot train any more: another process takes the
    pair, and trains what else there is."""
    arms = {design.arm: design.name for design in Study.load(tiny).wanted().designs}
    monkeypatch.setenv("FAKE_MISCHIEF", json.dumps({arms["C=2"]: "gpu"}))
    view = Recorder()
    assert run(tiny, view, workers=1) == DONE
    assert len(view.named("died")) == 2
    assert view.named("failed") == []
    assert sorted(attempt.ended for attempt in attempts()) == ["complete"] * 6 + ["lost"] * 2
    assert_undisturbed(undisturbed)


def mischief(monkeypatch: pytest.MonkeyPatch, tiny: Path, what: str, *arms: str) -> None:
    designs = Study.load(tiny).wanted().designs
    chosen = {design.name: what for design in designs if not arms or design.arm in arms}
    monkeypatch.setenv("FAKE_MISCHIEF", json.dumps(chosen))


def test_what_no_pair_can_do_stops_the_run_and_fails_no_pair(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mischief(monkeypatch, tiny, "starved")
    with pytest.raises(
        UserError,
        match=r"no training can go on here.*out of memory.*No pair was marked as failed\.",
    ):
        run(tiny, workers=2)
    assert tables()[0]["status"].unique() == ["waiting"]
    monkeypatch.delenv("FAKE_MISCHIEF")
    assert run(tiny) == DONE


@pytest.mark.parametrize("what", ["starved", "exit"])
def test_what_other_pairs_can_do_is_a_pairs_own_failure(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    mischief(monkeypatch, tiny, what, "C=1")
    counts = run(tiny, workers=1)
    assert (counts.complete, counts.failed) == (4, 2)


def test_data_that_a_worker_cannot_load_stops_the_run(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.running.supervisor, "TRAINER", "fake_training:WithoutData")
    with pytest.raises(
        UserError, match=r"^no training can start here: ZeroDivisionError: division by zero\.$"
    ):
        run(tiny, workers=2)
    assert tables()[0]["status"].unique() == ["waiting"]


def test_a_machine_with_other_data_is_done_without_as_long_as_another_has_the_right_data(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.running.supervisor, "TRAINER", "fake_training:OtherDataOnce")
    assert run(tiny, workers=2) == DONE
    assert tables()[0]["status"].unique() == ["complete"]


def test_a_full_disk_behind_the_logs_fails_no_training_and_keeps_the_reason(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_full(path: Path) -> IO[bytes]:
        return open("/dev/full", "wb")

    monkeypatch.setattr(studies.engines.local, "open_log", open_full)
    mischief(monkeypatch, tiny, "bug", "C=4")
    view = Recorder()
    counts = run(tiny, view)
    assert (counts.complete, counts.failed, view.named("died")) == (4, 2, [])
    trials, _ = tables()
    assert set(trials[trials["arm"] == "C=4"]["reason"]) == {"ZeroDivisionError: division by zero"}


def test_logs_that_cannot_be_made_stop_nothing(fake: None, tiny: Path) -> None:
    storage = Storage("sqlite:///t.db")
    storage.folder("tiny").joinpath("logs").touch()  # a file in the folder's place
    assert run(tiny) == DONE


class Speechless(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Speechless(), "Speechless: (it cannot say why)"),
        (ValueError("caf\udce9\0"), r"ValueError: caf\udce9\x00"),
        (ValueError("x" * 10**7), "ValueError: " + "x" * 488),
    ],
    ids=["speechless", "no text", "endless"],
)
def test_whatever_a_failure_says_can_be_stored(error: Exception, reason: str) -> None:
    try:
        raise error
    except type(error) as caught:
        failure = studies.running.trial._failure(failures.describe(caught))
    assert failure["reason"] == reason
    assert len(json.dumps(failure)) < 20_000
    "".join([reason, *failure["log"]]).encode()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (fake_training.AcceleratorError("CUDA error: unspecified launch failure"), True),
        (RuntimeError("CUDA error: device-side assert triggered"), True),
        (fake_training.AcceleratorError("CUDA error: out of memory"), False),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), False),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"), False),
        (RuntimeError("shapes do not fit"), False),
        (MemoryError(), False),
    ],
)
def test_what_a_process_cannot_go_on_after_is_known(error: Exception, expected: bool) -> None:
    assert failures.is_of_device(error) is expected


def test_a_mistake_that_a_worker_finds_ends_the_run(done: None, tiny: Path) -> None:
    storage = Storage("sqlite:///t.db")
    stored = get(storage, "tiny")
    content = {**stored.content.plain, "splits": {"train": 5, "validation": 5, "test": 5}}
    storage.open().set_study_user_attr(stored.id, "explorer", content)
    change(tiny, "[0, 1]", "[0, 1, 2]")
    with pytest.raises(
        UserError, match="the data of tiny has changed: it was started with 5 train"
    ):
        run(tiny, workers=2)
    assert set(endings()) <= {"complete", "interrupted", "superseded"}


def own_data(tiny: Path, seed: int = 0) -> None:
    """The tiny study, of an .npz file in the current folder."""
    pixels = np.random.default_rng(seed).integers(0, 256, (60, 8, 8), np.uint8)
    np.savez("own.npz", train_images=pixels, train_labels=np.arange(60) % 10)
    tiny.write_text(
        tiny.read_text()
        .replace("name: digits, validation: 0.2", "name: npz, path: own.npz, validation: 0.3")
        .replace("batch_size: 64", "batch_size: 8")
    )


@pytest.fixture
def done_with_own_data(
    fake: None, tiny: Path, once: Callable[[str, Callable[[], object]], None]
) -> None:
    def run_it() -> None:
        own_data(tiny)
        assert run(tiny) == DONE

    once("own_data", run_it)


def test_other_data_of_equal_size_is_refused(done_with_own_data: None, tiny: Path) -> None:
    own_data(tiny, seed=1)
    change(tiny, "[0, 1]", "[0, 1, 2]")
    message = (
        "the data of tiny has changed: as many images .* in train and validation and test. Name the"
        " folder"
    )
    with pytest.raises(UserError, match=message):
        run(tiny)
    again = CliRunner().invoke(
        cli, shlex.split("study winner tiny --storage sqlite:///t.db --retrain --export best")
    )
    assert isinstance(again.exception, UserError)
    assert re.search(message, str(again.exception))
    assert not Path("best").exists()
    own_data(tiny)
    assert run(tiny).complete == 9


def test_a_study_stored_without_digests_is_accepted(done_with_own_data: None, tiny: Path) -> None:
    storage = Storage("sqlite:///t.db")
    stored = get(storage, "tiny")
    content = {key: value for key, value in stored.content.plain.items() if key != "digests"}
    storage.open().set_study_user_attr(stored.id, "explorer", content)
    own_data(tiny, seed=1)
    change(tiny, "[0, 1]", "[0, 1, 2]")
    assert run(tiny).complete == 9


def test_more_seeds_train_only_what_is_missing(done: None, tiny: Path) -> None:
    before = tables()[0]
    change(tiny, "[0, 1]", "[0, 1, 2]")
    view = Recorder()
    assert run(tiny, view).complete == 9
    assert {event["seed"] for event in view.named("claimed")} == {2}
    after = tables()[0]
    pd.testing.assert_frame_equal(after[after["seed"] < 2].reset_index(drop=True), before)
    stored = get(Storage("sqlite:///t.db"), "tiny")
    assert (stored.seeds, stored.content.origin.planned_seeds) == ([0, 1, 2], [0, 1])


def test_a_changed_file_shows_the_difference_and_changes_nothing(done: None, tiny: Path) -> None:
    before = tables()
    change(tiny, "epochs: 4", "epochs: 5")
    with pytest.raises(UserError, match=r"recipe\.epochs: 4 -> 5"):
        run(tiny)
    change(tiny, "epochs: 5", "epochs: 4")
    change(tiny, "[0, 1]", "[0]")
    with pytest.raises(UserError, match=r"seeds: \[0, 1\] -> \[0\]"):
        run(tiny)
    assert_undisturbed(before)


def test_a_new_study_of_an_old_name_does_not_resume_the_old_ones_checkpoints(
    fake: None, tiny: Path
) -> None:
    process = start(tiny, "--workers", "1", "--json", FAKE_EPOCH="0.1")
    wait_for(process, "epoch", 2)
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
        for pid in pids:
            with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                seen.append(Path(f"/proc/{pid}/cmdline").read_text())

    if not Path("/proc/self/cmdline").exists():
        pytest.skip("needs /proc")
    run(tiny, Recorder(look), workers=1)
    assert seen
    assert not any("t.db" in line for line in seen)


GPUS = "GPU 0: NVIDIA A (UUID: GPU-aa)\nGPU 1: NVIDIA B (2) (UUID: GPU-bb)\n"
PARTS = (
    "GPU 0: NVIDIA A (UUID: GPU-aa)\n  MIG 1g.10gb Device 0: (UUID: MIG-cc)\n  MIG 1g.10gb Device"
    " 1: (UUID: MIG-dd)\n"
)


@pytest.mark.parametrize(
    ("printed", "given", "expected", "models"),
    [
        (GPUS, None, ["GPU-aa", "GPU-bb"], ["NVIDIA A", "NVIDIA B (2)"]),
        (PARTS, None, ["MIG-cc", "MIG-dd"], ["NVIDIA A"]),
        (GPUS, "1", ["1"], ["NVIDIA B (2)"]),
        (GPUS, "", [], []),
        (GPUS, "0,-1,1", ["0"], ["NVIDIA A"]),
        (GPUS, "0, 0,1", ["0", "1"], ["NVIDIA A", "NVIDIA B (2)"]),
        (GPUS, "GPU-aa,,GPU-bb", ["GPU-aa"], ["NVIDIA A"]),
        (GPUS, "GPU-b", ["GPU-b"], ["NVIDIA B (2)"]),
        (PARTS, "MIG-dd", ["MIG-dd"], ["NVIDIA A"]),
        (GPUS, "NoDevFiles", [], []),
        (None, None, [], []),
        (None, "0", ["0"], []),
    ],
)
def test_the_gpus_and_their_models_are_found_without_torch(
    workdir: Path,
    monkeypatch: pytest.MonkeyPatch,
    printed: str | None,
    given: str | None,
    expected: list[str],
    models: list[str],
) -> None:
    if printed is not None:
        program = workdir / "nvidia-smi"
        program.write_text(f"#!/bin/sh\ncat <<'END'\n{printed}END\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(workdir) + ":/usr/bin:/bin")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if given is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", given)
    assert visible_gpus() == expected
    assert visible_models() == models
    assert machine().endswith(", ".join([" cores", *models]))


@pytest.fixture
def two_gpus(fake: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(studies.machine.gpus, "visible_gpus", lambda: ["GPU-aa", "GPU-bb"])
    monkeypatch.setattr(
        studies.running.supervisor,
        "resolve",
        lambda **_: Resolved(Settings(device="cuda", precision="32", threads=1)),
    )


def test_each_of_the_gpus_gets_a_worker(
    two_gpus: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[int, set[str]] = {}

    def look(worker: int, event: dict[str, Any]) -> None:
        for attempt in attempts():
            if (
                attempt.running
                and event["event"] == "epoch"
                and attempt.pair.design == event["design"]
            ):
                variables = ""
                with suppress(FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
                    variables = Path(f"/proc/{attempt.worker.pid}/environ").read_text()
                if attempt.pair.seed == event["seed"] and "CUDA_VISIBLE_DEVICES=" in variables:
                    seen.setdefault(worker, set()).add(
                        variables.split("CUDA_VISIBLE_DEVICES=")[1].split("\0")[0]
                    )

    if not Path("/proc/self/environ").exists():
        pytest.skip("needs /proc")
    monkeypatch.setenv("FAKE_EPOCH", "0.4")
    assert (
        studies.running.supervisor.run(
            Study.load(tiny), storage="sqlite:///t.db", view=Recorder(look)
        )
        == DONE
    )
    assert seen == {0: {"GPU-aa"}, 1: {"GPU-bb"}}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"workers": 1}, ["GPU-aa"]),
        ({"workers_per_gpu": 2}, ["GPU-aa", "GPU-bb", "GPU-aa", "GPU-bb"]),
        ({"workers": 3, "workers_per_gpu": 2}, ["GPU-aa", "GPU-bb", "GPU-aa"]),
    ],
)
def test_gpus_are_dealt_out_in_turn_as_many_workers_to_each_as_wanted(
    two_gpus: None,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, int],
    expected: list[str],
) -> None:
    given: list[tuple[int, str | None]] = []
    before = studies.engines.local.worker_environment

    def note(threads: int, gpu: str | None = None) -> dict[str, str]:
        given.append((threads, gpu))
        return before(threads, gpu)

    monkeypatch.setattr(studies.engines.local, "worker_environment", note)
    assert (
        studies.running.supervisor.run(Study.load(tiny), storage="sqlite:///t.db", **options)
        == DONE
    )  # type: ignore[arg-type]
    assert given == [(1, gpu) for gpu in expected]


def test_more_workers_than_the_gpus_take_are_a_mistake_and_nothing_is_stored(
    two_gpus: None, tiny: Path
) -> None:
    with pytest.raises(
        UserError, match=r"5 workers are too many for 2 GPUs with 2 on each.*--workers-per-gpu 3\."
    ):
        Study.load(tiny).run(storage="sqlite:///t.db", workers=5, workers_per_gpu=2)
    with pytest.raises(
        UserError, match=r"3 workers are too many for 2 GPUs with 1 on each.*--workers-per-gpu 2\."
    ):
        Study.load(tiny).run(storage="sqlite:///t.db", workers=3)
    assert not Path("t.db").exists()


def test_on_a_cpu_there_is_no_gpu_to_share(fake: None, tiny: Path) -> None:
    process = start(tiny, "--workers-per-gpu", "2")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert err.startswith("Error: --workers-per-gpu is for a study that trains on GPUs, ")
    assert err.count("\n") == 1


def test_a_gpu_that_cannot_be_named_is_cudas_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nvidia-smi is missing, or the study names its GPU itself."""
    monkeypatch.setattr(studies.machine.gpus, "visible_gpus", lambda: [])
    assert deal("cuda", None, None) == [None]
    assert deal("cuda", None, 3) == deal("cuda:1", None, 3) == [None] * 3
    with pytest.raises(UserError, match="2 workers are too many for 1 GPU with 1 on each"):
        deal("cuda", 2, None)


@pytest.mark.parametrize("workers", [0, -1, True, 1.5])
def test_the_number_of_workers_is_checked(fake: None, tiny: Path, workers: Any) -> None:
    with pytest.raises(UserError, match="whole number of at least 1"):
        run(tiny, workers=workers)
    with pytest.raises(UserError, match="workers per GPU must be a whole number of at least 1"):
        studies.running.supervisor.run(Study.load(tiny), workers_per_gpu=workers)


def test_a_run_outside_the_main_thread_works(fake: None, tiny: Path) -> None:
    counts: list[Counts] = []
    thread = threading.Thread(target=lambda: counts.append(run(tiny)))
    thread.start()
    thread.join()
    assert counts == [DONE]


TWO_THREADS = Settings(device="cpu", precision="32", threads=2)
WHY = "Threads: 2, since a step took 56 ms with 1 and 30 ms with 2."


@pytest.fixture
def chosen(fake: None, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What is asked for when two threads are chosen."""
    asked: list[dict[str, Any]] = []

    def resolve(**options: Any) -> Resolved:
        asked.append(options)
        return Resolved(TWO_THREADS, (WHY,))

    monkeypatch.setattr(studies.running.supervisor, "resolve", resolve)
    monkeypatch.setenv("FAKE_EPOCH", "0")
    return asked


def test_a_new_study_gets_the_threads_that_are_faster_and_says_so(
    chosen: list[dict[str, Any]], tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = Study.load(tiny)
    assert study.run(storage="sqlite:///t.db", workers=1) == DONE
    (asked,) = chosen
    assert (asked["workers"], asked["threads"], asked["step"].batch_size) == (1, None, 64)
    costs = {design.name: design.complexity.flops for design in study.wanted().designs}
    assert costs[asked["step"].network] == sorted(costs.values())[1]  # of three, neither extreme
    assert WHY in capsys.readouterr().out
    settings = get(Storage("sqlite:///t.db"), "tiny").content.settings
    assert settings == TWO_THREADS


def test_a_stored_study_keeps_its_threads_and_another_number_is_refused(
    chosen: list[dict[str, Any]], tiny: Path
) -> None:
    def run(*options: str) -> Any:
        return CliRunner().invoke(
            cli, ["study", "run", str(tiny), "--storage", "sqlite:///t.db", *options]
        )

    assert run("--threads", "2", "--quiet").exit_code == 0
    assert chosen[0]["threads"] == 2
    error = run("--threads", "1").exception
    assert isinstance(error, UserError)
    assert "is stored with 2 threads a worker, and --threads 1 would give other bits" in str(error)
    assert run("--threads", "2").exit_code == 0
    change(tiny, "seeds: [0, 1]", "seeds: [0, 1, 2]")
    many = str(8 * available_cores())
    crowded = run("--workers", many)
    assert crowded.exit_code == 0
    assert f"{many} workers with 2 threads each share" in crowded.output
    assert len(chosen) == 1  # only when it was created
    error = run("--threads", "0").exception
    assert isinstance(error, UserError)
    assert str(error) == "threads must be a whole number of at least 1; given: 0."


def test_a_cpu_takes_eight_workers_a_core_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.machine.gpus.available_cores", lambda: 2)
    assert deal("cpu", 16, None) == [None] * 16
    with pytest.raises(UserError, match=r"100,000 workers are too many for 2 cores: at most 16"):
        deal("cpu", 100_000, None)
