"""Which images were missed: against counts by hand and by NumPy, and as it is stored."""

import json
from base64 import b64decode

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix

from studies.missed import Missed

LABELS = np.array([0, 1, 2, 0, 1, 2, 0, 1, 2, 0])
GUESSES = np.array([0, 1, 1, 0, 0, 2, 2, 1, 2, 0])


def test_by_hand_images_2_4_and_6_of_ten_are_missed() -> None:
    missed = Missed.of(LABELS, GUESSES, 3)
    assert missed.numbers.tolist() == [2, 4, 6]
    assert missed.bits == bytes([0b00101010, 0])
    assert missed.actual.tolist() == [2, 1, 0]
    assert missed.predicted.tolist() == [1, 0, 2]
    assert missed.class_sizes == (4, 3, 3)
    assert missed.errors_by_class == [1 / 4, 1 / 3, 1 / 3]
    assert missed.confusion().tolist() == [[3, 0, 1], [1, 2, 0], [0, 1, 2]]


@pytest.mark.parametrize(("images", "classes"), [(1, 2), (359, 10), (1000, 256), (1000, 257)])
def test_confusion_and_bits_agree_with_scikit_learn_and_come_back_from_json(
    images: int, classes: int
) -> None:
    random = np.random.default_rng(images + classes)
    labels, guesses = random.integers(0, classes, (2, images))
    guesses = np.where(random.random(images) < 0.8, labels, guesses)
    missed = Missed.read(json.loads(json.dumps(Missed.of(labels, guesses, classes).record())))
    expected = confusion_matrix(labels, guesses, labels=range(classes))
    assert (missed.confusion() == expected).all()
    assert (missed.flags == (labels != guesses)).all()


def test_a_class_without_images_has_no_error() -> None:
    assert Missed.of(np.array([0, 2]), np.array([0, 0]), 3).errors_by_class == [0.0, None, 1.0]


def test_ten_thousand_images_take_1250_bytes_and_two_for_each_that_is_missed() -> None:
    labels = np.arange(10_000) % 10
    guesses = np.where(np.arange(10_000) < 600, (labels + 1) % 10, labels)
    record = Missed.of(labels, guesses, 10).record()
    sizes = [len(b64decode(record[key])) for key in ("bits", "actual", "predicted")]
    assert sizes == [1250, 600, 600]
    assert len(json.dumps(record)) < 3500


@pytest.mark.parametrize(
    "damage",
    [
        {"bits": "////"},
        {"bits": ""},
        {"actual": ""},
        {"images": 11},
        {"class_sizes": [4, 3, 4]},
        {"predicted": "AAAA" * 2},
    ],
)
def test_parts_that_do_not_fit_together_are_not_read(damage: dict[str, object]) -> None:
    record = Missed.of(LABELS, GUESSES, 3).record()
    with pytest.raises(ValueError, match="missed images differ"):
        Missed.read({**record, **damage})
