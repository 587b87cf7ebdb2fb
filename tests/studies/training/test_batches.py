"""Where batches keep their images: what fits is kept on the device once,
padded or not; the rest is read a batch at a time."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from studies.config.recipe import Recipe
from studies.data.splits import DataSpec, Images, Rows, Splits, load
from studies.training import batches
from studies.training.batches import RESIDENT_PART, TrainingBatches

PAPER = Recipe(name="resnext_imagenet", batch_size=64)
QUICK = Recipe(name="quick", batch_size=64)


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
