"""Images that one machine has decoded are copied to the others, each once."""

import threading
from pathlib import Path

import pytest
from photos import arrays, pixels, spec

from studies.artifacts import Artifacts
from studies.data import downloads, load
from studies.data.decoded_format import ARRAY

pytestmark = pytest.mark.usefixtures("cache")


@pytest.fixture
def artifacts(tmp_path: Path) -> Artifacts:
    made = Artifacts(str(tmp_path / "shared"))
    made.check(note=print)
    return made


def move_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """To another machine, which has an empty cache."""
    monkeypatch.setenv("RESNEXT_EXPLORER_CACHE", str(tmp_path / "other"))
    return tmp_path / "other"


def test_another_machine_copies_the_array_and_decodes_nothing(
    photos: Path,
    tmp_path: Path,
    decoded: list[bytes],
    artifacts: Artifacts,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = load(spec(), photos, artifacts=artifacts)
    assert len(decoded) == 48
    other = move_on(tmp_path, monkeypatch)
    second = load(spec(), photos, artifacts=artifacts)
    assert len(decoded) == 48
    assert pixels(second) == pixels(first)
    assert second.train.digest() == first.train.digest()
    assert second.notes == first.notes
    assert len(arrays(other)) == 1
    # From now on it lies here.
    artifacts.remove("decoded")
    assert pixels(load(spec(), photos, artifacts=artifacts)) == pixels(first)
    assert len(decoded) == 48


def test_a_damaged_copy_is_not_taken(
    photos: Path,
    tmp_path: Path,
    decoded: list[bytes],
    artifacts: Artifacts,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first = load(spec(), photos, artifacts=artifacts)
    (array,) = (tmp_path / "shared").rglob(ARRAY)
    content = bytearray(array.read_bytes())
    content[-1] ^= 1
    array.write_bytes(content)
    move_on(tmp_path, monkeypatch)
    assert pixels(load(spec(), photos, artifacts=artifacts)) == pixels(first)
    assert len(decoded) == 96
    assert "is damaged: the images are decoded here" in capsys.readouterr().err


def test_of_two_processes_at_the_same_time_one_downloads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = threading.Barrier(2)
    met: list[bool] = []

    def download(*_: object) -> Path:
        try:
            both.wait(0.2)
            met.append(True)
        except threading.BrokenBarrierError:
            met.append(False)
            both.reset()
        return tmp_path

    monkeypatch.setattr(downloads, "_fetch", download)
    threads = [
        threading.Thread(target=downloads.fetch, args=("a.gz", ["http://a/"], "", tmp_path / "set"))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert met == [False, False]
