"""Ticks of logarithmic axes: 1, 2 and 5, and never too few."""

import numpy as np
import pytest

from dashboards.analysis.quantities import QUANTITIES
from dashboards.figures.quantities import ticks_of
from dashboards.figures.ticks import epoch_ticks, log_ticks


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0.5, 90, [0.5, 1, 2, 5, 10, 20, 50]),
        (1e7, 2e8, [1e7, 2e7, 5e7, 1e8, 2e8]),
        (60, 68.5, [60, 62, 64, 66, 68]),
        (70, 92, [70, 80, 90]),
        (1, 3, [1, 2, 3]),
    ],
)
def test_ticks_are_1_2_and_5_or_an_equal_step_apart(low, high, ticks):
    assert log_ticks(low, high) == pytest.approx(ticks)


def test_a_narrow_axis_has_three_ticks_too():
    for low in (0.013, 2.1, 68.0, 9.99):
        ticks = log_ticks(low, 1.02 * low)
        assert len(ticks) >= 3
        assert all(low <= tick <= 1.02 * low for tick in ticks)


def test_a_few_values_are_ticks_themselves_and_of_many_the_powers_of_two():
    def ticks(values):
        return list(ticks_of(np.log2(values), QUANTITIES["width"], "log2").values())

    assert ticks([64, 96, 128, 128]) == ["64", "96", "128"]
    assert ticks([3 * 1024, 5 * 1024]) == ["3072", "5120"]
    assert ticks(range(16, 129)) == ["16", "32", "64", "128"]


@pytest.mark.parametrize(
    ("last", "ticks"),
    [
        (1, [1]),
        (6, [1, 2, 3, 4, 5, 6]),
        (15, [1, 5, 10, 15]),
        (20, [1, 5, 10, 15, 20]),
        (31, [1, 5, 10, 15, 20, 25, 31]),
        (300, [1, 50, 100, 150, 200, 250, 300]),
    ],
)
def test_epochs_have_the_first_the_last_and_round_steps_between(last, ticks):
    assert epoch_ticks(last) == ticks
