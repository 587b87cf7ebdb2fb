"""One image file: every kind of sample is read correctly or refused with the true reason."""

import io
import re
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from image_bytes import chunk, fits, png, tiff
from PIL import Image

from studies.data.decoding import Decoding, Scale, decode, limit_of_pixels, measure
from studies.data.samples import UnsuitableImage

STEPS = (
    np.arange(16).reshape(4, 4) * 17
)  # 0 to 255: every expectation here is these, from black to white
TWELVE = STEPS * 4095 // 255
SIXTEEN = STEPS * 257
SIGNED = (SIXTEEN - 30000).clip(-30000, 30000).astype(np.int16)
UNIT = (STEPS / 255).astype(np.float32)
CLEAR = np.zeros((4, 4), int)


def nameless(value: Any) -> str:
    """Of a parameter that is a file: a test's name is not to hold its bytes."""
    return value if isinstance(value, str) else "file"


def grey(content: bytes, scale: Scale | None = None) -> list[list[int]]:
    return decode(content, Decoding(4, 1), scale).pixels[0].tolist()


def coloured(content: bytes, scale: Scale | None = None) -> np.ndarray[Any, Any]:
    return decode(content, Decoding(4, 3), scale).pixels.transpose(1, 2, 0)


def refused(content: bytes, scale: Scale | None = None) -> str:
    with pytest.raises(UnsuitableImage) as error:
        decode(content, Decoding(4, 1), scale)
    return ". ".join(error.value.args)


