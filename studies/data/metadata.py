"""The metadata of image files: how an image is turned, and files without metadata that is damaged.

Metadata that cannot be read is ignored: a text chunk above Pillow's limit or a tag of a wrong type
must not make an image unreadable.
"""

import zlib
from collections.abc import Iterator
from typing import Any

from studies.data.tiff import PIXEL_TAGS, TIFF, tiff_with

ORIENTATION = 0x0112
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
# PNG's chunks that change pixels, beside the critical ones, and the keys of its texts that may hold
# an orientation.
PNG_PIXELS = (b"tRNS", b"sBIT")
PNG_UPRIGHT = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")
# JPEG's application segments that change pixels: JFIF, and Adobe's, which says how colours are
# stored. They are used where they are complete.
JPEG_PIXELS = (0xE0, 0xEE)
JPEG_LEAST = 2 + 12  # bytes of one of these, its length included


def read_orientation(image: Any) -> int:
    """How a Pillow image is to be turned, 1 to 8 as EXIF and XMP number it.

    It is 1 (leave it as it is) where that cannot be read.
    """
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF raises nearly anything
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def without_metadata(content: bytes) -> Iterator[bytes]:
    """Yield the same file with less metadata: first the orientation only, then none."""
    if content.startswith(PNG):
        yield _png(content, upright=True)
        yield _png(content, upright=False)
    elif content.startswith(JPEG):
        yield _jpeg(content, upright=True)
        yield _jpeg(content, upright=False)
    elif content.startswith(TIFF):
        yield tiff_with(content, PIXEL_TAGS)


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield name, data and all bytes of each chunk of a PNG, up to the first that is cut off."""
    start = len(PNG)
    while start + 12 <= len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        yield content[start + 4 : start + 8], content[start + 8 : end - 4], content[start:end]
        start = end


def _png(content: bytes, upright: bool) -> bytes:
    chunks = [PNG]
    for name, data, chunk in png_chunks(content):
        # The first letter of a critical chunk is a capital.
        is_pixels = not name[0] & 0x20 or name in PNG_PIXELS
        is_text = name[1:] in (b"EXt", b"TXt")
        is_turn = name == b"eXIf" or (is_text and data.startswith(PNG_UPRIGHT))
        is_sound = zlib.crc32(name + data) == int.from_bytes(chunk[-4:], "big")
        if is_pixels or (upright and is_turn and is_sound):
            chunks.append(chunk)
    return b"".join(chunks)


def _jpeg(content: bytes, upright: bool) -> bytes:
    segments, start = [JPEG], 2
    while start + 4 <= len(content) and content[start] == 0xFF:
        marker = content[start + 1]
        if marker == 0xFF:  # padding
            start += 1
            continue
        if marker == 0xDA:  # the compressed pixels
            break
        end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
        is_metadata = marker == 0xFE or 0xE0 <= marker <= 0xEF
        is_turn = marker == 0xE1 and content[start + 4 : start + 8] in (b"Exif", b"http")
        is_pixels = marker in JPEG_PIXELS and end - start - 2 >= JPEG_LEAST
        if not is_metadata or is_pixels or (upright and is_turn):
            segments.append(content[start:end])
        start = end
    return b"".join([*segments, content[start:]])
