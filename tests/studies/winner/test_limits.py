"""A winner within limits: 'latency<=2ms', 'params<=500k'."""

import pandas as pd
import pytest

from explorer.errors import UserError
from studies.winner.limits import among, within

TRIALS = pd.DataFrame(
    {
        "design": ["a", "a", "b", "b", "c", "c"],
        "params": [400_000, 400_000, 600_000, 600_000, 500_000, 500_000],
        # The mean counts: b is 2 ms, although one of its trainings measured more.
        **{"resolution": 8, "in_channels": 1, "classes": 10},
        "latency": [0.003, 0.003, 0.0015, 0.0025, 0.001, None],
    }
)


@pytest.mark.parametrize(
    ("where", "designs"),
    [
        ([], "abc"),
        (["latency<=2ms"], "bc"),
        (["latency <= 2 ms", "params<=500k"], "c"),
        (["latency>0.0029"], "a"),
        (["latency<=1500us"], "c"),
        (["params!=600k"], "ac"),
    ],
)
def test_only_designs_within_all_limits_are_left(where: list[str], designs: str) -> None:
    assert "".join(within(TRIALS, where)["design"].unique()) == designs


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("latency<=0.5ms", r"no design of this study has latency<=0.5ms; c is nearest, with"),
        ("latency<=2x", r"latency must be a time above zero, for example 10ms"),
        ("latencies<=2ms", r"unknown column in a filter 'latencies'. Did you mean 'latency'"),
        ("latency", r"a filter is a column, a comparison and a number"),
    ],
)
def test_a_mistake_is_one_message(where: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        within(TRIALS, [where])


def test_where_no_latency_was_measured_the_message_says_how_to() -> None:
    measure = "resnext-explorer measure a b c --mode inference --resolution 8 --in-channels 1"
    with pytest.raises(UserError, match=f"{measure} --classes 10"):
        within(TRIALS.assign(latency=None), ["latency<=2ms"])


def test_how_many_designs_are_left_is_said() -> None:
    where = ["latency<=2ms"]
    assert among(TRIALS, within(TRIALS, where), where) == "Among 2 of 3 designs: latency<=2ms.\n\n"
    assert among(TRIALS, TRIALS, []) == ""
