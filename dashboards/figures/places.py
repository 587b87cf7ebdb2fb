"""Where the arms of a figure stand: side by side where their names fit so on a phone, else in rows,
one below the other."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from types import MappingProxyType
from typing import Any

import numpy as np

from dashboards.analysis.arms import are_powers, axes_of
from dashboards.analysis.evidence import Evidence

# Pixels of a figure's inside on a phone of 390, and of a letter per pixel of its font's size.
NARROWEST, LETTER = 280, 0.58
NAME_SIZE, SMALL_SIZE = 13, 11  # of fonts
LINE = 17  # pixels of a line of text
LONGEST_LINE = 24  # letters of a name beside its row: longer ones go on in the next line
GROUP_STEP = 1.35  # rows from an arm to one of another axis


@dataclass(frozen=True)
class Tick:
    """A tick's text, its words on lines of their own, and what stands below it in small type."""

    words: tuple[str, ...]
    below: tuple[str, ...] = ()

    @property
    def width(self) -> float:
        """Pixels of its longest word."""
        lines = [(word, NAME_SIZE) for word in self.words]
        lines += [(line, SMALL_SIZE) for line in self.below]
        return max((text_width(text, size) for text, size in lines), default=0.0)

    def in_row(self) -> "Tick":
        """The same beside a row: as few lines as there can be."""
        below = ", ".join(filter(None, self.below))
        name = wrapped(" ".join(self.words), LONGEST_LINE)
        return Tick(tuple(name), tuple(wrapped(below, LONGEST_LINE + 4)))


@dataclass(frozen=True)
class ArmAxis:
    """Where arms stand, what ticks say, and from where to where the axis goes.

    Attributes:
        places: Of each arm that is drawn.
        ticks: Their texts by position, and those of the paper's cardinalities where they are shown.
        is_log2: Whether places are log2 of cardinalities.
        in_rows: Whether arms stand one below the other, at places below zero.
        left_out: How many arms are not drawn.
        cardinalities: The position of each that has one.
    """

    places: dict[str, float]
    ticks: dict[float, Tick]
    title: str = ""
    is_log2: bool = False
    in_rows: bool = False
    left_out: int = 0
    cardinalities: Mapping[int, float] = field(default_factory=dict)

    @property
    def step(self) -> float:
        """The smallest distance between two arms, at most 1."""
        gaps = np.diff(sorted(self.ticks))
        return float(min(1.0, gaps.min())) if len(gaps) else 1.0

    @property
    def ends(self) -> tuple[float, float]:
        """From where to where the axis goes."""
        first, last = (min(self.ticks), max(self.ticks)) if self.ticks else (0.0, 1.0)
        room = 0.6 * self.step
        return first - room, last + room

    @property
    def height(self) -> int:
        """Pixels that rows need for their names; 0 of arms side by side."""
        if not self.in_rows:
            return 0
        lines = max((len(tick.words) + len(tick.below) for tick in self.ticks.values()), default=1)
        low, high = self.ends
        return round((high - low) * (lines * LINE + 6))

    def shift(self, offset: Any) -> Any:
        """An offset towards the start of the axis: to the left, or upwards in rows."""
        return -offset if self.in_rows else offset

    def points(self, places: Any, values: Any) -> dict[str, Any]:
        """Places and values as a trace's x and y."""
        return dict(zip("yx" if self.in_rows else "xy", (places, values), strict=True))

    def fits(self) -> bool:
        """Whether neighbouring ticks leave room for each other on a phone."""
        low, high = self.ends
        scale, ticks = NARROWEST / (high - low), sorted(self.ticks.items())
        return all(
            (tick.width + other.width) / 2 + 5 <= scale * (there - here)
            for (here, tick), (there, other) in pairwise(ticks)
        ) and all(tick.width <= 2 * scale * 0.6 * self.step + 40 for tick in self.ticks.values())

    def fitted(self) -> "ArmAxis":
        """The same axis, in rows where its ticks do not fit side by side."""
        return self if self.fits() else self.rowed()

    def rowed(self) -> "ArmAxis":
        """The same arms one below the other, those of another axis of the space a little apart."""
        names = {position: " ".join(tick.words) for position, tick in sorted(self.ticks.items())}
        rows, row, before = dict[float, float](), 0.0, None
        for position, name in names.items():
            row -= 1.0 if before in (None, axes_of(name)) else GROUP_STEP
            rows[position], before = row, axes_of(name)
        return replace(
            self,
            places={arm: rows[position] for arm, position in self.places.items()},
            ticks={rows[position]: tick.in_row() for position, tick in self.ticks.items()},
            cardinalities={c: rows[position] for c, position in self.cardinalities.items()},
            title="",
            is_log2=False,
            in_rows=True,
        )


