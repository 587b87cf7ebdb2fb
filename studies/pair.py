"""The unit of a study."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explorer.file_kinds import comes_along

_TUNING = "tuning "


def split_recipe(name: str) -> tuple[str, str]:
    """The study and the recipe that `STUDY:RECIPE` names; "" for a name without a recipe."""
    study, colon, recipe = name.rpartition(":")
    is_of_recipe = colon and "/" not in recipe and not comes_along(name)
    return (study, recipe) if is_of_recipe else (name, "")


@dataclass(frozen=True, order=True)
class Pair:
    """The unit of a study: a design, trained from a seed; a `variant` is
    trained beside it, such as a tuning trial. `recipe` names one of several."""

    design: str
    seed: int
    variant: str = ""
    recipe: str = ""

    @classmethod
    def of(cls, claim: Mapping[str, Any]) -> "Pair":
        """The pair that a stored claim names."""
        return cls(
            claim["design"], claim["seed"], claim.get("variant", ""), claim.get("recipe", "")
        )

    @classmethod
    def tuning(cls, design: str, seed: int, trial: int) -> "Pair":
        """The pair of a tuning trial, counted from 0."""
        return cls(design, seed, f"{_TUNING}{trial + 1}")

    @property
    def trial(self) -> int:
        """Of the pair of a tuning trial: which, counted from 0."""
        return int(self.variant.removeprefix(_TUNING)) - 1

    def claim(self) -> dict[str, Any]:
        """What a claim stores of it."""
        return {key: value for key, value in self.record().items() if key != "variant" or value}

    def record(self) -> dict[str, Any]:
        """It as plain data, with a recipe where the study has several."""
        return {key: value for key, value in asdict(self).items() if key != "recipe" or value}

    def of_arm(self, arm: str) -> str:
        """What is trained, in words, by its arm's label: 'C=8', 'C=8 modern', 'C=8 tuning 2'."""
        return " ".join(filter(None, (arm, self.recipe, self.variant)))
