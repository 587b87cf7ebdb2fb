"""Architecture: a residual network as a few whole numbers.

The paper's two rules (section 3.1) hold by construction, because stages are derived from one
template and never given. Rule 1: blocks that make maps of the same size share their
hyper-parameters. Rule 2: each time the map is halved, the width doubles. (The paths of inception
blocks are unlike all the same, which is what they are compared for; see `networks.rules`.)

The whole numbers may be NumPy integer arrays of one shape. The object then stands for a batch of
architectures, and everything that only counts (`layers`, `complexity`, `budget`) counts them all at
once.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from explorer.costs import Complexity
from explorer.errors import UserError, check_known, shorten
from explorer.lazy import load
from explorer.names import format_name, parse_name, usual_input
from explorer.template import (
    FIXED_PATHS,
    IMAGENET,
    KINDS,
    MOST_BLOCKS,
    MOST_STAGES,
    Stem,
    Template,
    any_of,
    set_whole,
    whole,
)
from explorer.text import counted

GROWTHS = ("d", "C", "root")
SHORTCUTS = ("projection", "none")
ORDERS = ("post", "pre")
# What of an architecture is chosen by a word, and the words.
CHOICES = {"kind": KINDS, "growth": GROWTHS, "shortcut": SHORTCUTS, "order": ORDERS}


@dataclass(frozen=True)
class Stage:
    """The blocks that share one spatial size, as the two rules derive them from the template.

    Attributes:
        number: Position of the stage, from 1.
        depth: Blocks in the stage.
        cardinality: Paths of each block, C.
        bottleneck_width: Channels of each path, d; None for basic blocks.
        width: Output channels of each block.
        stride: Of the first block; all others have 1.
        size: Side of the square output map, in pixels.
    """

    number: int
    depth: int
    cardinality: int
    bottleneck_width: int | None
    width: int
    stride: int
    size: int


@dataclass(frozen=True, repr=False)
class Architecture:
    """A whole network: template, blocks per stage, what grows, shortcuts, stem, input and classes.

    Attributes:
        template: What one block of the first stage looks like.
        depths: Blocks of each stage, at most `MOST_BLOCKS` in all.
        growth: What doubles from stage to stage beside the width: "d" (the paper), or "C", which
            keeps the channels of a path; or "root", where C halves and d grows fourfold, so that
            C x d doubles, too (root modules: Ioannou et al. 2017).
        shortcut: "projection" (a 1x1 convolution where the shape changes, otherwise the identity),
            or "none" (the plain network of the paper's residual ablation, section 5.1).
        stem: What comes before the first stage.
        resolution: Side of the square input, in pixels.
        in_channels: Channels of the input image.
        classes: Outputs of the classifier.
        order: "post" (batch norm and relu after each convolution, the last relu after the
            addition), or "pre" (before each convolution of a block, and once more before the last
            pooling: He et al. 2016, "Identity mappings").

    Raises:
        UserError: The numbers are no network: a width below 1, no stages, a map that is too small
            to be halved, more than `MOST_BLOCKS` blocks, a C that growth "root" cannot halve.
    """

    template: Template
    depths: tuple[int, ...]
    growth: str = "d"
    shortcut: str = "projection"
    stem: Stem = IMAGENET
    resolution: int = 224
    in_channels: int = 3
    classes: int = 1000
    order: str = "post"

    def __post_init__(self) -> None:
        check_known("growth", self.growth, GROWTHS)
        check_known("shortcut", self.shortcut, SHORTCUTS)
        check_known("order", self.order, ORDERS)
        if self.growth != "d" and "cardinality" not in self.template.numbers:
            does, (paths, _) = (
                "halves" if self.growth == "root" else "doubles",
                FIXED_PATHS[self.template.kind],
            )
            raise UserError(
                f"growth '{self.growth}' {does} the cardinality from stage to stage, and"
                f" {self.template.article} has C = {paths} in every stage; use growth 'd'."
            )
        # A string would pass for a list of its characters.
        if isinstance(self.depths, int | str) or len(self.depths) == 0:
            raise UserError(
                "depths must list the blocks of each stage, for example (3, 4, 6, 3); given:"
                f" {shorten(self.depths)}."
            )
        if len(self.depths) > MOST_STAGES:
            raise UserError(
                f"{len(self.depths):,} stages are too many: a network has at most {MOST_STAGES}."
            )
        depths = tuple(whole(depth, "depth of a stage") for depth in self.depths)
        object.__setattr__(self, "depths", depths)
        if any_of((blocks := sum(depths)) > MOST_BLOCKS):
            most = blocks.max() if hasattr(blocks, "max") else blocks
            raise UserError(
                f"depths of {most:,} blocks in all are too many: a network has at most"
                f" {MOST_BLOCKS:,}."
            )
        unit = self.unit("cardinality")
        given: Any = self.template.cardinality
        if unit > 1 and any_of(given % unit):
            odd = given[given % unit > 0][0] if hasattr(given, "dtype") else given
            raise UserError(
                f"growth 'root' halves C {counted(len(depths) - 1, 'time')} in {len(depths)}"
                f" stages, and C = {odd} cannot be halved so often: the smallest C is {unit}, and"
                " all others are its multiples."
            )
        for field, label in (
            ("resolution", "resolution"),
            ("in_channels", "input channels"),
            ("classes", "classes"),
        ):
            set_whole(self, field, label)
        smallest = smallest_resolution(self.stem, len(depths))
        if self.resolution < smallest:
            raise UserError(
                f"a resolution of {self.resolution} is too small for {len(depths)} stages behind"
                f" the {self.stem.kind} stem: a stage could not halve its map, which breaks rule 1."
                f" The smallest resolution is {smallest}; or use fewer stages."
            )

    @classmethod
    def from_name(
        cls,
        name: str,
        *,
        resolution: int | None = None,
        classes: int | None = None,
        in_channels: int | None = None,
    ) -> "Architecture":
        """The architecture that a name stands for.

        Args:
            name: A known name (`resnet50`, `resnext50_32x4d`, `wide_resnet50_2`,
                `resnext29_8x64d_cifar`, `resnet20_cifar`) or the long form
                (`resnext_3-4-12-3_8x14d_w128_small_plain`).
            resolution: Side of the input in pixels; by default 224, or 32 for `_cifar` names.
            classes: By default 1000, or 10 for `_cifar` names.
            in_channels: Channels of the input; by default 3.

        Raises:
            UserError: No architecture has this name; the message gives the nearest one.
        """
        template, depths, fields = parse_name(name)
        given = {"resolution": resolution, "classes": classes, "in_channels": in_channels}
        given = {field: value for field, value in given.items() if value is not None}
        return cls(template, depths, **{**fields, **usual_input(name), **given})

    @property
    def name(self) -> str:
        """The name, which parses back to this architecture.

        It does not say resolution, input channels and classes.
        """
        return format_name(
            self.template,
            self.depths,
            growth=self.growth,
            shortcut=self.shortcut,
            stem=self.stem,
            order=self.order,
        )

    def __repr__(self) -> str:
        """The call that makes it, with what the name does not say; of a batch, its size."""
        if arrays := [value for value in self._numbers() if getattr(value, "ndim", 0)]:
            return f"<Architecture: a batch of {arrays[0].size:,}>"
        usual = {"resolution": 224, "in_channels": 3, "classes": 1000, **usual_input(self.name)}
        sizes = [
            f", {field}={getattr(self, field)}"
            for field, value in usual.items()
            if getattr(self, field) != value
        ]
        return f"Architecture.from_name({self.name!r}{''.join(sizes)})"

    def _repr_html_(self) -> str | None:
        """What a notebook shows: the drawing; of a batch nothing, so that it shows the `repr`."""
        if any(getattr(value, "ndim", 0) for value in self._numbers()):
            return None
        html: str = load("explorer.showing").drawing(self)
        return html

    def _numbers(self) -> list[Any]:
        """All whole numbers, each possibly an array."""
        template = self.template
        sizes = (self.resolution, self.in_channels, self.classes, self.stem.channels)
        paths = (template.cardinality, template.bottleneck_width, template.width)
        return [*paths, *self.depths, *sizes]

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an input image."""
        return self.in_channels, self.resolution, self.resolution

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
            paths, d = template.cardinality, template.bottleneck_width
            if self.growth == "C":
                paths = paths * factor
            elif d is not None:  # C x d doubles, also where C halves
                d = d * factor * (factor if self.growth == "root" else 1)
                paths = paths // factor if self.growth == "root" else paths
            stages.append(
                Stage(
                    number=position + 1,
                    depth=depth,
                    cardinality=paths,
                    bottleneck_width=d,
                    width=template.width * factor,
                    stride=stride,
                    size=size,
                )
            )
        return tuple(stages)

    def with_(self, **quantities: Any) -> "Architecture":
        """A copy with other values.

        Args:
            quantities: `kind`, `cardinality`, `bottleneck_width` and `width` of the template (see
                `Template.with_`), or any field of the architecture.
        """
        template = {
            key: quantities.pop(key)
            for key in ("kind", "cardinality", "bottleneck_width", "width")
            if key in quantities
        }
        if template:
            quantities["template"] = self.template.with_(**template)
        return replace(self, **quantities)

    # What `explorer.blueprints.Blueprint` asks for besides.

    source = ""  # the code that makes it is ours

    @property
    def quantities(self) -> dict[str, Any]:
        """C, d, width and depths; d is None for basic blocks."""
        template = self.template
        return {
            "cardinality": template.cardinality,
            "bottleneck_width": template.bottleneck_width,
            "width": template.width,
            "depths": self.depths,
        }

    @property
    def settings(self) -> dict[str, Any]:
        """All that `with_` takes, with the values here."""
        return {**vars(self), **vars(self.template)}

    def check_heeded(self, before: "Architecture") -> None:
        """Every quantity of ours changes the network."""

    def record(self) -> dict[str, Any]:
        """Its quantities as plain data."""
        return {**self.quantities, "depths": list(self.depths)}

    # The verbs stand above their values, and are looked up when they are called.

    def count(self) -> Complexity:
        """FLOPs, parameters and activations, as `explorer.count` counts them."""
        complexity: Complexity = load("explorer.complexity").count(self)
        return complexity

    def build(self) -> Any:
        """The torch module, as `explorer.build` makes it."""
        return load("explorer.networks").build(self)

    def unit(self, quantity: str) -> int:
        """Of what all values of a quantity are multiples: of C, growth "root" halves it, else 1."""
        root = self.growth == "root" and quantity == "cardinality"
        return 2 ** (len(self.depths) - 1) if root else 1


def as_architecture(network: "Architecture | str") -> Architecture:
    """An architecture, which may be given by its name; raises `UserError` as `from_name` does."""
    if isinstance(network, str):
        return Architecture.from_name(network)
    if not isinstance(network, Architecture):
        raise no_network(network)
    return network


def no_network(given: object) -> UserError:
    """The error for what stands in the place of a network and is none."""
    alone = " Networks are given one at a time." if isinstance(given, list | tuple) else ""
    return UserError(
        "a network is given by its name, as 'resnet50', or as an Architecture; given:"
        f" {shorten(given)}.{alone}"
    )


def halved(size: int) -> int:
    """Side of a map after a convolution or pooling of stride 2 and padding (kernel - 1) / 2."""
    return (size - 1) // 2 + 1


def smallest_resolution(stem: Stem, stages: int) -> int:
    """The smallest side of a square input at which no 1x1 map would have to be halved."""
    halvings = stem.halvings + stages - 1
    return 2 ** (halvings - 1) + 1 if halvings else 1
