"""The one description of a network: its layers, one after the other, as data.

FLOPs, parameters and activations are sums over it, the torch module is a map of it, and the layer
table, the drawing and the check of the two rules are views of it.
"""

from collections.abc import Iterator, Sequence
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
        paths: Copies of it side by side in one block (forms (a) and (b)). Paths that are unlike,
            as an inception block's, are layers of their own: branch1.conv1, branch2.conv1, ...
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

    Relu, addition and concatenation are not layers: they have no weights.

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
    stem, size, pre = architecture.stem, architecture.resolution, architecture.order == "pre"
    kernel, stride = (7, 2) if stem.kind == "imagenet" else (3, 1)
    size = halved(size) if stride == 2 else size
    yield Layer("conv", "conv1", architecture.in_channels, stem.channels, kernel, stride, 1, size)
    if not pre:
        yield _norm("bn1", stem.channels, size)
    if stem.kind == "imagenet":
        size = halved(size)
        yield Layer("pool", "maxpool", stem.channels, stem.channels, 3, 2, 1, size)
    channels = stem.channels
    projected = architecture.shortcut == "projection"
    block = _BLOCKS[architecture.template.kind]
    for stage in architecture.stages:
        yield from block(stage, channels, size, form, pre)
        if projected:
            # 1 where the shape changes, else 0; an array when widths are arrays.
            needed = 1 * ((channels != stage.width) | (stage.stride != 1))
            if not isinstance(needed, int) or needed:
                position = {"stage": stage.number, "repeats": needed}
                ends = channels, stage.width
                yield Layer(
                    "conv", "downsample.0", *ends, 1, stage.stride, 1, stage.size, **position
                )
                if not pre:
                    yield _norm("downsample.1", stage.width, stage.size, **position)
        channels, size = stage.width, stage.size
        rest = stage.depth - 1
        if not isinstance(rest, int) or rest:
            # Within a stage nothing is halved any more (rule 1).
            for layer in block(replace(stage, stride=1), channels, size, form, pre):
                yield replace(layer, block=1, repeats=rest)
    if pre:
        yield _norm("norm", channels, size)
    yield Layer("pool", "avgpool", channels, channels, size, 1, 1, 1)
    yield Layer("linear", "fc", channels, architecture.classes, 1, 1, 1, 1)


def _bottleneck_block(
    stage: Stage, channels: int, size: int, form: str, pre: bool
) -> Iterator[Layer]:
    """1x1 - 3x3 (C groups, the stride) - 1x1 (figure 3)."""
    cardinality, d, width = stage.cardinality, stage.bottleneck_width, stage.width
    assert d is not None
    # The first two convolutions are split into paths in forms (a) and (b), the last one only in
    # (a).
    paths, inner, groups = (1, cardinality * d, cardinality) if form == "c" else (cardinality, d, 1)
    last_paths, last_in = (cardinality, d) if form == "a" else (1, cardinality * d)
    n, strided = stage.number, (stage.stride, groups, stage.size)
    return _normed(
        (
            Layer("conv", "conv1", channels, inner, 1, 1, 1, size, stage=n, paths=paths),
            Layer("conv", "conv2", d, inner, 3, *strided, stage=n, paths=paths),
            Layer("conv", "conv3", last_in, width, 1, 1, 1, stage.size, stage=n, paths=last_paths),
        ),
        _norm("bn1", channels, size, stage=n) if pre else None,
    )


def _basic_block(stage: Stage, channels: int, size: int, form: str, pre: bool) -> Iterator[Layer]:
    """3x3 (the stride) - 3x3; one path, so the three forms are one."""
    n = stage.number
    return _normed(
        (
            Layer("conv", "conv1", channels, stage.width, 3, stage.stride, 1, stage.size, stage=n),
            Layer("conv", "conv2", stage.width, stage.width, 3, 1, 1, stage.size, stage=n),
        ),
        _norm("bn1", channels, size, stage=n) if pre else None,
    )


def _inception_block(
    stage: Stage, channels: int, size: int, form: str, pre: bool
) -> Iterator[Layer]:
    """Paths of 1x1, 1x1 - 3x3, 1x1 - 5x5 and 3x3 max-pool - 1x1, all of d channels, concatenated
    and projected by 1x1 (Inception-ResNet's form). The stride is in each path's spatial layer.

    The paths are unlike, so the three forms are one.
    """
    n, d, stride, out = stage.number, stage.bottleneck_width, stage.stride, stage.size
    assert d is not None

    def conv(branch: int, number: int, channels: int, kernel: int, stride: int, at: int) -> Layer:
        part = f"branch{branch}.conv{number}"
        return Layer("conv", part, channels, d, kernel, stride, 1, at, stage=n)

    pool = Layer("pool", "branch4.pool", channels, channels, 3, stride, 1, out, stage=n)
    branches = (
        (conv(1, 1, channels, 1, stride, out),),
        (conv(2, 1, channels, 1, 1, size), conv(2, 2, d, 3, stride, out)),
        (conv(3, 1, channels, 1, 1, size), conv(3, 2, d, 5, stride, out)),
        (pool, conv(4, 1, channels, 1, 1, out)),
    )
    joined, width = len(branches) * d, stage.width
    last = Layer("conv", "conv2", joined, width, 1, 1, 1, out, stage=n)
    # Before the paths part there is one batch norm for all; before they join, each has its own.
    if pre:
        yield _norm("bn1", channels, size, stage=n)
    for layers in branches:
        for layer in layers:
            yield layer
            if layer.kind == "conv" and not (pre and layer is layers[-1]):
                part = layer.part.replace("conv", "bn")
                yield _norm(part, d, layer.size, stage=n)
    if pre:
        yield _norm("bn2", joined, out, stage=n)
    yield last
    if not pre:
        yield _norm("bn2", width, out, stage=n)


_BLOCKS = {"bottleneck": _bottleneck_block, "basic": _basic_block, "inception": _inception_block}


def _normed(convolutions: Sequence[Layer], first: Layer | None) -> Iterator[Layer]:
    """A chain of convolutions with batch norm after each; before each where there is a `first`.

    In form (a) the norm after the last comes after the sum over its paths.
    """
    if first is not None:
        yield first
    for number, layer in enumerate(convolutions, start=1):
        yield layer
        is_last = number == len(convolutions)
        if first is None or not is_last:
            part = f"bn{number if first is None else number + 1}"
            paths = 1 if is_last else layer.paths
            yield _norm(part, layer.out_channels, layer.size, stage=layer.stage, paths=paths)


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