def saved(image: Image.Image, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def rgb(samples: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Three different channels."""
    return np.stack([samples, samples[::-1], samples.T], -1)


def deflated(
    samples: np.ndarray[Any, Any], tags: dict[int, Any] | None = None, order: str = "<"
) -> bytes:
    """A TIFF whose strip is compressed, which libtiff unpacks."""
    kind = {"u": 1, "i": 2, "f": 3}[samples.dtype.kind]
    bands = samples.shape[2] if samples.ndim == 3 else 1
    tags_of_form = {
        258: (3, [samples.dtype.itemsize * 8] * bands),
        259: 8,
        262: 2 if bands == 3 else 1,
        277: bands,
        339: (3, [kind] * bands),
    }
    strip = zlib.compress(samples.astype(samples.dtype.newbyteorder(order)).tobytes())
    return tiff(strip, {**tags_of_form, **(tags or {})}, order, samples.shape[:2])


def planes(samples: np.ndarray[Any, Any], order: str) -> bytes:
    """A TIFF whose channels lie one after another, each in a strip."""
    strips = [
        samples[..., band].astype(samples.dtype.newbyteorder(order)).tobytes() for band in range(3)
    ]
    size = len(strips[0])
    tags = {258: (3, [samples.dtype.itemsize * 8] * 3), 262: 2, 277: 3, 284: 2, 339: (3, [1] * 3)}
    places = {273: (4, [8 + size * band for band in range(3)]), 279: (4, [size] * 3)}
    return tiff(b"".join(strips), {**tags, **places}, order, samples.shape[:2])


# Samples of more than 8 bits.


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("pack", [tiff, deflated])
def test_sixteen_bits_keep_their_upper_eight(order: str, pack: Any) -> None:
    assert grey(pack(SIXTEEN.astype(np.uint16), order=order)) == STEPS.tolist()
    assert (coloured(pack(rgb(SIXTEEN).astype(np.uint16), order=order)) == rgb(STEPS)).all()


def test_a_dark_sixteen_bit_image_stays_dark_and_a_full_scale_named_is_the_one_taken() -> None:
    for value in (250, 260, 200 * 256 + 7, 65535):
        deep = Image.fromarray(np.full((9, 9), value, np.uint16))
        for form in ("PNG", "TIFF", "PPM", "JPEG2000"):
            for scale in (None, Scale(0, 65535)):
                assert grey(saved(deep, form), scale) == np.full((4, 4), value >> 8).tolist()


@pytest.mark.parametrize(
    "pack", [lambda samples: png(samples, 16, 0), lambda samples: tiff(samples.astype(np.uint16))]
)
def test_white_names_the_level_that_is_white(pack: Any) -> None:
    assert grey(pack(TWELVE), Scale(0, 4095)) == STEPS.tolist()
    assert grey(pack(TWELVE * 2), Scale(0, 4095)) == (2 * STEPS).clip(0, 255).tolist()
    assert grey(pack(51500 + STEPS // 17), Scale(51500, 51515)) == STEPS.tolist()
    assert measure(pack(51500 + STEPS), Decoding(4, 1)) == ("16-bit integers", 51500, 51755)


@pytest.mark.parametrize(
    "content",
    [
        png(rgb(TWELVE), 16, 2),
        png(np.dstack([rgb(TWELVE), CLEAR + 65535]), 16, 6),
        tiff(rgb(TWELVE).astype(np.uint16)),
        tiff(rgb(TWELVE).astype(np.uint16), order=">"),
        deflated(rgb(TWELVE).astype(np.uint16)),
        deflated(rgb(TWELVE).astype(np.uint16), order=">"),
        planes(rgb(TWELVE).astype(np.uint16), "<"),
        planes(rgb(TWELVE).astype(np.uint16), ">"),
    ],
    ids=nameless,
)
def test_all_sixteen_bits_of_a_colour_count_where_white_is_named(content: bytes) -> None:
    """Pillow alone gives the upper 8, of which 12 bits use 16 levels."""
    assert (coloured(content, Scale(0, 4095)) == rgb(STEPS)).all()


def test_grey_with_transparency_has_sixteen_bits_too() -> None:
    opaque = np.dstack([TWELVE, CLEAR + 65535])
    assert grey(png(opaque, 16, 4), Scale(0, 4095)) == STEPS.tolist()
    half_clear = np.dstack([TWELVE, np.where(TWELVE < 2000, 0, 65535)])
    assert (
        grey(png(half_clear, 16, 4), Scale(0, 4095)) == np.where(TWELVE < 2000, 255, STEPS).tolist()
    )


def test_sixteen_bit_colours_in_planes_are_not_taken_for_eight_bits() -> None:
    for order in "<>":
        assert (coloured(planes(rgb(SIXTEEN).astype(np.uint16), order)) == rgb(STEPS)).all()
        assert (coloured(planes(rgb(STEPS).astype(np.uint8), order)) == rgb(STEPS)).all()
        assert grey(tiff(SIXTEEN.astype(np.uint16), {284: 2}, order)) == STEPS.tolist()
        assert grey(tiff(STEPS.astype(np.uint8), {284: 2, 262: 0}, order)) == (255 - STEPS).tolist()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_tiff_of_twelve_bits_has_white_at_4095(compressed: bool) -> None:
    pairs = TWELVE.reshape(-1, 2).tolist()
    packed = b"".join(
        bytes([first >> 4, (first & 15) << 4 | second >> 8, second & 255])
        for first, second in pairs
    )
    tags = {258: (3, [12]), 259: 8 if compressed else 1}
    assert (
        grey(tiff(zlib.compress(packed) if compressed else packed, tags, size=(4, 4)))
        == STEPS.tolist()
    )
    assert "a TIFF of 12-bit unsigned integer samples, 1 a pixel, big-endian" in refused(
        tiff(packed, tags, ">", (4, 4))
    )


def test_the_significant_bits_of_a_png_count_where_its_samples_are_not_spread_over_sixteen() -> (
    None
):
    """The format wants them spread (PNG 11.3.3.4); some cameras' files have them as they come."""
    twelve = chunk(b"sBIT", b"\x0c")
    assert grey(png(TWELVE, 16, 0, twelve)) == STEPS.tolist()
    assert (coloured(png(rgb(TWELVE), 16, 2, chunk(b"sBIT", b"\x0c" * 3))) == rgb(STEPS)).all()
    for spread in (TWELVE << 4, np.rint(TWELVE * 65535 / 4095).astype(int)):
        assert grey(png(spread, 16, 0, twelve)) == STEPS.tolist()
        dark = spread // 17 & ~15
        assert grey(png(dark, 16, 0, twelve)) == (dark >> 8).tolist()
    assert grey(png(SIXTEEN, 16, 0, chunk(b"sBIT", b""))) == STEPS.tolist()


@pytest.mark.parametrize("pack", [tiff, deflated])
def test_zero_is_white_where_the_file_says_so(pack: Any) -> None:
    assert grey(pack(SIXTEEN.astype(np.uint16), {262: 0})) == (255 - STEPS).tolist()
    assert grey(pack(TWELVE.astype(np.uint16), {262: 0}), Scale(0, 4095)) == (255 - STEPS).tolist()
    assert grey(pack(STEPS.astype(np.uint8), {262: 0})) == (255 - STEPS).tolist()


@pytest.mark.parametrize(
    "content",
    [
        saved(Image.fromarray(np.stack([STEPS] * 3, -1).astype(np.uint8)), "SGI", bpc=2),
        b"P6 4 4 4095\n" + np.repeat(TWELVE.ravel(), 3).astype(">u2").tobytes(),
        tiff(np.dstack([np.stack([SIXTEEN] * 3, -1), CLEAR + 65535]).astype(np.uint16), {338: 1}),
    ],
    ids=nameless,
)
def test_deep_colours_of_which_pillow_reads_the_upper_bits_alone_take_no_white(
    content: bytes,
) -> None:
    assert grey(content) == STEPS.tolist()
    assert decode(content, Decoding(4, 1)).kind == "16-bit integers"
    assert "of which only the upper 8 can be read. Save such files as PNG" in refused(
        content, Scale(0, 4095)
    )


# Signs, 32 bits, floating point.


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("pack", [tiff, deflated])
def test_signed_and_floating_point_samples_are_read_in_either_byte_order(
    order: str, pack: Any
) -> None:
    assert (
        grey(pack(SIGNED, order=order), Scale(-30000, 30000))
        == np.rint((SIGNED + 30000.0) * 255 / 60000).tolist()
    )
    assert (
        grey(pack((SIXTEEN - 9).astype(np.int32), order=order), Scale(-9, 65526)) == STEPS.tolist()
    )
    assert (
        grey(pack((STEPS - 128).astype(np.int8), order=order), Scale(-128, 127)) == STEPS.tolist()
    )
    assert grey(pack(UNIT, order=order), Scale(0, 1)) == STEPS.tolist()
    assert grey(pack(UNIT * 300 - 20, order=order), Scale(-20, 280)) == STEPS.tolist()


def test_unsigned_32_bits_do_not_become_negative() -> None:
    assert grey(tiff((SIXTEEN * 65537).astype(np.uint32)), Scale(0, 2**32 - 1)) == STEPS.tolist()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            tiff(SIGNED),
            (
                "its samples are signed 16-bit integers from -30000 to 30000, and nothing says"
                " which of them is white"
            ),
        ),
        (tiff((STEPS - 128).astype(np.int8)), "signed 8-bit integers from -128 to 127"),
        (tiff(STEPS.astype(np.uint32)), "its samples are 32-bit integers from 0 to 255"),
        (tiff(STEPS.astype(np.int32) - 1), "its samples are signed 32-bit integers from -1 to 254"),
        (
            tiff(UNIT),
            (
                "floating-point numbers from 0 to 1, and nothing says which .* white: LEVEL, or .*"
                " white: stretch"
            ),
        ),
        (saved(Image.fromarray(UNIT), "SPIDER"), "floating-point numbers from 0 to 1"),
        (fits(-64, UNIT), "floating-point numbers from 0 to 1"),
        (fits(16, STEPS - 7), "signed 16-bit integers from -7 to 248"),
        (
            fits(16, SIXTEEN - 32768, BZERO=32768),
            r"its header scales its samples \(BZERO = 32768\)",
        ),
        (tiff(UNIT.astype(np.float64)), "64-bit floating-point samples, 1 a pixel, little-endian"),
        (tiff(UNIT.astype(np.float16)), "a TIFF of 16-bit floating-point samples"),
        (tiff(STEPS), "a TIFF of 64-bit signed integer samples"),
        (
            tiff(rgb(UNIT)),
            (
                "a TIFF of 32-bit floating-point samples, 3 a pixel, .* which Pillow does not read."
                " Save TIFFs with"
            ),
        ),
        (
            tiff(SIXTEEN.astype(np.uint16), {262: 0}, ">"),
            "16-bit unsigned .* big-endian, photometric interpretation 0",
        ),
        (b"GIF", "no image that Pillow knows"),
        (b"", "an empty file"),
        (bytes(100), "only zero bytes"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0",
            "a pointer of Git LFS .* git lfs pull",
        ),
        (
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            "HEIC or a video, which Pillow does not read. Save HEIC as",
        ),
        (b"\n<!DOCTYPE html>", "text that begins with <, such as a web page"),
    ],
    ids=nameless,
)
def test_what_has_no_known_white_or_cannot_be_read_is_refused_in_true_words(
    content: bytes, reason: str
) -> None:
    assert re.search(reason, refused(content))


