"""Names of networks of one's own: each parses back to what it says, and imports nothing."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer import UserError
from explorer.own.names import OwnName, parse_value, written

NUMBER = st.integers(0, 10**9)
VALUE = NUMBER | st.lists(NUMBER, min_size=1, max_size=5).map(tuple)
KEY = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)


@given(st.dictionaries(KEY, VALUE, max_size=4))
def test_a_name_parses_back_to_its_quantities(values: dict[str, int | tuple[int, ...]]) -> None:
    name = str(OwnName("mine.nets:net", values))
    assert OwnName.parse(name) == OwnName("mine.nets:net", values)
    assert str(OwnName.parse(name)) == name


def test_quantities_are_sorted_and_blanks_do_not_matter() -> None:
    parsed = OwnName.parse("no_such.nets:convnext( width=44, kernel=5,depths=3-3-9-3 )")
    assert str(parsed) == "no_such.nets:convnext(depths=3-3-9-3,kernel=5,width=44)"
    assert "no_such" not in sys.modules
    assert str(OwnName.parse("mine.nets:net")) == "mine.nets:net"


@pytest.mark.parametrize(
    "name", ["nets:", ":net", "nets:net(", "nets:net(width=4))", "nets:a b", "nets:net" + "x" * 500]
)
def test_what_is_no_name_is_refused_with_the_form(name: str) -> None:
    with pytest.raises(UserError, match=r"package\.module:function\(quantity=5,other=3-3-9-3\)"):
        OwnName.parse(name)


@pytest.mark.parametrize("value", ["x", "", "1.5", "-3", True, 1.5, [], [1, "2"], 10**9 + 1])
def test_a_quantity_is_a_whole_number_or_several(value: object) -> None:
    with pytest.raises(UserError, match="width takes a whole number of 0 to 1,000,000,000, or"):
        parse_value(value, "width")


def test_a_tuple_of_one_number_is_no_number() -> None:
    assert written((3,)) == "3-"
    assert parse_value("3-", "depths") == (3,)
    assert parse_value("3", "depths") == 3
