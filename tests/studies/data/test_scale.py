"""Over a whole folder: which samples are black and white, and what the cache knows of it."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from image_bytes import tiff
from PIL import Image

from explorer.errors import UserError
from search_spaces.documents import validate
from studies.data import (
    DataSpec,
    Rows,
    Splits,
    clear_caches,
    decoded_building,
    decoding,
    list_caches,
    load,
    scale,
)

COUNT = 12  # images of each of two classes


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def spec(**changes: Any) -> DataSpec:
    given = {
        "name": "folder",
        "resolution": 8,
        "test": 0.25,
        "validation": 0.25,
        "channels": 1,
        **changes,
    }
    return validate(DataSpec, given, source="test")


def folder(root: Path, low: float, high: float, kind: Any = np.uint16, form: str = "png") -> Path:
    """Two classes of 8x8 images with samples between `low` and `high`, both in every image."""
    for label, name in enumerate(("ant", "bee")):
        (root / name).mkdir(parents=True)
        for number in range(COUNT):
            random = np.random.default_rng([label, number])
            samples = (random.random((8, 8)) * (high - low) + low).astype(kind)
            samples[0, :2] = low, high
            Image.fromarray(samples).save(root / name / f"{number:02}.{form}")
    return root


def pixels(splits: Splits) -> np.ndarray[Any, Any]:
    return np.concatenate(
        [part.images[:] for part in (splits.train, splits.validation, splits.test)]
    )


def key(splits: Splits) -> str:
    assert isinstance(splits.train.images, Rows)
    return splits.train.images.key


# Which samples are black and white.


def test_the_scale_of_deep_samples_is_told_to_every_training(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", 100, 60000)
    for _ in range(2):  # from the cache too
        splits = load(spec(), root)
        assert pixels(splits).max() == 60000 >> 8
        assert splits.notes == (
            "24 images of 16-bit integers from 100 to 60000: 0 to 65535 is taken as black to white."
            " To change that: white: LEVEL, or white: stretch (--set data.white=stretch).",
        )
    folder(tmp_path / "plain", 0, 255, np.uint8)
    assert load(spec(), tmp_path / "plain").notes == ()


def test_a_level_that_is_white_is_of_no_use_to_eight_bits(tmp_path: Path) -> None:
    deep = folder(tmp_path / "deep", 0, 4095)
    splits = load(spec(white=4095), deep)
    assert pixels(splits).max() == 255
    (note,) = splits.notes
    assert note.endswith("from 0 to 4095: 0 to 4095 is taken as black to white.")
    plain = folder(tmp_path / "plain", 0, 100, np.uint8)
    splits = load(spec(white=4095), plain)
    assert pixels(splits).max() == 100
    assert splits.notes == (
        "white: 4095 changes nothing here: it is for images of more than 8 bits a sample.",
    )


@pytest.mark.parametrize(
    ("low", "high", "kind", "form", "name"),
    [
        (51500, 51670, np.uint16, "png", "16-bit integers"),
        (-1000, 3000, np.int32, "tif", "signed 32-bit integers"),
        (-0.25, 0.5, np.float32, "tif", "floating-point numbers"),
        (3, 18, np.uint8, "png", "8-bit integers"),
    ],
)
def test_stretch_takes_the_range_of_the_training_images_for_all(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    low: float,
    high: float,
    kind: Any,
    form: str,
    name: str,
) -> None:
    root = folder(tmp_path / "photos", low, high, kind, form)
    splits = load(spec(white="stretch"), root)
    whole = pixels(splits)
    assert (whole.min(), whole.max()) == (0, 255)
    assert len(np.unique(whole)) > 10
    line = (
        f"{low:g} to {high:g}, the range of the training images ({name}), is taken as black to"
        " white."
    )
    assert splits.notes == (line,)
    capsys.readouterr()
    assert json.loads(splits.to_export()["black_and_white"]) == [low, high]
    other_split = load(spec(white="stretch", split_seed=3), root)
    assert key(other_split) == key(splits)
    assert other_split.notes == (line,)
    assert capsys.readouterr().err == ""


def test_the_range_is_that_of_the_train_part_where_there_is_one(tmp_path: Path) -> None:
    folder(tmp_path / "photos" / "train", 1000, 2000)
    folder(tmp_path / "photos" / "test", 500, 1500)
    splits = load(spec(white="stretch", test=None), tmp_path / "photos")
    assert (splits.train.images[:].min(), splits.train.images[:].max()) == (0, 255)
    assert (splits.test.images[:].min(), splits.test.images[:].max()) == (
        0,
        128,
    )  # what is below is black


def test_samples_of_several_kinds_have_no_common_range(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", 0, 4095)
    path = root / "bee" / "03.png"
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(path)
    with pytest.raises(
        UserError, match=r"samples of one kind: .*00.png holds 16-bit .*bee/03.png 8-bit integers"
    ):
        load(spec(white="stretch"), root)
    folder(tmp_path / "parts" / "train", 0, 4095)
    test = folder(tmp_path / "parts" / "test", 0, 255, np.uint8)
    with pytest.raises(
        UserError,
        match=r"24 of 48 images .*00.png \(its samples are 8-bit .* Save all images alike",
    ):
        load(spec(white="stretch", test=None), test.parent)


def test_an_interrupted_build_goes_on_with_the_range_that_was_found(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = folder(tmp_path / "photos", 1000, 2000)
    whole = load(spec(white="stretch"), root)
    clear_caches([list_caches()[0].name])
    original, seen = decoded_building._read, []

    def stopped(*arguments: Any) -> Any:
        seen.append(arguments)
        if len(seen) > 6:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(decoded_building, "_read", stopped)
        patch.setattr(decoded_building, "BATCH", 1)
        with pytest.raises(KeyboardInterrupt):
            load(spec(white="stretch"), root)
    monkeypatch.setattr(decoded_building, "range_of", None)
    again = load(spec(white="stretch"), root)
    assert key(again) == key(whole)
    assert (pixels(again) == pixels(whole)).all()
    assert [cache.source for cache in list_caches()] == [
        str(root)
    ]  # its scale is a file of ours: it can be cleared
    clear_caches([list_caches()[0].name])
    assert not list_caches()


@pytest.mark.parametrize("lost", [0, 1])
def test_an_interrupted_build_tells_of_all_samples_once(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, lost: int
) -> None:
    root = folder(tmp_path / "photos", 1000, 2000)
    whole = load(spec(), root).notes
    clear_caches([list_caches()[0].name])
    monkeypatch.setattr(decoded_building, "BATCH", 5)
    original, seen = decoded_building._read, []

    def stopped(path: Path, *arguments: Any) -> Any:
        if len(seen) == 14 and not (root / "resumed").exists():
            raise KeyboardInterrupt
        seen.append(path)
        return original(path, *arguments)

    monkeypatch.setattr(decoded_building, "_read", stopped)
    with pytest.raises(KeyboardInterrupt):
        load(spec(), root)
    (notes,) = cache.glob("folders/building-*/notes")
    # What was written last may be cut off on a disk: the samples of its batch are then noted twice.
    os.truncate(notes, notes.stat().st_size - lost)
    (root / "resumed").touch()
    assert load(spec(), root).notes == whole
    assert len(seen) - 14 == 24 - (5 if lost else 10)  # it went on where it was


@pytest.mark.parametrize("error", [OSError(5, "Input/output error"), MemoryError()])
def test_a_file_that_cannot_be_had_now_does_not_narrow_the_range(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    root = folder(tmp_path / "photos", 1000, 2000)
    wide = root / "bee" / "03.png"
    Image.fromarray(np.full((8, 8), 4000, np.uint16)).save(wide)
    original = Path.read_bytes

    def failing(path: Path) -> bytes:
        if path == wide and isinstance(error, OSError):
            raise error
        return original(path)

    def lacking(content: bytes, decoding: Any) -> Any:
        if content == original(wide):
            raise error
        return decoding.measure(content, decoding)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", failing)
        patch.setattr(scale, "measure", lacking)
        with pytest.raises(
            UserError, match=r"(cannot read|not enough memory to decode) .*bee/03.png"
        ):
            load(spec(white="stretch"), root)
    assert json.loads(load(spec(white="stretch"), root).to_export()["black_and_white"]) == [
        1000,
        4000,
    ]


def test_floats_are_refused_once_with_what_to_do(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", 0, 1, np.float32, "tif")
    with pytest.raises(UserError, match="24 of 24 images") as error:
        load(spec(), root)
    assert str(error.value).count("its samples are floating-point numbers from 0 to 1") == 3
    assert re.search(r"; and 21 more, all listed in .*unreadable\.txt\. ", str(error.value))
    assert str(error.value).count("white: stretch") == 1
    with pytest.raises(
        UserError,
        match=r"class 'ant' .* all unreadable: ant/00.tif \(its samples are floating.*LEVEL",
    ):
        load(spec(unreadable="skip"), root)
    assert pixels(load(spec(white=1), root)).max() == 255


def test_pillow_itself_says_nothing_on_the_terminal(tmp_path: Path) -> None:
    """It logs an error of every TIFF of more than six bands."""
    root = folder(tmp_path / "photos", 0, 255, np.uint8)
    bands = np.zeros((8, 8, 13), np.uint16)
    (root / "ant" / "bands.tif").write_bytes(tiff(bands))
    code = "import sys\nfrom pathlib import Path\nfrom studies.data import DataSpec, load\n"
    code += "spec = DataSpec(name='folder', resolution=8, test=0.25, unreadable='skip')\n"
    code += "load(spec, Path(sys.argv[1]))"
    result = subprocess.run([sys.executable, "-c", code, str(root)], capture_output=True, text=True)
    assert result.returncode == 0
    assert "More samples" not in result.stderr
    with pytest.raises(UserError, match="a TIFF of 16-bit unsigned integer samples, 13 a pixel"):
        load(spec(), root)


def test_a_limit_of_pixels_is_a_key(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", 0, 255, np.uint8)
    with pytest.raises(
        UserError, match=r"24 of 24 .* \(it has 64 pixels, and more than 63 are .*max_pixels"
    ) as error:
        load(spec(max_pixels=63), root)
    assert str(error.value).count("raise the limit with max_pixels") == 1
    assert key(load(spec(max_pixels=64), root)) == key(load(spec(), root))


@pytest.mark.parametrize("white", [0, -1, "Stretch", float("nan"), float("inf"), 10**400, True])
def test_a_white_that_is_none_is_named_in_one_sentence(white: Any) -> None:
    with pytest.raises(
        UserError,
        match=r"white must be stretch, or the sample that is white: a number above 0, .* \(given:",
    ):
        spec(white=white)
    with pytest.raises(UserError, match="npz takes no 'white'"):
        validate(DataSpec, {"name": "npz", "white": 1}, source="test")


# A single colour.


def test_training_images_of_one_single_colour_are_refused(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", 51500, 51670)  # the upper 8 bits are 201 of all
    for _ in range(2):  # from the cache too
        with pytest.raises(UserError) as error:
            load(spec(), root)
        assert (
            str(error.value)
            == "the training images of folder all have the same single colour (201 of 255), so"
            " nothing can be learned. 24 images of 16-bit integers from 51500 to 51670: 0 to"
            " 65535 is taken as black to white. To change that: white: LEVEL, or white: stretch"
            " (--set data.white=stretch)."
        )


def test_some_images_of_a_single_colour_are_named_to_every_training(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos", 0, 255, np.uint8)
    Image.new("RGB", (8, 8), (9, 8, 7)).save(root / "bee" / "05.png")
    for _ in range(2):  # from the cache too
        assert load(spec(channels=3), root).notes == (
            "1 of 24 images has a single colour: bee/05.png.",
        )
    for number in range(6):
        Image.new("RGB", (8, 8), (9, 8, number)).save(root / "bee" / f"{number:02}.png")
    (note,) = load(spec(channels=3), root).notes
    assert note.startswith("6 of 24 images have a single colour each: bee/00.png, ")
    assert note.endswith(", bee/04.png and 1 more.")


def test_arrays_of_one_single_colour_are_refused_as_well(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((20, 8, 8)).astype(np.uint8)  # from 0 to 1: all are 0
    np.savez(tmp_path / "own.npz", train_images=images, train_labels=np.arange(20) % 2)
    with pytest.raises(
        UserError,
        match=r"images of npz all have the same single colour \(0 of 255\).* multiplied by 255",
    ):
        load(DataSpec(name="npz", path="own.npz", test=0.2), tmp_path)
    images[::2] = 1  # two colours can be told apart
    np.savez(tmp_path / "own.npz", train_images=images, train_labels=np.arange(20) % 2)
    assert load(DataSpec(name="npz", path="own.npz", test=0.2), tmp_path).std[0] > 0


# What the cache knows.


def key_of_format_2(root: Path, channels: int) -> str:
    """The key that format 2 gave an array: of the files' names and digests, all readable."""
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*"))
    digest = hashlib.blake2b(f"2 {(len(names), channels, 8, 8)}".encode(), digest_size=16)
    for name in names:
        digest.update(name.encode() + b"\0")
    for name in names:
        digest.update(b"\1" + hashlib.blake2b((root / name).read_bytes(), digest_size=16).digest())
    return digest.hexdigest()


