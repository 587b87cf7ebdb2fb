"""Our batches against a DataLoader that transforms each image with Pillow,
in one process: images a second, and the ratio.

    python tests/benchmarks/bench_data.py
    python tests/benchmarks/bench_data.py --data-dir DIR      # CIFAR-10 in the place of noise

Three cases: images in memory, padded, cropped and flipped; the same with random resized crops and
lighting; and a folder of JPEGs, which the DataLoader opens and decodes in each epoch, and which
ours has decoded once (how long that took is said too). Both sides have one thread and no further
processes. They take turns; figures are medians.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch.utils.data import DataLoader, Dataset

from studies.config.recipe import Recipe
from studies.data import DataSpec, Images, Splits, load
from studies.training.batches import TrainingBatches

SIDE = 32


class Transformed(Dataset[Any]):
    """What a script usually has: an image at a time, through Pillow, to a normalised tensor."""

    def __init__(self, items: Any, labels: Any, splits: Splits, *, resized: bool) -> None:
        self.items, self.labels, self.resized = items, labels, resized
        self.mean, self.std = (
            torch.tensor(values).view(-1, 1, 1) for values in (splits.mean, splits.std)
        )
        self.random = np.random.default_rng(0)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int) -> tuple[torch.Tensor, int]:
        item = self.items[number]
        image = Image.open(item).convert("RGB") if isinstance(item, Path) else Image.fromarray(item)
        if self.resized:
            width, height = image.size
            area, ratio = (
                self.random.uniform(0.08, 1),
                np.exp(self.random.uniform(np.log(3 / 4), np.log(4 / 3))),
            )
            w = min(width, round(width * np.sqrt(area * ratio)))
            h = min(height, round(height * np.sqrt(area / ratio)))
            left, top = self.random.integers(width - w + 1), self.random.integers(height - h + 1)
            box = (left, top, left + w, top + h)
            image = image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=box)
        else:
            image = ImageOps.expand(image, 4)
            down, right = self.random.integers(9, size=2)
            image = image.crop((right, down, right + SIDE, down + SIDE))
        if self.random.random() < 0.5:
            image = ImageOps.mirror(image)
        tensor = torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div_(255)
        return tensor.sub_(self.mean).div_(self.std), int(self.labels[number])


def noise(count: int) -> Splits:
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (count, 3, SIDE, SIDE)).astype(np.uint8)
    part = Images(images, np.arange(count) % 10)
    return Splits(
        part,
        part.take(range(100)),
        part.take(range(100)),
        10,
        (0.5,) * 3,
        (0.29,) * 3,
        mirrored=True,
    )


def photographs(folder: Path, count: int) -> None:
    """Smooth pictures of about 300 x 250 pixels, of 20 to 30 kB, in two classes."""
    random = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"class{number % 2}"
        path.mkdir(exist_ok=True)
        small = random.integers(0, 256, (30, 36, 3)).astype(np.uint8)
        size = tuple(int(side) for side in random.integers(240, 320, 2))
        Image.fromarray(small).resize(size, Image.Resampling.BICUBIC).save(
            path / f"{number:05}.jpg", quality=90
        )


def rate(batches: Iterable[Any]) -> float:
    """Images a second of one epoch."""
    started, images = time.perf_counter(), 0
    for _, labels in batches:
        images += len(labels)
    return images / (time.perf_counter() - started)


def compare(
    name: str, ours: Callable[[], Iterable[Any]], loader: Callable[[], Iterable[Any]], turns: int
) -> None:
    rates: tuple[list[float], list[float]] = ([], [])
    for turn in range(turns + 1):
        for found, make in zip(rates, (ours, loader), strict=True):
            one = rate(make())
            if turn:  # the first warms up
                found.append(one)
    mine, other = (median(found) for found in rates)
    print(
        f"{name:>34}: ours {mine:9,.0f} images/s, DataLoader {other:7,.0f}: {mine / other:5.1f}"
        " times"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-dir", type=Path, help="folder with CIFAR-10 (default: noise)")
    parser.add_argument("--images", type=int, default=5000, help="train on so many images")
    parser.add_argument("--photographs", type=int, default=1000)
    parser.add_argument("--turns", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device("cpu")

    splits = (
        load(DataSpec(name="cifar10"), options.data_dir)
        if options.data_dir
        else noise(options.images)
    )
    train = splits.train.take(range(min(options.images, len(splits.train))))
    splits = Splits(
        train, splits.validation, splits.test, 10, splits.mean, splits.std, mirrored=True
    )
    pixels = np.ascontiguousarray(train.images[:].transpose(0, 2, 3, 1))
    for name, preset in (
        ("pad, crop, flip", "resnext_cifar"),
        ("random resized crop, lighting", "resnext_imagenet"),
    ):
        recipe = Recipe.model_validate({"name": preset, "batch_size": 128})
        batches = TrainingBatches(splits, recipe, 0, device, lambda: 0)
        data = Transformed(pixels, train.labels, splits, resized=preset == "resnext_imagenet")
        compare(
            name,
            lambda b=batches: b,
            lambda d=data: DataLoader(d, 128, shuffle=True, drop_last=True),
            options.turns,
        )

    with tempfile.TemporaryDirectory() as place:
        os.environ["RESNEXT_EXPLORER_CACHE"] = f"{place}/cache"
        folder = Path(place) / "photographs"
        folder.mkdir()
        photographs(folder, options.photographs)
        spec = DataSpec(name="folder", resolution=SIDE, test=0.1, validation=0.1)
        started = time.perf_counter()
        splits = load(spec, folder)
        once = time.perf_counter() - started
        recipe = Recipe.model_validate({"name": "resnext_imagenet", "batch_size": 128})
        batches = TrainingBatches(splits, recipe, 0, device, lambda: 0)
        paths = sorted(folder.rglob("*.jpg"))[: len(splits.train)]
        data = Transformed(paths, np.zeros(len(paths), np.int64), splits, resized=True)
        compare(
            f"a folder (decoded once, {once:.1f} s)",
            lambda: batches,
            lambda: DataLoader(data, 128, shuffle=True, drop_last=True),
            options.turns,
        )


if __name__ == "__main__":
    main()
