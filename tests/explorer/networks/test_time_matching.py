"""Matching by time: it ends, and it solves what matching by FLOPs solves."""

from dataclasses import replace
from typing import Any

import pytest

from explorer import Architecture, UserError
from explorer.complexity import count
from explorer.networks import time_matching
from explorer.networks.measuring import Timing

# Its stem, shortcuts and classifier alone cost more than 0.6 of it, where the bracket begins.
MOSTLY_FIXED = Architecture.from_name("resnext_1-1_1x4d_w256_small", resolution=16)


def test_a_reference_that_is_mostly_fixed_cost_is_matched_by_time_too(one_thread: None) -> None:
    (design,) = time_matching.match_time(MOSTLY_FIXED, cardinality=2, rounds=1)
    tried = [timing.case.architecture.template.bottleneck_width for timing in design.candidates[1:]]
    assert tried[0] == 1
    assert design.architecture.template.bottleneck_width in tried


@pytest.mark.parametrize("seconds", ["always fast", "always slow", "as FLOPs"])
def test_the_bracket_is_widened_only_so_often(
    seconds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time is given here: every design takes what the case says, the reference one second."""
    rounds = []

    def measure(cases: list[Any], **_: Any) -> list[Timing]:
        rounds.append(len(cases))
        other = {"always fast": 0.5, "always slow": 2.0}
        own = Timing(cases[0], 1.0, 1.0, 1.0, 1, 0)
        flops = count(cases[0].architecture).flops
        return [own] + [
            replace(
                own, case=case, seconds=other.get(seconds, count(case.architecture).flops / flops)
            )
            for case in cases[1:]
        ]

    monkeypatch.setattr(time_matching, "measure", measure)
    (design,) = time_matching.match_time(Architecture.from_name("resnet50"), cardinality=1)
    assert 1 <= len(rounds) <= 6
    if seconds == "as FLOPs":
        assert design.name == "resnet50"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"solve": "cardinality", "bottleneck_width": 1}, "more than 500 designs to measure"),
        ({"budget": float("inf")}, "a budget is at most"),
        ({"budget": float("nan")}, "above zero"),
    ],
)
def test_what_would_take_for_ever_is_refused_before_it_is_measured(
    options: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_matching, "measure", None)
    with pytest.raises(UserError, match=message):
        time_matching.match_time(Architecture.from_name("resnext50_32x32d"), **options)
