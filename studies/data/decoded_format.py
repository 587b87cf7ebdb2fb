"""What the folder of a decoded array in the cache holds, and the key that names it.

An array has a folder of its own with these files: `images.npy`, `readable.npy` (which of them could
be read), `notes` (a record for each image), `unreadable.txt` (the names of the others), `source`
(the folder that was decoded) and, for samples of more than 8 bits, `samples` and `scale.json`.
"""

import hashlib
import json
from dataclasses import astuple
from pathlib import Path

from explorer.errors import UserError
from studies.data.decoding import Scale

# The version of the cache: another number is another way of decoding, and folders are decoded anew.
# Studies and checkpoints know their images by the array's key, which stays as it is where the
# pixels do: it says 2, and REVISED marks files that differ.
FORMAT = 3
KEY_FORMAT = 2
DIGEST = 16  # bytes
RECORD = 1 + DIGEST  # of the notes: flags of the image, and the digest of its file
# Flags of an image: it could be read; format 2 had other pixels; it has a single colour.
READ, REVISED, ONE_COLOUR = 1, 2, 4
ARRAY, READABLE, NOTES = "images.npy", "readable.npy", "notes"
UNREADABLE, SOURCE = "unreadable.txt", "source"
SAMPLES = "samples"  # of more than 8 bits, by batch
SCALE = "scale.json"  # which samples are black and white, where `white` says or measures it


def content_key(shape: tuple[int, ...], files: list[str], notes: bytes, scale: Scale | None) -> str:
    """The key of an array's content, 32 hexadecimal digits.

    Args:
        shape: Of the array.
        files: The names of its files.
        notes: Their records, `RECORD` bytes each.
        scale: Of samples of more than 8 bits, where it is one for all.
    """
    import numpy as np

    scale_text = "" if scale is None else f" {astuple(scale)}"
    digest = hashlib.blake2b(f"{KEY_FORMAT} {shape}{scale_text}".encode(), digest_size=16)
    for name in files:
        digest.update(name.encode(errors="surrogateescape") + b"\0")
    records = np.frombuffer(notes, np.uint8).reshape(-1, RECORD).copy()
    records[:, 0] &= READ | REVISED
    digest.update(records.tobytes())
    return digest.hexdigest()


def read_scale(folder: Path) -> Scale | None:
    """The scale that is stored beside an array. Raises `UserError` for a damaged file."""
    try:
        return Scale(*json.loads((folder / SCALE).read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise damaged_cache(folder, error) from None


def damaged_cache(folder: Path, error: Exception) -> UserError:
    """The error to raise for a folder in the cache that cannot be understood."""
    return UserError(f"the cache {folder} is damaged ({error}). Delete it; it will be made again.")
