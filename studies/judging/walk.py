"""The seeds of a plan, read in their order: which count, what is known after each, what comes next.

A seed counts once every arm that still needs it has its result, or has lost it; of an arm, only the
seeds up to its decision count. So neither the order in which results came, nor those trained ahead,
nor those that came too late, change what is decided.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from studies.judging.residuals import Array, Mask

Pair = tuple[int, int]  # row of the arm and column of the seed


@dataclass
class Walk:
    """The seeds of a plan in their order, and the fit of arm + seed to what counts so far."""

    errors: Array
    lost: Mask
    have: Mask = field(init=False)
    trained: NDArray[np.intp] = field(init=False)  # results that counted, of each arm
    rounding: float = field(init=False)  # a deviation below this is rounding
    seen: int = 0  # columns walked
    _normal: Array = field(init=False)
    _moments: Array = field(init=False)
    _squares: float = 0.0
    _freedom: int = 0

    def __post_init__(self) -> None:
        arms = len(self.errors)
        self.have = np.isfinite(self.errors)
        self.trained = np.zeros(arms, dtype=np.intp)
        self.rounding = 1e-9 * max(1.0, float(np.abs(self.errors[self.have]).max(initial=0.0)))
        self._normal, self._moments = np.zeros((arms, arms)), np.zeros(arms)
        # The fit does not see a constant of each arm; without it, squares stay small.
        first = self.errors[np.arange(arms), self.have.argmax(axis=1)]
        self._centred = np.where(self.have, self.errors - first[:, None], 0.0)

    def columns(self, active: Mask, reference: int | None = None) -> Iterator[int]:
        """Each seed that counts. `active` may change between two; an arm that is not active has no
        part in later ones. A seed that the reference lost counts for nobody."""
        for column in range(self.errors.shape[1]):
            if reference is not None and self.lost[reference, column]:
                self.seen = column + 1
                continue
            needed = active & ~self.lost[:, column]
            if (needed & ~self.have[:, column]).any():
                return
            self._add(needed, column)
            self.seen = column + 1
            yield column

    def _add(self, arms: Mask, column: int) -> None:
        held, values = arms.astype(float), np.where(arms, self._centred[:, column], 0.0)
        count = int(arms.sum())
        if not count:
            return
        total = values.sum()
        self._normal += np.diag(held) - np.outer(held, held) / count
        self._moments += values - held * (total / count)
        self._squares += float(values @ values - total**2 / count)
        self._freedom += count - 1
        self.trained += arms

    def residual(self) -> tuple[float, int]:
        """The residual sum of squares and its degrees of freedom, of what counts so far."""
        values, vectors = np.linalg.eigh(self._normal)
        nonzero = values > 1e-8
        explained = ((vectors[:, nonzero].T @ self._moments) ** 2 / values[nonzero]).sum()
        return max(0.0, self._squares - float(explained)), self._freedom - int(nonzero.sum())

    def to_train(
        self, active: Mask, reference: int | None, start: int
    ) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
        """What active arms lack for the next look, and what they may want after it."""
        rows = np.flatnonzero(active)
        if reference is not None:
            rows = np.array([reference, *rows[rows != reference]]) if len(rows) else rows
        wanted: list[Pair] = []
        ahead: list[Pair] = []
        shared = self._shared(reference)
        due = False
        for column in range(self.seen, self.errors.shape[1]) if len(rows) > 1 else ():
            if reference is not None and self.lost[reference, column]:
                continue
            coming = active & ~self.lost[:, column]
            pairs = [(int(row), column) for row in rows if coming[row]]
            lacking = [pair for pair in pairs if not self.have[pair]]
            (ahead if due else wanted).extend(lacking)
            shared += coming
            others = coming.copy()
            if reference is not None:
                others[reference] = False
            due = due or bool((shared[others] >= start).any())
        return tuple(wanted), tuple(ahead)

    def _shared(self, reference: int | None) -> NDArray[np.intp]:
        """Results so far of each arm; with a reference, on seeds that it has as well."""
        have = self.have[:, : self.seen]
        return (have if reference is None else have & have[reference]).sum(axis=1)
