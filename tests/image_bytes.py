"""Image files made by hand, byte for byte, of kinds that Pillow reads but does not write."""

import struct
import zlib
from typing import Any

import numpy as np

SHORT, LONG = 3, 4  # types of TIFF's tags
SIZES = {SHORT: 2, LONG: 4, 5: 8, 11: 4}  # bytes of a value of a type, where it is not one


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG with its length and its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(
    rows: "list[bytes] | np.ndarray[Any, Any]",
    bits: int,
    colours: int,
    *before: bytes,
    width: int = 0,
) -> bytes:
    """A PNG of these rows of samples, with further chunks before the pixels. `colours`: 0 grey,
    2 RGB, 3 palette, 4 LA, 6 RGBA."""
    if isinstance(rows, np.ndarray):
        width = rows.shape[1]
        rows = [
            np.ascontiguousarray(row, ">u2" if bits == 16 else np.uint8).tobytes() for row in rows
        ]
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
    """An uncompressed TIFF of one strip. Of an array (height x width, or x samples) its type
    tells bits and format; of bytes `size` (height, width) and `tags` do. A tag is a short
    number, or (type, numbers or bytes)."""
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
    start = 8 + len(pixels) + len(pixels) % 2
    after = start + 2 + 12 * len(entries) + 4
    directory, further = struct.pack(f"{order}H", len(entries)), b""
    for tag, entry in sorted(entries.items()):
        kind, values = entry if isinstance(entry, tuple) else (SHORT, [entry])
        number = {SHORT: "H", LONG: "I"}.get(kind, "")
        data = (
            values
            if isinstance(values, bytes)
            else struct.pack(f"{order}{len(values)}{number}", *values)
        )
        directory += struct.pack(f"{order}HHI", tag, kind, len(data) // SIZES.get(kind, 1))
        if len(data) > 4:
            directory += struct.pack(f"{order}I", after + len(further))
            further += data + bytes(len(data) % 2)
        else:
            directory += data.ljust(4, b"\0")
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return (
        magic
        + struct.pack(f"{order}I", start)
        + pixels
        + bytes(len(pixels) % 2)
        + directory
        + bytes(4)
        + further
    )


def fits(bits: int, samples: "np.ndarray[Any, Any]", **further: float) -> bytes:
    """A FITS file, whose rows go from the bottom up and whose numbers are big-endian; negative
    bits are floating point."""
    height, width = samples.shape
    cards = {"BITPIX": bits, "NAXIS": 2, "NAXIS1": width, "NAXIS2": height, **further}
    lines = [
        "SIMPLE  =                    T",
        *(f"{name:8}= {value:20}" for name, value in cards.items()),
        "END",
    ]
    kind = {8: ">u1", 16: ">i2", 32: ">i4", -32: ">f4", -64: ">f8"}[bits]
    header = "".join(line.ljust(80) for line in lines).encode().ljust(2880)
    return header + samples[::-1].astype(kind).tobytes().ljust(2880, b"\0")
