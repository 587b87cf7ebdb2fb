"""A checkpoint is gone on with only by a program that would have written it to the bit."""

import logging
import os
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from small_trainings import CPU, DENSE, RECIPE, STEPS, assert_same, stop_after

from explorer.errors import UserError
from studies.data import Images, Splits
from studies.machine.cores import available_cores
from studies.training import checkpoints
from studies.training.checkpoints import CHECKPOINT, identify, threads_of, write_checkpoint
from studies.training.training import Outcome, TrainingStopped, train


def test_another_version_of_torch_or_numba_or_of_the_arithmetic_is_another_training(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = identify(DENSE, RECIPE, splits, 0, CPU)
    assert identify(DENSE, RECIPE, splits, 0, CPU) == same
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.torch, "__version__", "9.9")
        assert identify(DENSE, RECIPE, splits, 0, CPU) != same
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "numba_version", lambda: None)  # where it is not installed
        assert identify(DENSE, RECIPE, splits, 0, CPU) != same
    monkeypatch.setattr(checkpoints, "ARITHMETIC", checkpoints.ARITHMETIC + 1)
    assert identify(DENSE, RECIPE, splits, 0, CPU) != same


def test_architecture_and_recipe_are_told_apart_by_the_text_of_older_checkpoints() -> None:
    """Another text would start every training afresh that was cut off before an update."""
    assert checkpoints._all_fields(DENSE) == (
        "Architecture(template=Template(kind='bottleneck', cardinality=1, bottleneck_width=8,"
        " width=16), depths=(1, 1), growth='d', shortcut='projection', stem=Stem(kind='small',"
        " channels=8), resolution=8, in_channels=1, classes=10)"
    )
    assert repr(RECIPE) == (
        "Recipe(name='quick', epochs=3, batch_size=32, learning_rate=0.1, schedule='cosine',"
        " warm_up=0.2, milestones=(), momentum=0.9, weight_decay=0.0005, label_smoothing=0.1,"
        " crop='pad', crop_padding=0.125, flip='where_mirrored', lighting=0.0)"
    )


def test_a_checkpoint_of_an_older_arithmetic_is_not_gone_on_with(
    splits: Splits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def stop(row: dict[str, Any]) -> None:
        raise TrainingStopped

    with pytest.raises(TrainingStopped):
        train(DENSE, RECIPE, splits, 0, CPU, checkpoints=tmp_path, on_epoch=stop)
    epochs: list[int] = []
    monkeypatch.setattr(checkpoints, "ARITHMETIC", checkpoints.ARITHMETIC + 1)
    with caplog.at_level(logging.WARNING):
        train(
            DENSE,
            RECIPE,
            splits,
            0,
            CPU,
            checkpoints=tmp_path,
            on_epoch=lambda row: epochs.append(row["epoch"]),
        )
    assert epochs == [1, 2, 3]
    assert "starting afresh" in caplog.text


def test_a_checkpoint_tells_the_threads_of_its_training(tmp_path: Path) -> None:
    path = tmp_path / CHECKPOINT
    assert threads_of(None) is threads_of(tmp_path) is None
    write_checkpoint(path, {"threads": 1})
    assert threads_of(tmp_path) == 1
    write_checkpoint(path, {"rows": []})  # of an older version, which took all cores
    assert threads_of(tmp_path) == available_cores()
    path.write_bytes(path.read_bytes()[:100])
    assert threads_of(tmp_path) is None


def test_writing_checkpoints_changes_nothing(
    splits: Splits, undisturbed: Outcome, tmp_path: Path
) -> None:
    assert_same(
        train(DENSE, RECIPE, splits, 0, CPU, checkpoints=tmp_path / "made" / "here"), undisturbed
    )
    assert [path.name for path in (tmp_path / "made" / "here").iterdir()] == [CHECKPOINT]


class Evil:
    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["EVIL"],)


