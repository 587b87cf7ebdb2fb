"""Studies on a GPU: several workers share it, out of memory fails one pair, and CPUs stay CPUs."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
import tiny_study
import torch
from cuda_device import DEVICE, MARKS, ON_CUDA, command, settings
from tiny_runs import INCIDENTAL, Recorder

import studies.running.supervisor
from studies import Study
from studies.attempts.attempt import Attempt
from studies.attempts.standing import Attempts
from studies.records.stored_study import get
from studies.results import read
from studies.results.info import study_info
from studies.storage import Storage

pytestmark = MARKS

URL = "sqlite:///t.db"
PAIRS = 6
WORKERS_ON_IT = ("--workers-per-gpu", "2") if ON_CUDA else ("--workers", "2")


def write_study(folder: Path) -> None:
    (folder / "tiny_space.yaml").write_text(tiny_study.SPACE)
    (folder / "tiny.yaml").write_text(tiny_study.STUDY)


def tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    trials, curves = read(f"sqlite:///{folder}/t.db", "tiny")
    return trials.drop(columns=INCIDENTAL), curves.drop(columns="seconds")


def attempts(name: str = "tiny") -> list[Attempt]:
    storage = Storage(URL)
    return Attempts(storage, get(storage, name).id).read()


@pytest.fixture(scope="module")
def by_one_worker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny study, trained by one worker of the command line's choice."""
    folder = tmp_path_factory.mktemp("one")
    write_study(folder)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        result = command("study", "run", "./tiny.yaml", "--storage", URL)
    assert (result.returncode, result.stderr) == (0, "")
    assert f"{PAIRS} of {PAIRS} pairs complete" in result.stdout
    return folder


@pytest.fixture
def copy(by_one_worker: Path, workdir: Path) -> Path:
    """The current folder is a copy of that one."""
    shutil.copytree(by_one_worker, workdir, dirs_exist_ok=True)
    return workdir


def test_a_study_trains_on_the_gpu_learns_and_says_which_it_was(copy: Path) -> None:
    trials, curves = read(URL, "tiny")
    assert list(trials["status"]) == ["complete"] * PAIRS
    assert set(trials["device"]) == {DEVICE}
    losses = curves.pivot(index="epoch", columns=["design", "seed"], values="train_loss")
    assert (losses.loc[4] < losses.loc[1]).all()
    assert (trials["peak_memory"] > 0).all()
    info = study_info(URL, "tiny")
    assert info["device"] == DEVICE
    assert info["settings"]["precision"] == settings().precision
    if ON_CUDA and shutil.which("nvidia-smi"):
        assert info["machine"].endswith(torch.cuda.get_device_name(0))


def test_a_run_on_the_gpu_leaves_no_checkpoint_and_its_workers_had_nothing_to_say(
    copy: Path,
) -> None:
    assert not list(copy.rglob("*.pt"))
    assert [log.read_text() for log in copy.rglob("*.log")] == []


def test_two_workers_on_a_gpu_train_each_pair_once_to_the_numbers_of_one(
    by_one_worker: Path, workdir: Path
) -> None:
    write_study(workdir)
    result = command("study", "run", "./tiny.yaml", "--storage", URL, *WORKERS_ON_IT)
    assert (result.returncode, result.stderr) == (0, "")
    completed = [attempt.pair for attempt in attempts() if attempt.ended == "complete"]
    assert len(completed) == len(set(completed)) == len(attempts()) == PAIRS
    assert len({attempt.worker.id for attempt in attempts()}) == 2
    for table, expected in zip(tables(workdir), tables(by_one_worker), strict=True):
        pd.testing.assert_frame_equal(table, expected, check_exact=True)


def test_more_workers_than_a_gpu_takes_are_refused(copy: Path) -> None:
    if not ON_CUDA:
        pytest.skip("a CPU takes any number")
    workers = str(torch.cuda.device_count() + 1)
    more = ("--workers", workers, "--set", "seeds=[0, 1, 2]")
    result = command("study", "run", "./tiny.yaml", "--storage", URL, *more)
    assert result.returncode == 2
    assert result.stderr.startswith(f"Error: {workers} workers are too many for ")
    assert result.stderr.endswith("give --workers-per-gpu 2.\n")