def test_numbers_that_are_not_finite_are_counted_whatever_white_is() -> None:
    broken = UNIT.copy()
    broken[0, :2] = np.nan, np.inf
    assert "NaN or infinity in 2 of its 16 pixels" in refused(tiff(broken), Scale(0, 1))


# Transparency.


@pytest.mark.parametrize("form", ["PNG", "TGA", "TIFF", "WEBP", "ICO", "SGI", "JPEG2000"])
def test_an_alpha_that_is_zero_in_a_whole_image_is_none(form: str) -> None:
    options = {"lossless": True, "exact": True} if form == "WEBP" else {}
    picture = Image.fromarray(np.dstack([STEPS] * 3 + [CLEAR]).astype(np.uint8))
    decoded = decode(saved(picture, form, **options), Decoding(4, 1))
    assert decoded.pixels[0].tolist() == STEPS.tolist()
    assert decoded.revised


def test_a_palette_that_is_all_transparent_and_sixteen_bits_with_alpha_zero_are_opaque_too() -> (
    None
):
    palette = Image.fromarray(STEPS.astype(np.uint8)).convert("P")
    assert grey(saved(palette, "PNG", transparency=bytes(256))) == STEPS.tolist()
    assert grey(png(np.dstack([SIXTEEN, CLEAR]), 16, 4)) == STEPS.tolist()
    assert grey(png(np.dstack([TWELVE, CLEAR]), 16, 4), Scale(0, 4095)) == STEPS.tolist()


