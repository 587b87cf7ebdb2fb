"""Data sets are read and split: uint8 images, one fixed test set, one fixed validation split.

A split belongs to the study, not to a replicate: it is a pure function of the data and of
`split_seed`, so every arm and every seed is trained, chosen and tested on the same images. Nothing
here imports torch.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.errors import UserError
from explorer.files import expanded, nearest_path
from explorer.text import counted
from studies.artifacts import Artifacts
from studies.data.arrays import read_function, read_npz
from studies.data.decoding import Decoding
from studies.data.downloads import cache_root
from studies.data.folder import read_folder
from studies.data.folder_layout import class_names, has_test
from studies.data.images import DataShape, Images, Parts, Rows, Splits
from studies.data.spec import DATA_SETS, DataSpec, check_test_fraction
from studies.data.stratified import stratified_draw

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Mean and deviation of images on disk come from at most so many of them, evenly spaced.
MEASURED_ON_DISK = 10_000
LEAST_DEVIATION = 1e-6  # of a channel that is the same everywhere, which must not divide by zero
MOST_CLASSES, MOST_CHARACTERS = 5, 300  # in a message: classes, and of a path


def data_shape(spec: DataSpec, data_dir: Path | None = None) -> DataShape:
    """Resolution, channels and number of classes, without reading an image where possible.

    Args:
        spec: Which data.
        data_dir: The folder (of npz data, possibly the file) of the data.

    Raises:
        UserError: The data is missing or damaged.
    """
    return shape_and_parts(spec, data_dir)[0]


def shape_and_parts(spec: DataSpec, data_dir: Path | None = None) -> tuple[DataShape, Parts | None]:
    """As `data_shape`, with all of the data where that was read to know it, for `load`."""
    if spec.name in DATA_SETS:
        return DATA_SETS[spec.name].shape, None
    if spec.name == "folder":
        assert spec.resolution is not None
        with in_folder(spec, data_dir) as root:
            classes = len(class_names(root))
        return DataShape(spec.resolution, spec.channels or 3, classes), None
    parts = _read(spec, data_dir)
    channels, resolution = parts.train.images.shape[1:3]
    return DataShape(resolution, channels, parts.classes), parts


def load(
    spec: DataSpec,
    data_dir: Path | None = None,
    parts: Parts | None = None,
    *,
    at_hand: bool = False,
    artifacts: Artifacts | None = None,
) -> Splits:
    """Read a data set and split it, stratified by class.

    The test split is drawn first and the validation split from what is left, so `validation` never
    changes the test set.

    Args:
        spec: Which data, and how it is split.
        data_dir: The folder (of npz data, possibly the file) of the data; without it, official
            files are downloaded into the cache.
        parts: What has been read of it already.
        at_hand: Take only what lies ready on this machine: nothing is downloaded or decoded, and no
            function of the user's is called.
        artifacts: Where all machines find the decoded images of a folder.

    Raises:
        UserError: A file is missing or damaged, or there are too few images, or the fractions are
            too small, to have one image of every class in each split.
    """
    if spec.name == "folder":  # known before anything is decoded
        with in_folder(spec, data_dir) as root:
            check_test_fraction(spec.name, has_test(root), spec.test)
    parts = parts or _read(spec, data_dir, at_hand, artifacts)
    train, validation, test = split_parts(spec, parts)
    mean, std = mean_and_std(train.images)
    _check_deviation(spec, mean, std, parts.scaling)
    if spec.name in DATA_SETS:
        mirrored = DATA_SETS[spec.name].mirrored
    else:
        mirrored = spec.name == "folder" if spec.mirrored is None else spec.mirrored
    return Splits(
        train,
        validation,
        test,
        parts.classes,
        mean,
        std,
        mirrored,
        names=parts.names,
        black_and_white=parts.black_and_white,
        notes=parts.scaling + parts.notes,
        mirrored_given=spec.mirrored is not None,
        max_pixels=spec.max_pixels,
    )


def split_parts(spec: DataSpec, parts: Parts) -> tuple[Images, Images, Images]:
    """The images to train on, of the validation and of the test; raises `UserError` as `load`."""
    check_test_fraction(spec.name, parts.test is not None, spec.test)
    _check_classes(spec.name, parts)
    train, validation, test = parts.train, parts.validation, parts.test
    if test is None:
        assert spec.test is not None
        train, test = _split_off("test", spec.test, train, parts, spec)
    if validation is None:
        train, validation = _split_off("validation", spec.validation, train, parts, spec)
    return train, validation, test


def mean_and_std(images: "NDArray[np.uint8] | Rows") -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation per channel, of pixels scaled to 0..1.

    They come from exact counts of the 256 values, so no float copy of the images is made. Images
    on disk are measured by at most `MEASURED_ON_DISK` of them.

    Args:
        images: uint8, N x channels x height x width.
    """
    import numpy as np

    if isinstance(images, Rows) and len(images) > MEASURED_ON_DISK:
        images = images.take(np.linspace(0, len(images) - 1, MEASURED_ON_DISK).astype(np.int64))
    counts = np.zeros((images.shape[1], 256), np.int64)
    for start in range(0, len(images), 1000):
        block = images[start : start + 1000]
        for channel in range(len(counts)):
            counts[channel] += np.bincount(block[:, channel].ravel(), minlength=256)
    values = np.arange(256) / 255
    mean = [float(np.average(values, weights=count)) for count in counts]
    std = [
        float(np.sqrt(np.average((values - centre) ** 2, weights=count)))
        for centre, count in zip(mean, counts, strict=True)
    ]
    return tuple(mean), tuple(max(value, LEAST_DEVIATION) for value in std)


