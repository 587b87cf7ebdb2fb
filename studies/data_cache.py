"""Images decoded once: resized, and kept in the cache as one memory-mapped uint8 array that every trial of every study reads.

The array is kept under a digest of what the files hold. A second, quick key (paths, sizes, times) leads to it without reading
them. It is built in a folder of its own, in batches that are noted when they are on disk, so that a build that was cut off goes
on where it was; when it is whole, the folder is renamed.
"""

import errno
import fcntl
import hashlib
import io
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.text import human_count
from studies.data_download import CACHE_VARIABLE, cache_folder, disk_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FORMAT = 2  # of the cache; another number is another cache
BATCH = 512  # images between two notes of how far the build is
DIGEST = 16  # bytes
RECORD = 1 + DIGEST  # a note: could the image be read, and the digest of its file
ARRAY, NOTES, READABLE, UNREADABLE, SOURCE = "images.npy", "notes", "readable.npy", "unreadable.txt", "source"


@dataclass(frozen=True)
class Cached:
    """Images in the cache, in the order of their files: `array` N x channels x side x side, mapped; `readable` N."""

    root: Path
    files: list[str]
    folder: Path
    key: str
    array: "NDArray[np.uint8]"
    readable: "NDArray[np.bool_]"

    @property
    def list_of_unreadable(self) -> Path:
        return self.folder / UNREADABLE

    def used(self) -> "tuple[str, NDArray[np.int64]] | None":
        """What stands for the images where some files are unreadable: the key that the cache would have without those, and each
        row's number among the others. None where all can be read."""
        import numpy as np

        if self.readable.all():
            return None
        notes = self._notes()
        files = [self.files[row] for row in np.flatnonzero(self.readable)]
        key = _key((len(files), *self.array.shape[1:]), files, notes[self.readable].tobytes())
        return key, np.cumsum(self.readable) - 1

    def digests(self) -> "NDArray[np.uint8]":
        """Of the files' bytes, N x DIGEST."""
        return self._notes()[:, 1:]

    def _notes(self) -> "NDArray[np.uint8]":
        import numpy as np

        try:
            return np.fromfile(self.folder / NOTES, np.uint8).reshape(len(self.files), RECORD)
        except (OSError, ValueError) as error:
            raise _damaged(self.folder, error) from None

    def reason(self, row: int) -> str:
        """Why an image could not be read, found out again."""
        from PIL import UnidentifiedImageError

        try:
            decode((self.root / self.files[row]).read_bytes(), *self.array.shape[2:0:-1])
        except UnidentifiedImageError:
            return "no image that Pillow knows"
        except Exception as error:  # noqa: BLE001 - Pillow's decoders raise nearly anything on damaged bytes
            return " ".join(str(error).replace(str(self.root), "").split())[:120] or type(error).__name__
        return "it could not be read before"


def cached(root: Path, files: list[str], quick_key: str, side: int, channels: int) -> Cached:
    """The images of `files` (below `root`), cropped at the centre to squares and resized, from the cache or into it.

    What it takes on disk is said first, on standard error. Raises `UserError` where there is no room.
    """
    name = f"{quick_key}-{side}x{channels}-v{FORMAT}"
    place = cache_folder("folders")
    link = cache_folder("folders", "index") / name
    if (found := _find(place, link)) is None:
        building = cache_folder("folders", f"building-{name}")
        with _lock(place / f"{building.name}.lock"):
            if (found := _find(place, link)) is None:  # nobody else has built it meanwhile
                building.mkdir(exist_ok=True)
                with disk_errors(building):
                    (building / SOURCE).write_text(str(root.resolve()), errors="surrogateescape")
                    _remove_older(place, building)
                _build(building, root, files, side, channels)
                key = _finish(building, place, files)
                write_atomic(link, key)
                found = place / key
            else:
                shutil.rmtree(building, ignore_errors=True)
    with suppress(OSError):  # when it was last used, for whoever looks for what may go; not every file system tells
        os.utime(found / SOURCE)
    return _open(found, root, files)


def decode(content: bytes, side: int, channels: int) -> "NDArray[np.uint8]":
    """One image, channels x side x side: upright as its EXIF says, alpha laid on white, the middle square of it resized."""
    import numpy as np
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(content)) as opened:
        opened.draft(None, (2 * side, 2 * side))  # JPEG can be decoded at a fraction of its size
        image: Any = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I;16") or (
            image.mode == "I" and opened.format == "PPM"
        ):  # Pillow would clip to 8 bits
            image = Image.fromarray((np.asarray(image).astype(np.int64) >> 8).astype(np.uint8))
        elif image.mode in ("I", "F"):
            kind = "32-bit integers" if image.mode == "I" else "floating-point numbers"
            raise ValueError(f"its pixels are {kind}, of which none is known to be white; save it with 8 or 16 bits")
        if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        image = image.convert("RGB" if channels == 3 else "L")
        square = np.asarray(ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC))
    return np.ascontiguousarray(square.reshape(side, side, channels).transpose(2, 0, 1))


def _find(place: Path, link: Path) -> Path | None:
    try:
        folder = place / link.read_text()
    except OSError:
        return None
    return folder if (folder / ARRAY).is_file() else None


