"""Errors of made-up studies whose truth is known, in points: a training has a standard deviation of
0.3 and a correlation of 0.3 with the other arms of its seed, unless a `Noise` says otherwise."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SD = 0.3
CORRELATION = 0.3
BASE = 2.6  # test error of the reference in points, where images are counted


@dataclass(frozen=True)
class Noise:
    """What a training adds to its arm's error; `sds` multiply `SD`, an arm each."""

    sds: tuple[float, ...] = ()
    correlation: float = CORRELATION
    tails: float | None = None  # degrees of freedom of Student's t instead of a normal
    images: int | None = None  # of the test set, whole ones of which are missed; None: no rounding


USUAL = Noise()


def draw(
    random: np.random.Generator,
    studies: int,
    gaps: Sequence[float],
    seeds: int,
    noise: Noise = USUAL,
) -> np.ndarray:
    """Errors of studies, (studies, arms, seeds). A gap is by how much an arm is better."""
    arms = len(gaps)

    def part(*shape: int) -> np.ndarray:
        if noise.tails is None:
            return random.normal(size=shape)
        return random.standard_t(noise.tails, shape) / np.sqrt(noise.tails / (noise.tails - 2))

    own = np.sqrt(1 - noise.correlation) * part(studies, arms, seeds)
    common = np.sqrt(noise.correlation) * part(studies, 1, seeds)
    sds = SD * np.array(noise.sds or (1.0,) * arms)[:, None]
    errors = -np.array(gaps)[:, None] + sds * (own + common)
    if noise.images is None:
        return errors
    missed = np.clip(np.rint((BASE + errors) / 100 * noise.images), 0, noise.images)
    return 100 * missed / noise.images


def share(hits: Sequence[Any]) -> float:
    """Percent."""
    return round(100 * float(np.mean(hits)), 2)
