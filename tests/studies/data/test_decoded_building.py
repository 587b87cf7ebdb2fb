"""An array is built completely or not at all, and goes on where it was cut off."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from photos import arrays, fill, photo, pixels, spec

from explorer.errors import UserError
from studies.data import decoded_building, load
from studies.data.decoded_format import FORMAT

pytestmark = pytest.mark.usefixtures("cache")


def test_a_build_that_was_cut_off_goes_on_where_it_was(
    photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pixels(load(spec(), photos))
    shutil.rmtree(cache)
    monkeypatch.setattr(decoded_building, "BATCH", 5)
    original = decoded_building._read
    seen: list[Path] = []

    def stopped(path: Path, *arguments: Any) -> Any:
        seen.append(path)
        if len(seen) > 22:
            raise KeyboardInterrupt
        return original(path, *arguments)

    monkeypatch.setattr(decoded_building, "_read", stopped)
    with pytest.raises(KeyboardInterrupt):
        load(spec(), photos)
    assert not list((cache / "folders" / "index").iterdir())  # a part is not taken for the whole
    seen.clear()
    monkeypatch.setattr(
        decoded_building, "_read", lambda path, *rest: (seen.append(path), original(path, *rest))[1]
    )
    assert pixels(load(spec(), photos)) == whole
    assert len(seen) == 48 - 20  # four batches of five were done
    assert len(arrays(cache)) == 1
    assert not [path for path in (cache / "folders").glob("building-*") if path.is_dir()]


DYING_BUILD = """
import os, sys
from pathlib import Path
from studies.data import DataSpec, decoded_building, load

def dying(*arguments):
    read.append(arguments)
    if len(read) > 13:
        os._exit(9)
    return original(*arguments)

read, original = [], decoded_building._read
decoded_building.BATCH, decoded_building._read = 5, dying
load(DataSpec(name="folder", resolution=16, test=0.25, validation=0.25), Path(sys.argv[1]))
"""


def test_a_killed_build_leaves_nothing_that_is_taken_for_whole(photos: Path, cache: Path) -> None:
    """The process dies in the middle of a batch, without a chance to tidy up."""
    result = subprocess.run(
        [sys.executable, "-c", DYING_BUILD, str(photos)], capture_output=True, text=True
    )
    assert result.returncode == 9, result.stderr
    interrupted = pixels(load(spec(), photos))
    shutil.rmtree(cache)
    assert pixels(load(spec(), photos)) == interrupted


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
    original, seen = decoded_building._read, []

    def stopped(*arguments: Any) -> Any:
        seen.append(arguments)
        if len(seen) > after:
            raise KeyboardInterrupt
        return original(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(decoded_building, "_read", stopped)
        patch.setattr(decoded_building, "BATCH", 1)
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
    old_format = cache / "folders" / f"building-00-16x3-v{FORMAT - 1}"
    old_format.mkdir()

    def begun() -> set[str]:
        return {path.name for path in (cache / "folders").glob("building-*") if path.is_dir()}

    other, before, _ = sorted(
        begun(), key=lambda name: (cache / "folders" / name).stat().st_mtime_ns
    )
    photo(99, 0).save(root / "ant" / "new.jpg")
    with open(cache / "folders" / f"{before}.lock", "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        interrupt(root, monkeypatch, after=2)
        assert {other, before} < begun()
        assert not old_format.exists()
    load(spec(), root)
    assert begun() == {other}  # the build of another folder can still go on


BUILD_ON_A_SMALL_DISK = """
import resource, sys
from pathlib import Path
from explorer.errors import UserError
from studies.data import DataSpec, load

resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    load(DataSpec(name="folder", resolution=16, test=0.25), Path(sys.argv[1]))
except UserError as error:
    sys.exit(str(error))
"""


def test_a_disk_that_fills_up_leaves_nothing_behind(photos: Path, cache: Path) -> None:
    """A limit on the size of files stands for a disk that fills up after its room was checked."""
    result = subprocess.run(
        [sys.executable, "-c", BUILD_ON_A_SMALL_DISK, str(photos)], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "cannot write into the cache" in result.stderr
    assert "the disk is full" in result.stderr
    assert not [path for path in cache.rglob("*") if path.is_file() and path.stat().st_size]


@pytest.mark.parametrize(
    "error", [PermissionError(13, "Permission denied"), OSError(5, "Input/output error")]
)
def test_a_file_that_cannot_be_read_now_stops_the_build_and_is_not_noted(
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
        patch.setattr(decoded_building, "decode", lacking)
        with pytest.raises(UserError, match=r"not enough memory to decode .*ant/0000.jpg"):
            load(spec(), photos)
    assert sum(load(spec(), photos).sizes.values()) == 48
