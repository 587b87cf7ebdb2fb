"""The user's own arrays: an .npz file, or what a Python function returns."""

import math
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from explorer.files import nearest_path
from explorer.foreign import call_function
from explorer.text import human_count
from studies.data.images import Images, Parts
from studies.machine.memory import machine_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAVE = "Save one with numpy.savez(path, train_images=..., train_labels=...)."
NAMES = ("train", "validation", "test")
# One numbering for all parts: a class may be missing in one.
NUMBERING = (
    "names = numpy.unique(train_labels), then numpy.searchsorted(names, labels) of each part"
)
DARK = 128  # images without a sample of at least this may be on another scale than 0 to 255
COPIES = 2  # of an npz's arrays in memory: one as read, one as torch needs it
FORM = (
    "images are uint8, N x side x side, N x channels x side x side or N x side x side x channels,"
    " with 1 or 3 channels; labels are N whole numbers"
)


def read_npz(path: Path) -> Parts:
    """Read an .npz file; nothing in it is executed.

    It holds `train_images` and `train_labels`, and possibly the same of `validation` and `test`.
    Images are uint8, N x side x side or with 1 or 3 channels first or last, labels N integers.

    Raises:
        UserError: The file is missing, damaged, larger than this machine's memory allows, or holds
            other arrays.
    """
    import numpy as np

    try:
        # Mapping matters to a single array (.npy) only, which is refused without reading it.
        file = np.load(path, allow_pickle=False, mmap_mode="r")
        if isinstance(file, np.ndarray):
            raise UserError(f"{path} is a single array (.npy), not an .npz file of several. {SAVE}")
        with file:
            _check_names(path, file.files)
            _check_sizes(path, file.zip)
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError:
        raise UserError(f"there is no file {path}{nearest_path(path)}.") from None
    except UserError:
        raise
    except Exception as error:  # damaged, encrypted or oddly compressed bytes raise nearly anything
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"cannot read {path}: it is not an .npz file of plain arrays ({reason}). {SAVE}"
        ) from None
    pairs = [
        (arrays[f"{name}_images"], arrays[f"{name}_labels"]) if f"{name}_images" in arrays else None
        for name in NAMES
    ]
    return check_arrays(str(path), pairs)


def _check_names(path: Path, given: list[str]) -> None:
    """Raise `UserError` for an array that is missing or unknown, before anything is read."""
    allowed = {f"{name}_{what}" for name in NAMES for what in ("images", "labels")}
    missing = {"train_images", "train_labels"} - set(given)
    for name in NAMES:
        pair = {f"{name}_images", f"{name}_labels"}
        if pair & set(given):
            missing |= pair - set(given)
    if missing:
        raise UserError(
            f"{path} has no array {sorted(missing)[0]!r}; it holds"
            f" {', '.join(sorted(given)) or 'nothing'}. Required: train_images and train_labels;"
            " optional: the same of validation and test."
        )
    if strange := sorted(set(given) - allowed):
        raise UserError(
            f"{path} has an array {strange[0]!r}; allowed are {', '.join(sorted(allowed))}."
        )


def _check_sizes(path: Path, file: zipfile.ZipFile) -> None:
    """Check the headers of all arrays: NumPy allocates memory before it reads what follows them.

    Raises:
        UserError: An array is not as large as its header says, or all are too large for this
            machine.
        ValueError: An entry is not an array.
    """
    from numpy.lib import format as npy

    readers = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
    total = 0
    for entry in file.infolist():
        with file.open(entry) as member:
            read_header = readers.get(npy.read_magic(member))
            if read_header is None:
                raise ValueError(f"{entry.filename} is of an unknown version")
            shape, _, dtype = read_header(member)
            claimed, actual = dtype.itemsize * math.prod(shape), entry.file_size - member.tell()
        if claimed > actual and not dtype.hasobject:
            raise UserError(
                f"{path} is damaged: {entry.filename} should hold {' x '.join(map(str, shape))}"
                f" values of {dtype}, {human_count(claimed)}B, and has {human_count(actual)}B."
                f" {SAVE}"
            )
        total += actual
    if COPIES * total > (memory := machine_memory()):
        raise UserError(
            f"the arrays in {path} take {human_count(total)}B, and reading them {COPIES} times"
            f" that; this machine has {human_count(memory)}B. Use fewer images, or a folder of"
            " image files, which is read a batch at a time."
        )


@lru_cache(maxsize=1)
def read_function(name: str) -> Parts:
    """Call `package.module:function`, once in a process, and check what it returns.

    It must return train, validation and test, each a pair (images, labels), the last two possibly
    None. Modules are also found in the current folder.

    Raises:
        UserError: There is no such function, it fails, or it returns something else.
    """
    returned = call_function(name, "the data")
    if not isinstance(returned, tuple | list) or len(returned) != 3:
        raise UserError(
            f"{name} must return three values: train, validation and test, each (images, labels);"
            " validation and test may be None."
        )
    for part, given in zip(NAMES, returned, strict=True):
        if given is None and part != "train":
            continue
        if not isinstance(given, tuple | list) or len(given) != 2:
            alternative = "" if part == "train" else " or None"
            raise UserError(f"{name}: {part} must be a pair (images, labels){alternative}.")
    return check_arrays(name, list(returned))


