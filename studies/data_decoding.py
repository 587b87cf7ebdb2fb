"""One image file becomes uint8 pixels: upright as its EXIF says, laid on white where transparent, its middle square resized.

Samples of 8 bits or fewer are taken as they are. Deeper ones are put on a scale from black to white: the full range of unsigned
16 bits, the range that the file itself names (12 bits), or what `white` in the data section says.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from studies.data_metadata import orientation, png_chunks, without_metadata
from studies.data_tiff import BITS, FORMAT, PHOTOMETRIC, mended, unknown_tiff

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

EIGHT, TWELVE, SIXTEEN, FLOATS = (
    "8-bit integers",
    "12-bit integers",
    "16-bit integers",
    "floating-point numbers",
)
ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
MOST_PIXELS = 178_956_970  # Pillow's own limit, beyond which it takes a file for a decompression bomb
BLOCK = 2**20  # samples that are scaled at a time, as float64
STRETCH = "stretch"


class UnsuitableImage(ValueError):
    """A file that holds an image which cannot be used as it is; the text says what it holds and what to do."""


@dataclass(frozen=True)
class Scale:
    """Which samples are black and white. It is for images of more than 8 bits; where `kind` is given, for that kind only."""

    black: float
    white: float
    kind: str | None = None


@dataclass(frozen=True)
class Decoding:
    """How image files become arrays: the side of the squares in pixels, 1 or 3 channels, and what the data section says."""

    side: int
    channels: int
    white: float | Literal["stretch"] | None = None  # the level that is white; or the training images' own range
    max_pixels: int | None = None  # what has more is refused; None: MOST_PIXELS

    @property
    def scale(self) -> Scale | None:
        """The scale that is given; None where the files or a look at the images must tell it."""
        return None if self.white is None or self.white == STRETCH else Scale(0, float(self.white))


@dataclass(frozen=True)
class Decoded:
    """One image: `pixels` uint8, channels x side x side. `revised`: format 2 of the cache had other pixels for this file."""

    pixels: "NDArray[np.uint8]"
    kind: str
    extremes: tuple[float, float] | None  # the samples' own, where they are not of 8 bits
    white: float | None  # the sample that became white, where they are not of 8 bits
    revised: bool


def decode(content: bytes, decoding: Decoding, scale: Scale | None = None) -> Decoded:
    """The image in a file's bytes. Raises what Pillow raises on damaged bytes, and `UnsuitableImage`."""
    import numpy as np
    from PIL import Image, ImageOps

    side, channels = decoding.side, decoding.channels
    picture = _read(content, side, all_bits=scale is not None)
    used = _scale_of(picture, scale)
    image = picture.to_8_bits(used)
    revised = picture.revised
    if image.mode == "RGBA":
        if image.getchannel("A").getextrema() == (0, 0):  # nobody made a picture to be invisible
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
    """The kind of a file's samples, and the lowest and the highest that can be seen. Raises as `decode` does."""
    picture = _read(content, decoding.side, all_bits=True)
    return picture.kind, *picture.extremes()


@contextmanager
def limit_of_pixels(decoding: Decoding) -> Iterator[None]:
    """Files of more pixels are refused inside the block, by every thread: Pillow has one limit for all."""
    from PIL import Image

    before, most = Image.MAX_IMAGE_PIXELS, decoding.max_pixels or MOST_PIXELS
    # Pillow warns beyond its limit, and refuses beyond twice of it.
    Image.MAX_IMAGE_PIXELS = most / 2  # type: ignore[assignment]
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


@dataclass(frozen=True)
class Picture:
    """An image as its file holds it. Either `image`, Pillow's, has its samples with 8 bits, or `values`, height x width (x 3), has
    them as they are, with what `alpha` says beside them."""

    kind: str
    turn: int
    image: Any = None
    values: "NDArray[Any] | None" = None
    alpha: "NDArray[np.uint8] | None" = None
    white: float | None = None  # as the file or the kind of its samples says
    inverted: bool = False  # 0 is white
    revised: bool = False

    def extremes(self) -> tuple[float, float]:
        """The lowest and the highest sample of what can be seen."""
        import numpy as np

        values, alpha = self.values, self.alpha
        if values is None:
            values = np.asarray(_bands(self.image))
            if self.image.mode == "RGBA":
                values, alpha = values[..., :3], values[..., 3]
        if alpha is not None and alpha.any():
            values = values[alpha > 0]
        return float(values.min()), float(values.max())

    def to_8_bits(self, scale: Scale | None) -> Any:
        """A Pillow image; where it is transparent, RGBA."""
        import numpy as np
        from PIL import Image

        if self.values is None:
            if scale is None or self.kind != EIGHT:
                return self.image
            bands, unchanged = _bands(self.image), list(range(256))
            table = _levels(np.arange(256), self.kind, scale).tolist()
            colours = table * (1 if bands.mode == "L" else 3)
            return bands.point(colours + (unchanged if bands.mode == "RGBA" else []))
        assert scale is not None
        levels = _levels(self.values, self.kind, scale)
        image = Image.fromarray(255 - levels if self.inverted else levels)
        if self.alpha is not None:
            image = image.convert("RGB")
            image.putalpha(Image.fromarray(self.alpha))
        return image


