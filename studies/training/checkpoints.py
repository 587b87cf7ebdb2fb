"""The checkpoint of a run: one file of tensors and plain values; loading it executes nothing."""

import hashlib
import io
import logging
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from explorer import Blueprint
from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.installed import numba_version
from studies.config.recipe import Recipe
from studies.data import Splits
from studies.machine.cores import available_cores
from studies.machine.settings import Settings

log = logging.getLogger(__name__)
CHECKPOINT = "checkpoint.pt"
# The version of this program's arithmetic: raise it with every change that makes a training end
# with other bits (order of images, crops, the network's operations, the optimiser, the order of
# sums); trainings begun before then start afresh. A release alone does not change it.
ARITHMETIC = 5
LATER_FIELDS = ("order",)
DAMAGED = "the checkpoint %s is damaged: starting afresh"


def identify(
    architecture: Blueprint,
    recipe: Recipe,
    splits: Splits,
    seed: int,
    settings: Settings,
    weights: Mapping[str, torch.Tensor] = MappingProxyType({}),
) -> str:
    """A digest of all that a run's numbers depend on, 32 hexadecimal digits.

    The test images are left out: they are not looked at before the end. `weights` are those that it
    starts from, on the CPU.
    """
    data = (splits.mean, splits.std, splits.mirrored)
    programs = torch.__version__, numba_version(), ARITHMETIC
    parts = [_all_fields(architecture), *map(repr, (recipe, seed, settings, *data, *programs))]
    digest = hashlib.blake2b(f"({', '.join(parts)})".encode(), digest_size=16)
    for part in (splits.train, splits.validation):
        digest.update(part.digest())
    for name in sorted(weights):
        digest.update(f"{name} {weights[name].dtype}".encode())
        digest.update(weights[name].reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def _all_fields(architecture: Blueprint) -> str:
    """The network with every field, as its `repr` was when checkpoints first had a digest.

    A field that came later is left out where it has its default, as all networks had then.
    """
    assert is_dataclass(architecture)
    values = (
        f"{field.name}={getattr(architecture, field.name)!r}"
        for field in fields(architecture)
        if field.name not in LATER_FIELDS or getattr(architecture, field.name) != field.default
    )
    return f"{type(architecture).__name__}({', '.join(values)})"


def read_checkpoint(path: Path) -> dict[str, Any] | None:
    """Read a checkpoint; nothing in the file is ever executed.

    Returns:
        The state; None where there is no file, or (with a warning) where it is damaged: cut off, or
        with bytes changed.

    Raises:
        UserError: The file cannot be read, or holds more than tensors and plain values.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UserError(f"cannot read the checkpoint {path}: {error.strerror}.") from None
    try:
        is_whole = zipfile.ZipFile(io.BytesIO(data)).testzip() is None
    except Exception:  # noqa: BLE001 - zipfile raises nearly anything on damaged bytes
        is_whole = False
    if not is_whole and not data.startswith(b"\x80"):  # what a bare pickle starts with
        log.warning(DAMAGED, path)
        return None
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        return dict(state)
    except (pickle.UnpicklingError, RuntimeError, TypeError, ValueError, EOFError):
        raise UserError(
            f"{path} is not a checkpoint of this program: it holds more than tensors and plain"
            " values, and was not loaded. Delete it to start afresh."
        ) from None
    except Exception:  # noqa: BLE001 - the unpickler raises nearly anything on damaged bytes
        log.warning(DAMAGED, path)
        return None


def threads_of(folder: Path | None) -> int | None:
    """The number of threads of the training whose checkpoint is in the folder; None without one.

    Of a file that cannot be read the training itself tells.
    """
    if folder is None or not (path := folder / CHECKPOINT).exists():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        # Older versions did not write it, and took all cores.
        return min(int(state.get("threads", available_cores())), available_cores())
    except Exception:  # noqa: BLE001 - the unpickler raises nearly anything on damaged bytes
        return None


def write_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint, in place of the one before; its folder is created if needed.

    Raises `UserError` where it cannot be written.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}.") from None
    write_atomic(path, buffer.getvalue())


def put_aside(path: Path) -> Path:
    """Rename a checkpoint by a digest of its content, and return its new path.

    Raises `UserError` where that fails.
    """
    try:
        digest = hashlib.blake2b(path.read_bytes(), digest_size=4).hexdigest()
        return path.rename(path.with_stem(f"{path.stem}-{digest}"))
    except OSError as error:
        raise UserError(
            f"cannot rename {path}, which belongs to another training: {error.strerror}."
        ) from None
