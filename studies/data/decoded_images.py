"""Images decoded once: one memory-mapped uint8 array in the cache, read by every trial.

An array is stored under a digest of what the files hold. A second, quick key (paths, sizes, times)
leads to it without reading them. `decoded_building` makes it.
"""

import errno
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.text import human_count
from studies.artifacts import Artifacts
from studies.data.decoded_building import build_array
from studies.data.decoded_format import (
    ARRAY,
    FORMAT,
    KEY_FORMAT,
    NOTES,
    ONE_COLOUR,
    READABLE,
    RECORD,
    SAMPLES,
    SOURCE,
    UNREADABLE,
    content_key,
    damaged_cache,
    read_scale,
)
from studies.data.decoding import Decoding, Scale, decode, limit_of_pixels, why_undecoded
from studies.data.downloads import cache_folder, locked
from studies.data.metadata import JPEG
from studies.data.scale import Samples
from studies.data.shared_arrays import fetch_array, put_array

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class DecodedImages:
    """The images of a folder, in the order of their files.

    Attributes:
        root: The folder of the files.
        files: Their paths below it.
        decoding: How they were decoded.
        folder: Where the array lies in the cache.
        key: The key of the array's content.
        array: uint8, N x channels x side x side, mapped for reading; zeros where a file could not
            be read.
        readable: bool, N.
    """

    root: Path
    files: list[str]
    decoding: Decoding
    folder: Path
    key: str
    array: "NDArray[np.uint8]"
    readable: "NDArray[np.bool_]"

    @property
    def list_of_unreadable(self) -> Path:
        """The file that names all files that could not be read, one a line."""
        return self.folder / UNREADABLE

    def black_and_white(self) -> Scale | None:
        """The samples that became 0 and 255, where `white` says or measures it."""
        return read_scale(self.folder)

    def readable_alone(self) -> "tuple[str, NDArray[np.int64]] | None":
        """What identifies the images without the unreadable files: see `Rows.readable_alone`.

        Returns None where all can be read.
        """
        import numpy as np

        if self.readable.all():
            return None
        records = self._records()
        files = [self.files[row] for row in np.flatnonzero(self.readable)]
        shape = (len(files), *self.array.shape[1:])
        notes = records[self.readable].tobytes()
        key = content_key(shape, files, notes, read_scale(self.folder))
        return key, np.cumsum(self.readable) - 1

    def scaling(self) -> list[str]:
        """How samples of more than 8 bits became black to white, in lines of text."""
        scale = read_scale(self.folder)
        if scale is not None and scale.kind:
            return [
                f"{scale.black:.10g} to {scale.white:.10g}, the range of the training images"
                f" ({scale.kind}), is taken as black to white."
            ]
        if not (self.folder / SAMPLES).is_file():  # decoded by the version before
            return []
        try:
            return Samples.read(self.folder / SAMPLES).scaling(self.decoding)
        except (OSError, ValueError) as error:
            raise damaged_cache(self.folder, error) from None

    def of_one_colour(self) -> list[str]:
        """The files whose images have a single colour each."""
        import numpy as np

        return [self.files[row] for row in np.flatnonzero(self._records()[:, 0] & ONE_COLOUR)]

    def digests(self) -> "NDArray[np.uint8]":
        """Digests of the files' bytes, uint8, N x `DIGEST`."""
        return self._records()[:, 1:]

    def _records(self) -> "NDArray[np.uint8]":
        import numpy as np

        try:
            return np.fromfile(self.folder / NOTES, np.uint8).reshape(len(self.files), RECORD)
        except (OSError, ValueError) as error:
            raise damaged_cache(self.folder, error) from None

    def why_unreadable(self, row: int) -> tuple[str, str]:
        """Why an image could not be read, and what to do about it ("" where that is plain).

        The file is decoded once more to find out.
        """
        path = self.root / self.files[row]
        try:
            with limit_of_pixels(self.decoding):
                decode(path.read_bytes(), self.decoding, read_scale(self.folder))
        except Exception as error:  # noqa: BLE001 - Pillow's decoders raise nearly anything on damaged bytes
            why, advice = why_undecoded(error)
            return why.replace(str(self.root), ""), advice
        return "it could not be read before", ""


