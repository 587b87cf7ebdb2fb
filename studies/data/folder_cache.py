"""Images decoded once: resized, and kept in the cache as one memory-mapped
uint8 array that every trial of every study reads.

The array is kept under a digest of what the files hold. A second, quick key (paths, sizes, times)
leads to it without reading them. It is built in a folder of its own, in batches that are noted when
they are on disk, so that a build that was cut off goes on where it was; when it is whole, the
folder is renamed.
"""

import errno
import fcntl
import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.text import human_count
from studies.data.decoding import (
    STRETCH,
    Decoded,
    Decoding,
    Scale,
    decode,
    limit_of_pixels,
)
from studies.data.downloads import CACHE_VARIABLE, cache_folder, disk_errors
from studies.data.metadata import JPEG
from studies.data.samples import UnsuitableImage
from studies.data.scale import Samples, decoding_pool, examined, range_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Of the cache: another number is another way of decoding, and folders are decoded anew. Studies and
# checkpoints know their images by the array's key, which stays as it is where the pixels do: it
# says 2, and REVISED marks files that differ.
FORMAT = 3
KEY_FORMAT = 2
BATCH = 512  # images between two notes of how far the build is
DIGEST = 16  # bytes
RECORD = 1 + DIGEST  # a note: what is known of the image, and the digest of its file
# What is known: it could be read; format 2 had other pixels; it has a single colour.
READ, REVISED, ONE_COLOUR = 1, 2, 4
ARRAY, NOTES, READABLE, UNREADABLE, SOURCE = (
    "images.npy",
    "notes",
    "readable.npy",
    "unreadable.txt",
    "source",
)
SAMPLES = "samples"  # of more than 8 bits, by batch
SCALE = "scale.json"  # which samples are black and white, where `white` says or measures it


@dataclass(frozen=True)
class Cached:
    """Images in the cache, in the order of their files: `array` N x
    channels x side x side, mapped; `readable` N."""

    root: Path
    files: list[str]
    decoding: Decoding
    folder: Path
    key: str
    array: "NDArray[np.uint8]"
    readable: "NDArray[np.bool_]"

    @property
    def list_of_unreadable(self) -> Path:
        return self.folder / UNREADABLE

    def black_and_white(self) -> tuple[float, float] | None:
        """The samples that became 0 and 255, where `white` says or measures it."""
        scale = _stored_scale(self.folder)
        return None if scale is None else (scale.black, scale.white)

    def used(self) -> "tuple[str, NDArray[np.int64]] | None":
        """What stands for the images where some files are unreadable: the key that the cache would
        have without those, and each row's number among the others. None where all can be read."""
        import numpy as np

        if self.readable.all():
            return None
        notes = self._notes()
        files = [self.files[row] for row in np.flatnonzero(self.readable)]
        shape = (len(files), *self.array.shape[1:])
        key = _key(shape, files, notes[self.readable].tobytes(), _stored_scale(self.folder))
        return key, np.cumsum(self.readable) - 1

    def scaling(self) -> list[str]:
        """How samples of more than 8 bits became black to white, in lines of text."""
        scale = _stored_scale(self.folder)
        if scale is not None and scale.kind:
            told = (
                f"{scale.black:.10g} to {scale.white:.10g}, the range of the training images"
                f" ({scale.kind})"
            )
            return [f"{told}, is taken as black to white."]
        if not (self.folder / SAMPLES).is_file():  # decoded by the version before
            return []
        try:
            return Samples.noted(self.folder / SAMPLES).scaling(self.decoding)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder, error) from None

    def of_one_colour(self) -> list[str]:
        """The files whose images have a single colour each."""
        import numpy as np

        return [self.files[row] for row in np.flatnonzero(self._notes()[:, 0] & ONE_COLOUR)]

    def digests(self) -> "NDArray[np.uint8]":
        """Of the files' bytes, N x DIGEST."""
        return self._notes()[:, 1:]

    def _notes(self) -> "NDArray[np.uint8]":
        import numpy as np

        try:
            return np.fromfile(self.folder / NOTES, np.uint8).reshape(len(self.files), RECORD)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder, error) from None

    def reason(self, row: int) -> tuple[str, str]:
        """Why an image could not be read, found out again, and what can be
        done about it ("" where that is plain)."""
        try:
            with limit_of_pixels(self.decoding):
                decode(
                    (self.root / self.files[row]).read_bytes(),
                    self.decoding,
                    _stored_scale(self.folder),
                )
        except UnsuitableImage as error:
            return error.args
        except Exception as error:  # noqa: BLE001 - Pillow's decoders raise nearly anything on damaged bytes
            return (
                " ".join(str(error).replace(str(self.root), "").split())[:120]
                or type(error).__name__,
                "",
            )
        return "it could not be read before", ""


