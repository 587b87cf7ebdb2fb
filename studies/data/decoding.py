"""One image file becomes uint8 pixels.

The image is turned upright as its EXIF says and laid on white where it is transparent; its middle
square is resized. Samples of 8 bits or fewer are taken as they are. Deeper ones are scaled from
black to white: from the full range of unsigned 16 bits, the range that the file itself names (12
bits), or what `white` in the data section says.
"""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from studies.data.samples import EIGHT, FULL, Picture, UnsuitableImage, in_sample_mode, read_picture

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Pillow's own limit, beyond which it takes a file for a decompression bomb.
MOST_PIXELS = 178_956_970
BLOCK = 2**20  # samples that are scaled at a time: as float64 they take 8 MiB
STRETCH = "stretch"
MOST_CHARACTERS = 120  # of what Pillow says, in a message


@dataclass(frozen=True)
class Scale:
    """Which samples are black and white, in images of more than 8 bits.

    Where `kind` is given, for that kind of samples only.
    """

    black: float
    white: float
    kind: str | None = None


@dataclass(frozen=True)
class Decoding:
    """How image files become arrays.

    Attributes:
        side: Of the square images, in pixels.
        channels: 1 or 3.
        white: The sample that is white; `stretch` for the range of the training images.
        max_pixels: Files of more pixels are refused; by default `MOST_PIXELS`.
    """

    side: int
    channels: int
    white: float | Literal["stretch"] | None = None
    max_pixels: int | None = None

    @property
    def scale(self) -> Scale | None:
        """The scale that the data section gives; None where the files or images determine it."""
        return None if self.white is None or self.white == STRETCH else Scale(0, float(self.white))


@dataclass(frozen=True)
class Decoded:
    """A decoded image.

    Attributes:
        pixels: uint8, channels x side x side.
        kind: Of the file's samples, in words.
        extremes: The lowest and the highest sample; None of 8 bits.
        white: The sample that became white; None of 8 bits.
        revised: Whether format 2 of the cache had other pixels for this file.
    """

    pixels: "NDArray[np.uint8]"
    kind: str
    extremes: tuple[float, float] | None
    white: float | None
    revised: bool


def decode(content: bytes, decoding: Decoding, scale: Scale | None = None) -> Decoded:
    """Decode the image in a file's bytes.

    Args:
        content: The file's bytes.
        decoding: How to decode them.
        scale: Which samples are black and white, where that is the same for all images.

    Raises:
        UnsuitableImage: The file is an image that cannot be used as it is.
        Exception: Nearly anything, from Pillow's decoders, on damaged bytes.
    """
    import numpy as np
    from PIL import Image, ImageOps

    side, channels = decoding.side, decoding.channels
    picture = read_picture(content, side, all_bits=scale is not None)
    used = _scale_of(picture, scale)
    image = _to_8_bits(picture, used)
    revised = picture.revised
    if image.mode == "RGBA":
        # Transparent everywhere: nobody makes an invisible picture, so alpha means nothing here.
        if image.getchannel("A").getextrema() == (0, 0):
            image, revised = image.convert("RGB"), True
        else:
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    image = _turned(image.convert("RGB" if channels == 3 else "L"), picture.turn)
    square = np.asarray(ImageOps.fit(image, (side, side), Image.Resampling.BICUBIC))
    pixels = np.ascontiguousarray(square.reshape(side, side, channels).transpose(2, 0, 1))
    deep = picture.kind != EIGHT
    return Decoded(
        pixels,
        picture.kind,
        picture.extremes() if deep and picture.values is not None else None,
        used.white if deep and used else None,
        revised,
    )


def measure(content: bytes, decoding: Decoding) -> tuple[str, float, float]:
    """The kind of a file's samples, and the lowest and the highest that are visible.

    Raises as `decode` does.
    """
    picture = read_picture(content, decoding.side, all_bits=True)
    return picture.kind, *picture.extremes()