def transparent(root: Path) -> None:
    clear_picture = Image.open(root / "ant" / "00.png").convert("RGBA")
    clear_picture.putalpha(0)
    clear_picture.save(root / "ant" / "00.png")


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_what_the_version_before_decoded_to_the_same_pixels_keeps_its_key(
    tmp_path: Path, kind: Any
) -> None:
    """So its studies and checkpoints go on."""
    root = folder(tmp_path / "photos", 0, np.iinfo(kind).max, kind)
    assert key(load(spec(), root)) == key_of_format_2(root, 1)
    assert key(load(spec(channels=3), root)) == key_of_format_2(root, 3)


def test_what_it_did_not_note_is_noted_beside_its_array(tmp_path: Path, cache: Path) -> None:
    root = folder(tmp_path / "photos", 100, 60000)
    Image.fromarray(np.full((8, 8), 4000, np.uint16)).save(root / "bee" / "03.png")
    lines = load(spec(), root).notes
    assert len(lines) == 2
    (array,) = cache.glob("folders/*/images.npy")
    array.with_name("samples").unlink()
    notes = np.fromfile(array.with_name("notes"), np.uint8).reshape(24, -1)
    notes[:, 0] &= 3  # whether it could be read, and is decoded otherwise now
    notes.tofile(array.with_name("notes"))
    shutil.rmtree(cache / "folders" / "index")
    assert load(spec(), root).notes == lines
    assert list(cache.glob("folders/*/images.npy")) == [array]


