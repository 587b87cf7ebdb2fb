"""What a study cannot show is said before it is trained."""

from typing import Any

import pytest

from studies.config.outlook import warnings
from studies.config.study import StudyFile


def study(**changes: Any) -> StudyFile:
    document: dict[str, Any] = {
        "name": "small",
        "space": "digits_cardinality",
        "data": {"name": "digits", "validation": 0.1, "test": 0.2},
        "recipe": {"name": "quick", "epochs": 15, "batch_size": 64},
        "seeds": [0, 1, 2],
        "search": "grid",
    }
    return StudyFile.model_validate(document | changes)


SMALL = {"train": 420, "validation": 60, "test": 120}
LARGE = {"train": 54_000, "validation": 6_000, "test": 10_000}


def test_a_study_that_can_show_what_it_asks_is_not_warned_of() -> None:
    assert warnings(study(margin=1.0), LARGE) == []


def test_few_steps_are_said_with_the_epochs_that_are_enough() -> None:
    (line,) = warnings(study(), SMALL)  # 15 epochs of 6 steps
    assert "takes only 90 steps" in line
    assert "about 1,000 are 167 epochs (--set recipe.epochs=167)" in line


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": [0]}, "one seed shows no interval, so no verdict is reached"),
        ({"margin": 0.01}, "the margin of 0.01 points is less than one image of the test set"),
        ({"margin": 1.0}, "120 test images and 3 seeds cannot show a gap of 1 point, the margin"),
    ],
)
def test_seeds_and_margins_that_show_nothing(changes: dict[str, Any], words: str) -> None:
    recipe = {"name": "quick", "epochs": 200, "batch_size": 64}
    (line,) = warnings(study(recipe=recipe, **changes), SMALL)
    assert words in line


def test_chance_alone_is_of_the_size_that_draws_have() -> None:
    """Means of three binomial errors of a tenth on 120 images, by NumPy's own draws."""
    import re

    import numpy as np

    (line,) = warnings(
        study(margin=1.0, recipe={"name": "quick", "epochs": 200, "batch_size": 64}), SMALL
    )
    told = float(re.search(r"by some ([\d.]+) points", line)[1])  # type: ignore[index]
    draws = np.random.default_rng(0).binomial(120, 0.1, (2, 3, 100_000)) / 120
    gaps = 100 * np.subtract(*draws.mean(1))
    assert np.quantile(abs(gaps), 0.95) < told < np.quantile(abs(gaps), 0.9999)
