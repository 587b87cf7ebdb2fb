"""What the tests of a training share: a few digits, and a run that nothing happened to."""

import pytest
from small_trainings import CPU, DENSE, RECIPE, few_digits

from studies.data import Splits
from studies.training.training import Outcome, train


@pytest.fixture(scope="session")
def splits() -> Splits:
    return few_digits()


@pytest.fixture(scope="session")
def undisturbed(splits: Splits) -> Outcome:
    return train(DENSE, RECIPE, splits, 0, CPU)
