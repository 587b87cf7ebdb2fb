"""Images that fit are stored on the device once; others are read a batch at a time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from photos import damage, fill, spec
from torch.nn import functional as F

from explorer import Architecture
from studies.config.recipe import Recipe
from studies.data import DataSpec, Images, Rows, Splits, load
from studies.machine.settings import Settings
from studies.training import batches
from studies.training.batches import RESIDENT_PART, EvaluationBatches, TrainingBatches
from studies.training.training import train

PAPER = Recipe(name="resnext_imagenet", batch_size=64)
QUICK = Recipe(name="quick", batch_size=64)
CPU = Settings(device="cpu", precision="32", threads=1)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def splits() -> Splits:
    return load(DataSpec(name="digits", test=0.2))


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_images_stay_off_a_gpu_whose_room_is_too_small_for_them_and_their_padded_copy(
    splits: Splits, monkeypatch: pytest.MonkeyPatch, padding: int
) -> None:
    images = torch.from_numpy(splits.train.images[:])
    padded = F.pad(images, (padding,) * 4).nbytes if padding else 0
    needed = int((images.nbytes + padded) / RESIDENT_PART)
    rows = Rows(splits.train.images[:], np.arange(len(images)), "")
    for values in (splits.train.images, rows):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (needed - 4, needed))
        part = Images(values, splits.train.labels)
        assert batches._Source(part, torch.device("cuda"), padding).whole is None
        assert batches._most_bytes(values, padding) == images.nbytes + padded


def test_only_the_padded_copy_of_the_images_stays(splits: Splits) -> None:
    cpu = torch.device("cpu")
    on_disk = Images(
        Rows(splits.train.images[:], np.arange(len(splits.train)), ""), splits.train.labels
    )
    data = replace(splits, train=on_disk)
    assert TrainingBatches(data, QUICK, 0, cpu, lambda: 0)._source.whole is None
    assert (
        TrainingBatches(data, PAPER, 0, cpu, lambda: 0)._source.whole is not None
    )  # crops are cut from the images


def test_without_padding_no_copy_is_made() -> None:
    images = torch.arange(2 * 3 * 4 * 4, dtype=torch.uint8).view(2, 3, 4, 4)
    windows = batches._windows(images, 0)
    assert windows.data_ptr() == images.data_ptr()
    assert torch.equal(windows[:, :, 0, 0], images)


def test_images_read_from_disk_make_the_same_batches_as_images_on_the_device(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = load(spec(), fill(tmp_path / "photos", 16))
    for name in ("quick", "resnext_imagenet", "modern"):
        recipe = Recipe.model_validate({"name": name, "batch_size": 8})

        def batches_of(recipe: Recipe = recipe) -> list[torch.Tensor]:
            device = torch.device("cpu")
            training = TrainingBatches(splits, recipe, 3, device, lambda: 1)
            evaluation = EvaluationBatches(splits.test, splits, recipe, device)
            return [
                tensor
                for source in (training, evaluation)
                for batch in source
                for tensor in batch[:2]
            ]

        resident = batches_of()
        with monkeypatch.context() as patch:
            patch.setattr(batches, "RESIDENT_BYTES", 0)
            from_disk = batches_of()
        assert len(resident) == len(from_disk) == 2 * (3 + 2)
        assert all(map(torch.equal, resident, from_disk))


@pytest.mark.slow
def test_thousands_of_mixed_images_train_under_the_papers_recipe(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "many", 800)
    damage(root)
    data = load(spec(resolution=20, unreadable="skip", test=0.2, validation=0.1), root)
    assert sum(data.sizes.values()) == 2400 - 2
    monkeypatch.setattr(batches, "RESIDENT_BYTES", 0)  # read from disk, as a million would be
    recipe = Recipe.model_validate({"name": "resnext_imagenet", "epochs": 2, "batch_size": 64})
    network = Architecture.from_name("resnext_1-1_2x4d_w16_small8", resolution=20, classes=3)
    outcome = train(network, recipe, data, 0, CPU)
    # One image in eight is grey, and says nothing of its class: a third of those can be guessed.
    assert outcome.test_error < 0.2
    assert outcome.test_top5_error is None
