"""What arrives in trackers, as their own readers see it."""

import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny_runs
import tiny_study
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import studies.engines.worker_process
from explorer.errors import UserError
from studies import Study
from studies.engines.worker_process import ChildProcess
from studies.records.stored_study import get
from studies.results import read
from studies.running import tracker_processes, tracking
from studies.running.progress import View
from studies.running.tracking import following, log_to
from studies.storage import Storage

URL = "sqlite:///t.db"
BOARDS = Path("t-files/tiny/tensorboard")
FINAL = ("train_error", "validation_error", "test_error")


class Watcher(View):
    """Keeps what is told of trackers."""

    def __init__(self) -> None:
        super().__init__()
        self.warnings: list[str] = []

    def note(self, worker: int | None, text: str) -> None:
        self.warnings.append(text)


@pytest.fixture(autouse=True)
def _without_settings_of_trackers(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    if mlflow := sys.modules.get("mlflow"):
        mlflow.set_tracking_uri(None)  # an earlier test's


def stored_curves() -> dict[tuple[str, int], pd.DataFrame]:
    """The curve of each arm and seed, as the storage has it."""
    trials, curves = read(URL, "tiny")
    groups = curves.groupby(["design", "seed"], sort=False)
    arms = dict(zip(trials["design"], trials["arm"], strict=True))
    return {(arms[design], seed): curve for (design, seed), curve in groups}


def boards() -> dict[tuple[str, str, str], dict[str, list[tuple[int, float]]]]:
    """The series of every run of TensorBoard, by arm, seed and attempt."""
    series = {}
    for path in sorted(BOARDS.rglob("events.out.tfevents.*")):
        events = EventAccumulator(str(path.parent), size_guidance={"scalars": 0})
        events.Reload()
        series[path.relative_to(BOARDS).parts[:3]] = {
            tag: [(event.step, event.value) for event in events.Scalars(tag)]
            for tag in events.Tags()["scalars"]
        }
    return series


def assert_boards_are_whole() -> None:
    found, curves = boards(), stored_curves()
    assert {(arm, int(seed.removeprefix("seed"))) for arm, seed, _ in found} == set(curves)
    for (arm, seed, _), series in found.items():
        curve = curves[arm, int(seed.removeprefix("seed"))]
        steps = list(zip(curve["epoch"], curve["validation_error"], strict=True))
        assert series["validation_error"] == [
            (epoch, pytest.approx(error)) for epoch, error in steps
        ]
        assert set(series) >= {f"final/{name}" for name in FINAL}


def test_a_finished_study_is_replayed_to_tensorboard_once(done: None, here: Any) -> None:
    result = here("study", "log", "tiny", "--to", "tensorboard", "--storage", URL)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("tensorboard: 6 runs logged to ")
    assert len(boards()) == 6
    assert_boards_are_whole()
    (config,) = (BOARDS / "C=2" / "seed1").glob("*/hparams.yaml")
    assert "cardinality: 2" in config.read_text()
    assert Study.load("./tiny.yaml").log_to("tensorboard", storage=URL) == 0
    again = here("study", "log", "tiny", "--to", "tensorboard", "--storage", URL)
    assert "0 runs logged" in again.stdout
    assert "6 were there" in again.stdout


def test_a_run_that_was_cut_off_in_tensorboard_shows_once(done: None) -> None:
    log_to("tiny", "tensorboard", Storage(URL))
    Path("t-files/tiny/trackers/tensorboard.json").unlink()
    assert log_to("tiny", "tensorboard", Storage(URL)).runs == 6
    assert len(list(BOARDS.rglob("events.out.tfevents.*"))) == 6
    assert_boards_are_whole()


@pytest.mark.heavy
def test_a_finished_study_is_replayed_to_mlflow(
    done: None, monkeypatch: pytest.MonkeyPatch, workdir: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import mlflow

    uri = f"sqlite:///{workdir}/mlflow.db"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    uid = get(Storage(URL), "tiny").uid
    with following(Storage(URL), "tiny", "mlflow") as followed:
        assert followed
        # One run was cut off in the middle: it is gone on with.
        attempt = followed._attempts.read()[0]
        run = tracking.open_run("mlflow", tracking._about(followed._stored, attempt), workdir)
        run.add([{"epoch": 1, "validation_error": 0.5}, {"epoch": 2, "validation_error": 0.5}])
        followed.look()
        followed.finish()
    assert followed.runs == 6
    assert "".join(capfd.readouterr()) == ""  # neither of a new experiment nor of tables
    client = mlflow.MlflowClient(uri)
    experiment = client.get_experiment_by_name("tiny")
    *trainings, report = sorted(
        client.search_runs([experiment.experiment_id]), key=lambda run: run.info.run_name
    )
    assert report.data.tags["arm"] == "report"
    assert [file.path for file in client.list_artifacts(report.info.run_id)] == ["tiny.html"]
    curves = stored_curves()
    found = {(run.data.tags["arm"], int(run.data.tags["seed"])): run for run in trainings}
    assert len(trainings) == 6
    assert set(found) == set(curves)
    for pair, run in found.items():
        assert run.info.status == "FINISHED"
        history = client.get_metric_history(run.info.run_id, "validation_error")
        steps = [(metric.step, metric.value) for metric in history]
        expected = list(zip(curves[pair]["epoch"], curves[pair]["validation_error"], strict=True))
        if run.data.tags[tracking_identity()] == f"{uid}-{attempt.number}":
            assert steps == [(1, 0.5), (2, 0.5), *expected[2:]]
        else:
            assert steps == expected
        assert run.data.metrics["final/test_error"] == expected[-1][1]
        assert run.data.params["recipe/epochs"] == "4"
        assert run.data.params["ended"] == "complete"


def tracking_identity() -> str:
    from studies.training.trackers import IDENTITY

    return IDENTITY


@pytest.mark.heavy
def test_wandb_is_offline_unless_it_is_asked_for(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """With a run for each attempt and one for the report."""
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")  # nobody is asked
    tiny_study.change(tiny, "[0, 1]", "[0]")
    tiny_study.change(tiny.with_name("tiny_space.yaml"), "[1, 2, 4]", "[1]")
    tiny_runs.run(tiny)
    assert log_to("tiny", "wandb", Storage(URL)).runs == 1
    assert "anonymous" not in capfd.readouterr().err
    folder = Path("t-files/tiny/wandb")
    uid = get(Storage(URL), "tiny").uid
    runs = [path.name.partition("-")[2] for path in sorted(folder.glob("offline-run-*/*.wandb"))]
    assert runs == [f"{uid}-0.wandb", f"{uid}-report.wandb"]
    records = list(wandb_records(next(folder.glob(f"offline-run-*/*-{uid}-0.wandb"))))
    config = {
        item.key: item.value_json
        for record in records
        if record.WhichOneof("record_type") == "config"
        for item in record.config.update
    }
    assert '"epochs": 4' in config["recipe"].replace(":", ": ").replace("  ", " ")
    rows = [record for record in records if record.WhichOneof("record_type") == "history"]
    names = [
        {"/".join(item.nested_key) or item.key: item.value_json for item in row.history.item}
        for row in rows
    ]
    (curve,) = stored_curves().values()
    errors = [float(row["validation_error"]) for row in names if "validation_error" in row]
    assert errors == list(curve["validation_error"])
    assert float(names[-1]["final/test_error"]) == errors[-1]


def wandb_records(path: Path) -> Iterator[Any]:
    """The records of an offline run: W&B's messages in a log of LevelDB's format, whose blocks of
    32 KiB hold pieces behind 7 bytes each: a checksum, a length and a kind."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, at, whole = path.read_bytes(), 7, b""  # behind its own header
    while at + 7 <= len(data):
        if 32768 - at % 32768 < 7:  # no room for a piece
            at += 32768 - at % 32768
            continue
        length, kind = struct.unpack_from("<HB", data, at + 4)
        whole += data[at + 7 : at + 7 + length]
        at += 7 + length
        if kind in (1, 4):  # whole, or its last piece
            yield Record.FromString(whole)
            whole = b""


def test_a_study_with_log_shows_its_trainings_and_changes_no_number(
    fake: None, tiny: Path, undisturbed: Any
) -> None:
    tiny.write_text(tiny.read_text() + "log: [tensorboard]\n")
    watcher = Watcher()
    assert tiny_runs.run(tiny, watcher) == tiny_runs.DONE
    assert watcher.warnings == []
    assert not list(Path("t-files").rglob("*.log"))
    assert_boards_are_whole()
    tiny_runs.assert_undisturbed(undisturbed)
    # Which trackers there are is not what a study is.
    tiny_study.change(tiny, "log: [tensorboard]", "log: [wandb]")
    assert tiny_runs.run(tiny) == tiny_runs.DONE
    assert get(Storage(URL), "tiny").content.file.log == ("wandb",)


@pytest.fixture
def mlflow_server(workdir: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A real server with its own database, at the head of a process group."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{workdir}/mlflow.db"]
    command += ["--artifacts-destination", str(workdir / "artefacts")]
    address = f"http://127.0.0.1:{port}"
    with (workdir / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        try:
            until(lambda: process.poll() is not None or answers(f"{address}/health"))
            assert process.poll() is None, (workdir / "server.log").read_text()
            yield address, process
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(is_so: Callable[[], object], limit: float = 120) -> None:
    end = time.monotonic() + limit
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.heavy
def test_a_server_that_is_killed_in_mid_study_costs_one_warning_and_no_training(
    fake: None,
    tiny: Path,
    undisturbed: Any,
    mlflow_server: tuple[str, "subprocess.Popen[bytes]"],
    monkeypatch: pytest.MonkeyPatch,
    workdir: Path,
) -> None:
    import mlflow

    address, server = mlflow_server
    client = mlflow.MlflowClient(address)
    tiny.write_text(tiny.read_text() + "log: [mlflow]\n")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    # All trainings of one arm wait for the server's end.
    held = undisturbed[0].query("arm == 'C=2'")["design"].iloc[0]
    monkeypatch.setenv("FAKE_MISCHIEF", json.dumps({held: "held"}))

    def arrived() -> list[Any]:
        known = client.get_experiment_by_name("tiny")
        return known and client.search_runs([known.experiment_id], "attributes.status = 'FINISHED'")

    def kill_it(_: int, event: dict[str, Any]) -> None:
        if event["event"] == "complete" and server.poll() is None:
            until(arrived)
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
            (workdir / "go").touch()

    recorder = tiny_runs.Recorder(kill_it)
    assert tiny_runs.run(tiny, recorder) == tiny_runs.DONE
    (note,) = recorder.named("note")
    assert note["text"].startswith("Nothing more is logged to mlflow: ")
    assert "study log tiny --to mlflow" in note["text"]
    tiny_runs.assert_undisturbed(undisturbed)


@pytest.mark.parametrize("mischief", ["dead port", "killed", "hangs"])
@pytest.mark.heavy
def test_a_tracker_that_fails_costs_one_warning(
    fake: None, tiny: Path, undisturbed: Any, mischief: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = "mlflow" if mischief == "dead port" else "tensorboard"
    tiny.write_text(tiny.read_text() + f"log: [{tracker}]\n")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    end = {"killed": "os.kill(os.getpid(), 9)", "hangs": "time.sleep(600)", "dead port": ""}
    if end[mischief]:
        program = f"import os, time; {end[mischief]}"

        def start(*given: Any) -> ChildProcess:
            with monkeypatch.context() as patched:
                patched.setattr(studies.engines.worker_process, "BOOTSTRAP", program)
                return ChildProcess(*given)

        monkeypatch.setattr(tracker_processes, "ChildProcess", start)
    if mischief == "hangs":
        monkeypatch.setattr(tracker_processes, "SILENCE", 0.5)
    watcher = Watcher()
    assert tiny_runs.run(tiny, watcher) == tiny_runs.DONE
    (warning,) = watcher.warnings
    expected = {
        "dead port": "Connection refused",
        "killed": "killed by SIGKILL",
        "hangs": "no sign of life for",
    }
    assert warning.startswith(f"Nothing more is logged to {tracker}: ")
    assert expected[mischief] in warning
    assert f": resnext-explorer study log tiny --to {tracker} --storage sqlite:///t.db" in warning
    tiny_runs.assert_undisturbed(undisturbed)


@pytest.mark.heavy
def test_a_run_says_for_which_tracker_its_end_waits(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.write_text(tiny.read_text() + "log: [tensorboard]\n")

    def start(*given: Any) -> ChildProcess:
        with monkeypatch.context() as patched:
            program = (
                'import sys, time; sys.stdin.read(); time.sleep(2); print(\'{"event": "end"}\')'
            )
            patched.setattr(studies.engines.worker_process, "BOOTSTRAP", program)
            return ChildProcess(*given)

    monkeypatch.setattr(tracker_processes, "ChildProcess", start)
    monkeypatch.setattr(tracker_processes, "QUIET", 0.1)
    watcher = Watcher()
    assert tiny_runs.run(tiny, watcher) == tiny_runs.DONE
    (waiting,) = watcher.warnings
    assert waiting.startswith("Trainings are over, and tensorboard still takes in what is left.")
    assert "study log tiny --to tensorboard" in waiting


def test_a_study_is_logged_to_a_tracker_by_one_process(done: None) -> None:
    with (
        following(Storage(URL), "tiny", "tensorboard") as first,
        following(Storage(URL), "tiny", "tensorboard") as second,
    ):
        assert first
        assert second is None
        with pytest.raises(UserError, match="a run of tiny is logging to tensorboard already"):
            log_to("tiny", "tensorboard", Storage(URL))


def test_a_tracker_that_is_missing_or_away_is_a_mistake(
    done: None, tiny: Path, here: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(tracking, "find_spec", lambda name: None)
        result = here("study", "run", str(tiny), "--storage", URL, "--log", "wandb")
    assert result.returncode == 2
    assert "pip install 'resnext-explorer[wandb]'" in result.stderr
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    result = here("study", "log", "tiny", "--to", "mlflow", "--storage", URL)
    assert result.returncode == 2
    assert result.stderr.startswith("Error: mlflow could not be logged to: ")
    assert len(result.stderr.splitlines()) == 1