@pytest.mark.parametrize(
    "write",
    [
        lambda path: torch.save({"model": Evil()}, path),
        lambda path: path.write_bytes(pickle.dumps(Evil())),
    ],
)
def test_a_checkpoint_with_code_in_it_is_refused_and_not_run(
    splits: Splits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path], Any]
) -> None:
    monkeypatch.setenv("EVIL", str(tmp_path / "evil"))
    write(tmp_path / CHECKPOINT)
    with pytest.raises(UserError, match=r"not a checkpoint of this program.*Delete it"):
        train(DENSE, RECIPE, splits, 0, CPU, checkpoints=tmp_path)
    assert not (tmp_path / "evil").exists()


@pytest.fixture(scope="module")
def stopped(splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The checkpoint after the first epoch."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.raises(TrainingStopped):
        train(
            DENSE, RECIPE, splits, 0, CPU, checkpoints=folder, should_stop=stop_after(STEPS + 4 + 1)
        )
    return (folder / CHECKPOINT).read_bytes()


def flip_byte(data: bytes) -> bytes:
    changed = bytearray(data)
    changed[len(data) // 2] ^= 0xFF
    return bytes(changed)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:-1],
        lambda data: bytes(len(data)),
        flip_byte,
        # Bare pickles, cut off where torch's unpickler raises
        # IndexError, struct.error and KeyError.
        lambda data: b"\x80\x02.",
        lambda data: b"\x80\x02J\x01",
        lambda data: b"\x80\x02h\x05.",
    ],
)
def test_a_damaged_checkpoint_is_left_aside_and_the_run_starts_afresh(
    splits: Splits,
    undisturbed: Outcome,
    stopped: bytes,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    damage: Callable[[bytes], bytes],
) -> None:
    (tmp_path / CHECKPOINT).write_bytes(damage(stopped))
    outcome = train(DENSE, RECIPE, splits, 0, CPU, checkpoints=tmp_path)
    assert_same(outcome, undisturbed)
    assert f"{tmp_path / CHECKPOINT} is damaged: starting afresh" in caplog.text


@pytest.mark.parametrize("other", ["seed", "recipe", "architecture", "data", "settings"])
def test_a_checkpoint_of_another_run_is_left_aside(
    splits: Splits, stopped: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture, other: str
) -> None:
    (tmp_path / CHECKPOINT).write_bytes(stopped)
    images = splits.train.images.copy()
    images[0, 0, 0, 0] ^= 1
    arguments = {
        "architecture": DENSE if other != "architecture" else replace(DENSE, depths=(1, 2)),
        "recipe": RECIPE if other != "recipe" else RECIPE.model_copy(update={"weight_decay": 0.0}),
        "splits": (
            splits
            if other != "data"
            else replace(splits, train=Images(images, splits.train.labels))
        ),
        "seed": 0 if other != "seed" else 1,
        "settings": CPU if other != "settings" else CPU.model_copy(update={"threads": 2}),
    }
    if other == "settings" and available_cores() < 2:
        pytest.skip("there is one core")
    epochs: list[int] = []
    train(**arguments, checkpoints=tmp_path, on_epoch=lambda row: epochs.append(row["epoch"]))  # type: ignore[arg-type]
    assert epochs == [1, 2, 3]
    assert "belongs to another training" in caplog.text
    (aside,) = tmp_path.glob("checkpoint-*.pt")
    assert aside.read_bytes() == stopped
    assert str(aside) in caplog.text


def test_a_checkpoint_is_tensors_and_plain_values(stopped: bytes, tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(stopped)
    state = torch.load(tmp_path / "copy", weights_only=True)
    assert state["epoch"] == len(state["rows"]) == 1
    assert {"model", "optimiser", "scheduler"} <= state.keys()


def test_a_folder_that_cannot_be_made_is_the_users_mistake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*file/below"):
        write_checkpoint(tmp_path / "file" / "below" / CHECKPOINT, {})
