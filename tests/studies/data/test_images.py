"""Images are identified by their content."""

from pathlib import Path

import pytest
from photos import spec

from studies.data import load

pytestmark = pytest.mark.usefixtures("cache")


def test_images_on_disk_are_identified_by_the_caches_key_and_the_rows_chosen(photos: Path) -> None:
    """Nobody reads a million images to see whether a checkpoint belongs to them."""
    data = load(spec(), photos)
    assert data.train.digest() == load(spec(), photos).train.digest()
    assert data.train.digest() != load(spec(split_seed=1), photos).train.digest()
    assert data.train.digest() != data.test.digest()