def test_without_the_gpu_a_study_of_it_is_refused_and_a_new_one_is_the_cpus(copy: Path) -> None:
    hidden = {"CUDA_VISIBLE_DEVICES": ""}
    run = ("study", "run", "./tiny.yaml", "--storage", URL)
    if ON_CUDA:
        result = command(*run, "--set", "seeds=[0, 1, 2]", **hidden)
        assert result.returncode == 2
        assert result.stderr.count("Error: ") == 1
        assert "the device cuda does not exist: torch finds no CUDA device here" in result.stderr
        assert {attempt.ended for attempt in attempts()} <= {"complete", "interrupted"}
    new = ("--set", "name=other", "--set", "seeds=[0]", "--set", "recipe.epochs=1")
    result = command(*run, *new, **hidden)
    assert (result.returncode, result.stderr) == (0, "")
    assert set(read(URL, "other")[0]["device"]) == {"cpu"}
    info = study_info(URL, "other")
    assert info["device"] == "cpu"
    assert info["machine"].endswith(" cores")


def test_out_of_memory_fails_a_pair_with_its_reason_and_the_worker_trains_the_next(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The larger network is tried first, and what it held must be free again: its weights take 324
    MB, and their gradients as much."""
    if not ON_CUDA:
        pytest.skip("memory of a CUDA device is limited")
    (workdir / "large_space.yaml").write_text(
        "reference: resnext_1_1x3000d_w16_small8\nfree: {}\n"
        "axes: {cardinality: [1], bottleneck_width: [3000, 8]}\n"
    )
    (workdir / "large.yaml").write_text(
        "name: large\nspace: large_space.yaml\n"
        "reference_arm: {cardinality: 1, bottleneck_width: 3000}\n"
        "data: {name: digits, validation: 0.2, test: 0.2, split_seed: 0}\n"
        "recipe: {name: quick, epochs: 1, batch_size: 64}\nseeds: [0]\n"
    )
    monkeypatch.setattr(studies.running.supervisor, "TRAINER", "short_of_memory:Trainer")
    view = Recorder()
    counts = studies.running.supervisor.run(
        Study.load(workdir / "large.yaml"), storage=URL, view=view
    )
    (failed,), (complete,) = view.named("failed"), view.named("complete")
    assert "d=3000" in failed["arm"]
    assert "d=8" in complete["arm"]
    assert failed["reason"].startswith(
        "out of memory; a smaller batch_size or fewer workers may help ("
    )
    assert "allocate" in failed["reason"]
    assert view.happened.index(failed) < view.happened.index(complete)
    assert (counts.complete, counts.failed) == (1, 1)
    assert view.named("died") == []
    assert len({attempt.worker.id for attempt in attempts("large")}) == 1


def test_the_winner_is_trained_on_the_gpu_and_taken_along_to_any_machine(copy: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from safetensors.torch import load_file

    from explorer import Architecture, build

    few = ("--retrain", "--set", "recipe.epochs=2", "--export", "best")
    result = command("study", "winner", "tiny", "--storage", URL, *few, "--json")
    assert (result.returncode, result.stderr) == (0, "")
    written = json.loads(result.stdout)
    assert written["onnx_error"] is None
    assert written["epochs"] == 2
    assert f"device {DEVICE}" in (copy / "best" / "card.md").read_text()
    architecture = Architecture.from_name(
        written["design"], resolution=8, in_channels=1, classes=10
    )
    network = build(architecture).eval()
    network.load_state_dict(load_file(copy / "best" / "weights.safetensors"))
    images = torch.randn(5, 1, 8, 8)
    session = onnxruntime.InferenceSession(
        copy / "best" / "network.onnx", providers=["CPUExecutionProvider"]
    )
    (logits,) = session.run(None, {"images": images.numpy()})
    with torch.inference_mode():
        torch.testing.assert_close(torch.from_numpy(logits), network(images), rtol=1e-3, atol=1e-3)
