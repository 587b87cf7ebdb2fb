"""Networks for other programs: torchvision, timm, safetensors, ONNX and torch.export (pt2)."""

import contextlib
import io
import json
import logging
import os
import re
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import torch
from torch import nn

from explorer.architecture import Architecture
from explorer.blueprints import Blueprint, as_blueprint
from explorer.errors import UserError, check_known
from explorer.files import check_output, write_atomic
from explorer.networks.network import Network, build
from explorer.networks.own import blueprint_of
from explorer.networks.saved import describe_network
from explorer.template import IMAGENET

# The suffixes under which each format's files are known; a state dict may be in torch's own form or
# in safetensors.
FORMATS = {
    "torchvision": (".pth", ".pt", ".safetensors"),
    "timm": (".pth", ".pt", ".safetensors"),
    "safetensors": (".safetensors",),
    "onnx": (".onnx",),
    "pt2": (".pt2",),
}
# What the beginning of such a file of ours holds: our metadata, and the class of the network. A
# file of torch's own forms may be anybody's.
MARKS = {".safetensors": b'"architecture":"', ".onnx": b"explorer.networks"}
# How a pt2 file names our metadata, and what is free in an exported network.
ABOUT = "resnext-explorer.json"
BATCH = {"x": {0: torch.export.Dim("batch")}}


def export(
    model: nn.Module,
    path: str | Path,
    format_: str,
    metadata: Mapping[str, str] | None = None,
    *,
    force: bool = False,
) -> str:
    """Write a network's weights, or for ONNX and pt2 the network itself; whole, or not at all.

    Args:
        model: What `build` made; its weights are written from whatever device they are on.
        path: For torchvision and timm, a path that ends in .safetensors gets safetensors, any other
            torch's own form.
        format_: A key of `FORMATS`.
        metadata: What a user of the file needs beside the design, its sizes and who made it, such
            as `mean`, `std` and `class_names`. Stored in safetensors, ONNX and pt2; torch's state
            dicts have no place for it.
        force: Also replace a file that is not from here.

    Returns:
        One line of Python that loads the file.

    Raises:
        UserError: The library has no such network, an extra is not installed, the path's suffix is
            not one of the format, there is a file that is not from here, or it cannot be written.
        RuntimeError: The written network's outputs differ from this one's; nothing is written.
    """
    check_name(path, format_, force=force)
    architecture = blueprint_of(model)
    about = describe_network(architecture, metadata or {})
    if format_ == "onnx":
        return _export_onnx(model, Path(path), about)
    if format_ == "pt2":
        return _export_program(model, Path(path), about)
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    constructor = None
    if format_ != "safetensors":
        constructor = foreign_constructor(architecture, format_)
        if "ResNetV2" in constructor:
            state = _as_resnetv2(state)
    if constructor is None or Path(path).suffix.lower() == ".safetensors":
        from safetensors.torch import save

        write_atomic(path, save(state, metadata={"format": "pt", **about}))
        load = f"safetensors.torch.load_file({str(path)!r})"
    else:
        buffer = io.BytesIO()
        torch.save(state, buffer)
        write_atomic(path, buffer.getvalue())
        load = f"torch.load({str(path)!r}, weights_only=True)"
    return f"{constructor}.load_state_dict({load})" if constructor else load


def check_name(path: str | Path, format_: str, *, force: bool = False) -> None:
    """Refuse an unknown format, and a path as `explorer.files.check_output` does."""
    check_known("export format", format_, FORMATS)
    mark = MARKS.get(Path(path).suffix.lower(), b"")
    check_output(path, FORMATS[format_], mark, force=force)


def foreign_constructor(architecture: Blueprint | str, library: str) -> str:
    """The call that makes the same network in torchvision or timm.

    Raises:
        UserError: The library has no such network; the message says why.
    """
    architecture = as_blueprint(architecture)
    if not isinstance(architecture, Architecture):
        raise UserError(
            f"{library} has no network like {architecture.name}, which is your own. Use --format"
            " safetensors, onnx or pt2."
        )
    template, stem = architecture.template, architecture.stem
    usual_width = 64 if template.kind == "basic" else 256
    reasons = {
        "its ResNets have no inception blocks": template.kind == "inception",
        "batch norm and relu come after each convolution, never before": (
            architecture.order == "pre" and library == "torchvision"
        ),
        "its pre-activation networks have bottleneck blocks of one path with d = 64": (
            architecture.order == "pre"
            and library == "timm"
            and (template.kind, template.cardinality, template.bottleneck_width)
            != ("bottleneck", 1, 64)
        ),
        f"its stem is always imagenet with 64 channels, not {stem.kind} with {stem.channels}": stem
        != IMAGENET,
        f"it always has 4 stages, not {len(architecture.depths)}": len(architecture.depths) != 4,
        f"its first stage is always {usual_width} wide, not {template.width}": (
            template.width != usual_width
        ),
        "from stage to stage d always doubles, and C always stays": architecture.growth != "d",
        "it always has shortcuts": architecture.shortcut == "none",
        f"its input always has 3 channels, not {architecture.in_channels}": (
            library == "torchvision" and architecture.in_channels != 3
        ),
    }
    broken = "; ".join(reason for reason, holds in reasons.items() if holds)
    if broken:
        raise UserError(
            f"{library} has no network like {architecture.name}: {broken}. Use --format"
            " safetensors, onnx or pt2."
        )
    block = "Bottleneck" if template.kind == "bottleneck" else "BasicBlock"
    depths, classes = list(architecture.depths), architecture.classes
    paths = template.cardinality, template.bottleneck_width or 64
    if library == "torchvision":
        return (
            f"torchvision.models.resnet.ResNet(torchvision.models.resnet.{block}, {depths},"
            f" num_classes={classes}, groups={paths[0]}, width_per_group={paths[1]})"
        )
    if architecture.order == "pre":
        return (
            f"timm.models.resnetv2.ResNetV2({depths}, num_classes={classes},"
            f" in_chans={architecture.in_channels}, conv_layer=timm.layers.create_conv2d,"
            " norm_layer=timm.layers.BatchNormAct2d)"
        )
    return (
        f"timm.models.resnet.ResNet(timm.models.resnet.{block}, {depths}, num_classes={classes}, "
        f"in_chans={architecture.in_channels}, cardinality={paths[0]}, base_width={paths[1]})"
    )


