"""What is kept for all machines is there whole or not at all; nothing hangs or tells secrets."""

import errno
import threading
import uuid
from pathlib import Path

import pytest

import studies.artifacts
import studies.storage.outages
from explorer.errors import UserError
from studies.artifacts import Artifacts, ArtifactsAway


@pytest.fixture(params=["folder", "memory", pytest.param("s3", marks=pytest.mark.heavy)])
def artifacts(request: pytest.FixtureRequest, workdir: Path) -> Artifacts:
    """A shared folder, and file systems that move files by copying them."""
    if request.param == "s3":
        request.getfixturevalue("s3")
    some = uuid.uuid4().hex
    urls = {
        "folder": f"{workdir}/shared",
        "memory": f"memory://{some}",
        "s3": f"s3://bucket/{some}",
    }
    made = Artifacts(urls[request.param])
    made.check(print)
    return made


def test_what_is_put_is_fetched_listed_replaced_and_removed(
    artifacts: Artifacts, workdir: Path
) -> None:
    path, back = workdir / "a.bin", workdir / "b.bin"
    assert artifacts.names("study/0") == []
    assert not artifacts.fetch("study/0/a.bin", back)
    for content in (b"first", b"second"):
        path.write_bytes(content)
        artifacts.put(path, "study/0/a.bin")
        assert artifacts.names("study") == ["0"]
        assert artifacts.names("study/0") == ["a.bin"]
        assert artifacts.fetch("study/0/a.bin", back)
        assert back.read_bytes() == content
    artifacts.remove("study")
    assert not artifacts.fetch("study/0/a.bin", back)
    artifacts.remove("study")  # nothing is there any more


def test_a_full_disk_leaves_what_was_there_and_nothing_beside_it(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts, path = Artifacts("shared"), workdir / "a.bin"
    artifacts.check(print)
    path.write_bytes(b"first")
    artifacts.put(path, "a.bin")

    def full(source: str, target: str) -> None:
        Path(target).write_bytes(b"sec")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(artifacts._system, "put_file", full)
    with pytest.raises(UserError, match=r"shared cannot be used: the disk is full") as caught:
        artifacts.put(path, "a.bin")
    assert not isinstance(caught.value, ArtifactsAway)
    assert [file.name for file in (workdir / "shared").iterdir()] == ["a.bin"]
    assert (workdir / "shared" / "a.bin").read_bytes() == b"first"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("", "--artifacts is empty"),
        ("s33://bucket/folder", "did you mean 's3'"),
        ("sftp://me:swordfish@host/folder", r"sftp://\*\*\*@host/folder need a package"),
        ("nowhere/shared", "nowhere/shared cannot be used: it is not there"),
        ("ftp://me:swordfish@127.0.0.1:1/x", r"ftp://\*\*\*@127.0.0.1:1/x cannot be used: Conn"),
        ("/proc/shared", "/proc/shared cannot be used"),
    ],
)
def test_artifacts_that_cannot_be_used_are_refused_with_one_message(
    workdir: Path, url: str, says: str
) -> None:
    with pytest.raises(UserError, match=f"(?i){says}") as caught:
        Artifacts(url).check(print)
    assert "swordfish" not in str(caught.value)


def test_a_server_that_is_silent_is_given_up(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.artifacts, "ANSWER_TIMEOUT", 0.2)
    artifacts, over = Artifacts("shared"), threading.Event()
    artifacts.check(print)
    monkeypatch.setattr(artifacts._system, "ls", lambda *_, **__: over.wait())
    with pytest.raises(ArtifactsAway, match=r"no answer\. Check the server and the network"):
        artifacts.names("study")
    over.set()


def test_artifacts_that_are_away_are_waited_for(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.storage.outages, "FIRST_PAUSE", 0.01)
    artifacts, said = Artifacts("shared"), []
    artifacts.check(print)
    (workdir / "shared" / "a.bin").write_bytes(b"here")

    def say(reason: str | None) -> None:
        said.append(reason)
        if reason:
            (workdir / "gone").rename(workdir / "shared")

    (workdir / "shared").rename(workdir / "gone")
    with pytest.raises(ArtifactsAway):
        artifacts.fetch("a.bin", workdir / "a.bin")
    with artifacts.waiting(say, lambda: False):
        assert artifacts.fetch("a.bin", workdir / "a.bin")
    assert said == ["it is not there. Check that it is mounted, or exists.", None]
    # Nothing was made in place of the folder meanwhile.
    assert (workdir / "a.bin").read_bytes() == b"here"


def test_nothing_is_made_in_place_of_a_folder_that_goes_away_while_a_file_is_put(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifacts, path, shared = Artifacts("shared"), workdir / "a.bin", workdir / "shared"
    artifacts.check(print)
    path.write_bytes(b"here")
    check = artifacts._check_there
    monkeypatch.setattr(
        artifacts, "_check_there", lambda: (check(), shared.rename(workdir / "gone"))
    )
    with pytest.raises(ArtifactsAway):
        artifacts.put(path, "study/0/a.bin")
    assert not shared.exists()


def test_who_waits_in_vain_is_told_how_to_go_on(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studies.storage.outages, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(studies.storage.outages, "PATIENCE", 0.05)
    artifacts = Artifacts("shared")
    with (
        artifacts.waiting(lambda reason: None, lambda: False),
        pytest.raises(ArtifactsAway, match=r"Waited for .* The same command goes on from here"),
    ):
        artifacts.names("study")
