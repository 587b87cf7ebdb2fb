"""Images that fit are stored on the device once; others are read a batch at a time."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from photos import damage, fill, spec
from small_trainings import CPU, PAPER, RECIPE, STEPS
from torch.nn import functional as F

from explorer import Architecture
from studies.config.recipe import Recipe
from studies.data import DataSpec, Images, Rows, Splits, load
from studies.training import batches
from studies.training.batches import (
    RESIDENT_PART,
    EvaluationBatches,
    TrainingBatches,
    plan_epoch,
    resize_crops,
)
from studies.training.training import train

IMAGENET = Recipe(name="resnext_imagenet", batch_size=64)
QUICK = Recipe(name="quick", batch_size=64)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def digits() -> Splits:
    return load(DataSpec(name="digits", test=0.2))


@pytest.mark.parametrize("padding", [0, 1, 3])
def test_images_stay_off_a_gpu_whose_room_is_too_small_for_them_and_their_padded_copy(
    digits: Splits, monkeypatch: pytest.MonkeyPatch, padding: int
) -> None:
    images = torch.from_numpy(digits.train.images[:])
    padded = F.pad(images, (padding,) * 4).nbytes if padding else 0
    needed = int((images.nbytes + padded) / RESIDENT_PART)
    rows = Rows(digits.train.images[:], np.arange(len(images)), "")
    for values in (digits.train.images, rows):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (needed - 4, needed))
        part = Images(values, digits.train.labels)
        assert batches._Source(part, torch.device("cuda"), padding).whole is None
        assert batches._most_bytes(values, padding) == images.nbytes + padded


def test_only_the_padded_copy_of_the_images_stays(digits: Splits) -> None:
    cpu = torch.device("cpu")
    on_disk = Images(
        Rows(digits.train.images[:], np.arange(len(digits.train)), ""), digits.train.labels
    )
    data = replace(digits, train=on_disk)
    assert TrainingBatches(data, QUICK, 0, cpu, lambda: 0)._source.whole is None
    assert (
        TrainingBatches(data, IMAGENET, 0, cpu, lambda: 0)._source.whole is not None
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


def test_a_plan_is_a_function_of_seed_and_epoch_alone() -> None:
    plan, again = plan_epoch(5, 2, 100, 1), plan_epoch(5, 2, 100, 1)
    assert torch.equal(plan.order, again.order)
    assert torch.equal(plan.shifts, again.shifts)
    assert torch.equal(plan.flips, again.flips)
    assert sorted(plan.order.tolist()) == list(range(100))
    for seed, epoch in ((5, 3), (6, 2), (2, 5)):
        assert not torch.equal(plan.order, plan_epoch(seed, epoch, 100, 1).order)


@pytest.mark.parametrize("flip", ["where_mirrored", "never"])
@pytest.mark.parametrize("mirrored", [True, False])
def test_an_image_is_cropped_flipped_and_normalised_as_planned(
    splits: Splits, mirrored: bool, flip: str
) -> None:
    data = replace(splits, mirrored=mirrored)
    recipe = RECIPE.model_copy(update={"flip": flip, "crop_padding": 0.25})
    batches = TrainingBatches(data, recipe, 4, torch.device("cpu"), lambda: 1)
    plan = plan_epoch(4, 1, 240, 2)
    position = 0
    for images, labels, *_ in batches:
        assert images.shape == (32, 1, 8, 8)
        for image, label in zip(images, labels, strict=True):
            number, (down, right) = int(plan.order[position]), plan.shifts[position].tolist()
            expected = np.pad(splits.train.images[number, 0], 2)[down : down + 8, right : right + 8]
            if mirrored and flip == "where_mirrored" and plan.flips[position]:
                expected = expected[:, ::-1]
            expected = (expected / 255 - splits.mean[0]) / splits.std[0]
            np.testing.assert_allclose(image[0].numpy(), expected, rtol=1e-5, atol=1e-5)
            assert label == splits.train.labels[number]
            position += 1
    assert position == STEPS * 32


def test_crops_have_the_area_and_the_shape_that_they_should() -> None:
    boxes = plan_epoch(0, 0, 5000, 0, boxes=True).boxes
    left, top, width, height = boxes.T
    whole = (width == 1) & (height == 1)
    assert whole.float().mean() < 0.01  # what is left when ten draws do not fit
    area, ratio = (width * height)[~whole], (width / height)[~whole]
    assert 0.08 <= area.min() < 0.09
    assert 0.95 < area.max() <= 1
    assert 0.749 < ratio.min() < 0.76
    assert 1.32 < ratio.max() < 1.334
    assert torch.stack((left, top)).min() >= 0
    assert torch.stack((left + width, top + height)).max() <= 1 + 1e-6
    # Neither the order of images nor flips depend on whether crops are drawn.
    plain = plan_epoch(0, 0, 5000, 0)
    assert torch.equal(plain.order, plan_epoch(0, 0, 5000, 0, boxes=True, lights=True).order)


def test_a_crop_is_resized_bilinearly() -> None:
    """A ramp stays a ramp: every pixel of the crop has the value at its place in the image."""
    side = 16
    across = np.broadcast_to(10 * np.arange(side), (side, side))
    images = torch.from_numpy(np.stack([across, across.T])[:, None].astype(np.uint8))
    left, top, width, height = 0.25, 0.125, 0.5, 0.375
    crops = resize_crops(images, torch.tensor([[left, top, width, height]] * 2))
    steps = np.arange(side) + 0.5
    np.testing.assert_allclose(crops[0, 0, 3], 10 * (left * side + steps * width - 0.5), atol=1e-3)
    np.testing.assert_allclose(
        crops[1, 0, :, 5], 10 * (top * side + steps * height - 0.5), atol=1e-3
    )
    whole = resize_crops(images, torch.tensor([[0.0, 0.0, 1.0, 1.0]] * 2))
    np.testing.assert_allclose(whole, images, atol=1e-3)


def coloured(splits: Splits) -> Splits:
    """Images of one colour each, in three channels."""
    values = np.random.default_rng(0).integers(60, 200, (240, 3, 1, 1)).astype(np.uint8)
    images = Images(np.broadcast_to(values, (240, 3, 8, 8)).copy(), splits.train.labels)
    return replace(splits, train=images, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.4), mirrored=True)


def test_lighting_shifts_all_pixels_along_imagenets_colours(splits: Splits) -> None:
    data = coloured(splits)
    plan = plan_epoch(4, 1, 240, 0, boxes=True, lights=True)
    # fb.resnet.torch, datasets/imagenet.lua: eigenvalues, and a row of
    # eigenvectors for each of red, green and blue.
    values = np.array([0.2175, 0.0188, 0.0045])
    vectors = np.array(
        [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
    )
    images, *_ = next(iter(TrainingBatches(data, PAPER, 4, torch.device("cpu"), lambda: 1)))
    for index, image in enumerate(images):
        colour = data.train.images[int(plan.order[index]), :, 0, 0] / 255
        shifted = colour + vectors @ (0.1 * plan.lights[index].numpy() * values)
        expected = (shifted - np.array(data.mean)) / np.array(data.std)
        np.testing.assert_allclose(
            image, np.broadcast_to(expected[:, None, None], (3, 8, 8)), atol=1e-4
        )


def test_crops_are_mirrored_where_the_plan_says_so(splits: Splits) -> None:
    ramp = np.broadcast_to(np.arange(8, dtype=np.uint8) * 20, (240, 1, 8, 8)).copy()
    data = replace(splits, train=Images(ramp, splits.train.labels), mirrored=True)
    plan = plan_epoch(4, 1, 240, 0, boxes=True)
    images, *_ = next(iter(TrainingBatches(data, PAPER, 4, torch.device("cpu"), lambda: 1)))
    falls = images[:, 0, 4, 0] > images[:, 0, 4, -1]
    assert torch.equal(falls, plan.flips[:32])
