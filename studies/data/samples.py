"""The samples that an image file holds, and what the file says about them.

Samples of 8 bits are a Pillow image; deeper ones are numbers.
"""

import io
import re
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from studies.data.metadata import png_chunks, read_orientation, without_metadata
from studies.data.tiff import BITS, FORMAT, PHOTOMETRIC, corrected_tiff, unknown_tiff

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EIGHT, TWELVE, SIXTEEN = "8-bit integers", "12-bit integers", "16-bit integers"
FLOATS = "floating-point numbers"
ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
UPPER_ALONE = "upper bits alone"  # in place of a raw mode of Pillow's
FULL = 65535  # white, where 16 bits are used up
FITS_HEADER = 20 * 2880  # bytes in which it is looked for


class UnsuitableImage(ValueError):
    """A file that holds an image which cannot be used as it is.

    Its `args` are what the file holds, and what to do about it ("" where that is plain).
    """

    def __init__(self, holds: str, advice: str = "") -> None:
        super().__init__(holds, advice)


@dataclass(frozen=True)
class Picture:
    """An image as its file holds it: `image` has samples of 8 bits, or `values` all others.

    Attributes:
        kind: Of the samples, in words.
        turn: How it is to be turned, 1 to 8 as EXIF numbers it.
        image: Pillow's, of 8 bits.
        values: Of any dtype, height x width (x 3).
        alpha: Beside `values`: uint8, height x width.
        white: The sample that is white, where the file or the kind of its samples says so.
        inverted: Whether 0 is white.
        revised: Whether format 2 of the cache had other pixels for this file.
    """

    kind: str
    turn: int
    image: Any = None
    values: "NDArray[Any] | None" = None
    alpha: "NDArray[np.uint8] | None" = None
    white: float | None = None
    inverted: bool = False
    revised: bool = False

    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest sample, where the image is not transparent."""
        import numpy as np

        values, alpha = self.values, self.alpha
        if values is None:
            values = np.asarray(in_sample_mode(self.image))
            if self.image.mode == "RGBA":
                values, alpha = values[..., :3], values[..., 3]
        if alpha is not None and alpha.any():
            values = values[alpha > 0]
        return float(values.min()), float(values.max())


def read_picture(content: bytes, side: int, all_bits: bool) -> Picture:
    """Read an image in its file's own samples.

    Args:
        content: The file's bytes.
        side: Of the square that it will become, in pixels: a JPEG is decoded no larger than needed.
        all_bits: Whether all 16 bits of colours are needed; Pillow alone gives the upper 8.

    Raises:
        UnsuitableImage: The file is not an image, or cannot be used as it is.
        Exception: Nearly anything, from Pillow's decoders, on damaged bytes.
    """
    from PIL import Image, UnidentifiedImageError

    try:
        opened, content, raw_mode, corrected = _open(content, side)
    except UnidentifiedImageError:
        raise _unknown(content) from None
    except Image.DecompressionBombError as error:
        count, limit = re.findall(r"\d+", str(error))[:2]
        raise UnsuitableImage(
            f"it has {count} pixels, and more than {limit} are taken for an attack on the memory",
            "Where that is no attack, raise the limit with max_pixels (--set data.max_pixels=...).",
        ) from None
    turn = read_orientation(opened)
    tags = getattr(opened, "tag_v2", {})
    png = _png_header(content) if opened.format == "PNG" else {}
    if raw_mode == UPPER_ALONE:
        if all_bits:
            raise UnsuitableImage(
                "its samples have more than 8 bits, of which only the upper 8 can be read",
                "Save such files as PNG of 16 bits, or leave white out.",
            )
        return Picture(SIXTEEN, turn, _plain(opened), white=FULL)
    # Pillow gives grey of 16 bits with transparency as RGBA of 8 bits, like colours of 16 bits.
    if opened.mode in ("RGB", "RGBA") and re.search(r";16[BLN]$", raw_mode):
        picture = Picture(SIXTEEN, turn, _plain(opened), white=FULL, revised=corrected)
        if all_bits or "transparency" in opened.info or b"sBIT" in png:
            picture = replace(picture, **_all_bits(opened, content, raw_mode))
    elif (samples := _deep(opened, tags, content)) is not None:
        values, kind, white = samples
        inverted = tags.get(PHOTOMETRIC) == 0
        revised = corrected or inverted or kind == TWELVE
        picture = Picture(kind, turn, None, values, None, white, inverted, revised)
    else:
        picture = _eight(opened, content, turn, png)
        return replace(picture, revised=picture.revised or corrected)
    picture = _of_fewer_bits(picture, png)
    if picture.values is not None and (clear := opened.info.get("transparency")) is not None:
        seen = (picture.values != clear).reshape(*picture.values.shape[:2], -1).any(-1)
        picture = replace(picture, alpha=seen.astype("uint8") * 255, revised=True)
    return picture


def _open(content: bytes, side: int) -> tuple[Any, bytes, str, bool]:
    """Open an image and load its pixels, without the metadata if that is damaged.

    Returns:
        The image, the bytes that it was loaded from, Pillow's name for how samples lie in the file,
        and whether Pillow alone would have misread them.
    """
    from PIL import Image

    def load(content: bytes) -> tuple[Any, bytes, str, bool]:
        image, corrected = _identified(content)
        image.draft(None, (2 * side, 2 * side))  # JPEG can be decoded at a fraction of its size
        raw_mode = _raw_mode(image, content)
        image.load()
        return image, content, raw_mode, corrected

    try:
        return load(content)
    except (Image.DecompressionBombError, MemoryError):
        raise
    except Exception:
        for less in without_metadata(content):
            try:
                return load(less)
            except Exception:  # noqa: BLE001 - Pillow's decoders raise nearly anything on damaged bytes
                continue
        raise


def _identified(content: bytes) -> tuple[Any, bool]:
    from PIL import Image

    image = Image.open(io.BytesIO(content))
    return corrected_tiff(image, content) if image.format == "TIFF" else (image, False)


def _raw_mode(image: Any, content: bytes) -> str:
    """Pillow's name for how samples lie in the file; UPPER_ALONE where it drops lower bits."""
    if not getattr(image, "tile", None):
        return ""
    tile = image.tile[0]
    name, *further = tile.args if isinstance(tile.args, tuple) else (tile.args,)
    deep_jpeg = False
    if image.format == "JPEG2000" and image.mode != "I;16":
        # The depth of the first channel is 42 bytes after the start of the codestream.
        codestream = content.find(b"\xff\x4f\xff\x51")
        deep_jpeg = content[codestream + 42] & 127 > 7
    deep_ppm = tile.codec_name.startswith("ppm") and image.mode == "RGB" and further[0] > 255
    name = name if isinstance(name, str) else ""
    if deep_jpeg or deep_ppm or tile.codec_name == "SGI16" or name.startswith("RGBa;16"):
        return UPPER_ALONE
    return name


