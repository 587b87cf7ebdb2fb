"""Data sets and their splits: images as uint8 arrays, one
fixed test set, one fixed validation split.

A split belongs to the study, not to a replicate: it is a pure function of the data and of
`split_seed`, so every arm and every seed is trained, chosen and tested on the same images. Nothing
here imports torch.
"""

import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator, model_validator

from explorer.errors import UserError, unknown
from explorer.files import expanded
from explorer.text import counted
from studies.data import stratified
from studies.data.arrays import read_function, read_npz
from studies.data.decoding import STRETCH, Decoding
from studies.data.folder import brings_test, class_names, read_folder
from studies.data.images import DataShape, Images, Parts, Rows, Splits
from studies.data.official import read_cifar, read_digits, read_idx_set

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "DATA_SETS",
    "OWN",
    "DataSet",
    "DataShape",
    "DataSpec",
    "Images",
    "Rows",
    "Splits",
    "load",
    "mean_and_std",
    "shape",
]

# Mean and deviation of images on disk come from at most so many of them, evenly spaced.
MEASURED_ON_DISK = 10_000
LEAST_DEVIATION = 1e-6  # of a channel that is the same everywhere, which must not divide by zero
MOST_CLASSES, MOST_CHARACTERS = 5, 300  # in a message: classes, and of a path


@dataclass(frozen=True)
class DataSet:
    """One row of the table of known data sets."""

    shape: DataShape
    own_test: bool
    mirrored: bool
    read: Callable[[str, Path | None], Parts]


DATA_SETS = {
    # A mirrored digit is another sign; a mirrored garment is a garment.
    "digits": DataSet(DataShape(8, 1, 10), own_test=False, mirrored=False, read=read_digits),
    "mnist": DataSet(DataShape(28, 1, 10), own_test=True, mirrored=False, read=read_idx_set),
    "fashion_mnist": DataSet(DataShape(28, 1, 10), own_test=True, mirrored=True, read=read_idx_set),
    "cifar10": DataSet(DataShape(32, 3, 10), own_test=True, mirrored=True, read=read_cifar),
    "cifar100": DataSet(DataShape(32, 3, 100), own_test=True, mirrored=True, read=read_cifar),
}
OWN = ("folder", "npz", "package.module:function")  # data of the user's own
FOLDER_KEYS = ("mirrored", "path", "resolution", "channels", "unreadable", "white", "max_pixels")
Fraction = Annotated[float, Field(gt=0, lt=1)]


