"""Image files made by hand, byte for byte, of kinds that Pillow reads but does not write."""

import struct
import zlib
from typing import Any

import numpy as np

SHORT, LONG = 3, 4


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG with its length and its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(rows: "list[bytes] | np.ndarray[Any, Any]", bits: int, colours: int, *before: bytes, width: int = 0) -> bytes:
    """A PNG of these rows of samples, with further chunks before the pixels. `colours`: 0 grey, 2 RGB, 3 palette, 4 LA, 6 RGBA."""
    if isinstance(rows, np.ndarray):
        width = rows.shape[1]
        rows = [np.ascontiguousarray(row, ">u2" if bits == 16 else np.uint8).tobytes() for row in rows]
    header = struct.pack(">IIBBBBB", width, len(rows), bits, colours, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    chunks = [chunk(b"IHDR", header), *before, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def tiff(
    pixels: "np.ndarray[Any, Any] | bytes",
    tags: dict[int, Any] | None = None,
    order: str = "<",
    size: tuple[int, int] = (0, 0),
) -> bytes:
    """An uncompressed TIFF of one strip. Of an array (height x width, or x samples) its type tells bits and format; of bytes
    `size` (height, width) and `tags` do. A tag is (type, values) or a value; None leaves it out."""
    if isinstance(pixels, np.ndarray):
        height, width = pixels.shape[:2]
        samples = pixels.shape[2] if pixels.ndim == 3 else 1
        bits = pixels.dtype.itemsize * 8
        kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
        pixels = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    else:
        (height, width), samples, bits, kind = size, 1, 8, 1
    entries: dict[int, Any] = {
        256: width,
        257: height,
        258: (SHORT, [bits] * samples),
        259: 1,
        262: 2 if samples >= 3 else 1,
        273: (LONG, [8]),
        277: samples,
        278: height,
        279: (LONG, [len(pixels)]),
        339: (SHORT, [kind] * samples),
        **(tags or {}),
    }
    entries = {
        tag: value if isinstance(value, tuple) else (SHORT, [value])
        for tag, value in entries.items()
        if value is not None
    }
    start = 8 + len(pixels) + len(pixels) % 2
    after = start + 2 + 12 * len(entries) + 4
    directory, further = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, values) in sorted(entries.items()):
        data = (
            values
            if isinstance(values, bytes)
            else b"".join(struct.pack(order + {3: "H", 4: "I"}[kind], v) for v in values)
        )
        count = len(values)
        if len(data) > 4:
            place, further = struct.pack(f"{order}I", after + len(further)), further + data + bytes(len(data) % 2)
        else:
            place = data.ljust(4, b"\0")
        directory += struct.pack(f"{order}HHI", tag, kind, count) + place
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(f"{order}I", start) + pixels + bytes(len(pixels) % 2) + directory + bytes(4) + further
