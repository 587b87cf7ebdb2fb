"""A folder of images: decoded once, kept by content, the same through an
interruption; what cannot be read is named."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from explorer import Architecture
from explorer.errors import UserError
from search_spaces.documents import validate
from studies.config.recipe import Recipe
from studies.data import folder_cache
from studies.data.decoding import Decoding
from studies.data.splits import DataShape, DataSpec, Rows, Splits, data_shape, load
from studies.machine.settings import Settings
from studies.records.same_data import about_data
from studies.training import batches
from studies.training.batches import EvaluationBatches, TrainingBatches
from studies.training.checkpoints import identify
from studies.training.training import train

CPU = Settings(device="cpu", precision="32", threads=1)
CLASSES = ("ant", "bee", "cat")


def spec(**changes: Any) -> DataSpec:
    return validate(
        DataSpec,
        {"name": "folder", "resolution": 16, "test": 0.25, "validation": 0.25, **changes},
        source="test",
    )


def photo(number: int, label: int) -> Image.Image:
    """A noisy picture of the class's colour, of a size of its own."""
    random = np.random.default_rng([number, label])
    height, width = random.integers(20, 60, 2)
    colour = [(220, 40, 40), (40, 220, 40), (40, 40, 220)][label]
    return Image.fromarray(
        (random.integers(-30, 30, (height, width, 3)) + colour).clip(0, 255).astype(np.uint8)
    )


def save(image: Image.Image, path: Path, number: int) -> None:
    """In one of the forms in which people have images."""
    form = number % 8
    if form == 1:
        image.convert("L").save(path.with_suffix(".jpg"))
    elif form == 2:
        image.convert("CMYK").save(path.with_suffix(".jpg"))
    elif form == 3:
        image.convert("P").save(path.with_suffix(".png"))
    elif form == 4:
        image.convert("RGBA").save(path.with_suffix(".png"))
    elif form == 5:
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        image.save(path.with_suffix(".JPEG"), exif=exif)
    elif form == 6:
        image.save(path.with_suffix(".webp"))
    else:
        image.save(path.with_suffix(".jpg"))


def fill(root: Path, count: int, classes: tuple[str, ...] = CLASSES) -> Path:
    for label, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for number in range(count):
            save(photo(number, label), root / name / f"{number:04}", number)
    return root


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixteen images of each of three classes, in every form."""
    return fill(tmp_path_factory.mktemp("photos"), 16)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What is decoded from here on."""
    seen: list[bytes] = []
    original = folder_cache.decode

    def spied(content: bytes, *arguments: Any) -> Any:
        seen.append(content)
        return original(content, *arguments)

    monkeypatch.setattr(folder_cache, "decode", spied)
    return seen


def pixels(splits: Splits) -> list[bytes]:
    return [part.images[:].tobytes() for part in (splits.train, splits.validation, splits.test)]


def arrays(cache: Path) -> list[Path]:
    return sorted(cache.glob("folders/*/images.npy"))


# Decoding.