def check_arrays(source: str, pairs: list[Any]) -> Parts:
    """The data set of train, validation and test, each (images, labels), the last two or None.

    Raises:
        UserError: They are not as an .npz file has them, or do not fit together; `source` names
            them.
    """
    import numpy as np

    train, validation, test = parts = [
        _images(source, name, *pair) if pair is not None else None
        for name, pair in zip(NAMES, pairs, strict=True)
    ]
    assert train is not None
    classes = int(train.labels.max()) + 1
    if classes < 2:
        raise UserError(f"{source}: all train labels are 0; at least 2 classes are needed.")
    present = np.unique(train.labels)
    if len(present) < classes:
        empty = int(np.argmax(present != np.arange(len(present))))
        numbering = "labels - 1" if empty == 0 and len(present) == classes - 1 else ""
        numbering = numbering or NUMBERING
        raise UserError(
            f"{source}: class {empty} is empty: the train labels go up to {classes - 1}, and none"
            f" is {empty}. Labels are numbered from 0 without a gap: {numbering}."
        )
    for name, part in zip(NAMES, parts, strict=True):
        if part is None:
            continue
        if part.labels.max() >= classes:
            raise UserError(
                f"{source}: the classes do not match: {name} has the label {part.labels.max()}, and"
                f" train only 0 to {classes - 1}."
            )
        if part.images.shape[1:] != train.images.shape[1:]:
            raise UserError(
                f"{source}: the images of train are {_sizes(train.images.shape[1:])}, those of"
                f" {name} {_sizes(part.images.shape[1:])}."
            )
    notes: tuple[str, ...] = ()
    brightest = int(train.images[:].max())
    if brightest < DARK:
        notes = (
            f"The brightest sample of the train images is {brightest}, of 255: they are nearly"
            f" black. {to_uint8(train.images[:])} Else `predict` finds photos far brighter than"
            " what was learned.",
        )
    return Parts(train, validation, test, classes, notes=notes)


def _images(source: str, name: str, images: Any, labels: Any) -> Images:
    import numpy as np

    try:
        images, labels = np.asarray(images), np.asarray(labels)
    except ValueError as error:
        raise UserError(
            f"{source}: the {name} images or labels are not an array ({error}); {FORM}."
        ) from None
    given_shape = images.shape
    given = f"{source}: the {name} images are {images.dtype}, {_sizes(given_shape)}"
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[3] in (1, 3) and images.shape[1] not in (1, 3):
        images = images.transpose(0, 3, 1, 2)
    shape = images.shape
    if images.ndim != 4 or shape[1] not in (1, 3) or 0 in shape:
        raise UserError(f"{given}{_reshaped(given_shape)}; {FORM}, and there is at least one.")
    if shape[2] != shape[3]:
        raise UserError(
            f"{given}: {shape[2]} high and {shape[3]} wide, and they must be square. Crop, pad or"
            f" resize them; {FORM}."
        )
    if images.dtype != np.uint8:
        raise UserError(
            f"{given}, and they must be uint8. {to_uint8(images)} {FORM[0].upper()}{FORM[1:]}."
        )
    _check_labels(f"{source}: the {name} labels", labels, len(images))
    # A contiguous copy that can be written to, as torch needs arrays.
    return Images(np.array(images, np.uint8, order="C"), labels.astype(np.int64))


def _reshaped(shape: tuple[int, ...]) -> str:
    """How to make images of rows of pixels, or of images with an alpha channel; "" for others."""
    if len(shape) == 2:
        for channels in (1, 3):
            side = math.isqrt(shape[1] // channels)
            if side > 1 and channels * side * side == shape[1]:
                into = f"-1, {side}, {side}" if channels == 1 else f"-1, 3, {side}, {side}"
                return f": if a row is an image, images.reshape({into})"
    if len(shape) == 4 and shape[3] in (2, 4):
        return f": without its alpha channel, images[..., :{shape[3] - 1}]"
    return ""


def to_uint8(images: "NDArray[Any]") -> str:
    """How to make uint8 of images with other numbers: a sentence, or two."""
    import numpy as np

    if images.dtype.kind not in "fiu" or not images.size or not np.isfinite(images).all():
        return "Give finite numbers, black as 0 and white as 255."
    low, high = float(images.min()), float(images.max())
    if low < 0 or high == 0:
        return f"They go from {low:.6g} to {high:.6g}: give them as they were, black as 0."
    return (
        f"They go from {low:.6g} to {high:.6g}: where {high:.6g} is white, use (images * (255 /"
        f' {high:.6g})).round().astype("uint8").'
    )


def _check_labels(which: str, labels: "NDArray[Any]", images: int) -> None:
    if labels.ndim != 1:
        given = _sizes(labels.shape) or "a single value"
        slips = {(images, 1): "labels.ravel()"}
        if labels.ndim == 2 and len(labels) == images and labels.shape[1] > 1:  # one-hot
            slips[labels.shape] = "labels.argmax(1)"
        hint = f" Use {slips[labels.shape]}." if labels.shape in slips else ""
        raise UserError(
            f"{which} are {given}; there must be one number for each of the {images:,}"
            f" images.{hint}"
        )
    if len(labels) != images:
        raise UserError(
            f"{which} do not match its images: {len(labels):,} labels for {images:,} images. Give"
            " one for each."
        )
    if labels.dtype.kind not in "iu":
        is_text = labels.dtype.kind in "SU" or (labels.size and isinstance(labels[0], str))
        how = NUMBERING if is_text else "labels.astype('int64')"
        raise UserError(
            f"{which} are {'text' if is_text else labels.dtype}, and they must be whole numbers"
            f" from 0: {how}."
        )
    for extreme, word in ((int(labels.min()), "smallest"), (int(labels.max()), "largest")):
        if not 0 <= extreme < 2**63:
            raise UserError(
                f"{which} must be whole numbers from 0: the {word} is {extreme}. Number the classes"
                " 0, 1, 2, ..."
            )


def _sizes(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