def test_what_it_decoded_to_other_pixels_gets_another_key(tmp_path: Path, cache: Path) -> None:
    root = folder(tmp_path / "photos", 0, 255, np.uint8)
    transparent(root)
    splits = load(spec(), root)
    assert key(splits) != key_of_format_2(root, 1)
    [link] = (cache / "folders" / "index").iterdir()
    before = cache / "folders" / key_of_format_2(root, 1)
    link.rename(link.with_name(link.name.replace("-v3", "-v2"))).write_text(before.name)
    (cache / "folders" / key(splits)).rename(before)
    assert key(load(spec(), root)) == key(splits)  # the old array, under its old link, is not taken


@pytest.mark.parametrize(("form", "decoded_anew"), [("jpg", 0), ("png", 2 * COUNT)])
def test_photographs_that_the_version_before_has_decoded_are_not_decoded_anew(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, form: str, decoded_anew: int
) -> None:
    root = folder(tmp_path / "photos", 0, 255, np.uint8, form)
    whole = load(spec(), root)
    [link] = (cache / "folders" / "index").iterdir()
    link.rename(link.with_name(link.name.replace("-v3", "-v2")))
    original, seen = decoded_building.decode, []
    monkeypatch.setattr(
        decoded_building, "decode", lambda *given: (seen.append(given), original(*given))[1]
    )
    again = load(spec(), root)
    assert len(seen) == decoded_anew
    assert key(again) == key(whole)
    load(spec(white="stretch"), root)
    assert len(seen) == decoded_anew + 2 * COUNT


