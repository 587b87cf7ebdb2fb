"""What image files say beside their pixels: which way is up; and the same files without it, where
it is damaged.

Unreadable metadata is no metadata: a text chunk above Pillow's limit or a tag of a wrong type
must not cost a picture."""

import zlib
from collections.abc import Iterator
from typing import Any

from studies.data.tiff import PIXEL_TAGS, TIFF, tiff_with

ORIENTATION = 0x0112
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
# Chunks beside the critical ones that change pixels, and keys of texts in which PNG may keep an
# orientation.
PNG_PIXELS = (b"tRNS", b"sBIT")
PNG_UPRIGHT = (b"XML:com.adobe.xmp\0", b"Raw profile type exif\0")
# Kept of JPEG's application segments where they are whole: JFIF, and Adobe's, which says how
# colours are stored.
JPEG_PIXELS = (0xE0, 0xEE)
JPEG_LEAST = 2 + 12  # bytes of one of these, its length included


def orientation(image: Any) -> int:
    """How a Pillow image is to be turned, 1 to 8 as EXIF and XMP number it; 1, as it is, where
    that cannot be read."""
    try:
        value = image.getexif().get(ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - damaged EXIF raises nearly anything
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def without_metadata(content: bytes) -> Iterator[bytes]:
    """The same picture with less beside its pixels: first only what tells which way is up, then
    nothing."""
    if content.startswith(PNG):
        yield _png(content, upright=True)
        yield _png(content, upright=False)
    elif content.startswith(JPEG):
        yield _jpeg(content, upright=True)
        yield _jpeg(content, upright=False)
    elif content.startswith(TIFF):
        yield tiff_with(content, PIXEL_TAGS)


def png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Name, data and the whole of each chunk of a PNG, as far as they are whole."""
    start = len(PNG)
    while start + 12 <= len(content):
        end = start + 12 + int.from_bytes(content[start : start + 4], "big")
        yield content[start + 4 : start + 8], content[start + 8 : end - 4], content[start:end]
        start = end


def _png(content: bytes, upright: bool) -> bytes:
    kept = [PNG]
    for name, data, whole in png_chunks(content):
        pixels = not name[0] & 0x20 or name in PNG_PIXELS  # a capital says that a chunk is critical
        turn = name == b"eXIf" or (name[1:] in (b"EXt", b"TXt") and data.startswith(PNG_UPRIGHT))
        sound = zlib.crc32(name + data) == int.from_bytes(whole[-4:], "big")
        if pixels or (upright and turn and sound):
            kept.append(whole)
    return b"".join(kept)


def _jpeg(content: bytes, upright: bool) -> bytes:
    kept, start = [JPEG], 2
    while start + 4 <= len(content) and content[start] == 0xFF:
        marker = content[start + 1]
        if marker == 0xFF:  # padding
            start += 1
            continue
        if marker == 0xDA:  # the compressed pixels
            break
        end = start + 2 + int.from_bytes(content[start + 2 : start + 4], "big")
        beside = marker == 0xFE or 0xE0 <= marker <= 0xEF
        turn = marker == 0xE1 and content[start + 4 : start + 8] in (b"Exif", b"http")
        pixels = marker in JPEG_PIXELS and end - start - 2 >= JPEG_LEAST
        if not beside or pixels or (upright and turn):
            kept.append(content[start:end])
        start = end
    return b"".join([*kept, content[start:]])
