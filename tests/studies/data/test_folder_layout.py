"""A folder holds a folder per class, or parts with the same classes in each."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from photos import CLASSES, fill, spec

from explorer.errors import UserError
from studies.data import DataShape, DataSpec, data_shape, load

pytestmark = pytest.mark.usefixtures("cache")


def test_parts_that_the_folder_brings_are_taken_as_they_are(tmp_path: Path) -> None:
    for name, count in (("train", 8), ("val", 3), ("test", 5)):
        fill(tmp_path / "photos" / name, count)
    splits = load(spec(test=None), tmp_path / "photos")
    assert splits.sizes == {"train": 24, "validation": 9, "test": 15}
    assert data_shape(spec(test=None), tmp_path / "photos") == DataShape(16, 3, 3)
    shutil.rmtree(tmp_path / "photos" / "test")
    given = DataSpec(name="folder", resolution=16, test=0.25)
    assert load(given, tmp_path / "photos").sizes == {"train": 18, "validation": 9, "test": 6}


@pytest.mark.parametrize(
    ("parts", "given", "message"),
    [
        (("train",), {"validation": 0.2}, "has no test set of its own, .*--set data.test=0.2"),
        (
            ("train", "test"),
            {"test": 0.2},
            r"has a test set of its own, so leave `test` out \(given: 0.2\)",
        ),
        (("train", "test"), {"test": 0.2, "validation": 0.2}, "has a test set of its own"),
    ],
)
def test_a_test_fraction_that_does_not_fit_the_parts_is_refused_before_anything_is_decoded(
    tmp_path: Path,
    decoded: list[bytes],
    parts: tuple[str, ...],
    given: dict[str, float],
    message: str,
) -> None:
    for name in parts:
        fill(tmp_path / "photos" / name, 4)
    with pytest.raises(UserError, match=f"folder {message}"):
        load(DataSpec(name="folder", resolution=16, **given), tmp_path / "photos")
    assert not decoded


def empty_class(root: Path) -> None:
    (root / "dog").mkdir()
    (root / "dog" / "notes.txt").write_text("no image")


def one_class(root: Path) -> None:
    shutil.rmtree(root / "ant")
    shutil.rmtree(root / "bee")


def other_classes(root: Path) -> None:
    for name in CLASSES:
        (root / "train").mkdir(exist_ok=True)
        (root / name).rename(root / "train" / name)
    shutil.copytree(root / "train", root / "val")
    (root / "val" / "cat").rename(root / "val" / "cow")


def typo(root: Path) -> None:
    other_classes(root)
    (root / "val").rename(root / "vla")


def other_names(root: Path) -> None:
    other_classes(root)
    (root / "train").rename(root / "Training")
    (root / "val").rename(root / "validation")


def no_classes(root: Path) -> None:
    for name, part in zip(CLASSES, ("train", "test", "val"), strict=True):
        (root / name).rename(root / part)


def one_level_deeper(root: Path) -> None:
    root.rename(root.with_name("downloaded"))
    root.mkdir()
    root.with_name("downloaded").rename(root / "downloaded")


def single_image(root: Path) -> None:
    for path in sorted((root / "cat").iterdir())[1:]:
        path.unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "there is no folder .*photos"),
        (empty_class, "the class 'dog' is empty: .*photos/dog holds no image"),
        (one_class, "holds 1 folder of images; at least 2 classes are needed, each a folder.$"),
        (
            one_level_deeper,
            (
                "holds 1 folder of images; .* .*photos/downloaded holds 3 folders: name that one"
                " instead"
            ),
        ),
        (other_classes, "the classes do not match: .*(train holds 'cat'|val holds 'cow')"),
        (typo, "train and also 'vla'; only val and test may be beside train"),
        (
            other_names,
            (
                "photos holds Training and validation: those are names of parts, .* must be called"
                " train"
            ),
        ),
        (
            no_classes,
            (
                "photos holds test and train and val: those are names of parts, .* each holds a"
                " folder of images"
            ),
        ),
        (
            single_image,
            (
                "in folder: class 'cat' has 1 image. At least 3 of each class are needed, one each"
                " for train, validation and test"
            ),
        ),
    ],
)
def test_a_folder_that_is_not_laid_out_so_is_an_error(
    tmp_path: Path, change: Callable[[Path], Any], message: str
) -> None:
    root = fill(tmp_path / "photos", 4)
    change(root)
    with pytest.raises(UserError, match=message):
        load(spec(), root)


def test_classes_have_the_names_of_their_folders_in_order(tmp_path: Path) -> None:
    splits = load(spec(), fill(tmp_path / "photos", 16))
    assert splits.names == ("ant", "bee", "cat")
    assert json.loads(splits.to_export()["class_names"]) == ["ant", "bee", "cat"]
