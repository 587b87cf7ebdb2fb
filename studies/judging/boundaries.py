"""How far a difference must lie from zero at each look, so that all looks together err rarely:
group-sequential boundaries by error spending."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import special

Array = NDArray[np.float64]
POINTS = 801  # of Simpson's rule: boundaries are right to five digits (2 to 200 looks tried)
FAR = 9.0  # standard deviations beyond which nothing counts, where a side has no boundary


def spent(looks: Array, cap: int, alpha: float) -> Array:
    """The error that may have been made by look n of at most N: A(n) = α (n / N)².

    Slud and Wei 1982 and Lan and DeMets 1983 spend error at fixed steps and as a function of
    information; the power 2 is of Kim and DeMets 1987. Little is spent early, when a training that
    went wrong weighs most.
    """
    return alpha * (looks / cap) ** 2


@lru_cache(maxsize=256)
def tails(cap: int, start: int, alpha: float, sides: int) -> Array:
    """The tail probability of each look on `start`, `start` + 1, ..., `cap` seeds.

    Let W_n = z_1 + ... + z_n of independent standard normals. With two sides, c_n solves
    P(|W_m| <= c_m √m at all earlier looks m, |W_n| > c_n √n) = A(n) − A(previous look), and the
    tail is Φ(−c_n), one side's. With one side, e_n solves the same for P(W_m >= −e_m √m, W_n <
    −e_n √n), and the tail is Φ(−e_n). For a standard deviation that is estimated, the quantile of
    Student's t at this tail takes the place of the normal's.

    Args:
        cap: N, the seeds at most, when all of `alpha` is spent.
        start: The seeds at the first look.
        alpha: Error over all looks.
        sides: 2 or 1.

    Returns:
        (cap − start + 1,), not to be written to.
    """
    looks = np.arange(start, cap + 1, dtype=float)
    steps = np.diff(spent(looks, cap, alpha), prepend=0.0)
    tails = special.ndtr(-multipliers(looks, steps, sides))
    tails.flags.writeable = False
    return np.asarray(tails)


def multipliers(looks: Array, steps: Array, sides: int) -> Array:
    """The boundaries c_n (or e_n) of a sequence of looks, each of which may err with its own
    `steps`: (looks,).

    The density of W_n within the boundaries is integrated from look to look by Simpson's rule
    (Armitage, McPherson and Rowe 1969, "Repeated significance tests on accumulating data"; any
    increasing `looks`, in units of information, and any positive `steps`).
    """
    from scipy import optimize

    solved: list[float] = []
    points, mass, before = np.zeros(1), np.ones(1), 0.0
    for look, step in zip(looks, steps, strict=True):
        root, sd = np.sqrt(look), np.sqrt(look - before)
        boundary = optimize.brentq(
            _beyond,
            -FAR,
            4 * FAR,
            args=(step, root, points, mass, sd, sides),
            xtol=1e-10,
        )
        solved.append(boundary)
        high = boundary if sides == 2 else FAR
        fresh, width = np.linspace(-boundary * root, high * root, POINTS, retstep=True)
        kernel = np.exp(-(((fresh[:, None] - points) / sd) ** 2) / 2) / (sd * np.sqrt(2 * np.pi))
        points, mass, before = fresh, _simpson(float(width)) * (kernel @ mass), look
    return np.array(solved)


def _beyond(
    c: float, step: float, root: float, points: Array, mass: Array, sd: float, sides: int
) -> float:
    """By how much more than `step` the probability is that no look before crossed its boundary
    and W crosses c √n now."""
    out = special.ndtr((-c * root - points) / sd)
    if sides == 2:
        out = out + special.ndtr((points - c * root) / sd)
    return float(mass @ out) - step


def _simpson(width: float) -> Array:
    weights = np.full(POINTS, 2.0)
    weights[1::2], weights[0], weights[-1] = 4.0, 1.0, 1.0
    return weights * width / 3
