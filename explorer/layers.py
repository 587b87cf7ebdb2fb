"""The one description of a network: its layers, one after the other, as data.

FLOPs, parameters and activations are sums over it, the torch module is a map of it, and the layer
table, the drawing and the check of the two rules are views of it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from explorer.architecture import Architecture, Stage, as_architecture, halved
from explorer.errors import check_known

FORMS = ("a", "b", "c")


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer, or the equal layers of equal blocks.

    Numbers may be arrays where the architecture's are.

    Attributes:
        kind: conv, norm, pool or linear.
        part: torchvision's name inside the block, or in the network: conv1, bn1, downsample.0, fc.
        group_in: Input channels of one group; all groups together have `groups` times as many.
        out_channels: Output channels of all groups together.
        kernel: Side of the square kernel.
        stride: In both directions.
        groups: Groups of the convolution.
        size: Side of the square output map.
        stage: Position of the stage, from 1; 0 outside the stages.
        block: The first block of the stage that has the layer, from 0.
        repeats: The number of blocks that have it; 0 where a projection is not needed.
        paths: Copies of it side by side in one block (forms (a) and (b)).
    """

    kind: str
    part: str
    group_in: int
    out_channels: int
    kernel: int
    stride: int
    groups: int
    size: int
    stage: int = 0
    block: int = 0
    repeats: int = 1
    paths: int = 1

    @property
    def in_channels(self) -> int:
        """Input channels of all groups together."""
        return self.group_in * self.groups

    @property
    def name(self) -> str:
        """torchvision's module name, for example `layer1.0.conv2`."""
        return f"layer{self.stage}.{self.block}.{self.part}" if self.stage else self.part

    @property
    def names(self) -> str:
        """Its name, or those of all the equal layers it stands for: `layer1.1-2.conv2`."""
        if self.repeats == 1:
            return self.name
        return f"layer{self.stage}.{self.block}-{self.block + self.repeats - 1}.{self.part}"

    @property
    def padding(self) -> int:
        """Zeros on each side of the input map; none for pooling over the whole map."""
        return 0 if self.part == "avgpool" else (self.kernel - 1) // 2


def iter_layers(
    architecture: Architecture | str, form: str = "c", *, expand: bool = False
) -> Iterator[Layer]:
    """Every layer from input to classifier, in the order of computation.

    Relu and addition are not layers: they have no weights and no channels.

    Args:
        architecture: A network, its name, or a batch of networks.
        form: How blocks are computed (figure 3 of the paper): "a" separate paths that are summed,
            "b" early concatenation, "c" grouped convolution.
        expand: Give every block its own layers, instead of the equal blocks of a stage once, with
            `repeats`; not for a batch.

    Raises:
        UserError: The form is unknown.
    """
    check_known("form", form, FORMS)
    layers = _network(as_architecture(architecture), form)
    return _expanded(layers) if expand else layers


def _network(architecture: Architecture, form: str) -> Iterator[Layer]:
    stem, size = architecture.stem, architecture.resolution
    if stem.kind == "imagenet":
        size = halved(size)
        yield Layer("conv", "conv1", architecture.in_channels, stem.channels, 7, 2, 1, size)
        yield _norm("bn1", stem.channels, size)
        size = halved(size)
        yield Layer("pool", "maxpool", stem.channels, stem.channels, 3, 2, 1, size)
    else:
        yield Layer("conv", "conv1", architecture.in_channels, stem.channels, 3, 1, 1, size)
        yield _norm("bn1", stem.channels, size)
    channels = stem.channels
    projected = architecture.shortcut == "projection"
    for stage in architecture.stages:
        block = _basic_block if architecture.template.kind == "basic" else _bottleneck_block
        yield from block(stage, channels, size, form)
        if projected:
            # 1 where the shape changes, else 0; an array when widths are arrays.
            needed = 1 * ((channels != stage.width) | (stage.stride != 1))
            if not isinstance(needed, int) or needed:
                position = {"stage": stage.number, "repeats": needed}
                ends = channels, stage.width
                yield Layer(
                    "conv", "downsample.0", *ends, 1, stage.stride, 1, stage.size, **position
                )
                yield _norm("downsample.1", stage.width, stage.size, **position)
        channels, size = stage.width, stage.size
        rest = stage.depth - 1
        if not isinstance(rest, int) or rest:
            # Within a stage nothing is halved any more (rule 1).
            for layer in block(replace(stage, stride=1), channels, size, form):
                yield replace(layer, block=1, repeats=rest)
    yield Layer("pool", "avgpool", channels, channels, size, 1, 1, 1)
    yield Layer("linear", "fc", channels, architecture.classes, 1, 1, 1, 1)


def _bottleneck_block(stage: Stage, channels: int, size: int, form: str) -> Iterator[Layer]:
    """1x1 - 3x3 (C groups, the stride) - 1x1, each followed by batch norm (figure 3)."""
    cardinality, d, width = stage.cardinality, stage.bottleneck_width, stage.width
    assert d is not None
    # The first two convolutions are split into paths in forms (a) and (b), the last one only in
    # (a).
    paths, inner, groups = (1, cardinality * d, cardinality) if form == "c" else (cardinality, d, 1)
    last_paths, last_in = (cardinality, d) if form == "a" else (1, cardinality * d)
    n = stage.number
    yield Layer("conv", "conv1", channels, inner, 1, 1, 1, size, stage=n, paths=paths)
    yield _norm("bn1", inner, size, stage=n, paths=paths)
    yield Layer(
        "conv", "conv2", d, inner, 3, stage.stride, groups, stage.size, stage=n, paths=paths
    )
    yield _norm("bn2", inner, stage.size, stage=n, paths=paths)
    yield Layer("conv", "conv3", last_in, width, 1, 1, 1, stage.size, stage=n, paths=last_paths)
    yield _norm("bn3", width, stage.size, stage=n)


def _basic_block(stage: Stage, channels: int, size: int, form: str) -> Iterator[Layer]:
    """3x3 (the stride) - 3x3; one path, so the three forms are one."""
    n = stage.number
    yield Layer("conv", "conv1", channels, stage.width, 3, stage.stride, 1, stage.size, stage=n)
    yield _norm("bn1", stage.width, stage.size, stage=n)
    yield Layer("conv", "conv2", stage.width, stage.width, 3, 1, 1, stage.size, stage=n)
    yield _norm("bn2", stage.width, stage.size, stage=n)


def _norm(part: str, channels: int, size: int, **position: int) -> Layer:
    return Layer("norm", part, channels, channels, 1, 1, 1, size, **position)


def _expanded(layers: Iterator[Layer]) -> Iterator[Layer]:
    """Every block's layers by themselves: equal blocks are collected and then repeated."""
    pending: list[Layer] = []
    for layer in layers:
        if layer.block and (not pending or pending[0].stage == layer.stage):
            pending.append(layer)
            continue
        yield from _give_out(pending)
        pending = [layer] if layer.block else []
        if not layer.block:
            yield layer
    yield from _give_out(pending)


def _give_out(equal: list[Layer]) -> Iterator[Layer]:
    for number in range(equal[0].repeats if equal else 0):
        for layer in equal:
            yield replace(layer, block=1 + number, repeats=1)
