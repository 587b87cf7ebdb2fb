"""What a user should know before a training: what the augmentation does, what was
left out of the data, and where classes need care.

Lines of text; what stands in them may be stored, and shown on a terminal.
"""

import re

from explorer.streams import printable
from explorer.text import human_percent
from studies.config.recipe import Recipe
from studies.data.images import Splits

# The largest class has so many times as many images as the smallest: then the
# error says little. ImageNet's are within 1.8.
IMBALANCED = 3
MOST_CLASSES, MOST_CLASSES_TOLD = 6, 20  # in a list of some, and in one of all
# Words in the name of a class that a mirror image may turn into another.
# Single letters and numbers are among them.
MIRRORED_WORDS = re.compile(
    "left|right|(anti|counter)?clockwise|c?cw|arrows?|east|west|digits?|letters?|text|"
    "zero|one|two|three|four|five|six|seven|eight|nine|"
    "links|rechts|gauche|droite|izquierda|derecha|sinistra|destra",
    re.IGNORECASE,
)


def notes(splits: Splits, recipe: Recipe) -> list[str]:
    """What to say of a training by `recipe` on `splits`, the augmentation first."""
    channels, resolution = splits.train.images.shape[1:3]
    mirrored = recipe.flip == "where_mirrored" and splits.mirrored
    lines = [recipe.augmentation(resolution, channels, mirrored=splits.mirrored) + "."]
    if (
        mirrored
        and not splits.mirrored_given
        and (turning := [name for name in splits.names if _turns(name)])
    ):
        lines.append(
            "Warning: images are mirrored, and a mirror image may not keep the class of"
            f" {_listed(turning)}. If so, turn that off: mirrored: false in the data section (--set"
            " data.mirrored=false)."
        )
    lines += splits.notes
    if imbalanced := _imbalance(splits):
        more = (
            ""
            if recipe.class_weights == "balanced"
            else "; --set recipe.class_weights=balanced has the loss weigh classes alike"
        )
        lines.append(
            f"{imbalanced} The balanced error, the mean of the classes' errors, says more{more}."
        )
    return [printable(line) for line in lines]


def by_class(errors: list[float | None], names: tuple[str, ...]) -> str:
    """The error of each class in one line; of many classes, the largest
    errors. A class without images has none."""
    there = [
        (error, f"{names[label] if names else label} {human_percent(error)}")
        for label, error in enumerate(errors)
        if error is not None
    ]
    shown = there
    if len(there) > MOST_CLASSES_TOLD:
        shown = sorted(there, key=lambda one: -one[0])[:MOST_CLASSES]
    more = (
        f"; the other {len(there) - len(shown)} at most {human_percent(shown[-1][0])}"
        if shown != there
        else ""
    )
    return printable(", ".join(text for _, text in shown) + more)


def _turns(name: str) -> bool:
    """Whether a mirror image of a class of this name may be one of another class, or of none."""
    words = re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))
    if len(words) == 1 and (len(words[0]) == 1 or words[0].isdecimal()):
        return True
    return any(MIRRORED_WORDS.fullmatch(word) for word in words)


def _imbalance(splits: Splits) -> str | None:
    """What always guessing the largest class gives, where it is much larger than the smallest."""
    import numpy as np

    labels = [part.labels for part in (splits.train, splits.validation, splits.test)]
    counts = np.bincount(np.concatenate(labels), minlength=splits.classes)
    most, least = int(counts.argmax()), int(counts.argmin())
    if counts[most] < IMBALANCED * counts[least]:
        return None
    total = int(counts.sum())
    return (
        f"The classes are imbalanced: {counts[most]} of {total} images are of"
        f" {_class(splits, most)}, {counts[least]} of {_class(splits, least)}."
        f" {human_percent(1 - counts[most] / total)} error is what always guessing"
        f" {_class(splits, most)} gives."
    )


def _class(splits: Splits, label: int) -> str:
    return repr(splits.names[label]) if splits.names else f"class {label}"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - MOST_CLASSES} more" if len(names) > MOST_CLASSES else ""
    return ", ".join(map(repr, names[:MOST_CLASSES])) + more