def test_what_is_partly_transparent_lies_on_white() -> None:
    alpha = np.where(STEPS < 100, 0, 255)
    for colours in ([STEPS], [STEPS] * 3):
        picture = Image.fromarray(np.dstack([*colours, alpha]).astype(np.uint8))
        assert grey(saved(picture, "PNG")) == np.where(STEPS < 100, 255, STEPS).tolist()
        assert not decode(saved(picture, "PNG"), Decoding(4, 1)).revised


def test_the_fourth_byte_of_a_tga_without_alpha_bits_is_not_alpha() -> None:
    content = bytearray(saved(Image.fromarray(np.dstack([STEPS] * 4).astype(np.uint8)), "TGA"))
    assert content[17] & 15 == 8
    content[17] &= 0xF0
    assert grey(bytes(content)) == STEPS.tolist()


NIBBLES = [bytes([68 * row + 1, 68 * row + 35]) for row in range(4)]  # 0 to 15 in 4 bits each


@pytest.mark.parametrize(
    ("content", "clear"),
    [
        (png(STEPS, 8, 0, chunk(b"tRNS", struct.pack(">H", 51))), 51),
        (png(SIXTEEN, 16, 0, chunk(b"tRNS", struct.pack(">H", 51 * 257))), 51),
        (
            png(
                np.stack([SIXTEEN] * 3, -1),
                16,
                2,
                chunk(b"tRNS", struct.pack(">HHH", *[51 * 257] * 3)),
            ),
            51,
        ),
        (png(np.stack([STEPS] * 3, -1), 8, 2, chunk(b"tRNS", struct.pack(">HHH", 51, 51, 51))), 51),
        (png(NIBBLES, 4, 0, chunk(b"tRNS", b"\0\x03"), width=4), 51),
    ],
    ids=nameless,
)
def test_the_transparent_sample_of_a_png_is_found_at_every_depth(
    content: bytes, clear: int
) -> None:
    """Pillow compares it with samples that it has brought to 8 bits."""
    assert grey(content) == np.where(clear == STEPS, 255, STEPS).tolist()


