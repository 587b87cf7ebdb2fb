"""Solving where no formula is known: the nearest of all values, by few that are looked at."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import Budget, Complexity, UserError
from explorer.searching import MOST_EVALUATED, search_quantity


@dataclass(frozen=True)
class Counted:
    """A network of one quantity, n, whose FLOPs are a function of it."""

    flops: Callable[[int], int]
    n: int = 16

    @property
    def name(self) -> str:
        return f"counted(n={self.n})"

    @property
    def quantities(self) -> dict[str, int]:
        return {"n": self.n}

    def with_(self, **quantities: int) -> "Counted":
        return replace(self, **quantities)

    def count(self) -> Complexity:
        return Complexity(self.flops(self.n), 0, 0)


def _search(flops: Callable[[int], int], budget: int, start: int = 16, step: int = 1) -> Any:
    return search_quantity(Counted(flops, start), "n", Budget("flops", budget), step)  # type: ignore[arg-type]


GROWING = {
    "linear": lambda n: 7 + 3 * n,
    "quadratic": lambda n: 900 + 11 * n + 2 * n * n,
    "steps": lambda n: 50 * (1 + (n + 7) // 8),
    "cubic": lambda n: n**3,
}


@given(
    st.sampled_from(sorted(GROWING)),
    st.integers(1, 20_000),
    st.integers(1, 400),
    st.integers(1, 9),
)
def test_where_cost_grows_the_value_is_the_nearest_of_all(
    kind: str, budget: int, start: int, step: int
) -> None:
    flops = GROWING[kind]
    found, note = _search(flops, budget, start, step)
    assert not note
    assert found % step == 0
    best = min(range(step, 8_000, step), key=lambda n: (abs(flops(n) - budget), flops(n)))
    assert flops(found) == flops(best)


def test_where_cost_falls_the_whole_bracket_is_evaluated_and_that_is_said() -> None:
    flops = lambda n: 10_000 // n + (n % 3) * 100  # noqa: E731
    found, note = _search(flops, 900)
    low, high = map(
        int, note.replace("every n from ", "|").split("|")[1].split(" was")[0].split(" to ")
    )
    assert "flops do not grow with n, so every n from" in note
    assert low <= 16 <= high
    best = min(range(low, high + 1), key=lambda n: (abs(flops(n) - 900), flops(n)))
    assert flops(found) == flops(best)


def test_values_that_cannot_be_built_are_told() -> None:
    def flops(n: int) -> int:
        if n % 4:
            raise UserError(f"n={n} is no multiple of 4.")
        return 100 * n

    with pytest.raises(
        UserError, match=r"n=\d+ is no multiple of 4.*take multiples: --multiple-of"
    ):
        _search(flops, 2345)
    assert _search(flops, 2345, step=4) == (24, "")


def test_a_cost_that_does_not_depend_on_it_is_refused_and_so_is_too_wide_a_bracket() -> None:
    with pytest.raises(UserError, match="n cannot be solved by flops, which is 5 for every n"):
        _search(lambda n: 5, 100)
    with pytest.raises(UserError, match=f"more than {MOST_EVALUATED} to evaluate"):
        _search(lambda n: 10**9 // n, 10**5, start=3000)
