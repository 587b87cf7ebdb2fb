"""Calls from Python that do not fit are answered with what was given and how they are written."""

import re
from collections.abc import Callable

import pytest

from explorer import UserError, count, enumerate_designs, match, scale, suggest
from explorer.calls import written_as

CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "a measure for the budget": (
        lambda: suggest(flops="5M", resolution=32, cardinality=[1, 2]),  # type: ignore[call-arg]
        "suggest: missing a required argument: 'budget'; given: flops, resolution, cardinality."
        ' Write for example suggest("5M", resolution=32, cardinality=[1, 2, 4]).',
    ),
    "no resolution": (lambda: suggest("5M"), "'resolution'; given: values without names."),  # type: ignore[call-arg]
    "nothing": (lambda: match(), "'reference'; given: nothing. Write for example match(\"res"),  # type: ignore[call-arg]
    "an axis without its name": (
        lambda: match("resnet50", [1, 2]),  # type: ignore[misc]
        "match: too many positional arguments; given: values without names. Write for example",
    ),
    "no factor": (lambda: scale("resnet50"), "scale: missing a required argument: 'factor'"),  # type: ignore[call-arg]
    "no budget": (
        lambda: suggest(None, resolution=32),  # type: ignore[arg-type]
        "a budget is a number, or a text such as '5M'; given: None.",
    ),
    "several references": (
        lambda: match(["resnet50", "resnet101"], cardinality=[1, 2]),  # type: ignore[arg-type]
        "by its name, as 'resnet50', or as an Architecture; given: ['resnet50', 'resnet101']."
        " Networks are given one at a time.",
    ),
    "a number": (lambda: count(5), "or as an Architecture; given: 5."),  # type: ignore[arg-type]
    "no network": (
        lambda: enumerate_designs(None, width=[64]),  # type: ignore[arg-type]
        "or as an Architecture; given: None.",
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_call_that_does_not_fit_is_answered_with_one_that_does(call: str) -> None:
    function, message = CALLS[call]
    with pytest.raises(UserError, match=re.escape(message)):
        function()


def test_a_budget_may_be_a_text_wherever_one_is_given() -> None:
    for solve in (match, enumerate_designs):
        written = solve("resnet50", cardinality=[4], budget="4.1G")  # type: ignore[operator]
        plain = solve("resnet50", cardinality=[4], budget=4_100_000_000)  # type: ignore[operator]
        assert str(written) == str(plain)


def test_an_error_inside_is_not_taken_for_a_call_that_does_not_fit() -> None:
    @written_as("add(1)")
    def add(number: int) -> int:
        return number + "1"  # type: ignore[operator, no-any-return]

    with pytest.raises(TypeError, match="unsupported operand"):
        add(1)