def test_every_form_of_image_becomes_its_colours(photos: Path) -> None:
    splits = load(spec(), photos)
    assert splits.sizes == {"train": 24, "validation": 12, "test": 12}
    assert splits.classes == 3
    assert splits.mirrored
    for part in (splits.train, splits.validation, splits.test):
        assert Counter(part.labels.tolist()) == dict.fromkeys(range(3), len(part) // 3)
        assert part.images.shape[1:] == (3, 16, 16)
        for image, label in zip(part.images[:], part.labels, strict=True):
            means = image.mean((1, 2))
            grey = np.ptp(means) < 10
            assert grey or means.argmax() == label


def test_images_are_grey_where_one_channel_is_asked_for(photos: Path) -> None:
    assert load(spec(channels=1), photos).train.images.shape == (24, 1, 16, 16)
    assert data_shape(spec(channels=1), photos) == DataShape(16, 1, 3)


# The cache.


def test_images_are_decoded_once_and_read_from_the_array_ever_after(
    photos: Path, cache: Path, decoded: list[bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    first = load(spec(), photos)
    assert len(decoded) == 48
    assert f"48 images of 16x16 take 36.9 kB in {cache}/folders" in capsys.readouterr().err
    again = load(spec(), photos)
    other_split = load(spec(split_seed=1), photos)
    assert len(decoded) == 48
    assert capsys.readouterr().err == ""
    assert pixels(first) == pixels(again) != pixels(other_split)
    assert isinstance(first.train.images, Rows)
    assert isinstance(first.train.images.array, np.memmap)  # nobody holds all of it in memory
    assert first.train.images.array.dtype == np.uint8


def test_the_array_is_kept_by_content_not_by_place_or_time(
    photos: Path, tmp_path: Path, cache: Path, decoded: list[bytes]
) -> None:
    first = load(spec(), photos)
    copied = tmp_path / "copied"
    shutil.copytree(photos, copied, copy_function=shutil.copyfile)
    assert pixels(load(spec(), copied)) == pixels(first)
    assert len(arrays(cache)) == 1
    before = len(decoded)
    save(photo(99, 0), copied / "ant" / "0000", 0)
    assert pixels(load(spec(), copied)) != pixels(first)
    assert len(decoded) > before
    assert len(arrays(cache)) == 2
    load(spec(resolution=20), photos)
    assert len(arrays(cache)) == 3


def test_a_build_that_was_cut_off_goes_on_where_it_was(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pixels(load(spec(), photos))
    shutil.rmtree(cache)
    monkeypatch.setattr(folder_cache, "BATCH", 5)
    original = folder_cache._read
    seen: list[Path] = []

    def stopped(path: Path, *arguments: Any) -> Any:
        seen.append(path)
        if len(seen) > 22:
            raise KeyboardInterrupt
        return original(path, *arguments)

    monkeypatch.setattr(folder_cache, "_read", stopped)
    with pytest.raises(KeyboardInterrupt):
        load(spec(), photos)
    assert not list(
        (cache / "folders" / "index").iterdir()
    )  # nobody will take the half for the whole
    seen.clear()
    monkeypatch.setattr(
        folder_cache, "_read", lambda path, *rest: (seen.append(path), original(path, *rest))[1]
    )
    assert pixels(load(spec(), photos)) == whole
    assert len(seen) == 48 - 20  # four batches of five were done
    assert len(arrays(cache)) == 1
    assert not [path for path in (cache / "folders").glob("building-*") if path.is_dir()]


def test_a_killed_build_leaves_nothing_that_is_taken_for_whole(photos: Path, cache: Path) -> None:
    """The process dies in the middle of a batch, without a chance to tidy up."""
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom studies.data import folder_cache\nfrom"
        " studies.data.splits import DataSpec, load\nfolder_cache.BATCH = 5\noriginal, count ="
        " folder_cache._read, []\ndef dying(*a):\n    count.append(1)\n    if len(count) > 13:"
        " os._exit(9)\n    return original(*a)\nfolder_cache._read ="
        " dying\nload(DataSpec(name='folder', resolution=16, test=0.25, validation=0.25),"
        " Path(sys.argv[1]))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(photos)], capture_output=True, text=True
    )
    assert result.returncode == 9, result.stderr
    interrupted = pixels(load(spec(), photos))
    shutil.rmtree(cache)
    assert pixels(load(spec(), photos)) == interrupted


def test_of_two_processes_at_the_same_time_one_builds_and_the_other_waits_for_it(
    photos: Path, cache: Path
) -> None:
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom studies.data import folder_cache\nfrom"
        " studies.data.splits import DataSpec, load\noriginal ="
        " folder_cache._read\nfolder_cache._read = lambda *a: (time.sleep(0.03),"
        " original(*a))[1]\nsplits = load(DataSpec(name='folder', resolution=16, test=0.25,"
        " validation=0.25), Path(sys.argv[1]))\nprint(splits.train.digest().hex())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(photos)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    told = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    assert told[0][0] == told[1][0] == f"{load(spec(), photos).train.digest().hex()}\n"
    assert sum("images of 16x16 take" in stderr for _, stderr in told) == 1
    assert len(arrays(cache)) == 1


def test_a_full_disk_is_an_error_before_anything_is_decoded(
    photos: Path, cache: Path, decoded: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil._ntuple_diskusage(10**6, 10**6, 30_000)  # type: ignore[attr-defined]
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda path: usage)
        with pytest.raises(
            UserError,
            match=r"need 41.0 kB, and the cache .* has 30.0 kB left.*RESNEXT_EXPLORER_CACHE",
        ):
            load(spec(), photos)
    assert not decoded
    assert not arrays(cache)


def interrupt(root: Path, monkeypatch: pytest.MonkeyPatch, after: int = 0) -> None:
    """Begin a build and cut it off after so many batches of one image."""
    original, seen = folder_cache._read, []

    def stopped(*arguments: Any) -> Any:
        seen.append(arguments)
        if len(seen) > after:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(folder_cache, "_read", stopped)
        patch.setattr(folder_cache, "BATCH", 1)
        with pytest.raises(KeyboardInterrupt):
            load(spec(), root)


def test_the_room_of_a_build_that_was_cut_off_early_counts_as_free(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupt(photos, monkeypatch)

    def left(_: Path) -> Any:
        taken = sum(path.stat().st_blocks * 512 for path in arrays(cache))
        return shutil._ntuple_diskusage(60_000, taken, 60_000 - taken)  # type: ignore[attr-defined]

    monkeypatch.setattr(shutil, "disk_usage", left)
    assert left(photos).free < 41_000
    assert sum(load(spec(), photos).sizes.values()) == 48


def test_what_is_left_of_a_folder_as_it_was_before_is_removed_unless_it_is_being_built(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    root, another = fill(tmp_path / "photos", 8), fill(tmp_path / "another", 8)
    interrupt(another, monkeypatch, after=2)
    interrupt(root, monkeypatch, after=2)
    old_format = cache / "folders" / f"building-00-16x3-v{folder_cache.FORMAT - 1}"
    old_format.mkdir()

    def begun() -> set[str]:
        return {path.name for path in (cache / "folders").glob("building-*") if path.is_dir()}

    kept, before, _ = sorted(
        begun(), key=lambda name: (cache / "folders" / name).stat().st_mtime_ns
    )
    photo(99, 0).save(root / "ant" / "new.jpg")
    with open(cache / "folders" / f"{before}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        interrupt(root, monkeypatch, after=2)
        assert {kept, before} < begun()
        assert not old_format.exists()
    load(spec(), root)
    assert begun() == {kept}  # the other folder's build goes on where it was


def test_a_disk_that_says_no_leaves_nothing_behind(photos: Path, cache: Path) -> None:
    """A limit on the size of files stands for a disk that fills up
    between the question and the writing."""
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom explorer.errors import UserError\n"
        "from studies.data.splits import DataSpec, load\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))\n"
        "try:\n    load(DataSpec(name='folder', resolution=16, test=0.25), Path(sys.argv[1]))\n"
        "except UserError as error:\n    sys.exit(str(error))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", code, str(photos)], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "cannot write into the cache" in result.stderr
    assert "the disk is full" in result.stderr
    assert not [path for path in cache.rglob("*") if path.is_file() and path.stat().st_size]


def memory() -> int:
    """Bytes of memory and swap of this machine."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return sum(
        int(line.split()[1]) * 1024
        for line in lines
        if line.startswith(("MemTotal:", "SwapTotal:"))
    )


def holes(folder: Path, size: int) -> Path:
    """A whole cache of black images, of `size` bytes that take none on the disk."""
    folder.mkdir()
    count = size // (3 * 4096**2)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, 3, 4096, 4096)}
    with open(folder / folder_cache.ARRAY, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        try:
            file.truncate(file.tell() + count * 3 * 4096**2)
        except OSError as error:
            pytest.skip(f"no file with holes of that size here: {error}")
    np.save(folder / folder_cache.READABLE, np.ones(count, bool))
    return folder


@pytest.mark.skipif(
    not Path("/proc/meminfo").is_file(), reason="the size of the memory is read from /proc"
)
def test_an_array_larger_than_memory_is_opened_and_read_a_batch_at_a_time(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    found = folder_cache._open(
        holes(tmp_path / "large", memory() + 8 * 2**30), tmp_path, [], Decoding(4096, 3)
    )
    assert not found.array.flags.writeable
    rows = np.arange(len(found.array))
    source = batches._Source(batches.Images(Rows(found.array, rows, ""), rows), torch.device("cpu"))
    assert source.whole is None
    last = next(source.read([torch.tensor([len(rows) - 1])]))
    assert last.shape == (1, 3, 4096, 4096)
    assert not last.any()
    assert not recwarn.list


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds processes to RLIMIT_AS")
def test_too_little_memory_is_not_called_damage(tmp_path: Path) -> None:
    code = (
        "import resource, sys\nfrom pathlib import Path\nimport numpy\nfrom explorer.errors import"
        " UserError\nfrom studies.data import folder_cache\nresource.setrlimit(resource.RLIMIT_AS,"
        " (2**33, 2**33))\ntry:\n    folder_cache._open(Path(sys.argv[1]), Path(), [],"
        " None)\nexcept UserError as error:\n    sys.exit(str(error))\n"
    )
    folder = holes(tmp_path / "large", 2**34)
    result = subprocess.run(
        [sys.executable, "-c", code, str(folder)], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "17.2 GB do not fit into the memory that a process may address" in result.stderr
    assert "ulimit -v" in result.stderr
    (folder / folder_cache.READABLE).write_bytes(b"")
    with pytest.raises(UserError, match=r"the cache .*large is damaged .*Delete it"):
        folder_cache._open(folder, tmp_path, [], Decoding(4096, 3))


# What cannot be read.


def damage(folder: Path) -> list[str]:
    (folder / "ant" / "0000.jpg").write_bytes(b"not an image")
    path = folder / "bee" / "0001.jpg"
    path.write_bytes(path.read_bytes()[:-200])
    (folder / "cat" / "empty.png").write_bytes(b"")
    return ["ant/0000.jpg", "bee/0001.jpg", "cat/empty.png"]


def test_unreadable_images_are_named_and_refused_or_skipped(
    tmp_path: Path, cache: Path, decoded: list[bytes]
) -> None:
    root = fill(tmp_path / "photos", 16)
    names = damage(root)
    with pytest.raises(UserError) as error:
        load(spec(), root)
    assert "3 of 49 images" in str(error.value)
    for name in [*names, "no image that Pillow knows", "runcated", "unreadable: skip"]:
        assert name in str(error.value)
    before = len(decoded)
    skipped = load(spec(unreadable="skip"), root)
    assert len(decoded) == before  # what was decoded for the refusal is kept
    assert sum(skipped.sizes.values()) == 46
    assert arrays(cache)[0].with_name("unreadable.txt").read_text().split() == names


def test_a_study_goes_on_after_what_it_skips_is_removed(tmp_path: Path) -> None:
    """What it keeps of its data, and what a checkpoint keeps, is of the images used."""
    root = fill(tmp_path / "photos", 16)
    names = damage(root)
    recipe = Recipe.model_validate({"name": "quick"})
    network = Architecture.from_name("resnext_1-1_2x4d_w16_small8", resolution=16, classes=3)

    def known() -> Any:
        data = load(spec(unreadable="skip"), root)
        return about_data(data), identify(network, recipe, data, 0, CPU), pixels(data)

    before = known()
    for name in names[:2]:
        (root / name).unlink()
        assert known() == before
    photo(99, 2).save(root / names[2])  # now it can be read
    mended = known()
    assert mended[0] != before[0]
    (root / "ant" / "0000.jpg").write_bytes(b"another one")
    assert known() == mended
    (root / "ant" / "0002.jpg").unlink()
    photo(99, 0).save(root / "ant" / "0002.jpg")
    other = known()
    assert other[0]["splits"] == mended[0]["splits"]
    assert other[0]["digests"] != mended[0]["digests"]


def test_a_cache_that_has_lost_what_it_notes_of_its_files_is_named(
    tmp_path: Path, cache: Path
) -> None:
    root = fill(tmp_path / "photos", 16)
    damage(root)
    load(spec(unreadable="skip"), root)
    arrays(cache)[0].with_name(folder_cache.NOTES).write_bytes(b"cut off")
    with pytest.raises(UserError, match=r"the cache .* is damaged .*Delete it"):
        load(spec(unreadable="skip"), root)


def test_a_class_of_which_nothing_can_be_read_is_an_error(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", 2)
    for path in (root / "bee").iterdir():
        path.write_bytes(b"")
    with pytest.raises(
        UserError, match=r"the train images of class 'bee' in .* are all unreadable"
    ):
        load(spec(unreadable="skip"), root)


# How the folder is laid out.


def test_parts_that_the_folder_brings_are_taken_as_they_are(tmp_path: Path) -> None:
    for name, count in (("train", 8), ("val", 3), ("test", 5)):
        fill(tmp_path / "photos" / name, count)
    splits = load(spec(test=None), tmp_path / "photos")
    assert splits.sizes == {"train": 24, "validation": 9, "test": 15}
    assert data_shape(spec(test=None), tmp_path / "photos") == DataShape(16, 3, 3)
    shutil.rmtree(tmp_path / "photos" / "test")
    given = DataSpec(name="folder", resolution=16, test=0.25)
    assert load(given, tmp_path / "photos").sizes == {"train": 18, "validation": 9, "test": 6}


@pytest.mark.parametrize(
    ("parts", "given", "message"),
    [
        (("train",), {"validation": 0.2}, "has no test set of its own, .*--set data.test=0.2"),
        (
            ("train", "test"),
            {"test": 0.2},
            r"has a test set of its own, so leave `test` out \(given: 0.2\)",
        ),
        (("train", "test"), {"test": 0.2, "validation": 0.2}, "has a test set of its own"),
    ],
)
def test_a_test_fraction_that_does_not_fit_the_parts_is_refused_before_anything_is_decoded(
    tmp_path: Path,
    decoded: list[bytes],
    parts: tuple[str, ...],
    given: dict[str, float],
    message: str,
) -> None:
    for name in parts:
        fill(tmp_path / "photos" / name, 4)
    with pytest.raises(UserError, match=f"folder {message}"):
        load(DataSpec(name="folder", resolution=16, **given), tmp_path / "photos")
    assert not decoded


def empty_class(root: Path) -> None:
    (root / "dog").mkdir()
    (root / "dog" / "notes.txt").write_text("no image")


def one_class(root: Path) -> None:
    shutil.rmtree(root / "ant")
    shutil.rmtree(root / "bee")


def other_classes(root: Path) -> None:
    for name in CLASSES:
        (root / "train").mkdir(exist_ok=True)
        (root / name).rename(root / "train" / name)
    shutil.copytree(root / "train", root / "val")
    (root / "val" / "cat").rename(root / "val" / "cow")


def typo(root: Path) -> None:
    other_classes(root)
    (root / "val").rename(root / "vla")


def other_names(root: Path) -> None:
    other_classes(root)
    (root / "train").rename(root / "Training")
    (root / "val").rename(root / "validation")


def no_classes(root: Path) -> None:
    for name, part in zip(CLASSES, ("train", "test", "val"), strict=True):
        (root / name).rename(root / part)


def one_level_deeper(root: Path) -> None:
    root.rename(root.with_name("downloaded"))
    root.mkdir()
    root.with_name("downloaded").rename(root / "downloaded")


def single_image(root: Path) -> None:
    for path in sorted((root / "cat").iterdir())[1:]:
        path.unlink()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shutil.rmtree, "there is no folder .*photos"),
        (empty_class, "the class 'dog' is empty: .*photos/dog holds no image"),
        (one_class, "holds 1 folder of images; at least 2 classes are needed, each a folder.$"),
        (
            one_level_deeper,
            (
                "holds 1 folder of images; .* .*photos/downloaded holds 3 folders: name that one"
                " instead"
            ),
        ),
        (other_classes, "the classes do not match: .*(train holds 'cat'|val holds 'cow')"),
        (typo, "beside it 'vla': there may be val and test"),
        (
            other_names,
            (
                "photos holds Training and validation: those are names of parts, .* must be called"
                " train"
            ),
        ),
        (
            no_classes,
            (
                "photos holds test and train and val: those are names of parts, .* each holds a"
                " folder of images"
            ),
        ),
        (
            single_image,
            (
                "in folder: class 'cat' has 1 image. At least 3 of each class are needed, one each"
                " for train, validation and test"
            ),
        ),
    ],
)
def test_a_folder_that_is_not_laid_out_so_is_an_error(
    tmp_path: Path, change: Callable[[Path], Any], message: str
) -> None:
    root = fill(tmp_path / "photos", 4)
    change(root)
    with pytest.raises(UserError, match=message):
        load(spec(), root)


def test_classes_have_the_names_of_their_folders_in_order(tmp_path: Path) -> None:
    splits = load(spec(), fill(tmp_path / "photos", 16))
    assert splits.names == ("ant", "bee", "cat")
    assert json.loads(splits.to_export()["class_names"]) == ["ant", "bee", "cat"]


def test_hidden_files_and_files_of_other_kinds_do_not_count(tmp_path: Path) -> None:
    root = fill(tmp_path / "photos", 8)
    (root / ".git").mkdir()
    (root / "ant" / ".hidden.jpg").write_text("")
    (root / "ant" / "Thumbs.db").write_text("")
    (root / "ant" / "below").mkdir()
    photo(50, 0).save(root / "ant" / "below" / "deep.jpg")
    assert sum(load(spec(), root).sizes.values()) == 25


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"resolution": None}, "a folder needs a resolution"),
        ({"unreadable": "ignore"}, "unreadable: .*'refuse' or 'skip'"),
        ({"channels": 2}, "channels: .*1 or 3"),
        ({"name": "digits"}, "digits takes no 'resolution'"),
    ],
)
def test_a_mistake_in_the_data_section_is_named(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        spec(**given)


def test_no_place_given_is_an_error() -> None:
    with pytest.raises(UserError, match="folder: name where it is with --data-dir, or with path"):
        load(spec())


@pytest.mark.parametrize("read", [load, data_shape])
def test_a_folder_that_may_not_be_listed_is_an_error(
    photos: Path, monkeypatch: pytest.MonkeyPatch, read: Callable[[DataSpec, Path], Any]
) -> None:
    def refused(folder: Path) -> Any:
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("studies.data.folder.os.scandir", refused)
    with pytest.raises(
        UserError, match=rf"folder: cannot read {photos}: Permission denied. Check that"
    ):
        read(spec(), photos)


# Training.


def test_images_read_from_disk_make_the_same_batches_as_images_on_the_device(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    splits = load(spec(), photos)
    for name in ("quick", "resnext_imagenet"):
        recipe = Recipe.model_validate({"name": name, "batch_size": 8})

        def batches_of(recipe: Recipe = recipe) -> list[torch.Tensor]:
            device = torch.device("cpu")
            training = TrainingBatches(splits, recipe, 3, device, lambda: 1)
            evaluation = EvaluationBatches(splits.test, splits, recipe, device)
            return [
                tensor for source in (training, evaluation) for batch in source for tensor in batch
            ]

        resident = batches_of()
        with monkeypatch.context() as patch:
            patch.setattr(batches, "RESIDENT_BYTES", 0)
            from_disk = batches_of()
        assert len(resident) == 2 * (3 + 2)
        assert all(torch.equal(one, other) for one, other in zip(resident, from_disk, strict=True))


@pytest.mark.slow
def test_thousands_of_mixed_images_train_under_the_papers_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = fill(tmp_path / "many", 800)
    damage(root)
    data = load(spec(resolution=20, unreadable="skip", test=0.2, validation=0.1), root)
    assert sum(data.sizes.values()) == 2400 - 2
    monkeypatch.setattr(batches, "RESIDENT_BYTES", 0)  # read from disk, as a million would be
    recipe = Recipe.model_validate({"name": "resnext_imagenet", "epochs": 2, "batch_size": 64})
    network = Architecture.from_name("resnext_1-1_2x4d_w16_small8", resolution=20, classes=3)
    outcome = train(network, recipe, data, 0, CPU)
    # One image in eight is grey, and says nothing of its class: a third of those can be guessed.
    assert outcome.test_error < 0.2
    assert outcome.test_top5_error is None


def test_images_on_disk_are_identified_by_the_caches_key_and_the_rows_chosen(photos: Path) -> None:
    """Nobody reads a million images to see whether a checkpoint belongs to them."""
    data = load(spec(), photos)
    assert data.train.digest() == load(spec(), photos).train.digest()
    assert data.train.digest() != load(spec(split_seed=1), photos).train.digest()
    assert data.train.digest() != data.test.digest()


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]
)
def test_a_file_that_cannot_be_had_stops_the_build_and_is_not_noted(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    root = fill(tmp_path / "photos", 8)
    original = Path.read_bytes

    def refused(path: Path) -> bytes:
        if path.name == "0001.jpg" and path.parent.name == "bee":
            raise error
        return original(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        with pytest.raises(
            UserError,
            match=(
                rf"cannot read .*bee/0001.jpg: {error.strerror}. Make it readable and start again"
            ),
        ):
            load(spec(unreadable="skip"), root)
    assert sum(load(spec(), root).sizes.values()) == 24


def test_too_little_memory_for_an_image_stops_the_build_and_is_not_noted(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lacking(*_: Any) -> Any:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(folder_cache, "decode", lacking)
        with pytest.raises(UserError, match=r"not enough memory to decode .*ant/0000.jpg"):
            load(spec(), photos)
    assert sum(load(spec(), photos).sizes.values()) == 48
