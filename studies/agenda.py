"""What a study wants, as its claims see it: pairs that are known, and what the outcome of these will add."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

    from studies.claims import Attempt, Pair


@dataclass(frozen=True)
class Agenda:
    """The wanted pairs that are known now, in the order in which they are to be trained.

    `unproposed` trials of a search have no design yet; `to_come` counts them and every other pair that is wanted but not known
    yet. `blocked` pairs wait for others; `hopeless` ones cannot be trained, for all that they needed has failed.
    """

    pairs: Sequence["Pair"]
    unproposed: int = 0
    to_come: int = 0
    blocked: frozenset["Pair"] = frozenset()
    hopeless: frozenset["Pair"] = frozenset()


@dataclass(frozen=True)
class Carried:
    """What a new attempt carries beside its claim: attributes, and parameters for Optuna's own programs to show."""

    attributes: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    distributions: Mapping[str, "BaseDistribution"] = field(default_factory=dict)


class Wants(Protocol):
    """What claims must know of a study. Both methods are pure functions of what has been attempted."""

    @property
    def told(self) -> tuple[str, ...]:
        """The attributes of attempts that its methods look at."""

    def agenda(self, attempts: Sequence["Attempt"]) -> Agenda:
        """What is wanted, seen these attempts."""

    def carry(self, pair: "Pair", attempts: Sequence["Attempt"]) -> Carried:
        """What a new attempt at a pair carries."""


@dataclass(frozen=True)
class Fixed:
    """Pairs that are known from the start."""

    pairs: Sequence["Pair"]
    told: tuple[str, ...] = ()

    def agenda(self, attempts: Sequence["Attempt"]) -> Agenda:
        return Agenda(self.pairs)

    def carry(self, pair: "Pair", attempts: Sequence["Attempt"]) -> Carried:
        return Carried()
