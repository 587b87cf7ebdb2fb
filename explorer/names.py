"""Names of architectures: each parses to one architecture, whose name parses back to it.

Known names are those of torchvision and timm; the two CIFAR families are those of the ResNet and
ResNeXt papers; everything else has one long form. A name does not say resolution, input channels
and classes.
"""

import re
from typing import Any

from explorer.errors import UserError, shorten, unknown
from explorer.file_kinds import told_by_name
from explorer.own.names import is_own
from explorer.template import FIXED_PATHS, IMAGENET, MOST_BLOCKS, Stem, Template
from explorer.text import dashed

# What a name says: the template, the blocks of each stage, and what else differs from the default.
Parsed = tuple[Template, tuple[int, ...], dict[str, Any]]

# Blocks per stage by the number of layers: He et al. 2016, table 1; 200 as in the ResNeXt paper; 26
# as in timm.
BASIC_DEPTHS: dict[int, tuple[int, ...]] = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3)}
BOTTLENECK_DEPTHS: dict[int, tuple[int, ...]] = {
    26: (2, 2, 2, 2),
    50: (3, 4, 6, 3),
    101: (3, 4, 23, 3),
    152: (3, 8, 36, 3),
    200: (3, 24, 36, 3),
}
PUBLISHED = (
    *(f"resnet{n}" for n in sorted(BASIC_DEPTHS | BOTTLENECK_DEPTHS)),
    "wide_resnet50_2",
    "wide_resnet101_2",
    "resnext50_32x4d",
    "resnext101_32x4d",
    "resnext101_32x8d",
    "resnext101_64x4d",
    "resnet20_cifar",
    "resnet56_cifar",
    "resnet110_cifar",
    "resnext29_8x64d_cifar",
    "resnext29_16x64d_cifar",
    "resnet200_pre",
    "resnext29_8x64d_cifar_pre",
)
LONG_FORM = (
    "resnext_<depths>_<C>x<d>d_w<width>[_<stem>][_growC|_growroot][_plain][_pre], for example"
    " resnext_3-4-12-3_8x14d_w128_small, or inception_<depths>_<d>d_w<width>"
)
# The end of every name whose network computes batch norm and relu before each convolution.
PRE = "_pre"

# A name of more characters is none: the longest, of 28 stages of which each number has five digits,
# has about 250.
LONGEST_NAME = 500

_N = r"([1-9]\d*)"
_RESNET = re.compile(rf"resnet{_N}")
_WIDE = re.compile(rf"wide_resnet{_N}_{_N}")
_RESNEXT = re.compile(rf"resnext{_N}_{_N}x{_N}d")
_RESNET_CIFAR = re.compile(rf"resnet{_N}_cifar")
_RESNEXT_CIFAR = re.compile(rf"resnext{_N}_{_N}x{_N}d_cifar")
_DEPTHS = r"([1-9]\d*(?:-[1-9]\d*)*)"
_STEM = r"(?:_(imagenet|small)([1-9]\d*)?)?"
_LONG = re.compile(rf"resnext_{_DEPTHS}_{_N}x{_N}d_w{_N}{_STEM}(?:_grow(C|root))?(_plain)?")
_LONG_INCEPTION = re.compile(rf"inception_{_DEPTHS}_{_N}d_w{_N}{_STEM}(_plain)?")
_LONG_BASIC = re.compile(rf"resnet_{_DEPTHS}_w{_N}{_STEM}(_plain)?")


def parse_name(name: str) -> Parsed:
    """What a name stands for, without the input (see `usual_input`).

    Returns:
        The template, the blocks of each stage, and the fields `stem`,
        `growth`, `shortcut` and `order` of an architecture.

    Raises:
        UserError: `name` is no name of an architecture; the message names the nearest that is.
    """
    if not isinstance(name, str):
        raise UserError(
            f"an architecture is given by its name, for example resnet50; given: {shorten(name)}."
        )
    if len(name) > LONGEST_NAME:
        raise UserError(
            f"the name {shorten(name)} has {len(name):,} characters, and an architecture's has at"
            f" most {LONGEST_NAME}."
        )

    order = "pre" if name.endswith(PRE) else "post"
    template, depths, fields = _parse_post(name.removesuffix(PRE), name)
    return template, depths, {**fields, "order": order}


