"""What a user should know before a training: augmentation, what was left out, unusual classes.

All of it is lines of text, safe to store and to show on a terminal.
"""

import re

from explorer.streams import printable
from explorer.text import human_percent
from studies.config.recipe import Recipe
from studies.data import Splits

# Where the largest class has so many times the images of the smallest, the error says little. For
# ImageNet it is 1.8.
IMBALANCED = 3
MOST_CLASSES, MOST_CLASSES_IN_FULL = 6, 20  # in a list of some classes, and of all
# Words in the names of classes that a mirror image may turn into another class. Single letters and
# numbers are of that kind too.
MIRRORED_WORDS = re.compile(
    "left|right|(anti|counter)?clockwise|c?cw|arrows?|east|west|digits?|letters?|text|"
    "zero|one|two|three|four|five|six|seven|eight|nine|"
    "links|rechts|gauche|droite|izquierda|derecha|sinistra|destra",
    re.IGNORECASE,
)


def training_notes(splits: Splits, *recipes: Recipe) -> list[str]:
    """What to say about trainings by these recipes on these splits, in lines; augmentation
    first."""
    channels, resolution = splits.train.images.shape[1:3]
    mirrored = any(recipe.flip == "where_mirrored" for recipe in recipes) and splits.mirrored
    lines = []
    for recipe in recipes:
        name = f" of {recipe.name}" if len(recipes) > 1 else ""
        changes = recipe.augmentation(resolution, channels, mirrored=splits.mirrored)
        lines.append(f"Augmentation{name}: {changes}.")
    sided = [name for name in splits.names if _has_sides(name)]
    if mirrored and sided and not splits.mirrored_given:
        lines.append(
            "Warning: images are mirrored, and a mirror image may not keep the class of"
            f" {_listed(sided)}. If so, turn mirroring off: mirrored: false in the data section"
            " (--set data.mirrored=false)."
        )
    lines += splits.notes
    if imbalanced := _imbalance(splits):
        advice = (
            "; --set recipe.class_weights=balanced gives all classes the same weight in the loss"
        )
        if all(recipe.class_weights == "balanced" for recipe in recipes):
            advice = ""
        lines.append(
            f"{imbalanced} The balanced error, the mean of the errors by class, says more{advice}."
        )
    return [printable(line) for line in lines]


def errors_by_class(errors: list[float | None], names: tuple[str, ...]) -> str:
    """The error of each class in one line; of more than 20 classes, the largest errors.

    Args:
        errors: Fractions, by label; None for a class without images, which is left out.
        names: Of the classes; may be empty.
    """
    known = [
        (error, f"{names[label] if names else label} {human_percent(error)}")
        for label, error in enumerate(errors)
        if error is not None
    ]
    shown, more = known, ""
    if len(known) > MOST_CLASSES_IN_FULL:
        shown = sorted(known, key=lambda pair: -pair[0])[:MOST_CLASSES]
        more = f"; the other {len(known) - len(shown)} at most {human_percent(shown[-1][0])}"
    return printable(", ".join(text for _, text in shown) + more)


def _has_sides(name: str) -> bool:
    """Whether a mirror image of a class of this name may be one of another class, or of none."""
    words = re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    if len(words) == 1 and (len(words[0]) == 1 or words[0].isdecimal()):
        return True
    return any(MIRRORED_WORDS.fullmatch(word) for word in words)


def _imbalance(splits: Splits) -> str | None:
    """What always guessing the largest class gives; None where classes are of similar size."""
    import numpy as np

    labels = [part.labels for part in (splits.train, splits.validation, splits.test)]
    counts = np.bincount(np.concatenate(labels), minlength=splits.classes)
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] < IMBALANCED * counts[least]:
        return None
    total = int(counts.sum())
    return (
        f"The classes are imbalanced: {counts[most]:,} of {total:,} images are of"
        f" {_class(splits, most)}, {counts[least]} of {_class(splits, least)}."
        f" Always guessing {_class(splits, most)} gives"
        f" {human_percent(1 - counts[most] / total)} error."
    )


def _class(splits: Splits, label: int) -> str:
    return repr(splits.names[label]) if splits.names else f"class {label}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_CLASSES} more" if len(names) > MOST_CLASSES else ""
    return ", ".join(map(repr, names[:MOST_CLASSES])) + more