def _scale_of(picture: Picture, given: Scale | None) -> Scale | None:
    """The scale for one image; None for 8 bits, which are taken as they are."""
    if given is not None and given.kind not in (None, picture.kind):
        raise UnsuitableImage(
            f"its samples are {picture.kind}, those of the training images {given.kind}, and white: {STRETCH} is one scale for all. "
            f"Save them alike, or leave white: {STRETCH} out"
        )
    if given is not None and (given.kind or picture.kind != EIGHT):
        return given
    if picture.kind == EIGHT:
        return None
    if picture.white is None:
        low, high = picture.extremes()
        raise UnsuitableImage(
            f"its pixels are {picture.kind} from {low:g} to {high:g}, of which none is known to be white. Say which with white: LEVEL, "
            f"or white: {STRETCH} (--set data.white={STRETCH})"
        )
    return Scale(0, picture.white)


def _levels(values: "NDArray[Any]", kind: str, scale: Scale) -> "NDArray[np.uint8]":
    """Samples as 0..255. Whole numbers are shared evenly among the 256 levels, so that 65535 as white keeps the upper 8 of 16 bits."""
    import numpy as np

    levels = np.empty(values.shape, np.uint8)
    flat, into, width = values.reshape(-1), levels.reshape(-1), scale.white - scale.black
    for start in range(0, len(flat), BLOCK):
        some = flat[start : start + BLOCK].astype(np.float64) - scale.black
        some = np.rint(some * (255 / (width or 1))) if kind == FLOATS else np.floor(some * 256 / (width + 1))
        into[start : start + BLOCK] = some.clip(0, 255)
    return levels


def _turned(image: Any, turn: int) -> Any:
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


def _read(content: bytes, side: int, all_bits: bool) -> Picture:
    """The image in its file's own samples. Of colours of 16 bits Pillow gives the upper 8; `all_bits` asks for the others too."""
    from PIL import Image, UnidentifiedImageError

    try:
        opened, content, raw_mode, was_mended = _open(content, side)
    except UnidentifiedImageError:
        raise UnsuitableImage(unknown_tiff(content) or "no image that Pillow knows") from None
    except Image.DecompressionBombError as error:
        pixels = re.search(r"\d+", str(error))
        count, limit = int(pixels[0]) if pixels else 0, int(2 * (Image.MAX_IMAGE_PIXELS or 0))
        raise UnsuitableImage(
            f"it has {count} pixels, and more than {limit} are taken for an attack on the memory. If it is none, raise the limit: "
            f"max_pixels: {count} (--set data.max_pixels={count})"
        ) from None
    turn = orientation(opened)
    tags = getattr(opened, "tag_v2", {})
    png = {name: data for name, data, _ in png_chunks(content)} if opened.format == "PNG" else {}
    # 16 bits of grey with transparency come as RGBA of 8 bits, as 16-bit colours do.
    if opened.mode in ("RGB", "RGBA") and re.search(r";16[BLN]$", raw_mode):
        picture = Picture(SIXTEEN, turn, _plain(opened), white=65535, revised=was_mended)
        if all_bits and raw_mode.startswith("RGBa"):
            raise UnsuitableImage(
                "its 16-bit colours are multiplied by their transparency, and are read with 8 bits only. Save it without transparency"
            )
        if not raw_mode.startswith("RGBa") and (all_bits or "transparency" in opened.info or b"sBIT" in png):
            picture = replace(picture, **_all_bits(opened, content, raw_mode))
    elif (samples := _deep(opened, tags)) is not None:
        values, kind, white = samples
        inverted = tags.get(PHOTOMETRIC) == 0
        revised = was_mended or inverted or kind == TWELVE
        picture = Picture(kind, turn, None, values, None, white, inverted, revised)
    else:
        picture = _eight(opened, content, turn, png)
        return replace(picture, revised=picture.revised or was_mended)
    picture = _of_fewer_bits(picture, png)
    if picture.values is not None and (clear := opened.info.get("transparency")) is not None:
        seen = (picture.values != clear).reshape(*picture.values.shape[:2], -1).any(-1)
        picture = replace(picture, alpha=seen.astype("uint8") * 255, revised=True)
    return picture


def _open(content: bytes, side: int) -> tuple[Any, bytes, str, bool]:
    """The image with its pixels loaded, the bytes from which that went well, Pillow's name for how samples lie in the file, and
    whether Pillow alone would have misread them."""
    from PIL import Image

    def load(content: bytes) -> tuple[Any, bytes, str, bool]:
        image, was_mended = _identified(content)
        image.draft(None, (2 * side, 2 * side))  # JPEG can be decoded at a fraction of its size
        raw_mode = _raw_mode(image)
        image.load()
        return image, content, raw_mode, was_mended

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
    return mended(image, content) if image.format == "TIFF" else (image, False)