def _parse_post(name: str, given: str) -> Parsed:
    """What a name without `PRE` stands for; errors repeat the given one."""

    def parsed(
        template: Template, depths: tuple[int, ...], stem: Stem = IMAGENET, **fields: Any
    ) -> Parsed:
        return template, depths, {"stem": stem, **fields}

    if match := _RESNET.fullmatch(name):
        layers = int(match[1])
        if layers in BASIC_DEPTHS:
            return parsed(Template("basic", 1, None, 64), BASIC_DEPTHS[layers])
        if layers in BOTTLENECK_DEPTHS:
            return parsed(Template(), BOTTLENECK_DEPTHS[layers])
    elif match := _WIDE.fullmatch(name):
        return parsed(
            Template(bottleneck_width=64 * int(match[2])), _bottleneck_depths(given, int(match[1]))
        )
    elif match := _RESNEXT.fullmatch(name):
        layers, cardinality, d = map(int, match.groups())
        return parsed(Template("bottleneck", cardinality, d), _bottleneck_depths(given, layers))
    elif match := _RESNET_CIFAR.fullmatch(name):
        depth = _blocks(given, int(match[1]), layers_per_block=2)
        return parsed(Template("basic", 1, None, 16), (depth,) * 3, Stem("small", 16))
    elif match := _RESNEXT_CIFAR.fullmatch(name):
        layers, cardinality, d = map(int, match.groups())
        depth = _blocks(given, layers, layers_per_block=3)
        return parsed(Template("bottleneck", cardinality, d), (depth,) * 3, Stem("small"))
    elif match := _LONG.fullmatch(name):
        depths, paths, d_text, width, kind, channels, grow, plain = match.groups()
        return parsed(
            Template("bottleneck", int(paths), int(d_text), int(width)),
            tuple(map(int, depths.split("-"))),
            Stem(kind or "imagenet", int(channels or 64)),
            growth=grow or "d",
            shortcut="none" if plain else "projection",
        )
    elif match := _LONG_INCEPTION.fullmatch(name):
        depths, d_text, width, kind, channels, plain = match.groups()
        return parsed(
            Template("inception", FIXED_PATHS["inception"][0], int(d_text), int(width)),
            tuple(map(int, depths.split("-"))),
            Stem(kind or "imagenet", int(channels or 64)),
            shortcut="none" if plain else "projection",
        )
    elif match := _LONG_BASIC.fullmatch(name):
        depths, width, kind, channels, plain = match.groups()
        return parsed(
            Template("basic", 1, None, int(width)),
            tuple(map(int, depths.split("-"))),
            Stem(kind or "imagenet", int(channels or 64)),
            shortcut="none" if plain else "projection",
        )
    raise _unknown_name(given)


def usual_input(name: str) -> dict[str, int]:
    """The resolution, classes and input channels that a name has unless others are given."""
    is_cifar = name.removesuffix(PRE).endswith("_cifar")
    resolution, classes = (32, 10) if is_cifar else (224, 1000)
    return {"resolution": resolution, "classes": classes, "in_channels": 3}


def format_name(
    template: Template,
    depths: tuple[int, ...],
    *,
    growth: str,
    shortcut: str,
    stem: Stem,
    order: str,
) -> str:
    """The name of an architecture: the known one where there is one, else the long form."""
    post = _format_post(template, depths, growth=growth, shortcut=shortcut, stem=stem)
    return post + (PRE if order == "pre" else "")


