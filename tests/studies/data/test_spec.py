"""The data section of a study file: a mistake in it is named."""

from pathlib import Path
from typing import Any

import pytest
from photos import spec

from explorer.errors import UserError
from studies.data import DataSpec


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


def test_files_that_only_a_data_dir_leads_to_are_elsewhere(workdir: Path) -> None:
    photos = DataSpec(name="folder", resolution=8, path="photos")
    assert photos.is_elsewhere
    (workdir / "photos").mkdir()
    assert not photos.is_elsewhere
    assert DataSpec(name="npz").is_elsewhere
    assert not DataSpec(name="digits", test=0.2).is_elsewhere
