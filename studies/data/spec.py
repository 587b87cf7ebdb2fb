"""The `data` section of a study file, and the table of the well-known data sets."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, StrictInt, field_validator, model_validator

from explorer.errors import UserError, unknown
from explorer.files import expanded
from search_spaces.documents import FileModel
from studies.data.decoding import STRETCH
from studies.data.images import DataShape, Parts
from studies.data.official import read_cifar, read_digits, read_idx_set


@dataclass(frozen=True)
class DataSet:
    """A well-known data set.

    Attributes:
        shape: Of its images, and its number of classes.
        test_images: How many its own test set has, where it brings one.
        mirrored: Whether a mirror image keeps its class.
        images: How many it has, without those of a test set of its own.
        read: Reads it, given its name and the folder of its files (None: download them).
    """

    shape: DataShape
    test_images: int | None
    mirrored: bool
    images: int
    read: Callable[[str, Path | None], Parts]

    @property
    def own_test(self) -> bool:
        """Whether it brings a test set of its own."""
        return self.test_images is not None


DATA_SETS = {
    # A mirrored digit is another sign; a mirrored garment is a garment.
    "digits": DataSet(DataShape(8, 1, 10), None, mirrored=False, images=1_797, read=read_digits),
    "mnist": DataSet(
        DataShape(28, 1, 10), 10_000, mirrored=False, images=60_000, read=read_idx_set
    ),
    "fashion_mnist": DataSet(
        DataShape(28, 1, 10), 10_000, mirrored=True, images=60_000, read=read_idx_set
    ),
    "cifar10": DataSet(DataShape(32, 3, 10), 10_000, mirrored=True, images=50_000, read=read_cifar),
    "cifar100": DataSet(
        DataShape(32, 3, 100), 10_000, mirrored=True, images=50_000, read=read_cifar
    ),
}
OWN = ("folder", "npz", "package.module:function")  # data of the user's own
FOLDER_KEYS = ("mirrored", "path", "resolution", "channels", "unreadable", "white", "max_pixels")
FUNCTION_NAME = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
MOST_WHITE = 1e39  # just above the largest 32-bit float
Fraction = Annotated[float, Field(gt=0, lt=1)]


class DataSpec(FileModel):
    """Which data, and how it is split: the `data` section of a study file.

    Attributes:
        name: Of a well-known data set, `folder`, `npz`, or `package.module:function`.
        path: Of a folder or an npz file, relative to `--data-dir` or else to the current folder.
            By default `--data-dir` itself.
        resolution: Of a folder: the side, in pixels, to which its images are resized.
        channels: Of a folder: 3 (the default), or 1 for grey.
        unreadable: Of a folder: what to do about images that cannot be read, `refuse` (the
            default) or `skip`.
        white: Of a folder: the sample that is white in images of more than 8 bits; `stretch` takes
            the range of the training images from black to white.
        max_pixels: Of a folder: an image of more pixels is taken for an attack on the memory and
            is unreadable. The default is Pillow's, 178,956,970.
        mirrored: Of data of the user's own: whether a mirror image keeps its class. By default
            yes in a folder, else no.
        validation: The fraction of images for validation, where the data brings none.
        test: The fraction of images for the test, where the data brings none; otherwise left out.
        split_seed: The seed of the splits.

    Both fractions are of the images that are split: all of `digits`, the official training set of
    a data set that brings its own test set. Parts that the user's own data brings are taken as
    they are.
    """

    name: str
    path: Annotated[str, Field(max_length=4096, pattern=r"^[^\x00]*$")] | None = None
    resolution: Annotated[int, Field(ge=1, le=4096)] | None = None
    channels: Literal[1, 3] | None = None
    unreadable: Literal["refuse", "skip"] | None = None
    white: float | Literal["stretch"] | None = None
    max_pixels: Annotated[int, Field(ge=1, lt=2**63)] | None = None
    mirrored: bool | None = None
    validation: Fraction = 0.1
    test: Fraction | None = None
    split_seed: Annotated[StrictInt, Field(ge=0, lt=2**32)] = 0

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in (*DATA_SETS, *OWN[:2]) and not FUNCTION_NAME.fullmatch(name):
            mistake = unknown("data set", name, [*DATA_SETS, *OWN])
            if "/" in name or os.path.isdir(name):
                raise UserError(
                    f"{mistake} Your own images are the data set `folder`; their path goes into"
                    " --data-dir."
                )
            raise mistake
        return name

    @field_validator("white", mode="before")
    @classmethod
    def _is_sample_or_stretch(cls, white: object) -> object:
        if white is None or white == STRETCH:
            return white
        is_flag = isinstance(white, bool)  # which Python takes for a number
        if isinstance(white, int | float) and not is_flag and 0 < white < MOST_WHITE:
            return white
        raise UserError(
            f"white must be {STRETCH}, or the sample that is white: a number above 0, such as 4095"
            f" (given: {white})"
        )

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
    def _fractions_leave_something(self) -> "DataSpec":
        if self.name in DATA_SETS:
            check_test_fraction(self.name, DATA_SETS[self.name].own_test, self.test)
        if self.validation + (self.test or 0) >= 1:
            raise UserError(
                f"validation ({self.validation:g}) and test ({self.test:g}) leave nothing to train"
                " on; together they must be below 1"
            )
        return self

    @property
    def is_elsewhere(self) -> bool:
        """Whether the user's files lie where only a `--data-dir` says."""
        is_of_files = self.name in OWN[:2]
        return is_of_files and not (self.path and expanded(self.path).exists())


def check_test_fraction(name: str, has_test: bool, fraction: float | None) -> None:
    """Raise `UserError` unless a fraction is given exactly where there is no test set."""
    if has_test and fraction is not None:
        raise UserError(
            f"{name} has a test set of its own, so leave `test` out (given: {fraction:g})"
        )
    if not has_test and fraction is None:
        raise UserError(
            f"{name} has no test set of its own, so say which fraction to use for it: for example"
            " test: 0.2 (--set data.test=0.2)"
        )
