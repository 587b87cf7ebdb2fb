"""Weights from a file into a network.

What other programs wrap weights in is removed, and weights that do not fit are refused.
"""

import pickle
import re
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from explorer.architecture import GROWTHS, SHORTCUTS, Architecture
from explorer.blueprints import Blueprint
from explorer.errors import UserError
from explorer.files import nearest_path
from explorer.networks.network import build
from explorer.networks.own import blueprint_of
from explorer.streams import printable
from explorer.text import counted

# Under which key checkpoints keep the weights, the usual first: a whole state before its moving
# average.
WRAPPERS = (
    "state_dict",
    "model_state_dict",
    "model",
    "module",
    "network",
    "net",
    "weights",
    "ema",
    "model_ema",
    "state_dict_ema",
)
# An entry that every network has.
FIRST = "conv1.weight"
HEAD = ("fc.weight", "fc.bias")
# Files of before torch 0.4.1 lack these, and torch itself fills them in.
COUNTER = "num_batches_tracked"
DEEPEST = 8  # wrappers in each other; a file may hold itself
SHOWN = 3
LARGE = 1024  # weights do not depend on the resolution; at this one no stage is too small
SAVE = 'In the program that made it: torch.save(model.state_dict(), "weights.pth").'


@dataclass(frozen=True)
class Entries:
    """The tensors of a file under their names in the network, and what was taken off, in words."""

    tensors: dict[str, Tensor]
    taken_off: tuple[str, ...]


def load_weights(model: nn.Module, path: str | Path) -> str:
    """Load weights from a state dict (.pt, .pth) or a .safetensors file into a network.

    Only tensors are read; no code in a file is run. The usual wrappers (`state_dict`, `model`, ...)
    and a prefix of all names (`module.`, `_orig_mod.`, `model.`, ...) are taken off.

    Args:
        model: The network to fill; it stays as it was where an error is raised.
        path: The file.

    Returns:
        What was taken off, in words; "" for a bare state dict.

    Raises:
        UserError: The file cannot be read, holds code, or does not fit the architecture.
    """
    entries = _bare(_read(Path(path)), model.state_dict().keys(), path)
    _check(entries.tensors, model, path)
    model.load_state_dict(entries.tensors, strict=True)
    return ", ".join(entries.taken_off)


def starting_weights(architecture: Blueprint, path: str | Path) -> tuple[dict[str, Tensor], str]:
    """The weights from which a training of a network starts, of a file as `load_weights` reads.

    Where the file's classifier, `fc`, is for another number of classes, it is left out.

    Args:
        architecture: Of the network.
        path: The file.

    Returns:
        The tensors by their names in the network, and what was taken off or left out, in words.

    Raises:
        UserError: The file cannot be read, holds code, or does not fit apart from its classifier.
    """
    model = build(architecture)
    own = model.state_dict()
    entries = _bare(_read(Path(path)), own.keys(), path)
    tensors, said = entries.tensors, entries.taken_off
    of_others = [
        name
        for name in HEAD
        if name in own and name in tensors and _differ_in_classes(tensors[name], own[name])
    ]
    _check({**tensors, **{name: own[name] for name in of_others}}, model, path)
    if of_others:
        classes = len(tensors[of_others[0]])
        said += (
            f"the classifier is new, since the file's is for {classes} classes, not"
            f" {architecture.classes}",
        )
    body = {name: tensor for name, tensor in tensors.items() if name not in of_others}
    return body, ", ".join(said)


def for_other_classes(
    tensors: Mapping[str, Tensor], names: Sequence[str], own: Sequence[str]
) -> tuple[dict[str, Tensor], str]:
    """What `starting_weights` returns, without the classifier where its classes are others.

    Args:
        tensors: The weights.
        names: Of the file's classes, where it says them.
        own: Of the classes to be learned, where they have any.

    Returns:
        The weights that stay, and in words why the classifier does not; "" where it does.
    """
    if not (names and own and HEAD[0] in tensors) or list(names) == list(own):
        return dict(tensors), ""
    body = {name: tensor for name, tensor in tensors.items() if name not in HEAD}
    return body, f"the classifier is new, since the file's classes are others: {_named(names)}"


def _differ_in_classes(given: Tensor, wanted: Tensor) -> bool:
    return given.shape[1:] == wanted.shape[1:] and given.shape != wanted.shape