def test_colours_of_other_models_are_converted() -> None:
    cmyk = np.dstack([CLEAR] * 3 + [255 - STEPS]).astype(np.uint8)
    assert grey(tiff(cmyk, {262: 5})) == STEPS.tolist()
    assert grey(tiff(cmyk.astype(np.uint16) * 257, {262: 5})) == STEPS.tolist()
    neutral = np.dstack([STEPS, CLEAR + 128, CLEAR + 128]).astype(np.uint8)
    assert grey(tiff(neutral, {262: 6, 530: (3, [1, 1])})) == STEPS.tolist()
    lightness = np.array(grey(tiff(np.dstack([STEPS, CLEAR, CLEAR]).astype(np.uint8), {262: 8})))
    # CIE 1976: L* of 53.4 % is 18.4 % of the light of white, which sRGB writes as 119.
    assert np.interp(53.4 * 2.55, STEPS.ravel(), lightness.ravel()) == pytest.approx(127, abs=2)


# Which way is up, and metadata that cannot be read.

LEFT = np.repeat(
    np.array([[255, 255, 0, 0]], np.uint8), 4, axis=0
)  # to be turned clockwise: then white is above
TURNED = LEFT.T.tolist()


def exif(*entries: tuple[int, int, int, bytes], orientation: int = 6) -> bytes:
    """EXIF data with an orientation and other entries (tag, type, count, four bytes)."""
    every = sorted([(0x0112, 3, 1, struct.pack(">HH", orientation, 0)), *entries])
    packed = b"".join(struct.pack(">HHI", *entry[:3]) + entry[3] for entry in every)
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", len(every)) + packed + bytes(4)


UP = chunk(b"eXIf", exif())
RESOLUTION_IN_LETTERS = (0x011A, 2, 4, b"abcd")
LARGE = zlib.compress(bytes(2 * 2**20))


def damaged(whole: bytes) -> bytes:
    """The chunk with a checksum that is wrong."""
    return whole[:-1] + bytes([whole[-1] ^ 1])


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_an_image_is_turned_upright_as_its_exif_says(form: str, orientation: int) -> None:
    corner = np.zeros((16, 16), np.uint8)
    corner[:4, :8] = 255
    upright = {
        1: corner, 2: corner[:, ::-1], 3: corner[::-1, ::-1], 4: corner[::-1], 5: corner.T,
        6: np.rot90(corner, -1), 7: corner[::-1, ::-1].T, 8: np.rot90(corner),
    }  # fmt: skip
    wanted = upright[orientation]
    tags = Image.Exif()
    tags[0x0112] = orientation
    content = saved(Image.fromarray(corner), form, exif=tags)
    assert np.abs(decode(content, Decoding(16, 1)).pixels[0].astype(int) - wanted).max() < 40


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
def test_a_tag_of_a_wrong_type_beside_the_orientation_does_not_matter(form: str) -> None:
    content = saved(Image.fromarray(LEFT), form, exif=b"Exif\0\0" + exif(RESOLUTION_IN_LETTERS))
    assert (np.array(grey(content)) > 128).tolist() == (np.array(TURNED) > 128).tolist()


@pytest.mark.parametrize("payload", [b"", b"abc", b"II*\0", exif()[:15], b"Exif\0\0" + bytes(40)])
def test_exif_that_cannot_be_read_is_none(payload: bytes) -> None:
    assert grey(png(LEFT, 8, 0, chunk(b"eXIf", payload))) == LEFT.tolist()
    for form in ("JPEG", "WEBP"):
        content = saved(Image.fromarray(LEFT), form, exif=b"Exif\0\0" + payload)
        assert (np.array(grey(content)) > 128).tolist() == (LEFT > 128).tolist()


