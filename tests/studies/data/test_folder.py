"""The images of a folder: their pixels, and those that cannot be read."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from photos import arrays, damage, fill, photo, pixels, spec

from explorer import Architecture
from explorer.errors import UserError
from studies.config.recipe import Recipe
from studies.data import DataShape, DataSpec, data_shape, load
from studies.machine.settings import Settings
from studies.records.same_data import about_data
from studies.training.checkpoints import identify

CPU = Settings(device="cpu", precision="32", threads=1)


pytestmark = pytest.mark.usefixtures("cache")


def test_every_form_of_image_becomes_its_colours(photos: Path) -> None:
    splits = load(spec(), photos)
    assert splits.sizes == {"train": 24, "validation": 12, "test": 12}
    assert splits.classes == 3
    assert splits.mirrored
    for part in (splits.train, splits.validation, splits.test):
        assert Counter(part.labels.tolist()) == dict.fromkeys(range(3), len(part) // 3)
        assert part.images.shape[1:] == (3, 16, 16)
        for image, label in zip(part.images[:], part.labels, strict=True):
            means = image.mean((1, 2))
            grey = np.ptp(means) < 10
            assert grey or means.argmax() == label


def test_images_are_grey_where_one_channel_is_asked_for(photos: Path) -> None:
    assert load(spec(channels=1), photos).train.images.shape == (24, 1, 16, 16)
    assert data_shape(spec(channels=1), photos) == DataShape(16, 1, 3)


def test_unreadable_images_are_named_and_refused_or_skipped(
    tmp_path: Path, cache: Path, decoded: list[bytes]
) -> None:
    root = fill(tmp_path / "photos", 16)
    names = damage(root)
    with pytest.raises(UserError) as error:
        load(spec(), root)
    assert "3 of 49 images" in str(error.value)
    for name in [*names, "no image that Pillow knows", "runcated", "unreadable: skip"]:
        assert name in str(error.value)
    before = len(decoded)
    skipped = load(spec(unreadable="skip"), root)
    assert len(decoded) == before  # what was decoded for the refusal is kept
    assert sum(skipped.sizes.values()) == 46
    assert arrays(cache)[0].with_name("unreadable.txt").read_text().split() == names


def test_a_study_goes_on_after_what_it_skips_is_removed(tmp_path: Path) -> None:
    """What it keeps of its data, and what a checkpoint keeps, is of the images used."""
    root = fill(tmp_path / "photos", 16)
    names = damage(root)
    recipe = Recipe.model_validate({"name": "quick"})
    network = Architecture.from_name("resnext_1-1_2x4d_w16_small8", resolution=16, classes=3)

    def known() -> Any:
        data = load(spec(unreadable="skip"), root)
        return about_data(data), identify(network, recipe, data, 0, CPU), pixels(data)

    before = known()
    for name in names[:2]:
        (root / name).unlink()
        assert known() == before
    photo(99, 2).save(root / names[2])  # now it can be read
    readable = known()
    assert readable[0] != before[0]
    (root / "ant" / "0000.jpg").write_bytes(b"another one")
    assert known() == readable
    (root / "ant" / "0002.jpg").unlink()
    photo(99, 0).save(root / "ant" / "0002.jpg")
    other = known()
    assert other[0]["splits"] == readable[0]["splits"]
    assert other[0]["digests"] != readable[0]["digests"]


def test_a_class_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", 2)
    for path in (root / "bee").iterdir():
        path.write_bytes(b"")
    with pytest.raises(
        UserError, match=r"the train images of class 'bee' in .* are all unreadable"
    ):
        load(spec(unreadable="skip"), root)


def test_hidden_files_and_files_of_other_kinds_do_not_count(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", 8)
    (root / ".git").mkdir()
    (root / "ant" / ".hidden.jpg").write_text("")
    (root / "ant" / "Thumbs.db").write_text("")
    (root / "ant" / "below").mkdir()
    photo(50, 0).save(root / "ant" / "below" / "deep.jpg")
    assert sum(load(spec(), root).sizes.values()) == 25


def test_no_place_given_is_an_error() -> None:
    with pytest.raises(UserError, match="folder: say where it is with --data-dir, or with path"):
        load(spec())


@pytest.mark.parametrize("read", [load, data_shape])
def test_a_folder_that_may_not_be_listed_is_an_error(
    photos: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[DataSpec, Path], Any]
) -> None:
    def refused(folder: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("studies.data.walk.os.scandir", refused)
    with pytest.raises(
        UserError, match=rf"folder: cannot read {photos}: Permission denied. Check that"
    ):
        read(spec(), photos)