def _read(path: Path) -> Any:
    """What a file holds, read without running any code in it."""
    try:
        with open(path, "rb") as file:
            head = file.read(512)
    except OSError as error:
        is_missing = isinstance(error, FileNotFoundError)
        reason = f"no such file{nearest_path(path)}" if is_missing else error.strerror
        raise UserError(f"cannot read weights from {path}: {reason}.") from None
    if not head:
        raise UserError(f"cannot read weights from {path}: the file is empty.")
    if head.startswith(b"version https://git-lfs"):
        raise UserError(
            f"cannot read weights from {path}: it is a pointer of Git LFS; `git lfs pull` fetches"
            " the file."
        )
    if _is_text(head):
        raise UserError(
            f"cannot read weights from {path}: it is a text file, not a state dict or safetensors."
        )
    try:
        # A safetensors file begins with the length of its header, which is JSON.
        if head[8:9] == b"{":
            from safetensors.torch import load_file

            return load_file(path)
        # By its path, torch would go by the name's suffix.
        with open(path, "rb") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return torch.load(file, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"cannot read weights from {path}: it is damaged, or holds more than plain tensors and"
            f" numbers; nothing in it was run. {SAVE}"
        ) from None
    except Exception as error:  # noqa: BLE001 - torch, zipfile and safetensors raise all kinds for a damaged file
        if "TorchScript" in str(error):
            raise UserError(
                f"cannot read weights from {path}: it is a TorchScript program. {SAVE}"
            ) from None
        raise UserError(
            f"cannot read weights from {path}: it is damaged, cut off, or not a file of tensors"
            " (.pth, .safetensors)."
        ) from None


def _is_text(head: bytes) -> bool:
    # A character may be cut at the end.
    text = head.decode("utf-8", "ignore")
    return len(text.encode()) > len(head) - 4 and all(
        sign.isprintable() or sign.isspace() for sign in text
    )


def _bare(content: Any, names: Any, path: str | Path) -> Entries:
    """The file's tensors without wrappers and prefix. Raises `UserError` where there are none."""
    taken_off = []
    for _ in range(DEEPEST):
        if not isinstance(content, Mapping) or any(str(name).endswith(FIRST) for name in content):
            break
        inside = [key for key in WRAPPERS if isinstance(content.get(key), Mapping) and content[key]]
        if not inside:
            break
        content = content[inside[0]]
        also = f" (not {' or '.join(map(repr, inside[1:]))})" if inside[1:] else ""
        taken_off.append(f"the weights are those under {inside[0]!r}{also}")
    tensors = _tensors(content) if isinstance(content, Mapping) else {}
    if not tensors:
        what = f"a {type(content).__name__}"
        if isinstance(content, Mapping):
            what = _named(list(content)) or "nothing"
        raise UserError(
            f"cannot read weights from {path}: it holds no named tensors, but {what}. {SAVE}"
        )
    if len(content) > len(tensors):
        taken_off.append(
            f"{counted(len(content) - len(tensors), 'entry', 'entries')} without tensors left out"
        )
    prefix = _prefix(tensors, set(names))
    if prefix:
        others = [name for name in tensors if not name.startswith(prefix)]
        taken_off.append(f"the prefix {prefix!r} removed from all names")
        if others:
            taken_off.append(f"{counted(len(others), 'other tensor')} left out: {_named(others)}")
        own = [name for name in tensors if name.startswith(prefix)]
        tensors = {name.removeprefix(prefix): tensors[name] for name in own}
    return Entries(tensors, tuple(taken_off))


def _prefix(tensors: Iterable[str], wanted: set[str]) -> str:
    """What stands before most of the names that a network has.

    Of equally common prefixes, as of a network and its moving average, it is the first in the file.
    """
    longest = max(name.count(".") for name in wanted) + 1
    fits: Counter[str] = Counter()
    for name in tensors:
        parts = name.rsplit(".", longest)
        for start in range(len(parts)):
            if (ending := ".".join(parts[start:])) in wanted:
                fits[name.removesuffix(ending)] += 1
    return max(fits, key=fits.__getitem__, default="")


