"""The cache lists only what the program put there, and clears only what is named."""

import fcntl
import json
import os
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from explorer.cli import cli
from explorer.errors import UserError
from studies.data import DataSpec, Splits, clear_caches, list_caches, load

ARCHIVE = "cifar-10-python.tar.gz"


@pytest.fixture
def cache(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", "cache")
    return workdir / "cache"


@pytest.fixture
def photos(workdir: Path, cache: Path) -> Path:
    """A folder of images that has been decoded."""
    for label, name in enumerate(("ant", "bee")):
        (workdir / "photos" / name).mkdir(parents=True)
        for number in range(10):
            image = np.full((9, 9, 3), 20 * number + 10 * label, np.uint8)
            Image.fromarray(image).save(workdir / "photos" / name / f"{number}.png")
    decode(workdir / "photos")
    return workdir / "photos"


def decode(photos: Path) -> Splits:
    return load(DataSpec(name="folder", resolution=8, test=0.25, validation=0.25), photos)


def download(cache: Path, size: int) -> Path:
    """A file where the downloaded one would be."""
    (cache / "cifar10").mkdir(parents=True)
    path = cache / "cifar10" / ARCHIVE
    path.write_bytes(bytes(size))
    return path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(cli, ["data", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.output


def test_where_nothing_is_kept_nothing_is_made(cache: Path) -> None:
    assert run("caches") == f"Nothing is cached in {cache}.\n"
    assert json.loads(run("caches", "--json")) == []
    assert not cache.exists()


def test_downloads_and_decoded_folders_are_listed_with_size_and_last_use(
    photos: Path, cache: Path
) -> None:
    download(cache, 1_000_000)
    first, second = json.loads(run("caches", "--json"))
    assert (first["name"], first["kind"], first["size"]) == ("cifar10", "downloaded", 1_000_000)
    assert (second["kind"], second["source"]) == ("decoded", str(photos))
    assert second["size"] > 20 * 3 * 8 * 8
    shown = run("caches")
    assert "1.00 MB" in shown
    assert f"resnext-explorer data clear {first['name']}" in shown

    source = cache / "folders" / second["name"] / "source"
    os.utime(source, (0, 0))
    assert list_caches()[1].used.year == 1970
    decode(photos)
    assert list_caches()[1].used.year > 2020


def test_what_is_cleared_is_decoded_again(photos: Path, cache: Path) -> None:
    (cache_of_photos,) = list_caches()
    before = decode(photos)
    name, size = cache_of_photos.name, cache_of_photos.size
    assert run("clear", name) == f"Removed {name}, {size / 1000:.2f} kB.\n"
    assert list_caches() == []
    assert not list((cache / "folders" / "index").iterdir())
    assert before.train.images[:].any()  # who has it open goes on reading it
    assert np.array_equal(decode(photos).train.images[:], before.train.images[:])
    assert [cached.name for cached in list_caches()] == [name]


def test_only_what_is_named_goes_and_only_what_was_put_there(photos: Path, cache: Path) -> None:
    archive = download(cache, 10)
    (cache / "cifar10" / "mine.txt").touch()
    (cache / "mnist").mkdir()
    (cache / "mnist" / "train-images-idx3-ubyte").touch()  # unpacked by somebody
    (cache / "folders" / "holidays").mkdir()
    elsewhere = cache.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "cifar-100-python.tar.gz").touch()
    (elsewhere / "source").touch()
    (cache / "cifar100").symlink_to(elsewhere)
    linked = "0123456789abcdef" * 2
    (cache / "folders" / linked).symlink_to(elsewhere)
    assert {cached.kind for cached in list_caches()} == {"downloaded", "decoded"}
    for name in (
        "mnist",
        "cifar100",
        linked,
        "holidays",
        "folders",
        "..",
        "cifar10/mine.txt",
        str(elsewhere),
    ):
        with pytest.raises(UserError, match="unknown cache"):
            clear_caches(["cifar10", name])
    assert archive.exists()
    clear_caches([cached.name for cached in list_caches()])
    assert not archive.exists()
    assert (cache / "cifar10" / "mine.txt").exists()
    assert sorted(path.name for path in elsewhere.iterdir()) == [
        "cifar-100-python.tar.gz",
        "source",
    ]
    assert photos.is_dir()


def test_a_decoding_that_is_going_on_is_left_alone(photos: Path, cache: Path) -> None:
    building = cache / "folders" / "building-x"
    building.mkdir()
    (building / "source").write_text("/photos")
    assert [cached.kind for cached in list_caches()] == ["decoded", "unfinished"]
    with open(cache / "folders" / "building-x.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="building-x is being made now, from /photos"):
            clear_caches(["building-x"])
    assert building.exists()
    clear_caches(["building-x"])
    assert not building.exists()


def test_folders_that_hold_anything_else_are_not_ours(photos: Path, cache: Path) -> None:
    for name in ("d41d8cd98f00b204e9800998ecf8427e", "building-plans"):
        (cache / "folders" / name / "rooms").mkdir(parents=True)
        (cache / "folders" / name / "house.dwg").touch()
        with pytest.raises(UserError, match="unknown cache"):
            clear_caches([name])
    (cache_of_photos,) = list_caches()
    (cache_of_photos.folder / "thesis.txt").touch()
    assert list_caches() == []


def test_an_interrupted_clear_is_no_hindrance(photos: Path, cache: Path) -> None:
    (cache_of_photos,) = list_caches()
    (cache_of_photos.folder / "images.npy").unlink()  # the first thing that a clear does
    assert [cached.name for cached in list_caches()] == [cache_of_photos.name]
    assert decode(photos).train.images[:].any()
    assert [cached.name for cached in list_caches()] == [cache_of_photos.name]


def test_where_one_cannot_be_removed_none_is(photos: Path, cache: Path) -> None:
    archive = download(cache, 10)
    building = cache / "folders" / "building-x"
    building.mkdir()
    (building / "source").write_text("/photos")
    with open(cache / "folders" / "building-x.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(UserError, match="is being made now"):
            clear_caches(["cifar10", "building-x"])
    assert archive.exists()


def test_a_cache_that_cannot_be_read_is_one_message(
    workdir: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.symlink_to(cache)
    for folder in (str(cache), "x" * 300):
        monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", folder)
        result = CliRunner().invoke(cli, ["data", "caches"], standalone_mode=False)
        assert isinstance(result.exception, UserError)
        assert "cannot read" in str(result.exception)


def test_control_characters_in_a_folders_name_do_not_reach_the_terminal(
    photos: Path, cache: Path
) -> None:
    (cache_of_photos,) = list_caches()
    (cache_of_photos.folder / "source").write_text("/photos/a\x1b[31mred\nline")
    assert "/photos/a[31mred line" in run("caches")
