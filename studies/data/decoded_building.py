"""The images of a folder become one uint8 array in the cache.

An array is built in a folder of its own, in batches that are noted once they are on disk, so that a
build that was cut off goes on where it stopped. When it is complete, the folder is renamed to the
key of its content: nobody can take a part for the whole.
"""

import fcntl
import hashlib
import json
import os
import shutil
import sys
from dataclasses import astuple
from pathlib import Path
from typing import Any

from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.text import human_count
from studies.data.decoded_format import (
    ARRAY,
    DIGEST,
    FORMAT,
    NOTES,
    ONE_COLOUR,
    READ,
    READABLE,
    RECORD,
    REVISED,
    SAMPLES,
    SCALE,
    SOURCE,
    UNREADABLE,
    content_key,
    read_scale,
)
from studies.data.decoding import STRETCH, Decoded, Decoding, Scale, decode, limit_of_pixels
from studies.data.downloads import CACHE_VARIABLE, disk_errors
from studies.data.scale import Samples, decoding_pool, examine, range_of

BATCH = 512  # images between two notes of how far the build is


def build_array(
    building: Path,
    arrays: Path,
    root: Path,
    files: list[str],
    decoding: Decoding,
    training: list[str],
) -> str:
    """Decode files into an array, and return the key that names its folder.

    Interrupted at any point, the same call goes on from the last note.

    Args:
        building: The folder to build in; who calls holds its lock.
        arrays: The folder of all arrays, into which the result is moved.
        root: The folder of the images.
        files: Paths of the images below `root`.
        decoding: How they are decoded.
        training: Those of `files` from which `white: stretch` takes its range.

    Raises:
        UserError: There is no room, or a file cannot be read for another reason than its content.
    """
    building.mkdir(exist_ok=True)
    with disk_errors(building):
        (building / SOURCE).write_text(str(root.resolve()), errors="surrogateescape")
        _remove_abandoned(arrays, building)
    with limit_of_pixels(decoding):
        scale = _find_scale(building, root, training, decoding)
        _decode_files(building, root, files, decoding, scale)
    return _finish(building, arrays, files, scale)


def _remove_abandoned(arrays: Path, building: Path) -> None:
    """Remove builds of an earlier state of the same folder, or of another format.

    Nobody will go on with them.
    """
    source, kind = (building / SOURCE).read_bytes(), building.name.split("-", 2)[2]
    for other in sorted(arrays.glob("building-*")):
        if other == building or not other.is_dir():
            continue
        if other.name.endswith(f"-v{FORMAT}"):
            is_alike = other.name.endswith(f"-{kind}") and (other / SOURCE).is_file()
            if not is_alike or (other / SOURCE).read_bytes() != source:
                continue
        with open(arrays / f"{other.name}.lock", "a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:  # it is being built
                continue
            shutil.rmtree(other, ignore_errors=True)


def _find_scale(building: Path, root: Path, files: list[str], decoding: Decoding) -> Scale | None:
    """The scale that the data section gives, stored beside the array.

    Of `stretch` it is the range of `files`, the training images.
    """
    scale = read_scale(building) or decoding.scale
    if scale is None and decoding.white == STRETCH:
        scale = range_of(root, files, decoding)
    if scale is not None:
        with disk_errors(building):
            write_atomic(building / SCALE, json.dumps(astuple(scale)))
    return scale


def _decode_files(
    folder: Path, root: Path, files: list[str], decoding: Decoding, scale: Scale | None
) -> None:
    """Decode the files that are not noted as done."""
    from explorer.terminal import progress_bar

    side = decoding.side
    shape = (len(files), decoding.channels, side, side)
    done = _noted_images(folder / NOTES, len(files))
    array = _continue(folder / ARRAY, shape) if done else None
    if array is None:
        done = 0
        array = _reserve(folder, shape)
    already = f"; {done} are already there" if done else ""
    print(
        f"{root}: {len(files):,} images of {side}x{side} take {human_count(float(array.size))}B in"
        f" {folder.parent}{already}",
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
                records.append(bytes([_flags(image)]) + digest)
                if image is not None:
                    samples.add(image)
            # The pixels first: what is noted as done must be on disk.
            array.flush()
            with disk_errors(folder):
                samples.write(all_samples, start)
                all_samples.flush()
                os.fsync(all_samples.fileno())
                notes.write(b"".join(records))
                notes.flush()
                os.fsync(notes.fileno())


def _noted_images(notes: Path, images: int) -> int:
    """How many images are done: whole batches, as their samples are noted."""
    if not notes.is_file():
        return 0
    done = min(notes.stat().st_size // RECORD, images)
    return done - done % BATCH


def _flags(image: Decoded | None) -> int:
    if image is None:
        return 0
    one_colour = (image.pixels == image.pixels[:, :1, :1]).all()
    return READ | (REVISED if image.revised else 0) | (ONE_COLOUR if one_colour else 0)


def _read(path: Path, decoding: Decoding, scale: Scale | None) -> tuple[bytes, Decoded | None]:
    """The digest of a file, and its image; None where its bytes are no image.

    Raises `UserError` where the bytes cannot be read.
    """
    content, image = examine(path, lambda content: decode(content, decoding, scale))
    return hashlib.blake2b(content, digest_size=DIGEST).digest(), image


def _reserve(folder: Path, shape: tuple[int, ...]) -> Any:
    """A new array, N x channels x side x side, whose room on the disk is taken at once.

    A disk that fills up later kills the process (SIGBUS), which could not be told from a crash.
    """
    import numpy as np

    path = folder / ARRAY
    with disk_errors(folder):
        # Of a build cut off before its first note: its room counts as free.
        path.unlink(missing_ok=True)
    needed = int(np.prod(shape)) + 4096
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"the decoded images need {human_count(float(needed))}B, and the cache {folder.parent}"
            f" has {human_count(float(free))}B left. Make room there, name another folder with"
            f" {CACHE_VARIABLE}, or use a smaller resolution."
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
    """The array of a build that was cut off; None where it is damaged or of another shape."""
    import numpy as np

    try:
        array = np.lib.format.open_memmap(path, mode="r+")
    except (OSError, ValueError):
        return None
    return array if array.shape == shape else None


def _finish(building: Path, arrays: Path, files: list[str], scale: Scale | None) -> str:
    """Move a complete array into the folder that is named by its key, and return that."""
    import numpy as np

    notes = (building / NOTES).read_bytes()
    shape = np.load(building / ARRAY, mmap_mode="r").shape
    key = content_key(shape, files, notes, scale)
    flags = np.frombuffer(notes, np.uint8).reshape(-1, RECORD)[:, 0]
    readable = (flags & READ).astype(bool)
    with disk_errors(building):
        np.save(building / READABLE, readable)
        unreadable = "".join(f"{files[row]}\n" for row in np.flatnonzero(~readable))
        (building / UNREADABLE).write_text(unreadable, errors="surrogateescape")
        if (arrays / key / ARRAY).is_file():  # equal images, in another folder or with other times
            for name in (NOTES, SAMPLES):  # an array of format 2 has fewer notes
                os.replace(building / name, arrays / key / name)
            shutil.rmtree(building)
        else:
            shutil.rmtree(arrays / key, ignore_errors=True)  # of a removal that was interrupted
            os.rename(building, arrays / key)
    return key
