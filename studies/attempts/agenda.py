"""What a study wants, as its claims see it: pairs that are known, and how many are to come."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from search_spaces.rules import MOST
from studies.attempts.attempt import Attempt
from studies.config.design import StoredDesign
from studies.pair import Pair

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution


@dataclass(frozen=True)
class Agenda:
    """The wanted pairs that are known now, in the order in which they are to be trained.

    `unproposed` trials of a search have no design yet; `to_come` counts them and every other pair
    that is wanted but not known yet. `blocked` pairs wait for others; `hopeless` ones cannot be
    trained, for all that they needed has failed. Those `ahead` may turn out to be needed: they are
    trained where no other pair waits.
    """

    pairs: Sequence[Pair]
    unproposed: int = 0
    to_come: int = 0
    blocked: frozenset[Pair] = frozenset()
    hopeless: frozenset[Pair] = frozenset()
    ahead: frozenset[Pair] = frozenset()


@dataclass(frozen=True)
class Carried:
    """What a new attempt carries beside its claim.

    `params` and their `distributions` are for Optuna's own programs to show.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    params: Mapping[str, Any] = field(default_factory=dict)
    distributions: Mapping[str, "BaseDistribution"] = field(default_factory=dict)


class Wants(Protocol):
    """What claims must know of a study; both methods are pure functions of the attempts so far."""

    @property
    def attribute_keys(self) -> tuple[str, ...]:
        """The attributes of attempts that its methods look at."""

    def agenda(self, attempts: Sequence[Attempt]) -> Agenda:
        """What is wanted after these attempts.

        Returns:
            An equal agenda as before, best the same object, where nothing else is wanted than then.
        """

    def carry(
        self, pair: Pair, attempts: Sequence[Attempt], proposal: Mapping[str, Any] | None = None
    ) -> Carried:
        """What a new attempt at a pair carries.

        Args:
            pair: What is attempted.
            attempts: Those so far.
            proposal: The record of the design, where this attempt is the first to name it.
        """


@dataclass(frozen=True)
class Fixed:
    """Pairs that are known from the start."""

    pairs: Sequence[Pair]
    attribute_keys: tuple[str, ...] = ()

    def agenda(self, attempts: Sequence[Attempt]) -> Agenda:
        return self._agenda

    @cached_property
    def _agenda(self) -> Agenda:
        return Agenda(self.pairs)

    def carry(
        self, pair: Pair, attempts: Sequence[Attempt], proposal: Mapping[str, Any] | None = None
    ) -> Carried:
        return Carried()


def design_numbers(design: StoredDesign) -> dict[str, int | None]:
    """What tells one design from another, in numbers; basic blocks have no bottleneck width.

    Depths are counted together, as `blocks`; of several other numbers there is no one to show.
    """
    return {
        "blocks" if key == "depths" else key: _number(key, value)
        for key, value in design.quantities.items()
    }


def _number(key: str, value: Any) -> int | None:
    if isinstance(value, tuple):
        value = sum(value) if key == "depths" else None
    return value or None  # Optuna's range begins at 1


def shared_numbers(designs: Sequence[StoredDesign]) -> frozenset[str]:
    """The numbers in which no design differs from another.

    They are not shown: each costs a claim a millisecond or more.
    """
    own = [design_numbers(design) for design in designs]
    return frozenset(
        key for key in (own[0] if own else ()) if len({each.get(key) for each in own}) == 1
    )


def as_parameters(
    design: StoredDesign,
    seed: int,
    more: Mapping[str, float] | None = None,
    without: Collection[str] = frozenset(),
) -> Carried:
    """A design's numbers and the seed as Optuna's parameters, for its own programs to show.

    Args:
        design: The design.
        seed: The seed.
        more: Rates to show as well.
        without: Numbers to leave out.
    """
    from optuna.distributions import FloatDistribution, IntDistribution

    params: dict[str, Any] = {
        key: value
        for key, value in design_numbers(design).items()
        if value is not None and key not in without
    }
    # Optuna keeps the distributions of a parameter compatible with its first:
    # whole numbers in one wide range always are.
    distributions: dict[str, BaseDistribution] = {
        key: IntDistribution(1, MOST, log=True) for key in params
    }
    params["seed"] = seed
    distributions["seed"] = IntDistribution(0, 2**32)
    for key, value in (more or {}).items():
        params[key] = value
        distributions[key] = FloatDistribution(0.0, float(MOST))
    return Carried(params=params, distributions=distributions)
