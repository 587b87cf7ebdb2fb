"""The unit of a study."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, order=True)
class Pair:
    """The unit of a study: a design, trained from a seed; a `variant` is trained beside it, such as a tuning trial."""

    design: str
    seed: int
    variant: str = ""

    @classmethod
    def of(cls, claim: Mapping[str, Any]) -> "Pair":
        """The pair that a stored claim names."""
        return cls(claim["design"], claim["seed"], claim.get("variant", ""))

    def claim(self) -> dict[str, Any]:
        """What a claim stores of it."""
        return {key: value for key, value in asdict(self).items() if key != "variant" or value}