class DataSpec(BaseModel):
    """Which data, and how it is split: the `data` section of a study file.

    `validation` and `test` are fractions of the images that are split: all of `digits`, the
    official training set of a data set that brings a test set of its own (which then is the test
    set, and `test` is left out). Parts that a folder, a file or a function of one's own brings are
    taken as they are.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    # folder, npz: seen from --data-dir, or from the current folder; default --data-dir itself
    path: Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")] | None = None
    resolution: Annotated[int, Field(ge=1, le=4096)] | None = (
        None  # folder: the side to which images are resized
    )
    channels: Literal[1, 3] | None = None  # folder: 3 (default), or 1 for grey
    unreadable: Literal["refuse", "skip"] | None = (
        None  # folder: images that cannot be read; default refuse
    )
    # folder: the sample that is white in images of more than 8 bits; or stretch: the training
    # images' own range, from black to white
    white: float | Literal["stretch"] | None = None
    # folder: an image of more pixels is taken for an attack on the memory, and is unreadable;
    # default 178,956,970, as Pillow has it
    max_pixels: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    mirrored: bool | None = (
        None  # own data: does a mirror image keep its class? default: in a folder yes, else no
    )
    validation: Fraction = 0.1
    test: Fraction | None = None
    split_seed: Annotated[StrictInt, Field(ge=0, lt=2**32)] = 0

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        if name not in (*DATA_SETS, *OWN[:2]) and not re.fullmatch(
            r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", name
        ):
            raise unknown("data set", name, [*DATA_SETS, *OWN])
        return name

    @field_validator("white", mode="before")
    @classmethod
    def _level(cls, white: object) -> object:
        number = isinstance(white, int | float) and not isinstance(white, bool) and 0 < white < 1e39
        if not (white is None or white == STRETCH or number):
            raise UserError(
                f"white is the sample that is white, a number above 0 such as 4095, or {STRETCH}"
                f" (given: {white})"
            )
        return white

    @model_validator(mode="after")
    def _keys_fit_the_name(self) -> "DataSpec":
        own: tuple[str, ...] = () if self.name in DATA_SETS else ("mirrored",)
        if self.name == "folder":
            own = FOLDER_KEYS
        elif self.name == "npz":
            own = ("mirrored", "path")
        for key in FOLDER_KEYS:
            if key not in own and getattr(self, key) is not None:
                raise UserError(
                    f"{self.name} takes no {key!r}; leave it out (given: {getattr(self, key)})"
                )
        if self.name == "folder" and self.resolution is None:
            raise UserError(
                "a folder needs a resolution, the side to which images are resized: for example"
                " resolution: 64 (--set data.resolution=64)"
            )
        return self

    @model_validator(mode="after")
    def _fractions(self) -> "DataSpec":
        if self.name in DATA_SETS:
            _check_test(self.name, DATA_SETS[self.name].own_test, self.test)
        if self.validation + (self.test or 0) >= 1:
            raise UserError(
                f"validation ({self.validation:g}) and test ({self.test:g}) leave nothing to train"
                " on; together they must stay below 1"
            )
        return self


def shape(spec: DataSpec, data_dir: Path | None = None) -> DataShape:
    """Resolution, channels and classes, without reading an image where that can be."""
    if spec.name in DATA_SETS:
        return DATA_SETS[spec.name].shape
    if spec.name == "folder":
        assert spec.resolution is not None
        with _reading(spec.name):
            return DataShape(
                spec.resolution, spec.channels or 3, len(class_names(_location(spec, data_dir)))
            )
    parts = _read(spec, data_dir)
    channels, resolution = parts.train.images.shape[1:3]
    return DataShape(resolution, channels, parts.classes)


def load(spec: DataSpec, data_dir: Path | None = None) -> Splits:
    """Read a data set and split it, stratified by class.

    The test split is drawn first and the validation split from what is left, so `validation` never
    changes the test set. Raises `UserError` for a missing or damaged file, and for too few images,
    or fractions too small, to hold one of every class.
    """
    import numpy as np

    if spec.name == "folder":  # known before anything is decoded
        with _reading(spec.name):
            _check_test(spec.name, brings_test(_location(spec, data_dir)), spec.test)
    parts = _read(spec, data_dir)
    _check_test(spec.name, parts.test is not None, spec.test)
    _check_classes(spec.name, parts)
    train, validation, test = parts.train, parts.validation, parts.test
    total = len(train)

    def part(rest: Images, fraction: float, name: str) -> tuple[Images, Images]:
        count = round(total * fraction)

        def refused(why: str) -> UserError:
            return UserError(
                f"cannot take {count} of the {len(rest)} images of {spec.name} as the {name} split"
                f" ({name}: {fraction:g}) with every class in both parts: {why} (--set"
                f" data.{name}=...)."
            )

        for which, size, word in ((name, count, "larger"), ("train", len(rest) - count, "smaller")):
            if size < parts.classes:
                raise refused(
                    f"{which} would hold {counted(max(size, 0), 'image')}, and there are"
                    f" {parts.classes} classes. Give a {word} fraction"
                )
        labels = rest.labels
        there = np.bincount(labels, minlength=parts.classes)
        if there.min() < 2:
            few = _class(parts, int(there.argmin()))
            raise refused(
                f"only 1 image of {few} is left to be shared. Add images of it, or give smaller"
                " fractions"
            )
        kept, taken = stratified.split(labels, count, spec.split_seed)
        for which, rows in (
            (name, taken),
            ("train", kept),
        ):  # a rare class may be rounded to none
            if len(lacking := np.setdiff1d(labels, labels[rows])):
                rare, has, enough = (
                    int(lacking[0]),
                    int(there[lacking[0]]),
                    math.ceil(len(rest) / len(rows)),
                )
                raise refused(
                    f"of the {counted(has, 'image')} of {_class(parts, rare)}, {which} would get"
                    f" none; {enough} are surely enough. Add images of it, or give another fraction"
                )
        return rest.take(kept), rest.take(taken)

    if test is None:
        assert spec.test is not None
        train, test = part(train, spec.test, "test")
    if validation is None:
        train, validation = part(train, spec.validation, "validation")
    mean, std = mean_and_std(train.images)
    _check_deviation(spec, mean, std, parts.scaling)
    given = spec.mirrored is not None
    mirrored = DATA_SETS[spec.name].mirrored if spec.name in DATA_SETS else spec.mirrored
    mirrored = spec.name == "folder" if mirrored is None else mirrored
    about = (parts.names, parts.black_and_white, parts.scaling + parts.notes)
    return Splits(train, validation, test, parts.classes, mean, std, mirrored, *about, given)


def _read(spec: DataSpec, data_dir: Path | None) -> Parts:
    with _reading(spec.name):
        if spec.name in DATA_SETS:
            return DATA_SETS[spec.name].read(
                spec.name, None if data_dir is None else expanded(data_dir)
            )
        if spec.name == "folder":
            assert spec.resolution is not None
            place = _location(spec, data_dir)
            decoding = Decoding(spec.resolution, spec.channels or 3, spec.white, spec.max_pixels)
            return read_folder(place, decoding, spec.unreadable or "refuse")
        if spec.name == "npz":
            return read_npz(_location(spec, data_dir))
        return read_function(spec.name)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turns what the system says inside the block into one
    `UserError` that names the file or folder."""
    try:
        yield
    except OSError as error:
        place = str(error.filename or "")
        if len(place) > MOST_CHARACTERS:  # as one that is too long for the system is
            place = f"{place[:100]}...{place[-100:]}"
        what = f"{name}: cannot read {place}" if place else f"cannot read the data {name}"
        raise UserError(
            f"{what}: {error.strerror or error}. Check that it is there and that you may read it,"
            " or name another place."
        ) from None


