"""Data sets and their splits: images as uint8 arrays, one fixed test set, one fixed validation split.

A split belongs to the study, not to a replicate: it is a pure function of the data and of `split_seed`, so every arm and every
seed is trained, chosen and tested on the same images. Nothing here imports torch.
"""

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from explorer.errors import UserError, unknown

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class DataShape:
    """What a network must fit: the side of the square images, their channels, and how many classes there are."""

    resolution: int
    in_channels: int
    classes: int


@dataclass(frozen=True)
class Images:
    """Images, uint8, N x channels x height x width, and their labels, int64, N."""

    images: "NDArray[np.uint8]"
    labels: "NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set. `mean` and `std` are per channel, of the training split's pixels scaled to 0..1."""

    train: Images
    validation: Images
    test: Images
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mirrored: bool = False  # a mirror image keeps its class

    @property
    def sizes(self) -> dict[str, int]:
        """Images in each split."""
        return {"train": len(self.train), "validation": len(self.validation), "test": len(self.test)}


@dataclass(frozen=True)
class DataSet:
    """One row of the table of data sets. `read` gives (images to split, the data set's own test set or None)."""

    shape: DataShape
    own_test: bool
    mirrored: bool
    read: Callable[[Path | None], tuple[Images, Images | None]]


Fraction = Annotated[float, Field(gt=0, lt=1)]


class DataSpec(BaseModel):
    """Which data, and how it is split: the `data` section of a study file.

    `validation` and `test` are fractions of the images that are split: all of `digits`, the official training set of a data
    set that brings a test set of its own (which then is the test set, and `test` is left out).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    validation: Fraction = 0.1
    test: Fraction | None = None
    split_seed: int = Field(default=0, ge=0, lt=2**32)

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in DATA_SETS:
            raise unknown("data set", name, DATA_SETS)
        return name

    @model_validator(mode="after")
    def _fractions(self) -> "DataSpec":
        own_test = DATA_SETS[self.name].own_test
        if own_test and self.test is not None:
            raise UserError(f"{self.name} has a test set of its own, so leave `test` out (given: {self.test:g})")
        if not own_test and self.test is None:
            raise UserError(
                f"{self.name} has no test set of its own, so say which fraction to keep: for example test: 0.2"
            )
        if self.validation + (self.test or 0) >= 1:
            raise UserError(
                f"validation ({self.validation:g}) and test ({self.test:g}) leave nothing to train on; together they must stay below 1"
            )
        return self


def shape(spec: DataSpec, data_dir: Path | None = None) -> DataShape:
    """Resolution, channels and classes, without reading an image."""
    return DATA_SETS[spec.name].shape


def load(spec: DataSpec, data_dir: Path | None = None) -> Splits:
    """Read a data set and split it, stratified by class.

    The test split is drawn first and the validation split from what is left, so `validation` never changes the test set. Raises
    `UserError` for a missing or damaged file, and for fractions too small to hold an image of every class.
    """
    from sklearn.model_selection import train_test_split

    row = DATA_SETS[spec.name]
    images, test = row.read(data_dir)
    total = len(images)

    def part(rest: Images, fraction: float, name: str) -> tuple[Images, Images]:
        count = round(total * fraction)
        try:
            kept, taken = train_test_split(
                range(len(rest)), test_size=count, stratify=rest.labels, random_state=spec.split_seed
            )
        except ValueError as error:
            raise UserError(
                f"cannot take {count} of the {len(rest)} images of {spec.name} as the {name} split ({name}: {fraction:g}) with every class "
                f"in both parts: {error}"
            ) from None
        return _take(rest, kept), _take(rest, taken)

    if test is None:
        assert spec.test is not None
        images, test = part(images, spec.test, "test")
    train, validation = part(images, spec.validation, "validation")
    mean, std = _mean_and_std(train.images)
    return Splits(train, validation, test, row.shape.classes, mean, std, row.mirrored)


def _take(images: Images, rows: list[int]) -> Images:
    rows = sorted(rows)
    return Images(images.images[rows], images.labels[rows])


def _mean_and_std(images: "NDArray[np.uint8]") -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Per channel, of pixels scaled to 0..1, from exact counts of the 256 values: no float copy of the images is made."""
    import numpy as np

    values = np.arange(256) / 255
    mean, std = [], []
    for channel in range(images.shape[1]):
        chunks = (images[start : start + 1000, channel].ravel() for start in range(0, len(images), 1000))
        counts = sum(np.bincount(chunk, minlength=256) for chunk in chunks)
        mean.append(float(np.average(values, weights=counts)))
        std.append(float(np.sqrt(np.average((values - mean[-1]) ** 2, weights=counts))))
    return tuple(mean), tuple(max(value, 1e-6) for value in std)


