"""What trainings got wrong: by class, by image, and how much arms err on the same images.

Everything is of the test images, in the order of the split. An image is known by its number in it,
from 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dashboards.analysis.evidence import Evidence
from dashboards.analysis.tables import TextTable
from dashboards.analysis.test_set import flags_of
from dashboards.analysis.words import NOTHING, percent
from explorer.text import counted, listed
from studies.missed import KEPT_BY_DEFAULT, Missed

MOST_ARMS, MOST_CLASSES, MOST_IMAGES, MOST_CONFUSIONS = 12, 20, 12, 3
BLOCK = 256  # trainings whose images are counted at once
LEVELS = 4  # of shade


@dataclass(frozen=True)
class MissedImage:
    """A test image that many trainings missed.

    Attributes:
        number: In the split, from 0.
        label: Its class.
        taken_for: The class that most of those that missed it took it for.
        misses: How many trainings missed it.
        by_arm: Of each arm, how many did.
    """

    number: int
    label: int
    taken_for: int
    misses: int
    by_arm: Mapping[str, int]


class _Joined(NamedTuple):
    """The misses of several trainings, one after the other: images, classes, and what for."""

    numbers: NDArray[np.int64]
    actual: NDArray[np.integer[Any]]
    predicted: NDArray[np.integer[Any]]


def _join(trainings: list[Missed]) -> _Joined:
    # At once: 10,000 trainings of a few misses each, one by one, take ten times as long.
    blocks = (trainings[start : start + BLOCK] for start in range(0, len(trainings), BLOCK))
    return _Joined(
        np.concatenate([np.nonzero(flags_of(block))[1] for block in blocks]),
        np.concatenate([missed.actual for missed in trainings]),
        np.concatenate([missed.predicted for missed in trainings]),
    )


@dataclass(frozen=True, eq=False)
class Misses:
    """What the trainings of each arm missed.

    Attributes:
        by_arm: By arm and seed; of arms and trainings that stored it, at least one.
        class_names: In the order of the labels; empty where classes have none.
    """

    by_arm: Mapping[str, Mapping[int, Missed]]
    class_names: tuple[str, ...] = ()

    @cached_property
    def trainings(self) -> list[Missed]:
        return [missed for trainings in self.by_arm.values() for missed in trainings.values()]

    @property
    def images(self) -> int:
        return self.trainings[0].images

    @cached_property
    def counts(self) -> pd.DataFrame:
        """How many trainings of each arm missed each image: images x arms."""
        return pd.DataFrame(
            {
                arm: np.bincount(own.numbers, minlength=self.images)
                for arm, own in self._joined.items()
            }
        )

    @cached_property
    def confusion(self) -> NDArray[np.int64]:
        """How many times images of each class (rows) were taken for another (columns)."""
        total = np.zeros([len(self.class_sizes)] * 2, np.int64)
        for own in self._joined.values():
            np.add.at(total, (own.actual, own.predicted), 1)
        return total

    @cached_property
    def errors_by_class(self) -> pd.DataFrame:
        """The error of each class and arm, over its trainings: classes x arms; NaN for a class
        without images."""
        sizes = np.array(self.class_sizes, float)
        misses = {
            arm: np.bincount(own.actual, minlength=len(sizes)) for arm, own in self._joined.items()
        }
        with np.errstate(invalid="ignore"):
            return pd.DataFrame(misses) / (sizes[:, None] * self._numbers)

    @cached_property
    def overlap(self) -> pd.DataFrame:
        """Of the images that a training of one arm (row) misses, the share that one of another arm
        (column) misses too; of its own arm, one with another seed. NaN where there is none."""
        counts, numbers = self.counts.to_numpy(float), self._numbers
        both = counts.T @ counts
        of_others = both / numbers
        own = np.diag(both) - counts.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            np.fill_diagonal(of_others, own / (numbers - 1))
            shares = of_others / counts.sum(axis=0)[:, None]
        return pd.DataFrame(shares, self.counts.columns, self.counts.columns)

    @cached_property
    def errors(self) -> pd.Series:
        """Each arm's error: the share that a training would miss of any images, by chance."""
        return self.counts.sum() / self._numbers / self.images

    def missed_most(self, most: int = MOST_IMAGES) -> list[MissedImage]:
        """The images that most trainings missed, at most so many; of equal ones the first."""
        total = self.counts.sum(axis=1).to_numpy()
        order = np.argsort(-total, kind="stable")[:most]
        numbers = [int(number) for number in order if total[number]]
        every = [np.concatenate(parts) for parts in zip(*self._joined.values(), strict=True)]
        among = np.isin(every[0], numbers)
        places, labels, guesses = (part[among] for part in every)
        return [
            MissedImage(
                number,
                int(labels[places == number][0]),
                int(np.bincount(guesses[places == number]).argmax()),
                int(total[number]),
                {str(arm): int(self.counts.loc[number, arm]) for arm in self.counts},
            )
            for number in numbers
        ]

    def class_name(self, label: int) -> str:
        """The name of a class, or its number where it has none."""
        return self.class_names[label] if label < len(self.class_names) else str(label)

    @property
    def class_sizes(self) -> tuple[int, ...]:
        return self.trainings[0].class_sizes

    @cached_property
    def _joined(self) -> dict[str, _Joined]:
        return {arm: _join(list(own.values())) for arm, own in self.by_arm.items()}

    @property
    def _numbers(self) -> NDArray[np.int64]:
        return np.array([len(own) for own in self.by_arm.values()])


