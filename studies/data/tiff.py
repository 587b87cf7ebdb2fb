"""TIFFs: those that Pillow misreads are corrected, those that it does not read are described."""

import io
import sys
from collections.abc import Container
from typing import Any

TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# Numbers of tags (TIFF 6.0).
BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION = 258, 259, 262, 274
SAMPLES, PLANES, FORMAT = 277, 284, 339
# The tags without which the pixels cannot be read, and the orientation, which Pillow applies.
PIXEL_TAGS = {256, 257, BITS, COMPRESSION, PHOTOMETRIC, 266, 273, ORIENTATION, SAMPLES, 278, 279}
PIXEL_TAGS |= {PLANES, 292, 293, 317, 320, 322, 323, 324, 325, 338, FORMAT, 347}
PIXEL_TAGS |= {*range(512, 522), 529, 530, 531, 532}
FORMATS = {
    1: "unsigned integer",
    2: "signed integer",
    3: "floating-point",
    4: "undefined",
    5: "complex",
    6: "complex",
}
# What libtiff unpacks has the machine's byte order; Pillow knows that of unsigned 16 bits only.
NATIVE = {"I;16BS": "I;16S", "I;32BS": "I;32S", "F;32BF": "F;32F"}


def corrected_tiff(image: Any, content: bytes) -> tuple[Any, bool]:
    """Have Pillow read a TIFF correctly.

    Args:
        image: The TIFF, opened by Pillow and not yet loaded.
        content: Its bytes.

    Returns:
        An image to load instead, and whether Pillow alone would have misread it.
    """
    from PIL import Image

    tags, before = image.tag_v2, image.tile
    apart = tags.get(PLANES) == 2 and tags.get(COMPRESSION, 1) == 1
    if apart and tags.get(SAMPLES, 1) == 1:  # Pillow takes the first letter of "L;I", as of "RGB"
        return Image.open(io.BytesIO(tiff_with(content, PIXEL_TAGS - {PLANES}))), True
    if apart and max(tags.get(BITS, (1,))) == 16:
        order = "B" if tags.prefix == b"MM" else "L"
        image.tile = [
            tile._replace(args=(f"{tile.args[0]};16{order}", *tile.args[1:])) for tile in before
        ]
    elif before and before[0].codec_name == "libtiff" and sys.byteorder == "little":
        image.tile = [
            tile._replace(args=(NATIVE.get(tile.args[0], tile.args[0]), *tile.args[1:]))
            for tile in before
        ]
    return image, image.tile != before


def tiff_with(content: bytes, tags: Container[int]) -> bytes:
    """The bytes of a TIFF with only these tags in its first directory.

    Its entries move together; what they point to stays in place.
    """
    order: Any = "little" if content.startswith(b"II") else "big"
    count_size, size, pointer = (8, 20, 8) if _is_big(content) else (2, 12, 4)
    start = int.from_bytes(content[8:16] if _is_big(content) else content[4:8], order)
    count = int.from_bytes(content[start : start + count_size], order)
    first = start + count_size
    entries = [
        content[at : at + size]
        for at in range(first, min(first + count * size, len(content)), size)
    ]
    chosen = [entry for entry in entries if int.from_bytes(entry[:2], order) in tags]
    directory = len(chosen).to_bytes(count_size, order) + b"".join(chosen) + bytes(pointer)
    return content[:start] + directory + content[start + len(directory) :]


def unknown_tiff(content: bytes) -> str | None:
    """What a TIFF that Pillow does not read holds; None for a damaged one, or another file."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    if not content.startswith(TIFF):
        return None
    try:
        tags = ImageFileDirectory_v2(content[:16] if _is_big(content) else content[:8])
        file = io.BytesIO(content)
        file.seek(tags.next)
        tags.load(file)
        bits, formats = tags.get(BITS, (1,)), tags.get(FORMAT, (1,))
        samples = tags.get(SAMPLES, len(bits))
        photometric = tags.get(PHOTOMETRIC, "missing")
    except Exception:  # noqa: BLE001 - damaged directories raise nearly anything
        return None
    depth = " and ".join(str(number) for number in sorted(set(bits)))
    kinds = " and ".join(sorted({FORMATS.get(number, "unnamed") for number in formats}))
    order = "little" if content.startswith(b"II") else "big"
    return (
        f"a TIFF of {depth}-bit {kinds} samples, {samples} a pixel, {order}-endian, photometric"
        f" interpretation {photometric}, which Pillow does not read"
    )


def _is_big(content: bytes) -> bool:
    """Whether a TIFF is a BigTIFF, whose offsets have 8 bytes."""
    return content[2:4] in (b"+\0", b"\0+")
