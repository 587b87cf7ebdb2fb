"""Template, Stem and Architecture: a residual network as a few whole numbers.

The paper's two rules (section 3.1) hold by construction: stages are derived from one template, never given.
Rule 1: blocks that make maps of the same size share their hyper-parameters. Rule 2: each time the map is halved, the width
doubles. Whole numbers may be NumPy integer arrays of one shape: then the object stands for a batch of architectures,
and everything that only counts (`layers`, `complexity`, `budget`) counts them all at once.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from operator import index
from typing import Any

from explorer.errors import UserError, shorten, unknown

KINDS = ("bottleneck", "basic")
STEMS = ("imagenet", "small")
GROWTHS = ("d", "C")
SHORTCUTS = ("projection", "none")
# Bounds of what is called a network, far beyond any: the deepest that was ever trained has some 1,200 layers. They keep
# counts, drawings and builds finite, whatever number a file, a link or a command gives.
LARGEST_NUMBER = 10**9
MOST_BLOCKS = 10_000
MOST_STAGES = 28  # each halves the map: 28 ask for an input of 2**28 pixels a side


def whole(value: Any, label: str) -> Any:
    """`value` as a whole number from 1 to `LARGEST_NUMBER` (or an array of them). Raises `UserError` naming what was given."""
    if hasattr(value, "dtype") and getattr(value, "ndim", 0) > 0:
        if value.dtype.kind not in "iu" or (value.size and value.min() < 1):
            raise UserError(f"every {label} must be a whole number of at least 1.")
        if value.size and value.max() > LARGEST_NUMBER:
            raise UserError(f"every {label} must be at most {LARGEST_NUMBER:,}; given: {value.max():,}.")
        return value.astype("int64", copy=False)  # smaller kinds would wrap in the counts
    try:
        number = index(value)
    except TypeError:
        number = 0
    if number < 1 or isinstance(value, bool):
        raise UserError(f"{label} must be a whole number of at least 1; given: {shorten(value)}.")
    if number > LARGEST_NUMBER:
        raise UserError(f"{label} must be at most {LARGEST_NUMBER:,}; given: {shorten(number)}.")
    return number


def _set_whole(owner: Any, field: str, label: str) -> None:
    object.__setattr__(owner, field, whole(getattr(owner, field), label))


def _any(condition: Any) -> bool:
    return bool(condition.any()) if hasattr(condition, "any") else bool(condition)


@dataclass(frozen=True)
class Stem:
    """What comes before the first stage. `imagenet`: 7x7 convolution, stride 2, then 3x3 max-pool, stride 2. `small`: one 3x3
    convolution, stride 1. `channels` is fixed, never solved for."""

    kind: str = "imagenet"
    channels: int = 64

    def __post_init__(self) -> None:
        if self.kind not in STEMS:
            raise unknown("stem", str(self.kind), STEMS)
        _set_whole(self, "channels", "stem channels")

    @property
    def halvings(self) -> int:
        """How often the stem halves the map."""
        return 2 if self.kind == "imagenet" else 0


IMAGENET = Stem()


@dataclass(frozen=True)
class Template:
    """What one block looks like: its kind, C paths of bottleneck width d, and `width` output channels, all in the first stage.

    A basic block (two 3x3 convolutions) has neither paths nor a bottleneck: `cardinality` is 1, `bottleneck_width` None.
    """

    kind: str = "bottleneck"
    cardinality: int = 1
    bottleneck_width: int | None = 64
    width: int = 256

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise unknown("block kind", str(self.kind), KINDS)
        _set_whole(self, "cardinality", "cardinality C")
        _set_whole(self, "width", "width")
        if self.kind == "bottleneck":
            _set_whole(self, "bottleneck_width", "bottleneck width d")
            return
        if _any(self.cardinality != 1):
            raise UserError(
                f"a basic block takes C = 1, not C = {self.cardinality}: grouping a block of two layers only makes a wider dense "
                "block (ResNeXt paper, figure 4). Use a bottleneck template for more paths, for example resnext50_32x4d."
            )
        if self.bottleneck_width is not None:
            raise UserError(
                f"a basic block has no bottleneck width d, but {shorten(self.bottleneck_width)} was given; set its width instead."
            )


@dataclass(frozen=True)
class Stage:
    """The blocks that share one spatial size, derived from the template: what rule 1 and rule 2 make of stage `number` (from 1)."""

    number: int
    depth: int
    cardinality: int
    bottleneck_width: int | None
    width: int
    stride: int
    size: int  # side of the square output map


@dataclass(frozen=True)
class Architecture:
    """A whole network: template, blocks per stage, what grows, shortcuts, stem, input and classes.

    `growth` says what doubles from stage to stage beside the width: "d" (the paper) or "C" (fixed channels per path).
    `shortcut` is "projection" (where the shape changes, otherwise the identity) or "none" (the plain network of the
    paper's residual ablation). Raises `UserError` for anything that is no network: a width below 1, an empty list of
    stages, a map too small to halve, more than `MOST_BLOCKS` blocks.
    """

    template: Template
    depths: tuple[int, ...]
    growth: str = "d"
    shortcut: str = "projection"
    stem: Stem = IMAGENET
    resolution: int = 224
    in_channels: int = 3
    classes: int = 1000

    def __post_init__(self) -> None:
        if self.growth not in GROWTHS:
            raise unknown("growth", str(self.growth), GROWTHS)
        if self.shortcut not in SHORTCUTS:
            raise unknown("shortcut", str(self.shortcut), SHORTCUTS)
        if self.growth == "C" and self.template.kind == "basic":
            raise UserError("growth 'C' doubles the cardinality, and a basic block has only one path; use growth 'd'.")
        if isinstance(self.depths, int | str) or len(self.depths) == 0:
            raise UserError(
                f"depths must list the blocks of each stage, for example (3, 4, 6, 3); given: {shorten(self.depths)}."
            )
        if len(self.depths) > MOST_STAGES:
            raise UserError(f"{len(self.depths):,} stages are too many: a network has at most {MOST_STAGES}.")
        depths = tuple(whole(depth, "depth of a stage") for depth in self.depths)
        object.__setattr__(self, "depths", depths)
        if _any((blocks := sum(depths)) > MOST_BLOCKS):
            most = blocks.max() if hasattr(blocks, "max") else blocks
            raise UserError(f"depths of {most:,} blocks in all are too many: a network has at most {MOST_BLOCKS:,}.")
        for field, label in (("resolution", "resolution"), ("in_channels", "input channels"), ("classes", "classes")):
            _set_whole(self, field, label)
        smallest = smallest_resolution(self.stem, len(depths))
        if self.resolution < smallest:
            raise UserError(
                f"a resolution of {self.resolution} is too small for {len(depths)} stages behind the {self.stem.kind} "
                f"stem: a stage could not halve its map, which breaks rule 1. The smallest resolution is {smallest}; or use fewer stages."
            )

    @classmethod
    def from_name(
        cls, name: str, *, resolution: int | None = None, classes: int | None = None, in_channels: int | None = None
    ) -> "Architecture":
        """The architecture a name stands for: `resnet50`, `resnext50_32x4d`, `wide_resnet50_2`, `resnext29_8x64d_cifar`,
        `resnet20_cifar`, or the long form `resnext_3-4-12-3_8x14d_w128_small_plain`.

        `resolution`, `classes` and `in_channels` default to 224, 1000 and 3; for `_cifar` names to 32, 10 and 3. Raises
        `UserError` for a name that is none, with the nearest that is.
        """
        from explorer.names import parse_name

        return parse_name(name, resolution=resolution, classes=classes, in_channels=in_channels)

    @property
    def name(self) -> str:
        """The name, which parses back to this architecture. It leaves out resolution, input channels and classes."""
        from explorer.names import format_name

        return format_name(self)

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """The stages that the two rules derive from the template."""
        template, size = self.template, self.resolution
        for _ in range(self.stem.halvings):
            size = halved(size)
        stages = []
        for position, depth in enumerate(self.depths):
            stride = 1 if position == 0 else 2
            size = size if stride == 1 else halved(size)
            factor = 2**position
            d = template.bottleneck_width
            stages.append(
                Stage(
                    number=position + 1,
                    depth=depth,
                    cardinality=template.cardinality * (factor if self.growth == "C" else 1),
                    bottleneck_width=d if d is None or self.growth == "C" else d * factor,
                    width=template.width * factor,
                    stride=stride,
                    size=size,
                )
            )
        return tuple(stages)

    def with_(self, **quantities: Any) -> "Architecture":
        """A copy with other `cardinality`, `bottleneck_width`, `width` (of the template) or any field of the architecture."""
        template = {
            key: quantities.pop(key) for key in ("cardinality", "bottleneck_width", "width") if key in quantities
        }
        if template:
            quantities["template"] = replace(self.template, **template)
        return replace(self, **quantities)


def halved(size: int) -> int:
    """Side of a map after a convolution or pooling of stride 2 with padding (kernel - 1) / 2, as torch computes it."""
    return (size - 1) // 2 + 1


def smallest_resolution(stem: Stem, stages: int) -> int:
    """The smallest side of a square input at which every halving finds a map larger than 1x1."""
    halvings = stem.halvings + stages - 1
    return 2 ** (halvings - 1) + 1 if halvings else 1