def cached(
    root: Path, files: list[str], quick_key: str, decoding: Decoding, training: Sequence[int]
) -> Cached:
    """The images of `files` (below `root`), cropped at the centre to
    squares and resized, from the cache or into it.

    What it takes on disk is said first, on standard error. `training` are the rows of the
    training images, from which `white: stretch` takes its range.

    Raises:
        UserError: There is no room, or a file cannot be had.
    """
    name = f"{quick_key}-{decoding.side}x{decoding.channels}"
    name += f"-white_{decoding.white}" if decoding.white is not None else ""
    name += f"-pixels_{decoding.max_pixels}" if decoding.max_pixels is not None else ""
    name += f"-v{FORMAT}"
    place = cache_folder("folders")
    link = cache_folder("folders", "index") / name
    if (found := _find(place, link)) is None:
        building = cache_folder("folders", f"building-{name}")
        with _lock(place / f"{building.name}.lock"):
            if (found := _find(place, link) or _adopted(place, link, root, files)) is None:
                building.mkdir(exist_ok=True)
                with disk_errors(building):
                    (building / SOURCE).write_text(str(root.resolve()), errors="surrogateescape")
                    _remove_older(place, building)
                with limit_of_pixels(decoding):
                    scale = _scale(building, root, [files[row] for row in training], decoding)
                    _build(building, root, files, decoding, scale)
                key = _finish(building, place, files, scale)
                write_atomic(link, key)
                found = place / key
            else:
                shutil.rmtree(building, ignore_errors=True)
    with suppress(
        OSError
    ):  # when it was last used, for whoever looks for what may go; not every file system tells
        os.utime(found / SOURCE)
    return _open(found, root, files, decoding)


def _find(place: Path, link: Path) -> Path | None:
    try:
        folder = place / link.read_text()
    except OSError:
        return None
    return folder if (folder / ARRAY).is_file() else None


def _adopted(place: Path, link: Path, root: Path, files: list[str]) -> Path | None:
    """The array that the format before made of the same files, where all are JPEGs that could be
    read: those have the same pixels now. Of a large folder of photographs this saves hours, and
    room for a second array."""
    import numpy as np

    folder = _find(place, link.with_name(link.name.replace(f"-v{FORMAT}", f"-v{KEY_FORMAT}")))
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


def _open(folder: Path, root: Path, files: list[str], decoding: Decoding) -> Cached:
    import numpy as np

    try:
        # For reading only: the system would set memory aside for a copy on
        # write, and the array may be larger than that.
        array = np.load(folder / ARRAY, mmap_mode="r")
        return Cached(root, files, decoding, folder, folder.name, array, np.load(folder / READABLE))
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            size = human_count(float((folder / ARRAY).stat().st_size))
            raise UserError(
                f"the cache {folder} cannot be opened: its {size}B do not fit into the memory that"
                " a process may address here. Raise that limit (ulimit -v), or ask for a smaller"
                " resolution."
            ) from None
        raise _damaged(folder, error) from None


def _damaged(folder: Path, error: Exception) -> UserError:
    return UserError(f"the cache {folder} is damaged ({error}). Delete it; it will be made again.")


