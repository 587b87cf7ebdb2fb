"""The stratified split is scikit-learn's, image for image, and imports no scikit-learn."""

import subprocess
import sys

import numpy as np
import pytest

from studies.data.official import read_digits
from studies.data.stratified import split


@pytest.mark.parametrize(
    "sizes",
    [[50] * 10, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180], [900, 60, 7, 2], [2, 3], [40]],
    ids=["equal", "digits", "rare", "tiny", "one class"],
)
@pytest.mark.parametrize("fraction", [0.1, 0.2, 1 / 3, 0.5, 0.9])
def test_the_rows_are_scikit_learns(sizes: list[int], fraction: float) -> None:
    from sklearn.model_selection import train_test_split

    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    count = round(len(labels) * fraction)
    if not len(sizes) <= count <= len(labels) - len(sizes):
        count = len(sizes)
    for seed in range(20):
        expected = train_test_split(
            np.arange(len(labels)), test_size=count, stratify=labels, random_state=seed
        )
        for found, wanted in zip(split(labels, count, seed), expected, strict=True):
            assert sorted(found) == sorted(wanted)


def test_the_digits_are_scikit_learns() -> None:
    from sklearn.datasets import load_digits

    parts, digits = read_digits("digits", None), load_digits()
    assert np.array_equal(parts.train.labels, digits.target)
    assert np.array_equal(parts.train.images[:, 0], np.rint(digits.images * (255 / 16)))
    assert (parts.train.images.dtype, parts.train.labels.dtype) == (np.uint8, np.int64)


def test_no_scikit_learn_is_imported() -> None:
    code = (
        "import sys; from studies.data.splits import DataSpec, load;"
        "load(DataSpec(name='digits', test=0.2)); assert 'sklearn' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