def _open(folder: Path, root: Path, files: list[str]) -> Cached:
    import numpy as np

    try:
        # For reading only: the system would set memory aside for a copy on write, and the array may be larger than that.
        array = np.load(folder / ARRAY, mmap_mode="r")
        return Cached(root, files, folder, folder.name, array, np.load(folder / READABLE))
    except (OSError, ValueError, EOFError) as error:
        if isinstance(error, OSError) and error.errno == errno.ENOMEM:
            size = human_count(float((folder / ARRAY).stat().st_size))
            raise UserError(
                f"the cache {folder} cannot be opened: its {size}B do not fit into the memory that a process may address here. "
                "Raise that limit (ulimit -v), or ask for a smaller resolution."
            ) from None
        raise _damaged(folder, error) from None


def _damaged(folder: Path, error: Exception) -> UserError:
    return UserError(f"the cache {folder} is damaged ({error}). Delete it; it will be made again.")


def _remove_older(place: Path, building: Path) -> None:
    """What builds that nobody will go on with have left: of the same folder as it was before, or of another format."""
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


def _build(folder: Path, root: Path, files: list[str], side: int, channels: int) -> None:
    """Decode what is not noted as done. Interrupted at any point, the same call goes on from the last note."""
    import numpy as np

    from explorer.terminal import progress_bar
    from studies.settings import cores

    shape = (len(files), channels, side, side)
    done = min((folder / NOTES).stat().st_size // RECORD, len(files)) if (folder / NOTES).is_file() else 0
    array = _continue(folder / ARRAY, shape) if done else None
    if array is None:
        done = 0
        array = _reserve(folder, shape)
    size = human_count(float(np.prod(shape)))
    already = f"; {done} are there already" if done else ""
    print(f"{root}: {len(files)} images of {side}x{side} take {size}B in {folder.parent}{already}", file=sys.stderr)
    with open(folder / NOTES, "r+b" if done else "wb") as notes, progress_bar("decoding images") as progress:
        notes.truncate(done * RECORD)
        notes.seek(done * RECORD)
        pool = ThreadPoolExecutor(cores())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Pillow's, of odd but readable files
                for start in range(done, len(files), BATCH):
                    progress(start, len(files))
                    paths = [root / name for name in files[start : start + BATCH]]
                    records = []
                    for row, (digest, image) in enumerate(
                        pool.map(lambda path: _read(path, side, channels), paths), start
                    ):
                        array[row] = 0 if image is None else image
                        records.append(bytes([image is not None]) + digest)
                    array.flush()
                    with disk_errors(folder):
                        notes.write(b"".join(records))
                        notes.flush()
                        os.fsync(notes.fileno())
        finally:
            pool.shutdown(cancel_futures=True)


def _read(path: Path, side: int, channels: int) -> tuple[bytes, "NDArray[np.uint8] | None"]:
    """The digest of a file, and its image; None where its bytes are no image. Raises `UserError` where they cannot be had."""
    try:
        content = path.read_bytes()
    except OSError as error:  # may be another tomorrow, so it must not be noted
        raise UserError(
            f"cannot read {path}: {error.strerror or error}. Make it readable and start again, and the build goes on where it was; "
            "or remove it, and the build begins anew."
        ) from None
    digest = hashlib.blake2b(content, digest_size=DIGEST).digest()
    try:
        return digest, decode(content, side, channels)
    except MemoryError:
        raise UserError(
            f"there is not enough memory to decode {path}. Free some and start again, and the build goes on where it was; "
            "or remove the image, and the build begins anew."
        ) from None
    except Exception:  # noqa: BLE001 - Pillow's decoders raise nearly anything on damaged bytes
        return digest, None


def _reserve(folder: Path, shape: tuple[int, ...]) -> Any:
    """A new array whose room on the disk is taken at once: a disk that fills up later could not be told from a crash."""
    import numpy as np

    path = folder / ARRAY
    with disk_errors(folder):
        path.unlink(missing_ok=True)  # of a build cut off before its first note: its room counts as free
    needed = int(np.prod(shape)) + 4096
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"the decoded images need {human_count(float(needed))}B, and the cache {folder.parent} has {human_count(float(free))}B left. "
            f"Make room there, name another folder with {CACHE_VARIABLE}, or ask for a smaller resolution."
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


def _finish(building: Path, place: Path, files: list[str]) -> str:
    """Move a whole array to the place that its content names; the content's key."""
    import numpy as np

    notes = (building / NOTES).read_bytes()
    key = _key(np.load(building / ARRAY, mmap_mode="r").shape, files, notes)
    readable = np.frombuffer(notes, np.uint8).reshape(-1, RECORD)[:, 0].astype(bool)
    with disk_errors(building):
        np.save(building / READABLE, readable)
        unreadable = [files[row] for row in np.flatnonzero(~readable)]
        (building / UNREADABLE).write_text("".join(f"{name}\n" for name in unreadable), errors="surrogateescape")
        if (place / key / ARRAY).is_file():  # the same images, from another folder or with other times
            shutil.rmtree(building)
        else:
            shutil.rmtree(place / key, ignore_errors=True)  # what an interrupted removal has left
            os.rename(building, place / key)
    return key


def _key(shape: tuple[int, ...], files: list[str], notes: bytes) -> str:
    """Of an array's content: the names of the files, and what is noted of each."""
    digest = hashlib.blake2b(f"{FORMAT} {shape}".encode(), digest_size=16)
    for name in files:
        digest.update(name.encode(errors="surrogateescape") + b"\0")
    digest.update(notes)
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
