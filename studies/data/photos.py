"""Image files of no data set, such as those that a trained network is to classify."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from explorer.errors import UserError
from explorer.file_kinds import told_by_name
from explorer.files import expanded, nearest_path
from studies.data.decoding import Decoding, Scale, decode, limit_of_pixels, why_undecoded
from studies.data.scale import decoding_pool
from studies.data.walk import LeftOut, image_extensions, walk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Photo:
    """A decoded file: its `pixels` (uint8, channels x side x side), or why there are none."""

    path: Path
    pixels: "NDArray[np.uint8] | None"
    problem: str = ""


def find_photos(given: Iterable[str | Path]) -> tuple[list[Path], str]:
    """The image files that are meant by files and folders, and what is left out, in words.

    A file is taken as it is named; of a folder, all images below it are, by their extension.

    Raises:
        UserError: There is no such file or folder, or a folder holds no image.
    """
    paths: list[Path] = []
    left_out = LeftOut()
    for path in map(expanded, given):
        if not path.is_dir():
            is_image = path.suffix.lower() in image_extensions()
            if not is_image and path.exists() and (other := told_by_name(str(path))):
                raise UserError(f"image files and folders of them are predicted. {other}")
            if not path.exists():
                near = nearest_path(path)
                raise UserError(f"there is no file or folder {path}{near}.{_hint(str(path))}")
            paths.append(path)
            continue
        try:
            below = [
                path / name for name, _ in walk(path, ".", image_extensions(), set(), left_out)
            ]
        except OSError as error:
            raise UserError(f"cannot read {error.filename or path}: {error.strerror}.") from None
        if not below:
            holds = f" It holds {left_out}." if str(left_out) else " It is empty."
            raise UserError(
                f"{path} holds no image (of a format that Pillow reads, by its extension).{holds}"
            )
        paths += below
    return paths, str(left_out)


def _hint(path: str) -> str:
    """What to do about a path that cannot be one of a file here; "" for any other."""
    if re.match(r"(https?|s3|gs|ftp):/", path):
        return " Download it first, and give the file."
    if path[0] in "\"'" and path[-1] == path[0]:
        return f" Write it without the quotes inside: {path.strip(path[0])}"
    if set("*?[") & set(path):
        return " A shell does not fill in a pattern in quotes: leave them out, or give the folder."
    return " Between folders stands /." if "\\" in path else ""


def read_photos(
    paths: list[Path], decoding: Decoding, scale: Scale | None, batch: int
) -> Iterator[list[Photo]]:
    """Decode files as those of a data set are, in batches, on all cores.

    Args:
        paths: Of the files.
        decoding: The side and the channels of the network's input.
        scale: Which samples are black and white, where that is the same for all images.
        batch: How many files are decoded at a time.
    """

    def read(path: Path) -> Photo:
        try:
            return Photo(path, decode(path.read_bytes(), decoding, scale).pixels)
        except OSError as error:
            if error.filename is None:  # Pillow's own, of damaged bytes
                return Photo(path, None, " ".join(why_undecoded(error)).strip())
            return Photo(path, None, error.strerror or str(error))
        except Exception as error:  # noqa: BLE001 - Pillow's decoders raise nearly anything on damaged bytes
            return Photo(path, None, " ".join(why_undecoded(error)).strip())

    waiting = iter(paths)
    with decoding_pool() as pool:
        while some := list(islice(waiting, batch)):
            with limit_of_pixels(decoding):
                photos = list(pool.map(read, some))
            yield photos
