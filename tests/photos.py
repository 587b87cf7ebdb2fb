"""Folders of small images of three classes, in the forms in which people have images."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from search_spaces.documents import validate
from studies.data import DataSpec, Splits

CLASSES = ("ant", "bee", "cat")


def spec(**changes: Any) -> DataSpec:
    return validate(
        DataSpec,
        {"name": "folder", "resolution": 16, "test": 0.25, "validation": 0.25, **changes},
        source="test",
    )


def photo(number: int, label: int) -> Image.Image:
    """A noisy picture of the class's colour, of a size of its own."""
    random = np.random.default_rng([number, label])
    height, width = random.integers(20, 60, 2)
    colour = [(220, 40, 40), (40, 220, 40), (40, 40, 220)][label]
    return Image.fromarray(
        (random.integers(-30, 30, (height, width, 3)) + colour).clip(0, 255).astype(np.uint8)
    )


def save(image: Image.Image, path: Path, number: int) -> None:
    """In one of the forms in which people have images."""
    form = number % 8
    if form == 1:
        image.convert("L").save(path.with_suffix(".jpg"))
    elif form == 2:
        image.convert("CMYK").save(path.with_suffix(".jpg"))
    elif form == 3:
        image.convert("P").save(path.with_suffix(".png"))
    elif form == 4:
        image.convert("RGBA").save(path.with_suffix(".png"))
    elif form == 5:
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        image.save(path.with_suffix(".JPEG"), exif=exif)
    elif form == 6:
        image.save(path.with_suffix(".webp"))
    else:
        image.save(path.with_suffix(".jpg"))


def fill(root: Path, count: int, classes: tuple[str, ...] = CLASSES) -> Path:
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for number in range(count):
            save(photo(number, label), root / name / f"{number:04}", number)
    return root


def damage(folder: Path) -> list[str]:
    (folder / "ant" / "0000.jpg").write_bytes(b"not an image")
    path = folder / "bee" / "0001.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    (folder / "cat" / "empty.png").write_bytes(b"")
    return ["ant/0000.jpg", "bee/0001.jpg", "cat/empty.png"]


def pixels(splits: Splits) -> list[bytes]:
    return [part.images[:].tobytes() for part in (splits.train, splits.validation, splits.test)]


def arrays(cache: Path) -> list[Path]:
    return sorted(cache.glob("folders/*/images.npy"))