def _read_digits(data_dir: Path | None) -> tuple[Images, None]:
    import numpy as np
    from sklearn.datasets import load_digits

    digits = load_digits()
    # Pixels are counts from 0 to 16 (the number of ink dots in a 4x4 square).
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)
    return Images(images[:, None], digits.target.astype(np.int64)), None


FASHION_MNIST_SOURCE = "https://github.com/zalandoresearch/fashion-mnist"
IDX_FOLDERS = ("", "fashion-mnist", "FashionMNIST/raw")  # the folder itself, the official name, torchvision's
IDX_UBYTE = 0x0800  # the type in a magic number; its last byte is the number of dimensions
IDX_MOST_IMAGES = 10_000_000  # a larger count is a damaged header, and would ask for terabytes


def _read_fashion_mnist(data_dir: Path | None) -> tuple[Images, Images]:
    where = f"Get the four official files from {FASHION_MNIST_SOURCE}, put them into one folder and name it with --data-dir."
    if data_dir is None:
        raise UserError(f"fashion_mnist is read from files, and no folder was given. {where}")
    folder = next((found for name in IDX_FOLDERS if _idx_files(found := Path(data_dir) / name)), Path(data_dir))
    parts = []
    for prefix in ("train", "t10k"):
        images = _read_idx(folder, f"{prefix}-images-idx3-ubyte", (28, 28), where)
        labels = _read_idx(folder, f"{prefix}-labels-idx1-ubyte", (), where)
        if len(images) != len(labels):
            raise UserError(
                f"{folder}: {prefix}-images-idx3-ubyte holds {len(images)} images and {prefix}-labels-idx1-ubyte {len(labels)} labels; "
                f"they must be as many. {where}"
            )
        if sorted(set(labels.tolist())) != list(range(10)):
            raise UserError(
                f"{folder}/{prefix}-labels-idx1-ubyte must hold every label from 0 to 9 and no other. {where}"
            )
        parts.append(Images(images[:, None], labels.astype("int64")))
    return parts[0], parts[1]


def _idx_files(folder: Path) -> list[Path]:
    return [*folder.glob("*-ubyte"), *folder.glob("*-ubyte.gz")]


def _read_idx(folder: Path, name: str, item_shape: tuple[int, ...], where: str) -> "NDArray[np.uint8]":
    """One IDX file, gzipped or not: big-endian magic number, sizes, then bytes (yann.lecun.com/exdb/mnist)."""
    import numpy as np

    path = next((path for path in (folder / f"{name}.gz", folder / name) if path.is_file()), None)
    if path is None:
        raise UserError(f"{name}.gz is missing: looked in {folder} (and there for {name}). {where}")
    try:
        opener: Any = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            sizes = _read_idx_header(file, path, 1 + len(item_shape), where)
            if sizes[1:] != item_shape or not 0 < sizes[0] <= IDX_MOST_IMAGES:
                wanted = " x ".join(["N", *map(str, item_shape)])
                raise UserError(
                    f"{path} holds {' x '.join(map(str, sizes))} bytes, not {wanted} as fashion_mnist does. {where}"
                )
            expected = int(np.prod(sizes))
            content = file.read(expected + 1)
    except (OSError, EOFError, zlib.error) as error:
        reason = (
            error.strerror if isinstance(error, OSError) and error.strerror else f"it is truncated or damaged ({error})"
        )
        raise UserError(f"cannot read {path}: {reason}. {where}") from None
    if len(content) != expected:
        problem = f"truncated: {len(content)} of {expected} bytes" if len(content) < expected else "too long"
        raise UserError(f"cannot read {path}: it is {problem} after its header. {where}")
    return np.frombuffer(content, np.uint8).reshape(sizes).copy()  # writable, as torch wants arrays


def _read_idx_header(file: BinaryIO, path: Path, dimensions: int, where: str) -> tuple[int, ...]:
    header = file.read(4 * (1 + dimensions))
    numbers = [int.from_bytes(header[start : start + 4], "big") for start in range(0, len(header), 4)]
    magic = IDX_UBYTE + dimensions
    if len(header) < 4 * (1 + dimensions):
        raise UserError(f"cannot read {path}: it is truncated inside its header ({len(header)} bytes). {where}")
    if numbers[0] != magic:
        raise UserError(
            f"{path} is not the IDX file it should be: its magic number is {numbers[0]}, not {magic}. {where}"
        )
    return tuple(numbers[1:])


DATA_SETS = {
    # A mirrored digit is another sign; a mirrored garment is a garment.
    "digits": DataSet(DataShape(8, 1, 10), own_test=False, mirrored=False, read=_read_digits),
    "fashion_mnist": DataSet(DataShape(28, 1, 10), own_test=True, mirrored=True, read=_read_fashion_mnist),
}
