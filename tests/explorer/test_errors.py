"""Messages stay short, whatever they repeat."""

from explorer import UserError
from explorer.errors import LONGEST_MESSAGE, shorten, unknown


def test_a_message_repeats_only_the_ends_of_a_long_value() -> None:
    word = "resnet" + "x" * 1_000_000
    assert len(str(unknown("architecture", word, ["resnet50"]))) < 300
    assert len(str(UserError(f"{word} is not allowed; write y."))) <= LONGEST_MESSAGE
    assert str(UserError(f"{word} is not allowed; write y.")).endswith("is not allowed; write y.")
    assert shorten(10**5000) == "a number of more than 4,300 digits"
    assert shorten("resnet51") == "'resnet51'"
