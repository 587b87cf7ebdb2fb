"""What to expect of a study before it is trained: from its images, steps, seeds and margin."""

import math
from collections.abc import Sequence

from explorer.streams import printable
from explorer.text import counted
from studies.config.study import StudyFile

MOST_CLASSES = 6  # named
# A training needs some hundreds of steps to learn anything; the digits, which are easy, 100.
FEW_STEPS = 100
ENOUGH_STEPS = 1_000
# For a rough figure of how well a gap can be known: an error that is usual for a first try, and
# Dunnett's quantile for three arms and three seeds.
USUAL_ERROR, QUANTILE = 0.1, 2.9
# A margin of this part of it, or less, is out of reach: arms share their test images, so that
# intervals are narrower than by chance alone, on the digits by half.
OUT_OF_REACH = 1 / 3
MOST_SEEDS = 100  # that are advised


def outlook(study: StudyFile, splits: dict[str, int], names: Sequence[str]) -> list[str]:
    """Lines about how much a study can tell.

    Args:
        study: The study.
        splits: The number of images in each split.
        names: Of the classes, where they have any.
    """
    images = (
        f"Images: {splits['train']:,} for training, {splits['validation']:,} for validation,"
        f" {splits['test']:,} for the test; one of the test is {_points(1 / splits['test'])} of"
        " error."
    )
    return [
        *(printable(line) for line in (images, *_classes(names))),
        *warnings(study, splits),
    ]


def warnings(study: StudyFile, splits: dict[str, int]) -> list[str]:
    """Those of the lines that say what stands in the way of a finding."""
    lines = _steps(study, splits["train"])
    if not study.until and not study.search:
        lines += _margin(study, splits["test"])
    return [printable(line) for line in lines]


def epochs_for(steps: int, train: int, batch_size: int) -> int:
    """The epochs in which a training takes at least so many steps."""
    return math.ceil(steps / (train // batch_size))


def _classes(names: Sequence[str]) -> list[str]:
    if not names:
        return []
    more = ", ..." if len(names) > MOST_CLASSES else ""
    shown = ", ".join(map(repr, names[:MOST_CLASSES]))
    return [f"{counted(len(names), 'class', 'classes')}: {shown}{more}."]


def _steps(study: StudyFile, train: int) -> list[str]:
    lines = []
    for recipe in study.all_recipes:
        steps = recipe.epochs * recipe.steps_per_epoch(train)
        if steps < FEW_STEPS:
            enough = epochs_for(ENOUGH_STEPS, train, recipe.batch_size)
            advice = (
                f"give {recipe.name} more epochs"
                if study.recipes
                else f"--set recipe.epochs={enough}"
            )
            lines.append(
                f"Warning: a training by {recipe.name} takes only {counted(steps, 'step')}, too few"
                f" to learn much; about {ENOUGH_STEPS:,} are {enough} epochs ({advice})."
            )
    return lines


def _margin(study: StudyFile, test: int) -> list[str]:
    seeds = len(study.seeds)
    if seeds == 1:
        return [
            "Warning: one seed shows no interval, so no verdict is reached; give three or more."
        ]
    if study.margin is None:
        return []
    margin = study.margin / 100
    if margin < 1 / test:
        return [
            f"Warning: the margin of {_points(margin)} is less than one image of the test set. Give"
            " a larger margin, or more test images."
        ]
    # Two means of binomial errors, as if each training had test images of its own.
    width = QUANTILE * math.sqrt(2 * USUAL_ERROR * (1 - USUAL_ERROR) / (test * seeds))
    if margin > OUT_OF_REACH * width:
        return []
    needed = math.ceil(seeds * (OUT_OF_REACH * width / margin) ** 2)
    more_seeds = f", or {needed} seeds or more" if needed <= MOST_SEEDS else ""
    return [
        f"Warning: {counted(test, 'test image')} and {counted(seeds, 'seed')} cannot show a gap of"
        f" {_points(margin)}, the margin: where a tenth of the images is missed, chance alone moves"
        f" a gap by some {_points(width)}. Give a larger margin or more test images"
        f"{more_seeds}."
    ]


def _points(fraction: float) -> str:
    points = f"{100 * fraction:.2g}"
    return f"{points} point{'' if points == '1' else 's'}"
