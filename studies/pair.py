"""The unit of a study."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

_TUNING = "tuning "


@dataclass(frozen=True, order=True)
class Pair:
    """The unit of a study: a design, trained from a seed; a `variant` is
    trained beside it, such as a tuning trial."""

    design: str
    seed: int
    variant: str = ""

    @classmethod
    def of(cls, claim: Mapping[str, Any]) -> "Pair":
        """The pair that a stored claim names."""
        return cls(claim["design"], claim["seed"], claim.get("variant", ""))

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
        return {key: value for key, value in asdict(self).items() if key != "variant" or value}