def misses_of(evidence: Evidence) -> Misses | None:
    """What a study's trainings missed, the reference arm first; None where none stored it."""
    known = {arm: own for arm, own in evidence.missed.items() if own}
    first = {arm: known[arm] for arm in (evidence.reference, *known) if arm in known}
    names = tuple(map(str, evidence.info.get("class_names") or ()))
    return Misses(first, names) if first else None


def why_unknown(evidence: Evidence) -> str:
    """Why of some trainings, or all, it is not known which images they missed; "" where it is."""
    complete = sum(len(rows) for rows in evidence.complete.values())
    known = sum(map(len, evidence.missed.values()))
    if known == complete:
        return ""
    reason = {
        "imported": "Results from a file do not say it.",
        "switched off": "The study's file says keep_misses: false.",
        "too many images": (
            f"With more than {KEPT_BY_DEFAULT:,} validation and test images it is stored only where"
            " the study's file says keep_misses: true."
        ),
    }.get(
        str(evidence.info.get("misses_left_out", "imported")),
        "An earlier version of this program did not store it.",
    )
    which = "" if not known else f" of {complete - known} of {counted(complete, 'training')}"
    return f"Which images were missed is not known{which}. {reason}"


def concentration_text(misses: Misses) -> str:
    """How many images carry half of all misses, and what classes are taken for most often."""
    total = np.sort(misses.counts.sum(axis=1).to_numpy())[::-1]
    if not total[0]:
        return f"No training missed any of the {misses.images:,} test images."
    half = int(np.searchsorted(total.cumsum(), total.sum() / 2)) + 1
    wrong = misses.confusion
    pairs = np.argsort(-wrong, axis=None, kind="stable")[:MOST_CONFUSIONS]
    confusions = [
        f"{misses.class_name(int(label))}{'' if number else ' was taken'} for"
        f" {misses.class_name(int(guess))} ({counted(int(wrong[label, guess]), 'time')})"
        for number, (label, guess) in enumerate(
            zip(*np.unravel_index(pairs, wrong.shape), strict=True)
        )
        if wrong[label, guess]
    ]
    return (
        f"{counted(half, 'image')} of {misses.images:,} {'carries' if half == 1 else 'carry'} half"
        f" of all misses; {int((total == 0).sum()):,} were missed by no training. Most often"
        f" {listed(confusions)}."
    )


@dataclass(frozen=True)
class ShadedTable:
    """A table with a shade for each cell, from 0 (none) to `LEVELS`, and what is left out of it."""

    content: TextTable
    levels: tuple[tuple[int, ...], ...]
    left_out: str