# timm's names in its pre-activation networks; all others have torchvision's, as ours have.
_RESNETV2 = (
    (r"^conv1\.", "stem.conv."),
    (r"^layer(\d+)\.", lambda match: f"stages.{int(match[1]) - 1}.blocks."),
    (r"\.bn(\d)\.", r".norm\1."),
    (r"\.downsample\.0\.", ".downsample.conv."),
    (r"^fc\.", "head.fc."),
)


def _as_resnetv2(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The entries of a pre-activation network as timm has them: its classifier is a convolution."""
    renamed = {}
    for name, tensor in state.items():
        for pattern, other in _RESNETV2:
            name = re.sub(pattern, other, name)
        renamed[name] = tensor[..., None, None] if name == "head.fc.weight" else tensor
    return renamed


def fresh_network(architecture: Blueprint | str, seed: int) -> nn.Module:
    """The network with new weights, drawn from `seed`.

    A training that starts from this seed begins with the same weights. torch's global generator
    stays as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build(architecture)


def _export_onnx(model: nn.Module, path: Path, about: Mapping[str, str]) -> str:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 - torch's exporter needs it and says so less clearly
    except ImportError as error:
        raise UserError(
            f"ONNX export needs the extra [onnx] ({error.name} is missing): pip install"
            " 'resnext-explorer[onnx]'."
        ) from None

    model = model.eval()
    with tempfile.TemporaryDirectory() as folder:
        written = os.path.join(folder, "network.onnx")
        with _quiet():
            program = torch.onnx.export(
                _as_ours(model),
                _example(model),
                input_names=["images"],
                output_names=["logits"],
                dynamic_shapes=BATCH,
                dynamo=True,
                verbose=False,
            )
            assert program is not None
            program.model.metadata_props.update(about)
            program.save(written, external_data=False)
        data = Path(written).read_bytes()
    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    _check_outputs(
        model,
        lambda images: torch.from_numpy(session.run(None, {"images": images.numpy()})[0]),
        "onnxruntime",
    )
    write_atomic(path, data)
    sizes = " x ".join(map(str, blueprint_of(model).input_shape))
    return (
        f"onnxruntime.InferenceSession({str(path)!r}).run(None, {{'images': images}})  # float32, N"
        f" x {sizes}"
    )


def _export_program(model: nn.Module, path: Path, about: Mapping[str, str]) -> str:
    """The network as torch.export writes it: a program that needs no code of ours."""
    model = model.eval()
    buffer = io.BytesIO()
    with _quiet():
        program = torch.export.export(_as_ours(model), _example(model), dynamic_shapes=BATCH)
        torch.export.save(program, buffer, extra_files={ABOUT: json.dumps(about)})
        buffer.seek(0)
        loaded = torch.export.load(buffer).module()
    _check_outputs(model, loaded, "torch.export")
    write_atomic(path, buffer.getvalue())
    return f"torch.export.load({str(path)!r}).module()"


def _example(model: nn.Module) -> tuple[torch.Tensor]:
    # torch.export takes a dimension of size 1 for a constant, so the example has two images.
    return (torch.randn(2, *blueprint_of(model).input_shape),)


class Own(nn.Module):
    """A network of the user's own, under a class of this module: what it writes is known by that
    (`MARKS`), and its input has one name."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x in_channels x height x width to N x classes logits."""
        logits: torch.Tensor = self.network(x)
        return logits


def _as_ours(model: nn.Module) -> nn.Module:
    return model if isinstance(model, Network) else Own(model)


def _check_outputs(
    model: nn.Module, written: Callable[[torch.Tensor], torch.Tensor], program: str
) -> None:
    """Raise `RuntimeError` where the written network puts out something else than this one."""
    architecture = blueprint_of(model)
    for batch in (1, 3):
        images = torch.randn(batch, *architecture.input_shape)
        with torch.no_grad():
            expected, actual = model(images), written(images)
        scale = max(1.0, float(expected.abs().max()))
        worst = float((actual - expected).abs().max()) / scale
        if not worst < 1e-3:
            raise RuntimeError(
                f"{program}'s output for {architecture.name} differs from torch's by {worst:.2g},"
                " so nothing was written"
            )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hide the exporter's warnings of deprecations and of torchvision, which concern no user."""
    previous = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(previous)
