"""Types of options: lists of numbers have bounds."""

import pytest

from explorer import UserError
from explorer.commands.parsing import DepthLists, WholeNumbers


@pytest.mark.parametrize(
    "text", ["9" * 5000, "1.." + "9" * 5000, "1000000001", "1..1000000,1..1000000"]
)
def test_a_list_of_endless_numbers_is_refused_in_a_short_sentence(text: str) -> None:
    with pytest.raises(
        UserError, match=r"at most 1,000,000,000|more than 1,000,000 numbers"
    ) as problem:
        WholeNumbers().convert(text, None, None)
    assert len(str(problem.value)) < 300


def test_leading_zeros_do_not_make_a_number_large() -> None:
    assert WholeNumbers().convert("0000000000008", None, None) == [8]
    with pytest.raises(UserError, match="at most 1,000,000,000"):
        DepthLists().convert("3-" + "4" * 5000, None, None)
