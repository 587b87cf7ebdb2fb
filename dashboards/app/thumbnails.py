"""Pictures of test images, made from the user's data when a page shows them, and stored nowhere."""

import base64
import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dashboards.app.once import made_of
from studies.data import Images
from studies.records.same_data import test_images_at_hand
from studies.results import Reader, Tables

MOST_PIXELS = 96  # of a picture's side; larger images are made smaller


def thumbnails(
    reader: Reader, tables: Tables, numbers: Iterable[int], data_dir: Path | None
) -> dict[int, str]:
    """Addresses of pictures of a study's test images, by their numbers in the split.

    Raises:
        UserError: The data is not on this machine, or is other data than the study's.
    """
    images = _test_images(reader, tables, data_dir)
    return {number: _address(images.images[number]) for number in numbers}


def _test_images(reader: Reader, tables: Tables, data_dir: Path | None) -> Images:
    """The study's test images, read once."""
    key = (tables.study.uid, "test images")
    return made_of(reader).get(key, lambda: test_images_at_hand(tables.study, data_dir))


def _address(pixels: NDArray[np.uint8]) -> str:
    """A picture that carries itself: channels x height x width, as PNG in the address."""
    from PIL import Image

    channels, *size = pixels.shape
    picture = Image.fromarray(pixels[0] if channels == 1 else pixels.transpose(1, 2, 0))
    if max(size) > MOST_PIXELS:
        picture.thumbnail((MOST_PIXELS, MOST_PIXELS))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
