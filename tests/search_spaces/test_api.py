"""A space bound to an input."""

import pytest
from space_files import TEXT, parse

from explorer import UserError


def test_input_comes_from_the_data_and_must_agree_with_the_file() -> None:
    assert (
        parse(TEXT).resolve(resolution=64, classes=7, in_channels=1).designs[0].architecture.classes
        == 7
    )
    with pytest.raises(UserError, match="resolution 32, but the data has 64"):
        parse(TEXT + "resolution: 32\n").resolve(resolution=64)