@pytest.mark.parametrize(
    "beside",
    [
        [chunk(b"zTXt", b"text\0\0" + LARGE)],
        [chunk(b"iTXt", b"text\0\1\0\0\0" + LARGE)],
        [chunk(b"tEXt", b"%d\0" % number + bytes(2**20)) for number in range(66)],
        [chunk(b"iCCP", b"profile\0\0" + LARGE)],
        [chunk(b"iCCP", b"profile\0\1" + LARGE)],
        [chunk(b"iCCP", b"")],
        [damaged(chunk(b"tEXt", b"a\0b"))],
        [chunk(b"pHYs", b"1")],
        [chunk(b"acTL", b"1")],
    ],
    ids=nameless,
)
def test_chunks_that_pillow_stumbles_over_cost_neither_picture_nor_orientation(
    beside: list[bytes],
) -> None:
    assert grey(png(LEFT, 8, 0, *beside, UP)) == TURNED


def test_the_orientation_of_a_png_is_found_in_its_texts_beside_one_that_is_too_large() -> None:
    large = chunk(b"zTXt", b"text\0\0" + LARGE)
    xmp = chunk(b"iTXt", b'XML:com.adobe.xmp\0\0\0\0\0<x tiff:Orientation="6"/>')
    assert grey(png(LEFT, 8, 0, large, xmp)) == TURNED
    assert grey(png(LEFT, 8, 0, damaged(UP))) == LEFT.tolist()
    twelve = chunk(b"sBIT", b"\x0c")
    assert grey(png(TWELVE, 16, 0, large, twelve)) == STEPS.tolist()
    with_end = png(LEFT, 8, 0)
    assert grey(with_end[:-12] + large + with_end[-12:]) == LEFT.tolist()


def segment(marker: int, data: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data


@pytest.mark.parametrize(
    "beside",
    [
        segment(0xE2, b"ICC_PROFILE\0\1"),
        segment(0xEE, b"Adobe\0"),
        segment(0xE0, b"JFIF"),
        segment(0xED, b"Photoshop 3.0\08BIM"),
    ],
)
def test_damaged_segments_of_a_jpeg_cost_neither_picture_nor_orientation(beside: bytes) -> None:
    content = saved(Image.fromarray(LEFT), "JPEG", exif=b"Exif\0\0" + exif())
    decoded = grey(content[:2] + beside + content[2:])
    assert (np.array(decoded) > 128).tolist() == (np.array(TURNED) > 128).tolist()


@pytest.mark.parametrize(
    "tag", [254, 269, 270, 282, 305, 306, 700, 33432, 34377, 34665, 34675, 34853]
)
def test_tags_of_wrong_types_in_a_tiff_cost_neither_picture_nor_orientation(tag: int) -> None:
    for kind, value in ((3, b"\1\0"), (5, bytes(8)), (11, b"\0\0\xc0\x7f"), (99, b"abcd")):
        assert grey(tiff(LEFT, {274: 6, tag: (kind, value)})) == TURNED


def test_a_damaged_picture_stays_damaged() -> None:
    content = saved(Image.effect_noise((64, 64), 50), "PNG")
    for broken in (content[: len(content) // 2], content[:200] + bytes(50) + content[250:]):
        with pytest.raises(Exception, match=r"truncated|broken|cannot|bad|zip|unrecognized|decod"):
            decode(broken, Decoding(8, 1))


# The limit of pixels.


def test_what_has_too_many_pixels_is_refused_with_the_key_that_raises_the_limit() -> None:
    content = saved(Image.new("1", (13_400, 13_400)), "PNG")  # 22 kB that become 180 million pixels
    assert len(content) < 40_000
    with limit_of_pixels(Decoding(4, 1)):
        reason = refused(content)
    assert "it has 179560000 pixels, and more than 178956970" in reason
    assert "raise the limit with max_pixels (--set data.max_pixels=...)" in reason
    small = saved(Image.new("L", (10, 10), 9), "PNG")
    with limit_of_pixels(Decoding(4, 1, max_pixels=99)):
        assert "it has 100 pixels, and more than 99" in refused(small)
    with limit_of_pixels(Decoding(4, 1, max_pixels=100)):
        assert grey(small) == np.full((4, 4), 9).tolist()
    assert Image.MAX_IMAGE_PIXELS == 89_478_485