def _raw_mode(image: Any) -> str:
    if not getattr(image, "tile", None):
        return ""
    arguments = image.tile[0].args
    name = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return name if isinstance(name, str) else ""


def _deep(image: Any, tags: Any) -> "tuple[NDArray[Any], str, float | None] | None":
    """Grey samples of more than 8 bits or with a sign, their kind, and which is white where that is known; None for all others."""
    import numpy as np

    signed = tags.get(FORMAT, (1,))[0] == 2
    if image.mode.startswith("I;16"):
        values = np.asarray(image)
        if image.format == "FITS":  # whose integers have a sign
            return values.astype(np.int16), "signed 16-bit integers", None
        bits = tags.get(BITS, (16,))[0]
        return values, f"{bits}-bit integers", 2**bits - 1
    if image.mode == "I":
        values = np.asarray(image)
        if image.format == "PPM":  # Pillow has brought them to 0..65535 by the file's own maximum
            return values, SIXTEEN, 65535
        if tags and not signed:
            return values.view(np.uint32), "32-bit integers", None
        bits = tags.get(BITS, (32,))[0]
        return values, f"signed {bits}-bit integers", None
    if image.mode == "F":
        values = np.asarray(image)
        if strange := int(np.count_nonzero(~np.isfinite(values))):
            raise UnsuitableImage(
                f"{strange} of its {values.size} pixels are not finite numbers (NaN or infinite). Replace them, and save it anew"
            )
        return values, FLOATS, None
    if image.mode == "L" and signed:
        return np.asarray(image).view(np.int8), "signed 8-bit integers", None
    return None


def _all_bits(image: Any, content: bytes, raw_mode: str) -> dict[str, Any]:
    """`values` and `alpha` of an image with 16-bit colours: read once more, with the other byte of each sample."""
    import numpy as np

    def swapped(name: str) -> str:
        """Grey with alpha is four bytes a pixel; else the other byte order gives the lower bytes."""
        return "RGBA" if grey else name[:-1] + ("L" if name.endswith("B") else "B")

    grey = raw_mode.startswith("LA")
    again, _ = _identified(content)
    again.tile = [
        tile._replace(
            args=(swapped(tile.args[0]), *tile.args[1:]) if isinstance(tile.args, tuple) else swapped(tile.args)
        )
        for tile in again.tile
    ]
    lower, upper = np.asarray(again).astype(np.uint16), np.asarray(image).astype(np.uint16)
    if grey:
        return {"values": lower[..., 0] << 8 | lower[..., 1], "alpha": lower[..., 2].astype(np.uint8)}
    alpha = np.asarray(image)[..., 3] if image.mode == "RGBA" else None
    return {"values": upper[..., :3] << 8 | lower[..., :3], "alpha": alpha}


def _of_fewer_bits(picture: Picture, png: dict[bytes, bytes]) -> Picture:
    """With the white that a PNG's sBIT names, where its samples are not spread over all 16 bits, as the format demands."""
    import numpy as np

    bits = min(png.get(b"sBIT", b"\x10") or b"\x10")
    if picture.values is None or not 8 <= bits < 16 or picture.values.max() >= 2**bits:
        return picture
    values = picture.values.astype(np.int64)
    top = values >> (16 - bits)
    shifted = (values == top << (16 - bits)).all()
    spread = (np.abs(values - top * 65535 // (2**bits - 1)) <= 1).all()
    if shifted or spread:
        return picture
    return replace(picture, kind=f"{bits}-bit integers", white=2**bits - 1, revised=True)


def _eight(image: Any, content: bytes, turn: int, png: dict[bytes, bytes]) -> Picture:
    revised = False
    if image.format == "TGA" and image.mode == "RGBA" and not content[17] & 15:  # none of its bits are alpha
        revised = image.getchannel("A").getextrema() != (255, 255)
        image = image.convert("RGB")
    depth = png[b"IHDR"][8] if png else 8
    if image.mode == "L" and depth < 8 and "transparency" in image.info:
        # Pillow brings samples to 8 bits, and leaves the transparent one as the file has it.
        image.info["transparency"] = image.info["transparency"] * 255 // (2**depth - 1)
        revised = True
    return Picture(EIGHT, turn, _plain(image), revised=revised)


def _plain(image: Any) -> Any:
    """The same in a mode that can be made grey or coloured: RGBA where it is transparent."""
    if image.mode == "La":
        image = image.convert("LA")
    if image.mode in ALPHA or "transparency" in image.info:
        return image.convert("RGBA")
    return image.convert("RGB") if image.mode == "LAB" else image


def _bands(image: Any) -> Any:
    """The same with bands that are samples: L, RGB or RGBA."""
    if image.mode in ("L", "RGBA"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")
