"""The images of a folder are decoded once, and images again by their content."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from photos import arrays, damage, fill, photo, pixels, save, spec

from explorer.errors import UserError
from studies.data import Images, Rows, decoded_images, load
from studies.data.decoded_format import ARRAY, NOTES, READABLE
from studies.data.decoding import Decoding
from studies.training import batches

pytestmark = pytest.mark.usefixtures("cache")


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


SLOW_BUILD = """
import sys, time
from pathlib import Path
from studies.data import DataSpec, decoded_building, load

def slow(*arguments):
    time.sleep(0.03)
    return original(*arguments)

original, decoded_building._read = decoded_building._read, slow
splits = load(DataSpec(name="folder", resolution=16, test=0.25, validation=0.25), Path(sys.argv[1]))
print(splits.train.digest().hex())
"""


def test_of_two_processes_at_the_same_time_one_builds_and_the_other_waits_for_it(
    photos: Path, cache: Path
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", SLOW_BUILD, str(photos)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0] == f"{load(spec(), photos).train.digest().hex()}\n"
    assert sum("images of 16x16 take" in stderr for _, stderr in outputs) == 1
    assert len(arrays(cache)) == 1


def memory() -> int:
    """Bytes of memory and swap of this machine."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return sum(
        int(line.split()[1]) * 1024
        for line in lines
        if line.startswith(("MemTotal:", "SwapTotal:"))
    )


def holes(folder: Path, size: int) -> Path:
    """A complete array of black images in the cache, of `size` bytes that take none on the disk."""
    folder.mkdir()
    count = size // (3 * 4096**2)
    header = {"descr": "|u1", "fortran_order": False, "shape": (count, 3, 4096, 4096)}
    with open(folder / ARRAY, "wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        try:
            file.truncate(file.tell() + count * 3 * 4096**2)
        except OSError as error:
            pytest.skip(f"no file with holes of that size here: {error}")
    np.save(folder / READABLE, np.ones(count, bool))
    return folder


@pytest.mark.skipif(
    not Path("/proc/meminfo").is_file(), reason="the size of the memory is read from /proc"
)
def test_an_array_larger_than_memory_is_opened_and_read_a_batch_at_a_time(
    tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    images = decoded_images._open(
        holes(tmp_path / "large", memory() + 8 * 2**30), tmp_path, [], Decoding(4096, 3)
    )
    assert not images.array.flags.writeable
    rows = np.arange(len(images.array))
    source = batches._Source(Images(Rows(images.array, rows, ""), rows), torch.device("cpu"))
    assert source.whole is None
    last = next(source.read([torch.tensor([len(rows) - 1])]))
    assert last.shape == (1, 3, 4096, 4096)
    assert not last.any()
    assert not recwarn.list


OPEN_IN_LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
import numpy
from explorer.errors import UserError
from studies.data import decoded_images

resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
try:
    decoded_images._open(Path(sys.argv[1]), Path(), [], None)
except UserError as error:
    sys.exit(str(error))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds processes to RLIMIT_AS")
def test_too_little_memory_is_not_called_damage(tmp_path: Path) -> None:
    folder = holes(tmp_path / "large", 2**34)
    result = subprocess.run(
        [sys.executable, "-c", OPEN_IN_LITTLE_MEMORY, str(folder)], capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "17.2 GB do not fit into the memory that a process may address" in result.stderr
    assert "ulimit -v" in result.stderr
    (folder / READABLE).write_bytes(b"")
    with pytest.raises(UserError, match=r"the cache .*large is damaged .*Delete it"):
        decoded_images._open(folder, tmp_path, [], Decoding(4096, 3))


def test_a_cache_that_has_lost_what_it_notes_of_its_files_is_named(
    tmp_path: Path, cache: Path
) -> None:
    root = fill(tmp_path / "photos", 16)
    damage(root)
    load(spec(unreadable="skip"), root)
    arrays(cache)[0].with_name(NOTES).write_bytes(b"cut off")
    with pytest.raises(UserError, match=r"the cache .* is damaged .*Delete it"):
        load(spec(unreadable="skip"), root)