def test_every_scale_has_an_array_of_its_own(tmp_path: Path, cache: Path) -> None:
    root = folder(tmp_path / "photos", 1000, 4000)
    given = [{}, {"white": 4095}, {"white": 5000}, {"white": "stretch"}]
    keys = {key(load(spec(**white), root)) for white in given}
    assert len(keys) == 4
    assert {path.parent.name for path in cache.glob("folders/*/images.npy")} == keys
    scales = {json.loads(path.read_text())[1] for path in cache.glob("folders/*/scale.json")}
    assert scales == {4095, 5000, 4000}
    for white in given:
        assert key(load(spec(**white), root)) in keys


def test_what_is_skipped_does_not_change_what_a_study_knows_of_its_scaled_images(
    tmp_path: Path,
) -> None:
    root = folder(tmp_path / "photos", 1000, 4000)
    (root / "ant" / "bad.png").write_bytes(b"no image")
    given = spec(white="stretch", unreadable="skip")
    before = load(given, root).train.digest()
    os.remove(root / "ant" / "bad.png")
    assert load(given, root).train.digest() == before
    assert load(spec(white=4000, unreadable="skip"), root).train.digest() != before


def test_a_data_section_of_the_version_before_means_the_same() -> None:
    old = {
        "name": "folder",
        "path": None,
        "resolution": 8,
        "channels": 1,
        "unreadable": None,
        "mirrored": None,
    }
    old |= {"validation": 0.25, "test": 0.25, "split_seed": 0}
    assert validate(DataSpec, old, source="test").model_dump() == spec().model_dump()


def test_the_decoders_limit_is_that_of_pillow() -> None:
    assert 2 * (Image.MAX_IMAGE_PIXELS or 0) == decoding.MOST_PIXELS