def _split_off(
    split: str, fraction: float, images: Images, parts: Parts, spec: DataSpec
) -> tuple[Images, Images]:
    """What is left of the images, and the split drawn from them: `fraction` of all of `parts`."""
    import numpy as np

    count = round(len(parts.train) * fraction)

    def refusal(why: str, add: str, change: str) -> UserError:
        return UserError(
            f"cannot take {count:,} of the {len(images):,} images of {spec.name} as the {split}"
            f" split ({split}: {fraction:g}) with every class in both parts: {why}. {add}.",
            f"Or give {change} (--set data.{split}=...).",
        )

    sizes = ((split, count, "larger"), ("train", len(images) - count, "smaller"))
    for name, size, change in sizes:
        if size < parts.classes:
            raise refusal(
                f"{name} would have {counted(max(size, 0), 'image')}, and there are"
                f" {parts.classes} classes",
                "Add images",
                f"a {change} fraction",
            )
    labels = images.labels
    images_of_class = np.bincount(labels, minlength=parts.classes)
    if images_of_class.min() < 2:
        rarest = _class(parts, int(images_of_class.argmin()))
        raise refusal(
            f"only 1 image of {rarest} is left to be shared",
            "Add images of it",
            "smaller fractions",
        )
    rest, drawn = stratified_draw(labels, count, spec.split_seed)
    for name, rows in ((split, drawn), ("train", rest)):
        if len(lacking := np.setdiff1d(labels, labels[rows])):
            label = int(lacking[0])
            enough = math.ceil(len(images) / len(rows))
            raise refusal(
                f"of the {counted(int(images_of_class[label]), 'image')} of"
                f" {_class(parts, label)}, {name} would get none; {enough} are enough",
                "Add images of it",
                "another fraction",
            )
    return images.take(rest), images.take(drawn)


