"""Whether a network has learned: its error beside that of guessing, with right values by hand."""

import pytest

from studies.judging.guessing import Guess


def test_guessing_is_the_better_of_all_classes_alike_and_always_the_commonest():
    data = {"train": 400, "validation": 100, "test": 100}
    commonest = {"train": 300, "validation": 100, "test": 25}
    errors = {split: Guess.of(split, 4, data, commonest).error for split in data}
    assert errors == {"train": 0.25, "validation": 0.0, "test": 0.75}
    assert Guess.of("train", 4, data, commonest).how == "always guessing the commonest class"
    assert Guess.of("test", 4, data, commonest).how == "guessing"


@pytest.mark.parametrize("data", [{}, {"test": 0.2}, {"test": 680}])
def test_without_the_counts_of_classes_all_count_alike(data: dict[str, float]):
    """An older version stored no counts, and a table from elsewhere may not say how many images."""
    assert Guess.of("test", 2, data, {}).error == 0.5


def test_an_error_beats_guessing_by_a_tenth_and_by_more_than_the_images_luck():
    """Wilson's 95 % one-sided upper end of 5 wrong of 100 is 9.9 %, of 6 it is 11.2 %."""
    few = Guess.of("test", 2, {"test": 100}, {"test": 90})
    assert few.is_beaten_by(0.05)
    assert not few.is_beaten_by(0.06)
    many = Guess.of("test", 2, {"test": 100_000}, {"test": 90_000})
    assert many.is_beaten_by(0.089)
    assert not many.is_beaten_by(0.091)
    nobody = Guess.of("test", 2, {"test": 100}, {"test": 100})
    assert not nobody.is_beaten_by(0.0)