def _location(spec: DataSpec, data_dir: Path | None) -> Path:
    if data_dir is None and spec.path is None:
        raise UserError(
            f"{spec.name}: name where it is with --data-dir, or with path in the data section."
        )
    return expanded(data_dir or "") / expanded(spec.path or "")


def _check_test(name: str, has_test: bool, fraction: float | None) -> None:
    if has_test and fraction is not None:
        raise UserError(
            f"{name} has a test set of its own, so leave `test` out (given: {fraction:g})"
        )
    if not has_test and fraction is None:
        raise UserError(
            f"{name} has no test set of its own, so say which fraction to keep: for example test:"
            " 0.2 (--set data.test=0.2)"
        )


def _check_classes(name: str, parts: Parts) -> None:
    """Refuses classes with fewer images than there are parts to share them among."""
    import numpy as np

    shared = ["train"]
    shared += ["validation"] if parts.validation is None else []
    shared += ["test"] if parts.test is None else []
    there = np.bincount(parts.train.labels, minlength=parts.classes)
    few = np.flatnonzero(there < len(shared))
    if len(few):
        told = [
            f"{_class(parts, label)} has {counted(int(there[label]), 'image')}"
            for label in few[:MOST_CLASSES].tolist()
        ]
        told += [f"and {len(few) - MOST_CLASSES} more"] if len(few) > MOST_CLASSES else []
        among = f"{', '.join(shared[:-1])} and {shared[-1]}"
        raise UserError(
            f"too few images of a class in {name}: {'; '.join(told)}. At least {len(shared)} of"
            f" each class are needed, one each for {among}. Add images, or leave the class out."
        )


def _check_deviation(
    spec: DataSpec, mean: tuple[float, ...], std: tuple[float, ...], scaling: tuple[str, ...]
) -> None:
    """Refuses training images that are all of the same single colour: a
    training would run, and stay at chance."""
    if max(std) > LEAST_DEVIATION:
        return
    colour = ", ".join(f"{255 * value:.0f}" for value in mean)
    hint = (
        "Look at what was saved: values of 0..1 must be multiplied by 255 before they become uint8."
    )
    if spec.name == "folder":
        hint = " ".join(scaling) or "Look at the files."
    raise UserError(
        f"the training images of {spec.name} all have the same single colour ({colour} of 255), so"
        f" nothing can be learned. {hint}"
    )


def _class(parts: Parts, label: int) -> str:
    return f"class {parts.names[label]!r}" if parts.names else f"class {label}"


def mean_and_std(images: "NDArray[np.uint8] | Rows") -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Per channel, of pixels scaled to 0..1, from exact counts of the 256
    values: no float copy of the images is made."""
    import numpy as np

    if isinstance(images, Rows) and len(images) > MEASURED_ON_DISK:
        images = images.take(np.linspace(0, len(images) - 1, MEASURED_ON_DISK).astype(np.int64))
    counts = np.zeros((images.shape[1], 256), np.int64)
    for start in range(0, len(images), 1000):
        some = images[start : start + 1000]
        for channel in range(len(counts)):
            counts[channel] += np.bincount(some[:, channel].ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = [float(np.average(values, weights=count)) for count in counts]
    std = [
        float(np.sqrt(np.average((values - centre) ** 2, weights=count)))
        for centre, count in zip(mean, counts, strict=True)
    ]
    return tuple(mean), tuple(max(value, LEAST_DEVIATION) for value in std)