def class_table(misses: Misses) -> ShadedTable:
    """Error in % by class and arm; of many classes those with the largest errors."""
    arms, errors = _shown_arms(misses), misses.errors_by_class
    sizes = misses.class_sizes
    order = [label for label in errors.index if sizes[label]]
    left_out = [_cut(len(misses.by_arm), len(arms), "arms")]
    if len(order) > MOST_CLASSES:
        means = errors.loc[order].mean(axis=1)
        worst = means.sort_values(ascending=False, kind="stable").index[:MOST_CLASSES]
        left_out.append(_cut(len(order), MOST_CLASSES, "classes, those with the largest errors"))
        order = [int(label) for label in worst]
    rows = tuple(
        (misses.class_name(label), f"{sizes[label]:,}", *map(percent, errors.loc[label, arms]))
        for label in order
    )
    table = TextTable(("Class", "Images", *arms), rows, frozenset(("Class",)))
    return _shaded(table, errors.loc[order, arms].to_numpy(), 2, left_out)


def overlap_table(misses: Misses) -> ShadedTable:
    """Of what an arm (row) misses, how much another (column) misses too, and what chance gives."""
    arms = _shown_arms(misses)
    shares = misses.overlap.loc[arms, arms]
    rows = [(arm, *(_whole_percent(share) for share in shares.loc[arm])) for arm in arms]
    rows.append(("by chance", *(_whole_percent(misses.errors[arm]) for arm in arms)))
    table = TextTable(("Missed by", *arms), tuple(rows), frozenset(("Missed by",)))
    values = np.vstack([shares.to_numpy(), misses.errors[arms].to_numpy()])
    return _shaded(table, values, 1, [_cut(len(misses.by_arm), len(arms), "arms")])


def image_table(misses: Misses, images: list[MissedImage]) -> TextTable:
    """The images missed most: class, what they are taken for, and by which arms."""
    trainings = len(misses.trainings)
    rows = tuple(
        (
            f"No. {image.number:,}",
            misses.class_name(image.label),
            misses.class_name(image.taken_for),
            f"{image.misses} of {trainings}",
            _by_arm(misses, image) or NOTHING,
        )
        for image in images
    )
    headings = ("Image", "Class", "Taken for", "Missed by", "By arm")
    return TextTable(headings, rows, frozenset(("Image", "Class", "Taken for", "By arm")))


def _by_arm(misses: Misses, image: MissedImage) -> str:
    """'C=1 (3 of 3), C=2 (1 of 3)'; of many arms, those that missed it most."""
    arms = sorted(
        (arm for arm, count in image.by_arm.items() if count),
        key=lambda arm: -image.by_arm[arm] / len(misses.by_arm[arm]),
    )
    parts = [
        f"{arm}\u00a0({image.by_arm[arm]}\u00a0of\u00a0{len(misses.by_arm[arm])})"
        for arm in arms[:MOST_ARMS]
    ]
    more = len(arms) - MOST_ARMS
    apart = "; " if any("," in arm for arm in arms) else ", "
    return apart.join([*parts, *([f"and {more} more"] if more > 0 else [])])


def _shown_arms(misses: Misses) -> list[str]:
    return list(misses.by_arm)[:MOST_ARMS]


def _cut(count: int, shown: int, what: str) -> str:
    return f"The first {shown} of {count} {what}." if count > shown else ""


def _whole_percent(share: float) -> str:
    if pd.isna(share):
        return NOTHING
    return f"{100 * share:.0f}" if share >= 0.0995 else f"{100 * share:.1f}"  # 10, not 10.0


def _shaded(
    table: TextTable, values: NDArray[np.float64], before: int, left_out: list[str]
) -> ShadedTable:
    """Shades by value; `before` columns have none."""
    known = values[np.isfinite(values)]
    largest = float(known.max()) if len(known) else 0.0
    parts = np.nan_to_num(values / largest if largest else np.zeros_like(values))
    levels = np.minimum(LEVELS, np.floor(parts * (LEVELS + 1))).astype(int).tolist()
    rows = tuple((*[0] * before, *row) for row in levels)
    return ShadedTable(table, rows, " ".join(filter(None, left_out)))