def _remove_older(place: Path, building: Path) -> None:
    """What builds that nobody will go on with have left: of the same folder
    as it was before, or of another format."""
    source, kind = (building / SOURCE).read_bytes(), building.name.split("-", 2)[2]
    for other in sorted(place.glob("building-*")):
        if other == building or not other.is_dir():
            continue
        if other.name.endswith(f"-v{FORMAT}"):
            older = other.name.endswith(f"-{kind}") and (other / SOURCE).is_file()
            if not older or (other / SOURCE).read_bytes() != source:
                continue
        with open(place / f"{other.name}.lock", "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # it is being built
                continue
            shutil.rmtree(other, ignore_errors=True)


def _stored_scale(folder: Path) -> Scale | None:
    try:
        return Scale(*json.loads((folder / SCALE).read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise _damaged(folder, error) from None


def _scale(building: Path, root: Path, files: list[str], decoding: Decoding) -> Scale | None:
    """The scale that the data section gives, kept beside the array; of
    `stretch` the range of these, the training images."""
    scale = _stored_scale(building) or decoding.scale
    if scale is None and decoding.white == STRETCH:
        scale = range_of(root, files, decoding)
    if scale is not None:
        with disk_errors(building):
            write_atomic(building / SCALE, json.dumps(astuple(scale)))
    return scale


def _build(
    folder: Path, root: Path, files: list[str], decoding: Decoding, scale: Scale | None
) -> None:
    """Decode what is not noted as done. Interrupted at any point, the
    same call goes on from the last note."""
    import numpy as np

    from explorer.terminal import progress_bar

    side = decoding.side
    shape = (len(files), decoding.channels, side, side)
    # In whole batches, as their samples are noted.
    done = (
        min((folder / NOTES).stat().st_size // RECORD, len(files))
        if (folder / NOTES).is_file()
        else 0
    )
    done -= done % BATCH
    array = _continue(folder / ARRAY, shape) if done else None
    if array is None:
        done = 0
        array = _reserve(folder, shape)
    size = human_count(float(np.prod(shape)))
    already = f"; {done} are there already" if done else ""
    print(
        f"{root}: {len(files)} images of {side}x{side} take {size}B in {folder.parent}{already}",
        file=sys.stderr,
    )
    with (
        open(folder / NOTES, "r+b" if done else "wb") as notes,
        open(folder / SAMPLES, "a" if done else "w") as all_samples,
        progress_bar("decoding images") as progress,
        decoding_pool() as pool,
    ):
        notes.truncate(done * RECORD)
        notes.seek(done * RECORD)
        for start in range(done, len(files), BATCH):
            progress(start, len(files))
            paths = [root / name for name in files[start : start + BATCH]]
            records, samples = [], Samples()
            for row, (digest, image) in enumerate(
                pool.map(lambda path: _read(path, decoding, scale), paths), start
            ):
                array[row] = 0 if image is None else image.pixels
                records.append(bytes([_known(image)]) + digest)
                if image is not None:
                    samples.add(image)
            array.flush()
            with disk_errors(folder):
                samples.note(all_samples, start)
                all_samples.flush()
                os.fsync(all_samples.fileno())
                notes.write(b"".join(records))
                notes.flush()
                os.fsync(notes.fileno())


def _known(image: Decoded | None) -> int:
    """What a note says of an image."""
    if image is None:
        return 0
    one_colour = (image.pixels == image.pixels[:, :1, :1]).all()
    return READ | (REVISED if image.revised else 0) | (ONE_COLOUR if one_colour else 0)


def _read(path: Path, decoding: Decoding, scale: Scale | None) -> tuple[bytes, Decoded | None]:
    """The digest of a file, and its image; None where its bytes are no image. Raises `UserError`
    where they cannot be had."""
    content, image = examined(path, lambda content: decode(content, decoding, scale))
    return hashlib.blake2b(content, digest_size=DIGEST).digest(), image


def _reserve(folder: Path, shape: tuple[int, ...]) -> Any:
    """A new array whose room on the disk is taken at once: a disk that fills
    up later could not be told from a crash."""
    import numpy as np

    path = folder / ARRAY
    with disk_errors(folder):
        path.unlink(
            missing_ok=True
        )  # of a build cut off before its first note: its room counts as free
    needed = int(np.prod(shape)) + 4096
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"the decoded images need {human_count(float(needed))}B, and the cache {folder.parent}"
            f" has {human_count(float(free))}B left. Make room there, name another folder with"
            f" {CACHE_VARIABLE}, or ask for a smaller resolution."
        )
    try:
        with disk_errors(folder):
            array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
            if hasattr(os, "posix_fallocate"):  # macOS has none
                with open(path, "r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
    except UserError:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return array


def _continue(path: Path, shape: tuple[int, ...]) -> Any:
    import numpy as np

    try:
        array = np.lib.format.open_memmap(path, mode="r+")
    except (OSError, ValueError):
        return None
    return array if array.shape == shape else None


def _finish(building: Path, place: Path, files: list[str], scale: Scale | None) -> str:
    """Move a whole array to the place that its content names; the content's key."""
    import numpy as np

    notes = (building / NOTES).read_bytes()
    key = _key(np.load(building / ARRAY, mmap_mode="r").shape, files, notes, scale)
    known = np.frombuffer(notes, np.uint8).reshape(-1, RECORD)[:, 0]
    readable = (known & READ).astype(bool)
    with disk_errors(building):
        np.save(building / READABLE, readable)
        unreadable = [files[row] for row in np.flatnonzero(~readable)]
        (building / UNREADABLE).write_text(
            "".join(f"{name}\n" for name in unreadable), errors="surrogateescape"
        )
        if (
            place / key / ARRAY
        ).is_file():  # the same images, from another folder or with other times
            for name in (NOTES, SAMPLES):  # the version before noted less
                os.replace(building / name, place / key / name)
            shutil.rmtree(building)
        else:
            shutil.rmtree(place / key, ignore_errors=True)  # what an interrupted removal has left
            os.rename(building, place / key)
    return key


def _key(shape: tuple[int, ...], files: list[str], notes: bytes, scale: Scale | None) -> str:
    """Of an array's content: the names of the files, what is noted of
    each, and the scale of deep samples."""
    import numpy as np

    told = "" if scale is None else f" {astuple(scale)}"
    digest = hashlib.blake2b(f"{KEY_FORMAT} {shape}{told}".encode(), digest_size=16)
    for name in files:
        digest.update(name.encode(errors="surrogateescape") + b"\0")
    records = np.frombuffer(notes, np.uint8).reshape(-1, RECORD).copy()
    records[:, 0] &= READ | REVISED
    digest.update(records.tobytes())
    return digest.hexdigest()


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    """One process at a time builds an array; another waits for it and then finds it."""
    with disk_errors(path), open(path, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