def _png_header(content: bytes) -> dict[bytes, bytes]:
    """The data of a PNG's chunks before its pixels, by name."""
    chunks = takewhile(lambda chunk: chunk[0] != b"IDAT", png_chunks(content))
    return {name: data for name, data, _ in chunks}


def _unknown(content: bytes) -> UnsuitableImage:
    """Describe a file that Pillow does not know, of the kinds that people have among images."""
    if not content:
        return UnsuitableImage("an empty file")
    if not content.strip(b"\0"):
        return UnsuitableImage("only zero bytes, as after a failed download or on a failing disk")
    if (tiff := unknown_tiff(content)) is not None:
        return UnsuitableImage(tiff, "Save TIFFs with unsigned samples of 8 or 16 bits.")
    if content.startswith(b"version https://git-lfs"):
        return UnsuitableImage(
            "a pointer of Git LFS instead of the image", "Fetch the images with git lfs pull."
        )
    if content[4:8] == b"ftyp":
        return UnsuitableImage(
            "HEIC or a video, which Pillow does not read", "Save HEIC as JPEG or PNG."
        )
    if content.lstrip()[:1] == b"<":
        return UnsuitableImage("text that begins with <, such as a web page or an SVG")
    return UnsuitableImage("no image that Pillow knows")


def _deep(image: Any, tags: Any, content: bytes) -> "tuple[NDArray[Any], str, float | None] | None":
    """Grey samples of more than 8 bits or with a sign; None for all others.

    Returns:
        The samples, their kind, and the one that is white where that is known.
    """
    import numpy as np

    signed = tags.get(FORMAT, (1,))[0] == 2
    if image.format == "FITS":
        _refuse_scaled_fits(content)
    if image.mode.startswith("I;16"):
        values = np.asarray(image)
        if image.format == "FITS":  # whose integers have a sign
            return values.view(np.int16), "signed 16-bit integers", None
        bits = tags.get(BITS, (16,))[0]
        return values, f"{bits}-bit integers", 2**bits - 1
    if image.mode == "I":
        values = np.asarray(image)
        if image.format == "PPM":  # Pillow has brought them to 0..65535 by the file's own maximum
            return values, SIXTEEN, FULL
        if tags and not signed:
            return values.view(np.uint32), "32-bit integers", None
        bits = tags.get(BITS, (32,))[0]
        return values, f"signed {bits}-bit integers", None
    if image.mode == "F":
        values = np.asarray(image)
        if not_finite := int(np.count_nonzero(~np.isfinite(values))):
            raise UnsuitableImage(
                f"it holds NaN or infinity in {not_finite} of its {values.size} pixels",
                "Replace what is not a finite number.",
            )
        return values, FLOATS, None
    if image.mode == "L" and signed:
        return np.asarray(image).view(np.int8), "signed 8-bit integers", None
    return None