def arm_axis(evidence: Evidence, beside: Mapping[int, str] = MappingProxyType({})) -> ArmAxis:
    """Ticks at the arms: the cardinality on a log2 axis, or the arm's name, and under it the
    template; in rows where that does not fit. `beside` are published cardinalities, which have
    ticks too where each arm has a cardinality of its own, and whose they are ("paper")."""
    arms, below, of_arm = evidence.shown_arms, evidence.templates, evidence.cardinalities
    left_out = len(evidence.arms) - len(arms)
    if not of_arm and (axis := _number_axis(evidence, arms, below)):
        return axis
    if not of_arm:
        ticks = {float(n): Tick(tuple(arm.split()), (below[arm],)) for n, arm in enumerate(arms)}
        places = dict(zip(arms, ticks, strict=True))
        return ArmAxis(places, ticks, left_out=left_out).fitted()
    by_c = {of_arm[arm]: arm for arm in arms}
    at = {c: float(np.log2(c)) for c in sorted({*by_c, *beside})}
    lines = {c: (below[by_c[c]] if c in by_c else beside[c],) for c in at}
    axis = ArmAxis(
        {arm: at[of_arm[arm]] for arm in arms},
        {at[c]: Tick((str(c),), lines[c]) for c in at},
        "Cardinality C (log2); template below",
        is_log2=True,
        left_out=left_out,
        cardinalities=at,
    )
    if axis.fits():
        return axis
    named = {at[c]: Tick((by_c.get(c, f"C={c}"),), lines[c]) for c in at}
    return replace(axis, ticks=named).rowed()


def _number_axis(
    evidence: Evidence, arms: Sequence[str], below: Mapping[str, str]
) -> ArmAxis | None:
    """Arms that vary one number stand where it is: on a log2 axis where it runs in powers of two,
    else with the smallest gap as the unit. None where they vary no number, or do not fit so."""
    label, of_arm = evidence.numbers
    if len(of_arm) < 2 or len(arms) < len(evidence.arms):
        return None
    values = np.array([of_arm[arm] for arm in arms])
    is_log2 = are_powers(of_arm.values())
    scaled = np.log2(values) if is_log2 else values / np.diff(np.sort(values)).min()
    axis = ArmAxis(
        dict(zip(arms, map(float, scaled), strict=True)),
        {
            float(position): Tick((str(of_arm[arm]),), (below[arm],))
            for arm, position in zip(arms, scaled, strict=True)
        },
        f"{label} (log2)" if is_log2 else label,
        is_log2=is_log2,
    )
    return axis if axis.fits() else None


def text_width(text: str, size: float = NAME_SIZE) -> float:
    """About how many pixels a text takes."""
    return LETTER * size * len(text)


def wrapped(text: str, most: int) -> list[str]:
    """A text in lines of at most so many letters, broken at spaces, after underscores, or where
    nothing else is possible; no letter of it is left out."""
    lines = [""]
    for piece in re.findall(r"[^ _]*[ _]?", text):
        if lines[-1] and len(lines[-1]) + len(piece.rstrip()) > most:
            lines.append("")
        while len(piece.rstrip()) > most:
            lines[-1], piece = piece[:most], piece[most:]
            lines.append("")
        lines[-1] += piece
    return [line.rstrip() for line in lines if line.strip()]
