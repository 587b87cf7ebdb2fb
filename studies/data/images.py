"""What a data set consists of: uint8 images with labels, in memory or on disk, and its splits."""

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from studies.data.decoding import Scale


@dataclass(frozen=True)
class DataShape:
    """What a network must fit.

    Attributes:
        resolution: The side of the square images, in pixels.
        in_channels: Of the images.
        classes: How many there are.
    """

    resolution: int
    in_channels: int
    classes: int


@dataclass(frozen=True)
class Rows:
    """Some rows of a memory-mapped array; indexing reads only what is asked for.

    Attributes:
        array: uint8, M x channels x height x width.
        rows: int64, N: which rows of the array these are.
        key: Identifies the content of the array, which then need not be read to compare it.
        readable_alone: Where some rows of the array hold no image: a key of the others alone, and
            the number of each row among those (int64, M).
    """

    array: "NDArray[np.uint8]"
    rows: "NDArray[np.int64]"
    key: str
    readable_alone: "tuple[str, NDArray[np.int64]] | None" = None

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.rows), *self.array.shape[1:])

    @property
    def nbytes(self) -> int:
        return len(self.rows) * self.array[:1].nbytes

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: Any) -> "NDArray[np.uint8]":
        """Copy into memory the rows that `index` (a number, a slice or an array) selects."""
        import numpy as np

        return np.array(self.array[self.rows[index]])

    def take(self, rows: Any) -> "Rows":
        """Some of these rows; nothing is read."""
        return replace(self, rows=self.rows[rows])


@dataclass(frozen=True, repr=False)
class Images:
    """Images (uint8, N x channels x height x width) and their labels (int64, N)."""

    images: "NDArray[np.uint8] | Rows"
    labels: "NDArray[np.int64]"

    def __repr__(self) -> str:
        return f"<Images: {len(self):,} of {'x'.join(map(str, self.images.shape[1:]))}>"

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, rows: Any) -> "Images":
        """Some of the images, in ascending order of their numbers."""
        import numpy as np

        rows = np.sort(np.asarray(rows, np.int64))
        images = self.images.take(rows) if isinstance(self.images, Rows) else self.images[rows]
        return Images(images, self.labels[rows])

    def digest(self) -> bytes:
        """A digest of 16 bytes: equal images and labels have equal digests.

        What else is in the folder that they are from does not matter.
        """
        import numpy as np

        digest = hashlib.blake2b(digest_size=16)
        if isinstance(self.images, Rows):
            key, rows = self.images.key, self.images.rows
            if self.images.readable_alone:
                key, numbers = self.images.readable_alone
                rows = numbers[rows]
            digest.update(key.encode())
            digest.update(np.ascontiguousarray(rows).data)
        else:
            digest.update(np.ascontiguousarray(self.images).data)
        digest.update(np.ascontiguousarray(self.labels).data)
        return digest.digest()


@dataclass(frozen=True)
class Parts:
    """A data set as it comes, before it is split.

    Attributes:
        train: The images that are split.
        validation: Of its own, where it brings any.
        test: Of its own, where it brings any.
        classes: How many there are.
        names: Of the classes, where they have any.
        black_and_white: The samples that became 0 and 255, where `white` says or measures it.
        scaling: How samples of more than 8 bits became black to white, a line each.
        notes: What else a user should know about the data, a line each.
    """

    train: Images
    validation: Images | None
    test: Images | None
    classes: int
    names: tuple[str, ...] = ()
    black_and_white: "Scale | None" = None
    scaling: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Splits:
    """The three parts of a data set.

    Attributes:
        train: The images to train on.
        validation: Those that designs are chosen by.
        test: Those that are looked at once a training, after its last epoch.
        classes: How many there are.
        mean: Per channel, of the training images' pixels scaled to 0..1.
        std: The standard deviation, likewise.
        mirrored: Whether a mirror image keeps its class.
        names: Of the classes, where they have any.
        black_and_white: The samples that became 0 and 255, where `white` says or measures it.
        notes: What a user should know about the data, a line each.
        mirrored_given: Whether the user said `mirrored`, or it is what is usual.
        max_pixels: The largest image that is read, where the user said so.
    """

    train: Images
    validation: Images
    test: Images
    classes: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    mirrored: bool = False
    names: tuple[str, ...] = ()
    black_and_white: "Scale | None" = None
    notes: tuple[str, ...] = ()
    mirrored_given: bool = False
    max_pixels: int | None = None

    @property
    def sizes(self) -> dict[str, int]:
        """The number of images in each split."""
        return {
            "train": len(self.train),
            "validation": len(self.validation),
            "test": len(self.test),
        }

    def to_export(self) -> dict[str, str]:
        """What a user of a network trained on these must know, for the metadata of its weights."""
        from studies.data.exported import Exported

        about = Exported(self.mean, self.std, self.names, self.black_and_white, self.max_pixels)
        return about.to_metadata()
