"""Is the data at hand what a study was started with?"""

from pathlib import Path
from typing import Any

from explorer.errors import UserError
from studies.data import Images, Splits, load
from studies.records.stored_study import StoredStudy


def about_data(splits: Splits) -> dict[str, Any]:
    """What is stored of the data that a study is started with: `check_data` compares by it."""
    return {
        "splits": splits.sizes,
        "digests": _digests(splits),
        "commonest": _commonest(splits),
        "class_names": list(splits.names),
    }


def check_data(stored: StoredStudy, splits: Splits) -> None:
    """Raises `UserError` where these are not the images and
    labels that a study was started with."""
    sizes, digests = stored.content.origin.splits, stored.content.origin.digests
    what_to_do = (
        "Name the folder of the same data with --data-dir, or give a study of other data another"
        " name."
    )
    if sizes and splits.sizes != sizes:
        raise UserError(
            f"the data of {stored.name} has changed: it was started with {_sizes(sizes)}, and here"
            f" are {_sizes(splits.sizes)}. {what_to_do}"
        )
    if digests is None:  # stored by a version that compared only sizes
        return
    here = _digests(splits)
    other = [part for part in digests if digests[part] != here[part]]
    if other:
        raise UserError(
            f"the data of {stored.name} has changed: as many images as it was started with, but"
            f" others, or with other labels, in {' and '.join(other)}. {what_to_do}"
        )


def test_images_at_hand(stored: StoredStudy, data_dir: Path | None) -> Images:
    """The test images that a study was started with, where they lie ready on this machine.

    Raises:
        UserError: They do not, or it cannot be told.
    """
    digests = stored.content.origin.digests
    if digests is None:
        raise UserError("an earlier version stored nothing by which to know the data again.")
    test = load(stored.content.file.data, data_dir, at_hand=True).test
    if test.digest().hex() != digests["test"]:
        raise UserError("the test images here are not those that the study was started with.")
    return test


def _digests(splits: Splits) -> dict[str, str]:
    return {name: part.digest().hex() for name, part in _parts(splits).items()}


def _commonest(splits: Splits) -> dict[str, int]:
    """How many images of each split are of its commonest class."""
    import numpy as np

    return {name: int(np.bincount(part.labels).max()) for name, part in _parts(splits).items()}


def _parts(splits: Splits) -> dict[str, Images]:
    return {"train": splits.train, "validation": splits.validation, "test": splits.test}


def _sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sizes.items())