def _format_post(
    template: Template, depths: tuple[int, ...], *, growth: str, shortcut: str, stem: Stem
) -> str:
    """The name of the network that computes batch norm and relu after each convolution."""
    usual = growth == "d" and shortcut == "projection"
    equal = len(depths) == 3 and len(set(depths)) == 1  # the three stages of a CIFAR network
    paths = f"{template.cardinality}x{template.bottleneck_width}d"
    if template.kind == "basic":
        if usual and (stem, template.width) == (IMAGENET, 64) and depths in BASIC_DEPTHS.values():
            return f"resnet{_layers(BASIC_DEPTHS, depths)}"
        if usual and (stem, template.width) == (Stem("small", 16), 16) and equal:
            return f"resnet{6 * depths[0] + 2}_cifar"
        form = f"resnet_{dashed(depths)}_w{template.width}"
    elif template.kind == "inception":
        form = f"inception_{dashed(depths)}_{template.bottleneck_width}d_w{template.width}"
    else:
        usual = usual and template.width == 256
        if usual and stem == IMAGENET and depths in BOTTLENECK_DEPTHS.values():
            layers = _layers(BOTTLENECK_DEPTHS, depths)
            named = {"1x64d": f"resnet{layers}", "1x128d": f"wide_resnet{layers}_2"}
            return named.get(paths, f"resnext{layers}_{paths}")
        if usual and stem == Stem("small") and equal:
            return f"resnext{9 * depths[0] + 2}_{paths}_cifar"
        form = f"resnext_{dashed(depths)}_{paths}_w{template.width}"
    if stem.kind != "imagenet" or stem.channels != 64:
        form += f"_{stem.kind}{'' if stem.channels == 64 else stem.channels}"
    form += f"_grow{growth}" if growth != "d" else ""
    return form + ("_plain" if shortcut == "none" else "")


def _layers(table: dict[int, tuple[int, ...]], depths: tuple[int, ...]) -> int:
    return next(layers for layers, row in table.items() if row == depths)


def _bottleneck_depths(name: str, layers: int) -> tuple[int, ...]:
    if layers in BOTTLENECK_DEPTHS:
        return BOTTLENECK_DEPTHS[layers]
    known = ", ".join(map(str, BOTTLENECK_DEPTHS))
    if layers in BASIC_DEPTHS:
        raise UserError(
            f"{shorten(name)}: the {layers}-layer network has basic blocks, which have no paths (C)"
            f" and no bottleneck width (d). Bottleneck networks have {known} layers; for other"
            f" depths use the long form {LONG_FORM}."
        )
    raise UserError(
        f"unknown architecture {shorten(name)}: no published network of bottleneck blocks has"
        f" {layers} layers. Known: {known}; for other depths use the long form {LONG_FORM}."
    )


def _blocks(name: str, layers: int, *, layers_per_block: int) -> int:
    depth, rest = divmod(layers - 2, 3 * layers_per_block)
    if rest or depth < 1:
        step = 3 * layers_per_block
        near = min(max(1, (layers - 2 + step // 2) // step), MOST_BLOCKS // 3)
        raise UserError(
            f"unknown architecture {shorten(name)}: three equal stages make {step}k + 2 layers, for"
            f" example {name.replace(str(layers), str(step * near + 2), 1)}."
        )
    return depth


def _unknown_name(name: str) -> UserError:
    if is_own(name):
        return UserError(
            f"{shorten(name)} is a network of your own, and this is known of ours only, which have"
            " names like resnet50. Networks of your own go with describe, match, measure, export,"
            " train, spaces and studies."
        )
    if kind := told_by_name(name):
        return UserError(f"a network is given by its name, as resnet50. {kind}")
    if loose := re.fullmatch(r"resnext\d*_(?:[\d-]+_)?([^_]+?)x([^_]+?)d(?:_.*)?", name):
        for label, text in (("cardinality C", loose[1]), ("bottleneck width d", loose[2])):
            if not re.fullmatch(r"[1-9]\d*", text):
                return UserError(
                    f"{shorten(name)}: the {label} must be a whole number of at least 1; given:"
                    f" {shorten(text)}."
                )
    # Only the long form names a width.
    if (loose := re.match(r"resnex?t_[\d-]+_(?:[^_]+_)?w([^_]*)", name)) and not re.fullmatch(
        r"[1-9]\d*", loose[1]
    ):
        return UserError(
            f"{shorten(name)}: the width must be a whole number of at least 1; given:"
            f" {shorten(loose[1])}."
        )
    alike = [known for known in PUBLISHED if ("resnext" in known) >= ("resnext" in name.lower())]
    nearest = unknown("architecture", name, PUBLISHED, alike=alike)
    return UserError(f"{nearest} Any other network has the long form {LONG_FORM}.")
