"""Which images of a split a training missed, and what it took them for.

An image is known by its number in the split, from 0. That number is the same in every training of a
study: a split lists its images in the order of the data, which the study's digests bind.
"""

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.integer[Any]]
KEPT_BY_DEFAULT = 1_000_000  # validation and test images together, at most


@dataclass(frozen=True, eq=False)
class Missed:
    """The images of a split that one training missed.

    Attributes:
        images: How many the split has.
        bits: A bit an image, 1 where it was missed, the first image in the highest bit of the first
            byte (as `numpy.packbits`); the last byte is filled up with 0.
        actual: The class of each missed image, in the order of the images.
        predicted: The class that each was taken for.
        class_sizes: How many images of each class the split has.
    """

    images: int
    bits: bytes
    actual: Numbers
    predicted: Numbers
    class_sizes: tuple[int, ...]

    @classmethod
    def of(cls, labels: Numbers, predicted: Numbers, classes: int) -> "Missed":
        """From the class of every image of a split and the one that each was taken for."""
        wrong = labels != predicted
        kind = _kind(classes)
        return cls(
            len(labels),
            np.packbits(wrong).tobytes(),
            labels[wrong].astype(kind),
            predicted[wrong].astype(kind),
            tuple(np.bincount(labels, minlength=classes).tolist()),
        )

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> "Missed":
        """From what `record` gave. Raises `ValueError` where the parts do not fit together."""
        sizes = tuple(record["class_sizes"])
        kind = _kind(len(sizes))
        images, bits = int(record["images"]), a2b_base64(record["bits"])
        actual, predicted = (
            np.frombuffer(a2b_base64(record[key]), kind) for key in ("actual", "predicted")
        )
        counts = {int.from_bytes(bits).bit_count(), len(actual), len(predicted)}
        if len(bits) != -(-images // 8) or sum(sizes) != images or len(counts) > 1:
            raise ValueError("the numbers of missed images differ")
        return cls(images, bits, actual, predicted, sizes)

    def record(self) -> dict[str, Any]:
        """As plain data: bits and classes in base64, a class in one byte where 256 are enough."""
        return {
            "images": self.images,
            "bits": b64encode(self.bits).decode(),
            "actual": b64encode(self.actual.tobytes()).decode(),
            "predicted": b64encode(self.predicted.tobytes()).decode(),
            "class_sizes": list(self.class_sizes),
        }

    @property
    def flags(self) -> NDArray[np.bool_]:
        """bool, one an image: whether it was missed."""
        bytes_ = np.frombuffer(self.bits, np.uint8)
        return np.unpackbits(bytes_, count=self.images).astype(bool)

    @property
    def numbers(self) -> NDArray[np.int64]:
        """The numbers of the missed images, in order."""
        return np.flatnonzero(self.flags)

    @property
    def misses_by_class(self) -> NDArray[np.int64]:
        """How many images of each class were missed."""
        return np.bincount(self.actual, minlength=len(self.class_sizes))

    @property
    def errors_by_class(self) -> list[float | None]:
        """The error of each class; None for a class without images."""
        counts = zip(self.misses_by_class.tolist(), self.class_sizes, strict=True)
        return [misses / images if images else None for misses, images in counts]

    def confusion(self) -> NDArray[np.int64]:
        """Images of each class (rows) by the class that they were taken for (columns)."""
        counts = np.diag(np.array(self.class_sizes, np.int64) - self.misses_by_class)
        np.add.at(counts, (self.actual, self.predicted), 1)
        return counts


def _kind(classes: int) -> np.dtype[Any]:
    """The smallest unsigned type that holds the number of a class, its low byte first."""
    return np.min_scalar_type(max(0, classes - 1)).newbyteorder("<")