def _tensors(content: Mapping[Any, Any]) -> dict[str, Tensor]:
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _check(tensors: dict[str, Tensor], model: nn.Module, path: str | Path) -> None:
    """Raise `UserError` where tensors do not fit a network.

    The message names the design that they fit, where there is one.
    """
    wanted = model.state_dict()
    missing = [name for name in wanted if name not in tensors and not name.endswith(COUNTER)]
    strange = [name for name in tensors if name not in wanted]
    both = [name for name in wanted if name in tensors]
    shapes = [name for name in both if tensors[name].shape != wanted[name].shape]
    kinds = [
        name for name in both if name not in shapes and not _is_plain(tensors[name], wanted[name])
    ]
    architecture = blueprint_of(model)
    if missing or strange or shapes or kinds:
        misfits = {
            "missing": _named(missing),
            "not in this network": _named(strange),
            "of another shape": _named(
                [f"{name} is {_size(tensors[name])}, not {_size(wanted[name])}" for name in shapes]
            ),
            "not of plain floating-point numbers": _named(
                [f"{name} is {_kind(tensors[name])}" for name in kinds]
            ),
        }
        fitting = len(both) - len(shapes) - len(kinds)
        raise UserError(
            f"the weights in {path} do not fit {_about(architecture)}: {fitting} of {len(wanted)}"
            " entries fit; "
            + "; ".join(f"{what}: {names}" for what, names in misfits.items() if names)
            + f". {_advice(tensors, architecture)}"
        )
    broken = [name for name in both if not bool(torch.isfinite(tensors[name].float()).all())]
    if broken:
        raise UserError(
            f"the weights in {path} hold values that are no numbers (NaN or infinite):"
            f" {_named(broken)}. Their training diverged; take an earlier checkpoint."
        )


def _is_plain(given: Tensor, wanted: Tensor) -> bool:
    here = given.layout == torch.strided and not given.is_meta
    return here and given.is_floating_point() == wanted.is_floating_point()


def _kind(tensor: Tensor) -> str:
    if tensor.is_meta:
        return "without values"
    return f"{tensor.dtype}" if tensor.layout == torch.strided else f"{tensor.layout}"


def _advice(tensors: dict[str, Tensor], asked: Blueprint) -> str:
    """A sentence that says which network these weights fit."""
    own = _design_of(tensors)
    if own is not None and own == asked.with_(resolution=LARGE):
        return "The shapes are right: save them as plain float32."
    if own is None:
        return "They fit no network that this program builds, or its names are different."
    usual = Architecture.from_name(own.name)
    options = [f" --classes {own.classes}"] if own.classes != usual.classes else []
    options += [f" --in-channels {own.in_channels}"] if own.in_channels != usual.in_channels else []
    return f"They fit {own.name}{' with' if options else ''}{''.join(options)}."


def _design_of(tensors: dict[str, Tensor]) -> Architecture | None:
    """The architecture that has exactly these entries and shapes, or None."""
    shapes = _shapes(tensors)
    blocks: dict[int, int] = {}
    for name in shapes:
        if entry := re.match(r"layer(\d+)\.(\d+)\.conv2\.weight$", name):
            stage, block = int(entry[1]), int(entry[2])
            blocks[stage] = max(blocks.get(stage, 0), block + 1)
    try:
        channels, in_channels, kernel, _ = shapes[FIRST]
        classes, _ = shapes["fc.weight"]
        paths, d, _, _ = shapes["layer1.0.conv2.weight"]
        inception, bottleneck = (
            shapes.get(f"layer1.0.{part}.weight") for part in ("branch1.conv1", "conv3")
        )
    except (KeyError, ValueError):
        return None
    depths = "-".join(str(blocks[stage]) for stage in sorted(blocks))
    if inception:
        design = f"inception_{depths}_{inception[0]}d_w{paths}"
    elif bottleneck:
        design = f"resnext_{depths}_{paths // d}x{d}d_w{bottleneck[0]}"
    else:
        design = f"resnet_{depths}_w{paths}"
    stem = f"_{'imagenet' if kernel == 7 else 'small'}{channels}"
    order = "post" if "bn1.weight" in shapes else "pre"
    for growth, shortcut in product(GROWTHS, SHORTCUTS):
        try:
            architecture = Architecture.from_name(
                f"{design}{stem}", resolution=LARGE, classes=classes, in_channels=in_channels
            ).with_(growth=growth, shortcut=shortcut, order=order)
            with torch.device("meta"):
                expected = _shapes(build(architecture).state_dict())
        except UserError:
            continue
        if shapes == expected:
            return architecture
    return None


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shape of every tensor that is no counter."""
    return {
        name: tuple(tensor.shape) for name, tensor in tensors.items() if not name.endswith(COUNTER)
    }


def _about(architecture: Blueprint) -> str:
    classes = counted(architecture.classes, "class", "classes")
    return f"{architecture.name} with {classes} and {counted(architecture.in_channels, 'channel')}"


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"


def _named(names: Sequence[Any]) -> str:
    """The first few names, and how many more there are."""
    shown = ", ".join(printable(str(name))[:80] for name in names[:SHOWN])
    return f"{shown} and {len(names) - SHOWN} more" if len(names) > SHOWN else shown
