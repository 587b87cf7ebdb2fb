"""What a data set is made of: uint8 images with their labels, in
memory or left on disk, and the three splits."""

import hashlib
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class DataShape:
    """What a network must fit: the side of the square images, their
    channels, and how many classes there are."""

    resolution: int
    in_channels: int
    classes: int


@dataclass(frozen=True)
class Rows:
    """Some rows of a memory-mapped array. It reads like an array of its own,
    and reads from disk only what is asked for.

    `key` stands for the array's content, so that nobody needs to read all of it to know whether it
    is the same. Where some rows of the array hold no image, `used` stands for the others: a key of
    them alone, and each row's number among them.
    """

    array: "NDArray[np.uint8]"
    rows: "NDArray[np.int64]"
    key: str
    used: "tuple[str, NDArray[np.int64]] | None" = None

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.array.shape[1:])

    @property
    def nbytes(self) -> int:
        return len(self.rows) * self.array[:1].nbytes

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> "NDArray[np.uint8]":
        """A copy in memory of the rows that `index` (a number, a slice or numbers) chooses."""
        import numpy as np

        return np.array(self.array[self.rows[index]])

    def take(self, rows: Any) -> "Rows":
        """Some of these rows; nothing is read."""
        return replace(self, rows=self.rows[rows])


@dataclass(frozen=True)
class Images:
    """Images, uint8, N x channels x height x width, and their labels, int64, N."""

    images: "NDArray[np.uint8] | Rows"
    labels: "NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Any) -> "Images":
        """Some of the images, in ascending order of their numbers."""
        import numpy as np

        rows = np.sort(np.asarray(rows, np.int64))
        images = self.images.take(rows) if isinstance(self.images, Rows) else self.images[rows]
        return Images(images, self.labels[rows])

    def digest(self) -> bytes:
        """Stands for the content: equal images and labels have equal digests,
        whatever else is in the folder they are from."""
        import numpy as np

        digest = hashlib.blake2b(digest_size=16)
        if isinstance(self.images, Rows):
            key, rows = self.images.key, self.images.rows
            if self.images.used:
                key, rows = self.images.used[0], self.images.used[1][rows]
            digest.update(key.encode())
            digest.update(np.ascontiguousarray(rows).data)
        else:
            digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.digest()


@dataclass(frozen=True)
class Parts:
    """A data set as it comes, before it is split; `validation`
    and `test` where it brings its own."""

    train: Images
    validation: Images | None
    test: Images | None
    classes: int
    names: tuple[str, ...] = ()  # of the classes, where they have any
    black_and_white: tuple[float, float] | None = (
        None  # the files' samples that became 0 and 255, as `white` wants it
    )
    scaling: tuple[
        str, ...
    ] = ()  # how the files' samples became black to white, where that is not plain
    notes: tuple[str, ...] = ()  # what else a user should know of it, a line each


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set. `mean` and `std` are per channel, of
    the training split's pixels scaled to 0..1."""

    train: Images
    validation: Images
    test: Images
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mirrored: bool = False  # a mirror image keeps its class
    names: tuple[str, ...] = ()  # of the classes, where they have any
    black_and_white: tuple[float, float] | None = (
        None  # the files' samples that became 0 and 255, as `white` wants it
    )
    notes: tuple[str, ...] = ()  # what a user should know of the data, a line each
    mirrored_given: bool = False  # `mirrored` is what the user says, not what is usual

    @property
    def sizes(self) -> dict[str, int]:
        """Images in each split."""
        return {
            "train": len(self.train),
            "validation": len(self.validation),
            "test": len(self.test),
        }

    def to_export(self) -> dict[str, str]:
        """What somebody who uses a network trained on these must know, as
        weights' metadata tells it: JSON values."""
        told: dict[str, object] = {"mean": self.mean, "std": self.std}
        told |= {"class_names": self.names} if self.names else {}
        told |= {"black_and_white": self.black_and_white} if self.black_and_white else {}
        return {key: json.dumps(value, ensure_ascii=False) for key, value in told.items()}
