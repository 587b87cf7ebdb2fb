"""The `tune` section of a study file: is it the arm or the learning rate?

Every arm is trained with the same recipes from given ranges, and goes on with its best.

The recipes are fixed beforehand and the same for all arms: a Latin hypercube, evenly spaced in the
logarithm, its ends included. Each is trained on the first seed and judged on validation; the best
is frozen for all of the arm's seeds.
"""

import math
from typing import Annotated

from pydantic import Field, StrictInt, model_validator

from explorer.errors import UserError
from search_spaces.documents import FileModel
from search_spaces.rules import MOST

Range = Annotated[list[Annotated[float, Field(gt=0, le=MOST)]], Field(min_length=2, max_length=2)]
TUNED = ("learning_rate", "weight_decay")
GOLDEN = (math.sqrt(5) - 1) / 2


class Tune(FileModel):
    """How many tuning trials an arm gets, and the range of each quantity, [smallest, largest].

    Attributes:
        trials: Of each arm, on the first seed.
        learning_rate: The range of its peak, such as [0.02, 0.5].
        weight_decay: Its range.
    """

    trials: Annotated[StrictInt, Field(ge=2, le=1_000)]
    learning_rate: Range | None = None
    weight_decay: Range | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "Tune":
        if not self.ranges:
            raise UserError(
                "name what to tune with its range:"
                f" {' or '.join(f'{key}: [low, high]' for key in TUNED)}"
            )
        for key, (low, high) in self.ranges.items():
            if low >= high:
                raise UserError(f"{key} goes from low to high; given: [{low:g}, {high:g}]")
        return self

    @property
    def ranges(self) -> dict[str, list[float]]:
        return {key: values for key in TUNED if (values := getattr(self, key)) is not None}

    @property
    def recipes(self) -> list[dict[str, float]]:
        """What each tuning trial changes in the recipe.

        Every value stands for its share of the range and is tried once.
        """
        ranks = {key: self._ranks(number) for number, key in enumerate(self.ranges)}
        return [
            {
                key: _between(low, high, ranks[key][trial] / (self.trials - 1))
                for key, (low, high) in self.ranges.items()
            }
            for trial in range(self.trials)
        ]

    def _ranks(self, number: int) -> list[int]:
        """The rank of each trial along the range of quantity `number`.

        Those of the second quantity are well mixed with the first.
        """
        if number == 0:
            return list(range(self.trials))
        order = sorted(range(self.trials), key=lambda trial: ((trial + 1) * GOLDEN) % 1)
        return [order.index(trial) for trial in range(self.trials)]


def _between(low: float, high: float, share: float) -> float:
    """A value at its share of the way, in the logarithm, with three digits; the ends exactly."""
    if share in (0, 1):
        return low if share == 0 else high
    return float(f"{low ** (1 - share) * high**share:.3g}")
