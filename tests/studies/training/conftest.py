"""What the tests of a training share: a few digits, and a run that nothing happened to."""

from dataclasses import replace
from typing import Any

import pytest
from small_trainings import CPU, DENSE, RECIPE

from studies.data import DataSpec, Images, Splits, load
from studies.training.training import Outcome, train


@pytest.fixture(scope="session")
def splits() -> Splits:
    """A few hundred digits."""
    whole = load(DataSpec(name="digits", validation=0.2, test=0.2))
    parts: dict[str, Any] = {
        name: Images(part.images[:count], part.labels[:count])
        for name, count in (("train", 240), ("validation", 100), ("test", 90))
        for part in [getattr(whole, name)]
    }
    return replace(whole, **parts)


@pytest.fixture(scope="session")
def undisturbed(splits: Splits) -> Outcome:
    return train(DENSE, RECIPE, splits, 0, CPU)
