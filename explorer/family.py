"""The family of networks that references for a budget are chosen from."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from explorer.architecture import Architecture, smallest_resolution
from explorer.errors import UserError
from explorer.names import BOTTLENECK_DEPTHS
from explorer.template import FIXED_PATHS, Stem, Template

# The resolution up to which the stem does not halve the map, as in networks for CIFAR, and up to
# which three stages are enough.
SMALL_STEM_UP_TO = 64
THREE_STAGES_UP_TO = 32
STEM_CHANNELS = (8, 16, 32, 64)
# Blocks of each of equal stages: ResNet-110 for CIFAR has 18.
MOST_EQUAL_BLOCKS = 18
IMAGENET_DEPTHS = ((1, 1, 1, 1), *BOTTLENECK_DEPTHS.values())
# Published networks have 4 (ResNet-50) or 2 (ResNeXt-50, wide ResNet-50) times as many channels
# outside a block's 3x3 convolution as inside; and behind a stem 1 to 4 times as many as in it.
LEAST_EXPANSION, MOST_EXPANSION = 2, 8
MOST_STEM_EXPANSION = 8
LARGEST_WIDTH = MOST_STEM_EXPANSION * max(STEM_CHANNELS)
TEMPLATE = ("cardinality", "bottleneck_width", "width")


def references(
    first: Mapping[str, Any],
    *,
    solve: str,
    multiple_of: int,
    resolution: int,
    classes: int,
    in_channels: int,
) -> Iterator[Architecture]:
    """The family of networks that references are chosen from, in batches of one stem.

    The stem is the one for ImageNet, with published depths of 4 stages; up to a resolution of 64
    with 3 stages of equally many blocks, 1 to 18. Up to there the small stem is offered, too, with
    3 such stages, or 4 above a resolution of 32. Stems have 8, 16, 32 or 64 channels, the first
    stage's width is 1 to 8 times that, and 2 to 8 times C x d. Numbers above 32 have sixteen steps
    an octave. The cardinality is 1 unless it is given or solved, or the smallest that growth "root"
    can halve.

    Args:
        first: Quantities and choices that all of them have.
        solve: The quantity that is solved later: of it, all are multiples of `multiple_of`.
        multiple_of: See there.
        resolution: As in `Architecture`, and so are `classes` and `in_channels`.
    """
    own = dict(first)
    given = {key: own.pop(key) for key in ("depths", *TEMPLATE) if key in own}
    kind = own.pop("kind", "bottleneck")
    if kind == "basic":
        raise UserError(
            "a budget leads to references of bottleneck or inception blocks; give a reference of"
            " basic blocks by its name, for example resnet20_cifar."
        )
    free = _round_numbers(LARGEST_WIDTH)
    stages = len(given.get("depths", ())) or 3
    for stem, usual in _stems(resolution, stages):
        depths = np.array([given["depths"]] if "depths" in given else usual, np.int64)
        unit = 2 ** (depths.shape[1] - 1) if own.get("growth") == "root" else 1
        fewest, _ = FIXED_PATHS.get(kind, (unit, ""))
        choices = {"cardinality": np.array([fewest]), "bottleneck_width": free, "width": free}
        if solve in choices:
            step = math.lcm(multiple_of, unit) if solve == "cardinality" else multiple_of
            choices[solve] = np.unique(np.maximum(free // step, 1) * step)
        choices |= {key: np.array([given[key]], np.int64) for key in TEMPLATE if key in given}
        for channels in STEM_CHANNELS:
            grid = np.meshgrid(*choices.values(), np.arange(len(depths)), indexing="ij")
            paths, d, width, row = (numbers.reshape(-1) for numbers in grid)
            if "width" not in given:
                inner = paths * d
                shapely = (width >= channels) & (width <= MOST_STEM_EXPANSION * channels)
                shapely &= (width >= LEAST_EXPANSION * inner) & (width <= MOST_EXPANSION * inner)
                paths, d, width, row = (each[shapely] for each in (paths, d, width, row))
            if len(width):
                template: dict[str, Any] = dict(zip(TEMPLATE, (paths, d, width), strict=True))
                yield Architecture(
                    Template(kind, **template),
                    tuple(depths[row].T),
                    stem=Stem(stem, channels),
                    resolution=resolution,
                    classes=classes,
                    in_channels=in_channels,
                    **own,
                )


def usual_classes(resolution: int) -> int:
    """The classes of an input of this size where none are given: of CIFAR-10, or of ImageNet."""
    return 10 if resolution <= SMALL_STEM_UP_TO else 1000


def _stems(resolution: int, stages: int) -> Iterator[tuple[str, Sequence[tuple[int, ...]]]]:
    """The kinds of stem that suit a resolution, each with the depths offered behind it."""
    three, four = (
        [(blocks,) * stages for blocks in range(1, MOST_EQUAL_BLOCKS + 1)] for stages in (3, 4)
    )
    if resolution <= SMALL_STEM_UP_TO:
        yield "small", three if resolution <= THREE_STAGES_UP_TO else four
    if resolution > SMALL_STEM_UP_TO:
        yield "imagenet", IMAGENET_DEPTHS
    elif resolution >= smallest_resolution(Stem("imagenet"), stages):
        yield "imagenet", three


def _round_numbers(largest: int) -> Any:
    """1 to 32, and then sixteen an octave: 34, 36, ... 64, 68, ..."""
    numbers = np.arange(1, largest + 1)
    steps = 2 ** np.maximum(np.ceil(np.log2(numbers)).astype(np.int64) - 5, 0)
    return numbers[numbers % steps == 0]
