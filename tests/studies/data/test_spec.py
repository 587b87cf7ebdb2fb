"""The data section of a study file: a mistake in it is named."""

from typing import Any

import pytest
from photos import spec

from explorer.errors import UserError


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resolution": None}, "a folder needs a resolution"),
        ({"unreadable": "ignore"}, "unreadable: .*'refuse' or 'skip'"),
        ({"channels": 2}, "channels: .*1 or 3"),
        ({"name": "../photos"}, "Your own images are the data set `folder`"),
        ({"name": "digits"}, "digits takes no 'resolution'"),
    ],
)
def test_a_mistake_in_the_data_section_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        spec(**given)
