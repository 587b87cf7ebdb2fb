"""A run's checkpoint: one file, replaced whole, of tensors and
plain values; loading it executes nothing."""

import hashlib
import io
import logging
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch

from explorer import Architecture
from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.installed import numba_version
from studies.config.recipe import Recipe
from studies.data.splits import Splits
from studies.machine.settings import Settings

log = logging.getLogger(__name__)
# The number of this program's arithmetic: raise it with every change that makes a training end with
# other bits (order of images, crops, the network's operations, the optimiser, what is summed how),
# and trainings begun before start afresh. No release alone changes it.
ARITHMETIC = 5
DAMAGED = "the checkpoint %s is damaged: starting afresh"


def identify(
    architecture: Architecture, recipe: Recipe, splits: Splits, seed: int, settings: Settings
) -> str:
    """A digest of all that a run's numbers depend on, except the test
    images: those are not looked at before the end."""
    data = (splits.mean, splits.std, splits.mirrored)
    programs = torch.__version__, numba_version(), ARITHMETIC
    parts = (architecture, recipe, seed, settings, *data, *programs)
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=16)
    for part in (splits.train, splits.validation):
        digest.update(part.digest())
    return digest.hexdigest()


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """The state in a checkpoint; None where there is none or it is damaged
    (cut off, bytes changed), with a warning.

    Nothing in the file is ever executed. Raises `UserError` for a file that
    holds anything but tensors and plain values.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read the checkpoint {path}: {error.strerror}.") from None
    try:
        whole = zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    except Exception:  # noqa: BLE001 - zipfile says in a dozen ways that it does not understand some bytes
        whole = False
    if not whole and not data.startswith(b"\x80"):  # what a bare pickle starts with
        log.warning(DAMAGED, path)
        return None
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        return dict(state)
    except (pickle.UnpicklingError, RuntimeError, TypeError, ValueError, EOFError):
        raise UserError(
            f"{path} is not a checkpoint of this program: it holds more than numbers, and was not"
            " loaded. Delete it to start afresh."
        ) from None
    except Exception:  # noqa: BLE001 - bytes that are no whole pickle make the unpickler fail in any way
        log.warning(DAMAGED, path)
        return None


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Replace the checkpoint, in a folder that is made if need be. Raises
    `UserError` where it cannot be written."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}.") from None
    write_atomic(path, buffer.getvalue())


def put_aside(path: Path) -> Path:
    """Rename a checkpoint by its content, so that another may take its place, and
    say how. Raises `UserError` where it cannot be."""
    try:
        digest = hashlib.blake2b(path.read_bytes(), digest_size=4).hexdigest()
        return path.rename(path.with_stem(f"{path.stem}-{digest}"))
    except OSError as error:
        raise UserError(
            f"cannot rename {path}, which belongs to another training: {error.strerror}."
        ) from None
