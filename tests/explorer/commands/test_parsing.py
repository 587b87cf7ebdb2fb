"""Types of options: lists of numbers have bounds."""

from typing import Any

import pytest

from explorer import UserError
from explorer.commands.parsing import Choices, DepthLists, Side, WholeNumber, WholeNumbers, Words


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


@pytest.mark.parametrize(
    ("kind", "text"),
    [(WholeNumbers(), "1,"), (DepthLists(), "3-4-6-3,"), (Words(), "d,"), (Choices(), "kernel=3,")],
)
def test_a_list_that_the_shell_cut_at_a_space_is_to_be_one_word(kind: Any, text: str) -> None:
    with pytest.raises(
        UserError, match=r"ends with a comma\. .* without spaces \(1,2,4\) or in quo"
    ):
        kind.convert(text, None, None)
    assert WholeNumbers().convert("1, 2, 4", None, None) == [1, 2, 4]


def test_a_side_may_be_written_as_width_by_height() -> None:
    assert [Side().convert(text, None, None) for text in ("32", "32x32", "32 X 32")] == [32] * 3
    with pytest.raises(UserError, match="takes the side of square images, as the option 32; given"):
        Side().convert("32x24", None, None)


@pytest.mark.parametrize("text", ["0", "1,2", "1..4", "-1", ""])
def test_a_single_number_is_not_asked_for_as_a_list(text: str) -> None:
    with pytest.raises(UserError, match=r"takes one whole number of at least 1; given: '.*'\.$"):
        WholeNumber().convert(text, None, None)
