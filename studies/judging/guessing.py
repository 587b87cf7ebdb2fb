"""Has a network learned anything? Its error beside that of guessing, in numbers and in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from explorer.text import human_percent
from studies.judging.sampling import interval_over_images

NO_BETTER = 0.9  # parts of the error of guessing: who errs as much has not learned
SURE = 0.9  # two-sided, so that 95 % lie below the upper end: by luck 1 in 20 seems to have learned


@dataclass(frozen=True)
class Guess:
    """The better of two ways to guess the classes of a split without looking at its images:
    each class alike, or always the commonest.

    Attributes:
        split: "train", "validation" or "test".
        error: Of the better way, a fraction.
        how: It, in words.
        images: Of the split; None where that is not known.
    """

    split: str
    error: float
    how: str
    images: int | None

    @classmethod
    def of(
        cls, split: str, classes: int, data: Mapping[str, Any], commonest: Mapping[str, Any]
    ) -> "Guess":
        """The best guess of a study's split.

        Args:
            split: Which.
            classes: How many there are; 2 at least.
            data: How many images each split has.
            commonest: How many of them are of the split's commonest class. An older version stored
                nothing of it: then classes count as equally common.
        """
        count = data.get(split)
        # A share of the images, as a study's file may say it, is no number of them.
        images = count if isinstance(count, int) and count > 1 else None
        uniform = 1 - 1 / classes
        most = commonest.get(split)
        always = 1 - most / images if images and most else uniform
        if always < uniform:
            return cls(split, always, "always guessing the commonest class", images)
        return cls(split, uniform, "guessing", images)

    def is_beaten_by(self, error: float) -> bool:
        """Whether an error (a fraction) is below that of guessing: by a tenth of it at least, and
        by more than the luck of which images are in the split (Wilson's interval, 95 % one-sided).
        """
        if error >= NO_BETTER * self.error:
            return False
        error = max(0.0, error)  # least squares may have it below
        return not self.images or interval_over_images(error, self.images, SURE)[1] < self.error


def unlearned_sentences(
    subject: str, errors: Sequence[float], guess: Guess, train: Sequence[float], of_train: Guess
) -> str:
    """'C=1 has not learned much: guessing makes 90.0 % test error, and here it is 89.0 %. ...':
    what was not learned, and what to do.

    Args:
        subject: With its verb: 'No arm has', 'C=1 has not', 'C=1 and C=2 have not'.
        errors: Of those that have not learned, on the guess's split.
        guess: That they do not beat.
        train: Their training errors, as far as they are known.
        of_train: What guessing gives there.
    """
    said = (
        f"{subject} learned much: {guess.how} makes {human_percent(guess.error)} {guess.split}"
        f" error, and here it is {_spread(errors)}."
    )
    if train and all(map(of_train.is_beaten_by, train)):
        return (
            f"{said} The training images are learned ({_spread(train)} error there), but not what"
            " holds for others: more images or stronger augmentation may help, longer training"
            " will not."
        )
    weights = ""
    if guess.how != "guessing":
        weights = ", or with recipe.class_weights=balanced where classes are imbalanced,"
    return (
        f"{said} Look at the learning curves, and train longer or with another learning"
        f" rate{weights} before comparing."
    )


def _spread(errors: Sequence[float]) -> str:
    return " to ".join(dict.fromkeys(map(human_percent, (min(errors), max(errors)))))
