"""Numbers as users write them: those out of range, and what is no number, are refused."""

import pytest

from explorer import UserError
from explorer.numbers import parse_number


@pytest.mark.parametrize(
    "text", ["1e400", "-1e400", "1e999999999", "1e" + "9" * 30, "9" * 5000, "2000000T"]
)
def test_a_number_out_of_range_is_said_and_not_computed(text: str) -> None:
    with pytest.raises(UserError, match="out of range: a number is at most 1e\\+18"):
        parse_number(text)


@pytest.mark.parametrize("text", ["nan", "inf", "1_000", "\u0663", "", "0x10"])
def test_what_is_no_number_is_said(text: str) -> None:
    with pytest.raises(UserError, match="cannot read"):
        parse_number(text)
