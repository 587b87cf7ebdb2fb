"""Data that a Python program has in memory becomes an .npz file, which every worker can read."""

import hashlib
import io
import warnings
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from explorer.errors import UserError, unknown
from explorer.files import write_atomic
from studies.data.arrays import NAMES, check_arrays
from studies.data.spec import DataSpec

# Beside the default storage; no study has this name, whose files are there as well.
FOLDER = Path("resnext-explorer-files", "_arrays")
TEST = 0.2  # of the images, where none are given for the test
FORMS = (
    "data is (images, labels); a dict with train: (images, labels), and validation and test"
    " likewise, or as fractions; or a function without arguments that returns train, validation"
    " and test"
)


def data_section(data: Any) -> Any:
    """The data section of a study for arrays, which are written into a file in `FOLDER`.

    The file is named by its content: the same arrays are the same file, and are written once.

    Args:
        data: A pair (images, labels); a dict with `train`, and possibly `validation` and `test`,
            each such a pair, beside other keys of the section; a function that returns train,
            validation and test, each such a pair or, the last two, None. Images are uint8 and
            labels whole numbers, as in an .npz file. All else is returned as it is.

    Returns:
        The section as a study file has it, with a `path` below the current folder. Without test
        images a fifth of the images is for the test, unless `test` says how many.

    Raises:
        UserError: The arrays are of another shape or kind, or the file cannot be written.
    """
    if callable(data):
        return data_section(_returned(data))
    if isinstance(data, tuple | list):
        data = {"train": data}
    if not isinstance(data, dict | str | DataSpec) and data is not None:
        raise UserError(f"data: {type(data).__name__} is no array of images; {FORMS}.")
    if isinstance(data, dict):
        _check_keys(data)
    if not isinstance(data, dict) or "train" not in data:
        return data
    pairs = {name: data[name] for name in NAMES if name in data and not _is_fraction(data[name])}
    for name, pair in pairs.items():
        if not isinstance(pair, tuple | list) or len(pair) != 2:
            raise UserError(
                f"data: {name} must be a pair (images, labels), not {_kind(pair)}; {FORMS}."
            )
    parts = check_arrays("data", [pairs.get(name) for name in NAMES])
    for note in parts.notes:
        warnings.warn(note, stacklevel=3)
    arrays = {
        f"{name}_{what}": getattr(part, what)
        for name in NAMES
        if (part := getattr(parts, name)) is not None
        for what in ("images", "labels")
    }
    rest = {key: value for key, value in data.items() if key not in pairs and value is not None}
    if parts.test is None:
        rest = {"test": TEST, **rest}
    return {"name": "npz", "path": str(_written(arrays)), **rest}


def _check_keys(data: dict[str, Any]) -> None:
    """Raise `UserError` for arrays under other keys than those of the parts."""
    for key, value in data.items():
        parts = value if isinstance(value, tuple | list) else [value]
        if key not in NAMES and any(getattr(part, "ndim", 0) for part in parts):
            slip = get_close_matches(str(key), ("images", "labels"), n=1)
            pair = " Images and labels are one pair: data=(images, labels)." if slip else ""
            raise UserError(
                f"data: {unknown('part', str(key), NAMES)}{pair} {FORMS[0].upper()}{FORMS[1:]}."
            )


def _kind(value: Any) -> str:
    many = f" of {len(value)}" if isinstance(value, tuple | list) else ""
    return f"a {type(value).__name__}{many}"


def is_of_arrays(path: Any) -> bool:
    """Whether the `path` of a data section is a file that holds somebody's arrays."""
    return path is not None and Path(path).parent == FOLDER


def _returned(function: Callable[[], Any]) -> dict[str, Any]:
    returned = function()
    if not isinstance(returned, tuple | list) or len(returned) != len(NAMES):
        raise UserError(
            f"{getattr(function, '__name__', 'the function')} must return train, validation and"
            f" test, each (images, labels), the last two possibly None; {FORMS}."
        )
    return {name: pair for name, pair in zip(NAMES, returned, strict=True) if pair is not None} or {
        "train": None
    }


def _is_fraction(value: Any) -> bool:
    return value is None or isinstance(value, int | float)


def _written(arrays: dict[str, Any]) -> Path:
    """The file of these arrays; it is written unless it is there."""
    import numpy as np

    digest = hashlib.blake2b(digest_size=8)
    for name, array in arrays.items():
        digest.update(f"{name} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data)
    path = FOLDER / f"{digest.hexdigest()}.npz"
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(
                f"cannot write the arrays into {path.parent}: {error.strerror}. Work in a folder"
                " that can be written."
            ) from None
        content = io.BytesIO()
        np.savez(content, **arrays)
        write_atomic(path, content.getvalue())
    return path
