"""Messages stay short, whatever they repeat."""

import linecache
from collections.abc import Callable
from typing import Any

import pytest

from explorer import UserError
from explorer.errors import LONGEST_MESSAGE, shorten, unknown

PASTED = " ({} is a typographic dash, pasted from a page; type {} instead.)"


def test_a_message_repeats_only_the_ends_of_a_long_value() -> None:
    word = "resnet" + "x" * 1_000_000
    assert len(str(unknown("architecture", word, ["resnet50"]))) < 300
    assert len(str(UserError(f"{word} is not allowed; write y."))) <= LONGEST_MESSAGE
    assert str(UserError(f"{word} is not allowed; write y.")).endswith("is not allowed; write y.")
    assert shorten(10**5000) == "a number of more than 4,300 digits"
    assert shorten("resnet51") == "'resnet51'"


def test_the_nearest_name_may_have_other_capitals() -> None:
    assert "Did you mean 'ship2'?" in str(unknown("study", "SHIP2", ["small", "ship2", "quick"]))
    assert "Did you mean 'C'?" in str(unknown("quantity", "c", ["d", "C"]))
    assert "Did you mean" not in str(unknown("study", "SHIP2", ["small", "quick"]))


@pytest.mark.parametrize(
    ("message", "hint"),
    [
        ("unknown data set '“digits”'.", " (“ is pasted from a page; type \" or ' instead.)"),
        ("no such study –workers.", PASTED.format("–", "--workers")),
        ("extra arguments (—flops 5M)", PASTED.format("—", "--flops")),
        ("extra arguments (–-flops 5M)", PASTED.format("–", "--flops")),
        ("extra arguments (−−flops 5M)", PASTED.format("−", "--flops")),
        ("extra arguments (–o x.html)", PASTED.format("–", "-o")),
        ("No such option '-–'.", PASTED.format("–", "--")),
        ("−1 and −0.26 (−0.81 to +0.28)", ""),
        ("at 0.98x – 1.02x the FLOPs", ""),
        ("unknown study 'digits'.", ""),
    ],
)
def test_what_was_pasted_from_a_page_is_said(message: str, hint: str) -> None:
    assert str(UserError(message)) == message + hint
    assert str(UserError(UserError(message))) == message + hint


def test_an_option_with_a_pasted_dash_is_named(here: Callable[..., Any]) -> None:
    result = here("study", "status", "mine", "—storage", "sqlite:///x.db")
    assert result.returncode == 2
    assert PASTED.format("—", "--storage").strip() in result.stderr


def test_a_notebook_shows_the_line_of_the_cell_and_the_message_alone() -> None:
    cell, file = "import explorer\nexplorer.match('resnet51')\n", "/tmp/ipykernel_1/2.py"
    linecache.cache[file] = (len(cell), None, cell.splitlines(keepends=True), file)
    with pytest.raises(UserError) as caught:
        exec(compile(cell, file, "exec"), {})
    assert caught.value._render_traceback_() == [
        "---> explorer.match('resnet51')", f"UserError: {caught.value}",
    ]  # fmt: skip


def test_a_character_that_looks_like_a_plain_one_is_named() -> None:
    message = str(UserError("cannot read '５Ｍ' as a number."))
    assert message.endswith(" ('５' is a full-width character; type 5 instead.)")
    assert str(UserError(message)) == message
    assert str(UserError("in\u00a0it")).endswith("a no-break space stands in it; type a plain one"
                                                 " instead.)")  # fmt: skip
