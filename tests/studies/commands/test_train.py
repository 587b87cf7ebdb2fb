"""`train`: one network on the command line; every mistake is one message
and exit code 2, before anything is trained."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import safetensors
import torch
from click.testing import CliRunner

from explorer import Architecture, build
from explorer.cli import cli
from explorer.errors import UserError
from studies.config.overrides import override
from studies.data import DataSpec, load

NETWORK = "resnext_1_2x4d_w8_small8"
QUICK = [
    "--set",
    "recipe.epochs=2",
    "--set",
    "recipe.batch_size=128",
    "--device",
    "cpu",
    "--precision",
    "32",
]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "explorer", "train", *arguments]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.slow
def test_a_network_is_trained_tested_and_written(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    result = run(
        NETWORK, "--data", "digits", *QUICK, "--checkpoints", "run", "-o", "weights.safetensors"
    )
    assert result.returncode == 0, result.stderr
    assert "\nThreads: 1, as OMP_NUM_THREADS says.\n" in result.stdout
    assert "1258 train, 180 validation, 359 test" in result.stdout
    for part in (
        "train error",
        "validation error",
        "test error",
        "top-5",
        "images a second",
        "of memory",
    ):
        assert part in result.stdout
    with safetensors.safe_open("weights.safetensors", "numpy") as weights:
        assert weights.get_tensor("fc.weight").shape[0] == 10
        about = weights.metadata()
    splits = load(DataSpec(name="digits", test=0.2))
    assert about["architecture"] == NETWORK
    assert json.loads(about["mean"]) == list(splits.mean)
    assert [path.name for path in Path("run").iterdir()] == ["checkpoint.pt"]
    # The same command finds the finished checkpoint, tests again, and
    # comes to the same numbers, here as JSON. It keeps the number of threads.
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setattr("studies.machine.memory.keep_memory", lambda: None)
    again = CliRunner().invoke(
        cli, ["train", NETWORK, "--data", "digits", *QUICK, "--checkpoints", "run", "--json"]
    )
    complete = [json.loads(line) for line in again.stdout.splitlines()]
    assert [event["event"] for event in complete] == ["begin", "complete"]
    assert complete[0]["notes"][0] == "Augmentation: crops with 1 pixel of padding."
    assert f"test error {100 * complete[1]['test_error']:.1f} %" in result.stdout
    assert complete[1]["design"] == NETWORK
    by_class = complete[1]["test_errors_by_class"]
    assert len(by_class) == 10
    assert complete[1]["test_balanced_error"] == pytest.approx(sum(by_class) / 10)


def test_a_training_that_cannot_succeed_says_why_and_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from explorer import cli
    from studies.machine import memory

    monkeypatch.setattr(memory, "keep_memory", lambda: None)
    arguments = [NETWORK, "--data", "digits", *QUICK, "--set", "recipe.learning_rate=1e30"]
    monkeypatch.setattr(sys, "argv", ["resnext-explorer", "train", *arguments])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith("Error: the training failed: the ")
    assert "Traceback" not in told


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory:\nyou tried"),
        RuntimeError("CUDA out of memory"),
    ],
)
def test_too_little_memory_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    from explorer import cli
    from studies.machine import memory
    from studies.training import training

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(training, "train", fail)
    monkeypatch.setattr(memory, "keep_memory", lambda: None)
    monkeypatch.setattr(
        sys, "argv", ["resnext-explorer", "train", NETWORK, "--data", "digits", *QUICK]
    )
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == 1
    told = capsys.readouterr().err
    assert told.startswith(
        "Error: the training failed: out of memory; a smaller batch_size, as --set"
    )
    assert told.count("\n") == 1


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_it_says_once_what_numba_would_gain(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    from explorer import cli
    from studies.machine import memory, settings
    from studies.training import choice, training

    def fail(*_: object, **__: object) -> None:
        raise training.TrainingFailed("of no interest here")

    here = settings.Settings(device="cpu", precision="bf16", threads=1)
    monkeypatch.setattr(choice, "resolve_here", lambda *_, **__: settings.Resolved(here))
    monkeypatch.setattr(settings, "numba_version", lambda: None)
    monkeypatch.setattr(training, "train", fail)
    monkeypatch.setattr(memory, "keep_memory", lambda: None)
    monkeypatch.setattr(
        sys, "argv", ["resnext-explorer", "train", NETWORK, "--data", "digits", *options]
    )
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().out.count(settings.WITHOUT_NUMBA) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["resnet50", "--data", "digits"], "a resolution of 8 is too small for 4 stages"),
        ([NETWORK, "--data", "digits", "--threads", "0"], "threads must be a whole number of at"),
        (
            [NETWORK, "--data", "digits", "--threads", "4096"],
            "--threads 4096 for 1 worker is more than the",
        ),
        ([NETWORK, "--data", "digit"], "Did you mean 'digits'?"),
        ([NETWORK, "--data", "digits", "--recipe", "quik"], "Did you mean 'quick'?"),
        ([NETWORK, "--data", "digits", "--set", "recipe.epoch=3"], "Did you mean 'epochs'?"),
        ([NETWORK, "--data", "digits", "--set", "recipes.epochs=3"], "Did you mean 'recipe'?"),
        (
            [NETWORK, "--data", "digits", "--set", "recipe.batch_size=4096"],
            "batch_size of 4096 is larger than",
        ),
        (
            [NETWORK, "--data", "digits", "-o", "no/such/w.safetensors"],
            "cannot write no/such/w.safetensors",
        ),
        (
            [NETWORK, "--data", "digits", "-o", "."],
            "cannot write .: it is a folder. Name a file in it",
        ),
        (
            [NETWORK, "--data", "digits", "-o", "/proc/w.safetensors"],
            "cannot write /proc/w.safetensors: ",
        ),
        ([NETWORK, "--data", "digits", "-o", "w" * 300], "cannot write www"),
        (
            [NETWORK, "--data", "digits", "-o", "w.pth"],
            "cannot write w.pth: name a file that ends in .safetensors",
        ),
        ([NETWORK, "--data", "folder", "--data-dir", "."], "a folder needs a resolution"),
        (
            [NETWORK, "--data", "npz", "--data-dir", ""],
            "--data-dir is empty, perhaps from a variable that is not set",
        ),
        (
            [NETWORK, "--data", "digits", "--checkpoints=~nobody-here/run"],
            "begins with a home folder that this system",
        ),
        (
            [NETWORK, "--data", "npz", "--data-dir", "few.npz", "--set", "data.test=0.5"],
            "too few images of a class in npz",
        ),
        (["resnext51_32x4d", "--data", "digits"], "resnext51_32x4d"),
        (
            [NETWORK, "--data", "digits", "--weights", "photos.pth"],
            "cannot read weights from photos.pth: no such file",
        ),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(
    workdir: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    from explorer import cli

    np.savez("few.npz", train_images=np.zeros((2, 8, 8), np.uint8), train_labels=np.arange(2))
    before = sorted(workdir.iterdir())
    monkeypatch.setattr(sys, "argv", ["resnext-explorer", "train", *arguments])
    with pytest.raises(SystemExit) as exit_:
        cli.main()
    assert exit_.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("Error: ")
    assert told.err.count("\n") == 1
    assert message in told.err
    assert sorted(workdir.iterdir()) == before


def test_weights_of_other_classes_get_a_new_classifier_and_of_other_channels_are_refused(
    workdir: Path, here: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    def saved(path: str, **sizes: int) -> str:
        usual = {"resolution": 32, "classes": 10, "in_channels": 1}  # digits have 8 x 8 pixels
        architecture = Architecture.from_name(NETWORK, **{**usual, **sizes})
        torch.save({"state_dict": build(architecture).state_dict()}, path)
        return path

    def trained(path: str) -> subprocess.CompletedProcess[str]:
        quick = [*QUICK, "--set", "recipe.epochs=1", "--threads", "1"]
        return here("train", NETWORK, "--data", "digits", *quick, "--weights", path, "--json")

    begun = json.loads(trained(saved("letters.pth", classes=26)).stdout.splitlines()[0])
    assert begun["notes"][0] == (
        "Weights: those of letters.pth (the weights are those under 'state_dict', the classifier is"
        " new, since the file's is for 26 classes, not 10)."
    )
    begun = json.loads(trained(saved("digits.pth")).stdout.splitlines()[0])
    assert begun["notes"][0].endswith("digits.pth (the weights are those under 'state_dict').")
    refused = trained(saved("colours.pth", in_channels=3))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "conv1.weight is 8 x 3 x 3 x 3, not 8 x 1 x 3 x 3" in refused.stderr


def test_a_gpu_that_does_not_exist_is_named(
    here: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    result = here("train", NETWORK, "--data", "digits", "--device", "cuda:77")
    assert result.returncode == 2
    assert result.stderr.startswith("Error: the device cuda:77 ")
    assert result.stderr.count("\n") == 1


# Changing single keys.


def test_a_change_is_put_in_as_yaml_reads_it_and_the_rest_is_kept() -> None:
    document = {"recipe": {"epochs": 10, "name": "quick"}, "seeds": [0]}
    changes = ["recipe.epochs=20", "seeds=[1, 2]", "data.test=0.2", "recipe.milestones=[0.5]"]
    assert override(document, changes, sections=["recipe", "seeds", "data"]) == {
        "recipe": {"epochs": 20, "name": "quick", "milestones": [0.5]},
        "seeds": [1, 2],
        "data": {"test": 0.2},
    }
    assert document == {"recipe": {"epochs": 10, "name": "quick"}, "seeds": [0]}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("recipe.epochs", "a change is KEY=VALUE"),
        ("=3", "a change is KEY=VALUE"),
        ("recip.epochs=3", "Did you mean 'recipe'"),
        ("epochs=3", "epochs is a key of recipe: --set recipe.epochs=3"),
        ("recipe.epochs.more=3", "epochs is a single value"),
        ("recipe.epochs=[1", "is not a value as YAML writes it"),
        ("recipe.name=resnext_cifar", "with --set recipe=resnext_cifar"),
    ],
)
def test_a_change_of_another_form_is_an_error(change: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        override({"recipe": {"epochs": 10}}, [change], sections=["recipe"])


def test_a_study_with_a_key_changed_is_validated_again() -> None:
    from studies import Study

    study = Study.load("digits_cardinality")
    changed = study.changed(["recipe.epochs=20", "name=longer"])
    assert (changed.recipe.epochs, changed.name) == (20, "longer")
    assert changed.space == study.space
    assert study.changed([]) == study
    with pytest.raises(UserError, match="Did you mean 'epochs'"):
        study.changed(["recipe.epoch=20"])
