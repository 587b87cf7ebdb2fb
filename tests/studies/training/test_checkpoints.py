"""A checkpoint is gone on with only by a program that would have written it to the bit."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from explorer import Architecture
from search_spaces.documents import validate
from studies.config.recipe import Recipe
from studies.data import DataSpec, Images, Splits, load
from studies.machine.cores import available_cores
from studies.machine.settings import Settings
from studies.training import checkpoints
from studies.training.checkpoints import CHECKPOINT, identify, threads_of, write_checkpoint

CPU = Settings(device="cpu", precision="32", threads=1)
RECIPE = validate(Recipe, {"name": "quick", "epochs": 2, "batch_size": 32}, source="test")
SMALL = Architecture.from_name("resnext_1_1x4d_w16_small8", resolution=8, classes=10, in_channels=1)


@pytest.fixture(scope="module")
def splits() -> Splits:
    whole = load(DataSpec(name="digits", validation=0.2, test=0.2))
    few: dict[str, Any] = {
        name: Images(part.images[:96], part.labels[:96])
        for name in ("train", "validation", "test")
        for part in [getattr(whole, name)]
    }
    return replace(whole, **few)


def test_another_version_of_torch_or_numba_or_of_the_arithmetic_is_another_training(
    splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = identify(SMALL, RECIPE, splits, 0, CPU)
    assert identify(SMALL, RECIPE, splits, 0, CPU) == same
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints.torch, "__version__", "9.9")
        assert identify(SMALL, RECIPE, splits, 0, CPU) != same
    with monkeypatch.context() as patched:
        patched.setattr(checkpoints, "numba_version", lambda: None)  # where it is not installed
        assert identify(SMALL, RECIPE, splits, 0, CPU) != same
    monkeypatch.setattr(checkpoints, "ARITHMETIC", checkpoints.ARITHMETIC + 1)
    assert identify(SMALL, RECIPE, splits, 0, CPU) != same


def test_a_checkpoint_of_an_older_arithmetic_is_not_gone_on_with(
    splits: Splits,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from studies.training.training import TrainingStopped, train

    def stop(row: dict[str, Any]) -> None:
        raise TrainingStopped

    with pytest.raises(TrainingStopped):
        train(SMALL, RECIPE, splits, 0, CPU, checkpoints=tmp_path, on_epoch=stop)
    epochs: list[int] = []
    monkeypatch.setattr(checkpoints, "ARITHMETIC", checkpoints.ARITHMETIC + 1)
    with caplog.at_level(logging.WARNING):
        train(
            SMALL,
            RECIPE,
            splits,
            0,
            CPU,
            checkpoints=tmp_path,
            on_epoch=lambda row: epochs.append(row["epoch"]),
        )
    assert epochs == [1, 2]
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