def decode_folder(
    root: Path,
    files: list[str],
    quick_key: str,
    decoding: Decoding,
    training: Sequence[int],
    *,
    at_hand: bool = False,
    artifacts: Artifacts | None = None,
) -> DecodedImages:
    """The images of a folder, cropped at the centre to squares and resized.

    They come from the cache, or are decoded into it: then the room that they take on disk is said
    first, on standard error.

    Args:
        root: The folder.
        files: Paths of the images below it, in their fixed order.
        quick_key: A digest of the files' paths, sizes and times.
        decoding: How they are decoded.
        training: The rows of the training images, from which `white: stretch` takes its range.
        at_hand: Decode nothing.
        artifacts: Where an array is fetched that another machine decoded of the same folder (its
            path, and the files' sizes and times), and is put for others.

    Raises:
        UserError: There is no room, or a file cannot be read for another reason than its content;
            or nothing is to be decoded, and the images are not in the cache.
    """
    name = f"{quick_key}-{decoding.side}x{decoding.channels}"
    name += f"-white_{decoding.white}" if decoding.white is not None else ""
    name += f"-pixels_{decoding.max_pixels}" if decoding.max_pixels is not None else ""
    name += f"-v{FORMAT}"
    arrays = cache_folder("folders")
    link = cache_folder("folders", "index") / name
    folder = _look_up(arrays, link)
    if folder is None and at_hand:
        raise UserError(f"the images of {root} are not in the cache, or were changed since.")
    if folder is None:
        building = cache_folder("folders", f"building-{name}")
        with locked(arrays / f"{building.name}.lock"):
            # Another process may have built it while this one waited for the lock.
            folder = _look_up(arrays, link) or _take_over(arrays, link, root, files)
            if folder is None and artifacts:
                folder = fetch_array(artifacts, building, arrays, link)
            if folder is None:
                names = [files[row] for row in training]
                key = build_array(building, arrays, root, files, decoding, names)
                write_atomic(link, key)
                folder = arrays / key
                if artifacts:
                    put_array(artifacts, folder, link.name)
            else:
                shutil.rmtree(building, ignore_errors=True)
    # When it was last used, for `data caches`: not every file system notes when a file is read.
    with suppress(OSError):
        os.utime(folder / SOURCE)
    return _open(folder, root, files, decoding)


def _look_up(arrays: Path, link: Path) -> Path | None:
    """The folder of the array to which a quick key leads."""
    try:
        folder = arrays / link.read_text()
    except OSError:
        return None
    return folder if (folder / ARRAY).is_file() else None


def _take_over(arrays: Path, link: Path, root: Path, files: list[str]) -> Path | None:
    """The folder of the array that format 2 made of the same files, where it is still right.

    It is where all files are JPEGs that could be read: those have the same pixels now. For a large
    folder of photographs this saves hours, and the room of a second array.
    """
    import numpy as np

    link_before = link.with_name(link.name.replace(f"-v{FORMAT}", f"-v{KEY_FORMAT}"))
    folder = _look_up(arrays, link_before)
    if folder is None:
        return None
    try:
        if not np.load(folder / READABLE).all():
            return None
        for name in files:
            with open(root / name, "rb") as file:
                if file.read(2) != JPEG:
                    return None
    except (OSError, ValueError, EOFError):
        return None
    write_atomic(link, folder.name)
    return folder


def _open(folder: Path, root: Path, files: list[str], decoding: Decoding) -> DecodedImages:
    import numpy as np

    try:
        # For reading only: for a copy on write the system would set memory aside, and the array
        # may be larger than that.
        array = np.load(folder / ARRAY, mmap_mode="r")
        readable = np.load(folder / READABLE)
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            size = human_count(float((folder / ARRAY).stat().st_size))
            raise UserError(
                f"the cache {folder} cannot be opened: its {size}B do not fit into the memory that"
                " a process may address here. Raise that limit (ulimit -v), or use a smaller"
                " resolution."
            ) from None
        raise damaged_cache(folder, error) from None
    return DecodedImages(root, files, decoding, folder, folder.name, array, readable)