def _read(
    spec: DataSpec,
    data_dir: Path | None,
    at_hand: bool = False,
    artifacts: Artifacts | None = None,
) -> Parts:
    with _reading(spec.name):
        if spec.name in DATA_SETS:
            folder = None if data_dir is None else expanded(data_dir)
            if folder is None and at_hand:
                folder = cache_root() / spec.name
            return DATA_SETS[spec.name].read(spec.name, folder)
        if spec.name == "folder":
            assert spec.resolution is not None
            decoding = Decoding(spec.resolution, spec.channels or 3, spec.white, spec.max_pixels)
            root, unreadable = _location(spec, data_dir), spec.unreadable or "refuse"
            return read_folder(root, decoding, unreadable, at_hand=at_hand, artifacts=artifacts)
        if spec.name == "npz":
            return read_npz(_location(spec, data_dir))
        if at_hand:
            raise UserError(f"the data comes from the function {spec.name}, which is not called.")
        return read_function(spec.name)


@contextmanager
def in_folder(spec: DataSpec, data_dir: Path | None) -> Iterator[Path]:
    """The folder of the data; an error of the system inside the block is a `UserError`."""
    with _reading(spec.name):
        yield _location(spec, data_dir)


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn an error of the system inside the block into a `UserError` that names the file."""
    try:
        yield
    except OSError as error:
        path = str(error.filename or "")
        if len(path) > MOST_CHARACTERS:  # the system refuses paths of more than 4096 bytes
            path = f"{path[:100]}...{path[-100:]}"
        what = f"{name}: cannot read {path}" if path else f"cannot read the data {name}"
        raise UserError(
            f"{what}: {error.strerror or error}. Check that it exists and that you may read it, or"
            " name another file or folder."
        ) from None


def _location(spec: DataSpec, data_dir: Path | None) -> Path:
    if data_dir is None and spec.path is None:
        raise UserError(
            f"{spec.name}: say where it is with --data-dir, or with path in the data section."
        )
    location = expanded(data_dir or "") / expanded(spec.path or "")
    if spec.path is not None:
        try:
            location.stat()
        except (FileNotFoundError, NotADirectoryError):
            raise UserError(
                f"there is no {location.absolute()}{nearest_path(location)}: unlike space, the path"
                " in a data section starts at --data-dir, and without it at the current folder, not"
                " at the study file. Give --data-dir, or a whole path."
            ) from None
        except OSError:
            pass  # who reads it tells what is wrong
    return location


def _check_classes(name: str, parts: Parts) -> None:
    """Raise `UserError` for a class with fewer images than there are splits to share them."""
    import numpy as np

    shared = ["train"]
    shared += ["validation"] if parts.validation is None else []
    shared += ["test"] if parts.test is None else []
    images_of_class = np.bincount(parts.train.labels, minlength=parts.classes)
    rare = np.flatnonzero(images_of_class < len(shared))
    if not len(rare):
        return
    shown = [
        f"{_class(parts, label)} has {counted(int(images_of_class[label]), 'image')}"
        for label in rare[:MOST_CLASSES].tolist()
    ]
    shown += [f"and {len(rare) - MOST_CLASSES} more"] if len(rare) > MOST_CLASSES else []
    among = f"{', '.join(shared[:-1])} and {shared[-1]}"
    raise UserError(
        f"too few images of a class in {name}: {'; '.join(shown)}. At least {len(shared)} of each"
        f" class are needed, one each for {among}. Add images, or leave the class out."
    )


def _check_deviation(
    spec: DataSpec, mean: tuple[float, ...], std: tuple[float, ...], scaling: tuple[str, ...]
) -> None:
    """Raise `UserError` where all training images have one and the same colour.

    A training would run, and stay at chance.
    """
    if max(std) > LEAST_DEVIATION:
        return
    colour = ", ".join(f"{255 * value:.0f}" for value in mean)
    if spec.name == "folder":
        hint = " ".join(scaling) or "Look at the files."
    else:
        hint = "Values of 0..1 must be multiplied by 255 before they become uint8."
    raise UserError(
        f"the training images of {spec.name} all have the same single colour ({colour} of 255), so"
        f" nothing can be learned. {hint}"
    )


def _class(parts: Parts, label: int) -> str:
    return f"class {parts.names[label]!r}" if parts.names else f"class {label}"
