"""The sizes of splits are known before any image is read, and are those that reading gives."""

from pathlib import Path

import pytest
from photos import CLASSES, photo

from studies.data import DATA_SETS, DataSpec, known_sizes, load


@pytest.mark.parametrize("test", [0.2, 0.5])
def test_digits_are_as_many_as_reading_gives(test: float) -> None:
    spec = DataSpec(name="digits", validation=0.15, test=test)
    assert known_sizes(spec).splits == load(spec).sizes


def test_a_folder_is_counted_as_reading_gives(tmp_path: Path) -> None:
    for label, name in enumerate(CLASSES):
        (tmp_path / name).mkdir()
        for number in range(7 + 5 * label):
            photo(number, label).save(tmp_path / name / f"{number}.png")
    spec = DataSpec(name="folder", path=str(tmp_path), resolution=8, validation=0.2, test=0.25)
    sizes = known_sizes(spec)
    read = load(spec)
    assert sizes.splits == read.sizes
    assert (sizes.classes, sizes.names) == (len(CLASSES), read.names)


@pytest.mark.parametrize(
    ("name", "splits"),
    [
        ("mnist", (54_000, 6_000, 10_000)),
        ("fashion_mnist", (54_000, 6_000, 10_000)),
        ("cifar10", (45_000, 5_000, 10_000)),
        ("cifar100", (45_000, 5_000, 10_000)),
    ],
)
def test_the_published_sets_have_their_published_sizes(
    name: str, splits: tuple[int, int, int]
) -> None:
    sizes = known_sizes(DataSpec(name=name, validation=0.1))
    assert tuple(sizes.splits.values()) == splits
    assert sizes.classes == DATA_SETS[name].shape.classes
