"""A network in a file with what its user needs to know: written as metadata, and read back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from torch import nn

from explorer.blueprints import Blueprint, blueprint
from explorer.errors import UserError
from explorer.files import nearest_path
from explorer.foreign import check_users_own
from explorer.installed import own_version
from explorer.networks.network import build
from explorer.networks.weights import load_weights
from explorer.own.names import OwnName, is_own
from explorer.suggestions import command
from explorer.template import SIZES

PROGRAM = "resnext-explorer"
# Written for each file anew; all else that a file says goes on into what is exported from it.
OWN = ("format", "architecture", "source", *SIZES, "input", "output", "made_by")


@dataclass(frozen=True)
class SavedNetwork:
    """A network from a file of weights.

    Attributes:
        architecture: The network before it was built.
        network: The network, on the CPU.
        metadata: What else the file says, for `export`; of a training of ours, `mean`, `std` and
            `class_names` among it.
        taken_off: What stood around the weights, in words; "" for a bare state dict.
    """

    architecture: Blueprint
    network: nn.Module = field(repr=False)
    metadata: dict[str, str]
    taken_off: str


def describe_network(architecture: Blueprint, more: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a network's file: its design, its input and output, and who made it.

    Args:
        architecture: The network's.
        more: What else its user needs, such as `mean`, `std` and `class_names`.
    """
    channels, side, _ = architecture.input_shape
    return {
        "architecture": architecture.name,
        **({"source": architecture.source} if architecture.source else {}),
        **{key: str(getattr(architecture, key)) for key in SIZES},
        "input": f"float32, N x {channels} x {side} x {side}",
        "output": f"logits, N x {architecture.classes}",
        "made_by": f"{PROGRAM} {own_version()}",
        **more,
    }


def load_network(path: str | Path, name: str | None = None, **sizes: int) -> SavedNetwork:
    """The network whose weights a file holds, as its metadata says which it is.

    Args:
        path: A state dict (.pt, .pth) or .safetensors.
        name: The design's name, where the file does not say it.
        **sizes: `resolution`, `in_channels` and `classes`, likewise; they go before what it says.

    Raises:
        UserError: The file cannot be read, does not fit the design, or says none and `name` is
            None.
    """
    if Path(path).suffix.lower() == ".onnx":
        raise UserError(
            f"cannot read weights from {path}: it is an ONNX network. Give the file of weights that"
            " it was exported from: the .safetensors beside it."
        )
    if Path(path).is_dir():
        inside = sorted(Path(path).glob("*.safetensors"))
        which = f"; give the file in it: {inside[0]}" if inside else ", with no .safetensors in it"
        raise UserError(f"cannot read weights from {path}: it is a folder{which}.")
    metadata = read_metadata(path)
    try:
        said = {key: int(metadata[key]) for key in SIZES if key in metadata}
    except ValueError:
        raise UserError(
            f"the metadata of {path} is damaged: {', '.join(SIZES)} must be whole numbers."
        ) from None
    design = name or metadata.get("architecture")
    if design is None and not Path(path).is_file():
        raise UserError(
            f"cannot read weights from {path}: there is no such file{nearest_path(Path(path))}."
        )
    if design is None and not _may_be_weights(Path(path)):
        raise UserError(
            f"cannot read weights from {path}: it is no file of weights. Give the .safetensors file"
            " that a training wrote, or a .pt or .pth of a state dict."
        )
    if design is None:
        _check_whole(path)
    if design is None or (name is None and "resolution" not in {**said, **sizes}):
        whole = command(
            "export",
            "NAME",
            resolution="R",
            classes="K",
            weights=path,
            format="safetensors",
            o="NEW.safetensors",
        )
        raise UserError(
            f"{path} does not say which network it holds, or for which resolution: it was written"
            " by another program, or by an older version of this one. This writes a file that says"
            f" all: {whole}"
        )
    if name is None and is_own(design):
        check_users_own(
            OwnName.parse(design).target,
            str(path),
            "If you trust it, name the network:"
            f" {command('export', design, weights=path, format='onnx', o='NEW.onnx')}",
        )
    try:
        architecture = blueprint(design, **{**said, **sizes})
    except UserError as error:
        holds = metadata.get("architecture")
        if name is None or holds in (None, name):
            raise
        raise UserError(
            f"{path} holds {holds}, and {name} is given. Leave it out. ({error})"
        ) from None
    if name is None and architecture.source != metadata.get("source", ""):
        raise UserError(
            f"{path} was written with another source of {design.partition('(')[0]}, which has"
            " changed since. Take the source of then; or, to load the weights into what it makes"
            f" now, name the network: {design}."
        )
    network = build(architecture)
    taken_off = load_weights(network, path)
    more = {key: text for key, text in metadata.items() if key not in OWN}
    return SavedNetwork(architecture, network, more, taken_off)


def _check_whole(path: str | Path) -> None:
    """Raise `UserError` for a .safetensors file that ends too early, as after a broken copy."""
    from safetensors import SafetensorError, safe_open

    if Path(path).suffix.lower() != ".safetensors":
        return
    try:
        with safe_open(path, framework="pt"):
            pass
    except SafetensorError as error:
        raise UserError(
            f"cannot read weights from {path}: the file is damaged or was cut off ({error}). Copy"
            " it again, or write it anew."
        ) from None


def _may_be_weights(path: Path) -> bool:
    """Whether a file begins as safetensors (a length, then JSON), a zip or a pickle do."""
    try:
        with path.open("rb") as file:
            beginning = file.read(9)
    except OSError:
        return True  # which loading tells
    return beginning[8:9] == b"{" or beginning.startswith((b"PK", b"\x80"))


def read_metadata(path: str | Path) -> dict[str, str]:
    """What a .safetensors file says of itself; nothing of any other file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except (OSError, SafetensorError):
        return {}