def _refuse_scaled_fits(content: bytes) -> None:
    """Raise `UnsuitableImage` for FITS whose header scales its samples, which Pillow ignores."""
    for name, neutral in ((rb"BZERO", 0), (rb"BSCALE", 1)):
        given = re.search(name + rb" *= *([^ /]+)", content[:FITS_HEADER])
        if given and float(given[1]) != neutral:
            raise UnsuitableImage(
                f"its header scales its samples ({name.decode()} = {float(given[1]):g}), which"
                " Pillow does not apply",
                "Save FITS files with such a scale as TIFF or PNG of 16 bits.",
            )


def _all_bits(image: Any, content: bytes, raw_mode: str) -> dict[str, Any]:
    """`values` and `alpha` of an image with 16-bit colours.

    It is read once more, with the other byte of each sample.
    """
    import numpy as np

    def swapped(name: str) -> str:
        # Grey with alpha has four bytes a pixel; else the other byte order gives the lower bytes.
        return "RGBA" if grey else name[:-1] + ("L" if name.endswith("B") else "B")

    grey = raw_mode.startswith("LA")
    again, _ = _identified(content)
    again.tile = [
        tile._replace(
            args=(
                (swapped(tile.args[0]), *tile.args[1:])
                if isinstance(tile.args, tuple)
                else swapped(tile.args)
            )
        )
        for tile in again.tile
    ]
    lower, upper = np.asarray(again).astype(np.uint16), np.asarray(image).astype(np.uint16)
    if grey:
        return {
            "values": lower[..., 0] << 8 | lower[..., 1],
            "alpha": lower[..., 2].astype(np.uint8),
        }
    alpha = np.asarray(image)[..., 3] if image.mode == "RGBA" else None
    return {"values": upper[..., :3] << 8 | lower[..., :3], "alpha": alpha}


def _of_fewer_bits(picture: Picture, png: dict[bytes, bytes]) -> Picture:
    """The picture with the white that a PNG's sBIT says, where its samples are below that.

    The format demands that samples of fewer bits are spread over all 16; some programs do not.
    """
    import numpy as np

    bits = min(png.get(b"sBIT", b"\x10") or b"\x10")
    if picture.values is None or not 8 <= bits < 16 or picture.values.max() >= 2**bits:
        return picture
    values = picture.values.astype(np.int64)
    top = values >> (16 - bits)
    shifted = (values == top << (16 - bits)).all()
    spread = (np.abs(values - top * FULL // (2**bits - 1)) <= 1).all()
    if shifted or spread:
        return picture
    return replace(picture, white=2**bits - 1, revised=True)


def _eight(image: Any, content: bytes, turn: int, png: dict[bytes, bytes]) -> Picture:
    revised = False
    # The header of a TGA says how many of its bits are alpha; Pillow takes the fourth byte anyway.
    if image.format == "TGA" and image.mode == "RGBA" and not content[17] & 15:
        revised = image.getchannel("A").getextrema() != (255, 255)
        image = image.convert("RGB")
    depth = png[b"IHDR"][8] if png else 8
    if image.mode == "L" and depth < 8 and "transparency" in image.info:
        # Pillow brings samples to 8 bits, and leaves the transparent one as the file has it.
        image.info["transparency"] = image.info["transparency"] * 255 // (2**depth - 1)
        revised = True
    return Picture(EIGHT, turn, _plain(image), revised=revised)


def _plain(image: Any) -> Any:
    """The image in a mode that can be made grey or coloured: RGBA where it is transparent."""
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ALPHA or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode == "LAB" else image


def in_sample_mode(image: Any) -> Any:
    """The image in a mode whose bands are samples: L, RGB or RGBA."""
    if image.mode in ("L", "RGBA"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")
