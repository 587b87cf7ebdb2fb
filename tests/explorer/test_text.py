"""Numbers as people read them: three digits, and no thousand of a unit."""

import pytest

from explorer.text import human_flops, human_time


# Each at its limit: three digits round up into the next unit.
@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.9994, "999 ms"),
        (0.99951, "1.0 s"),
        (1.0, "1.0 s"),
        (0.9994e-3, "999 µs"),
        (0.9996e-3, "1 ms"),
        (59.6, "1 min 0 s"),
    ],
)
def test_a_time_never_has_a_thousand_of_its_unit(seconds: float, words: str) -> None:
    assert human_time(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (99.96e6, "100 M"),
        (9.996e9, "10.0 G"),
        (999_499, "999 k"),
        (999_600, "1.00 M"),
        (1e15, "1,000 T"),
    ],
)
def test_a_count_has_three_digits(value: float, words: str) -> None:
    assert human_flops(value) == words
