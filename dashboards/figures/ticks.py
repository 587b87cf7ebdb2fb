"""Ticks of axes, at round numbers."""

import math
from collections.abc import Iterator

MOST_STEPS = 7  # between the ticks of epochs: more do not fit on a phone
FEWEST = 3  # ticks that an axis should have


def log_ticks(low: float, high: float) -> list[float]:
    """Ticks of a log axis from `low` to `high` (both above zero): 1, 2 and 5 in each power of ten;
    where fewer than three of these lie between, round numbers an equal step apart."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
    between = [tick for tick in ticks if low <= tick <= high]
    if len(between) >= FEWEST:
        return between
    return round_ticks(low, high)


def round_ticks(low: float, high: float) -> list[float]:
    """Three or a few more round numbers an equal step apart, between `low` and `high`."""
    return next(
        ticks for step in _steps(high - low) if len(ticks := _multiples(step, low, high)) >= FEWEST
    )


def epoch_ticks(last: int) -> list[int]:
    """Ticks of an axis of epochs: the first, the last, and between them a few an equal step of 1, 2
    or 5 times a power of ten apart."""
    step = next(
        digit * 10**power
        for power in range(len(str(last)))
        for digit in (1, 2, 5)
        if last <= MOST_STEPS * digit * 10**power
    )
    between = range(step, last + 1, step)
    return sorted({1, last, *(tick for tick in between if not 0 < last - tick < step / 2)})


def _steps(span: float) -> Iterator[float]:
    """Ever smaller steps of 1, 2 and 5 times a power of ten, from `span` on."""
    power = math.floor(math.log10(span))
    while True:
        yield from (digit * 10.0**power for digit in (5, 2, 1) if digit * 10.0**power <= span)
        power -= 1


def _multiples(step: float, low: float, high: float) -> list[float]:
    numbers = range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    return [float(f"{number * step:.12g}") for number in numbers]