def why_undecoded(error: Exception) -> tuple[str, str]:
    """Why `decode` failed, and what to do about it ("" where that is plain)."""
    if isinstance(error, UnsuitableImage):
        holds, advice = error.args
        return holds, advice
    return " ".join(str(error).split())[:MOST_CHARACTERS] or type(error).__name__, ""


@contextmanager
def limit_of_pixels(decoding: Decoding) -> Iterator[None]:
    """Refuse files of more pixels inside the block, in every thread: Pillow has one limit.

    Pillow's warnings and log lines about odd files are silenced.
    """
    from PIL import Image

    before, most = Image.MAX_IMAGE_PIXELS, decoding.max_pixels or MOST_PIXELS
    # Pillow warns beyond its limit, and refuses beyond twice the limit.
    Image.MAX_IMAGE_PIXELS = most / 2  # type: ignore[assignment]
    log = logging.getLogger("PIL")
    level = log.level
    log.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = before
        log.setLevel(level)


def _scale_of(picture: Picture, given: Scale | None) -> Scale | None:
    """The scale for one image; None for 8 bits, which are taken as they are."""
    if given is not None and given.kind not in (None, picture.kind):
        raise UnsuitableImage(
            f"its samples are {picture.kind}, those of the training images {given.kind}, and white:"
            f" {STRETCH} is one scale for all",
            f"Save all images alike, or leave white: {STRETCH} out.",
        )
    if given is not None and (given.kind or picture.kind != EIGHT):
        return given
    if picture.kind == EIGHT:
        return None
    if picture.white is None:
        low, high = picture.extremes()
        raise UnsuitableImage(
            f"its samples are {picture.kind} from {low:.10g} to {high:.10g}, and nothing says which"
            " of them is white",
            "Say which sample is white with white: LEVEL, or use the range of the training images"
            f" with white: {STRETCH} (--set data.white={STRETCH}).",
        )
    return Scale(0, picture.white)


def _to_8_bits(picture: Picture, scale: Scale | None) -> Any:
    """A Pillow image of 8 bits; where it is transparent, RGBA."""
    import numpy as np
    from PIL import Image

    if picture.values is None:
        if scale is None or picture.kind != EIGHT:
            return picture.image
        image, unchanged = in_sample_mode(picture.image), list(range(256))
        table = _levels(np.arange(256), scale).tolist()
        colours = table * (1 if image.mode == "L" else 3)
        return image.point(colours + (unchanged if image.mode == "RGBA" else []))
    assert scale is not None
    levels = _levels(picture.values, scale)
    image = Image.fromarray(255 - levels if picture.inverted else levels)
    if picture.alpha is not None:
        image = image.convert("RGB")
        image.putalpha(Image.fromarray(picture.alpha))
    return image


def _levels(values: "NDArray[Any]", scale: Scale) -> "NDArray[np.uint8]":
    """Samples as 0..255, rounded; of full 16 bits the upper 8, as Pillow takes them of colours."""
    import numpy as np

    levels = np.empty(values.shape, np.uint8)
    flat, into, width = values.reshape(-1), levels.reshape(-1), scale.white - scale.black
    upper_byte = values.dtype.kind != "f" and (scale.black, scale.white) == (0, FULL)
    for start in range(0, len(flat), BLOCK):
        block = flat[start : start + BLOCK].astype(np.float64) - scale.black
        block = block // 256 if upper_byte else np.rint(block * 255 / (width or 1))
        into[start : start + BLOCK] = block.clip(0, 255)
    return levels


def _turned(image: Any, turn: int) -> Any:
    """The image upright, given EXIF's number of how it is turned, 1 to 8."""
    from PIL.Image import Transpose

    turns = (
        Transpose.FLIP_LEFT_RIGHT,
        Transpose.ROTATE_180,
        Transpose.FLIP_TOP_BOTTOM,
        Transpose.TRANSPOSE,
        Transpose.ROTATE_270,
        Transpose.TRANSVERSE,
        Transpose.ROTATE_90,
    )
    return image if turn == 1 else image.transpose(turns[turn - 2])
