"""Showing and deleting stored studies, as a user types it."""

import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny_runs
from click.testing import CliRunner, Result
from fsspec.implementations.local import LocalFileSystem

from explorer.cli import cli
from explorer.errors import UserError
from studies.attempts.claims import Claims
from studies.attempts.standing import Attempts
from studies.attempts.workers import Worker
from studies.pair import Pair
from studies.records.stored_study import get, retry
from studies.results.history import delete, failures
from studies.storage import Storage

NAN, BUG, C1 = "resnext_1_2x5d_w16_small8", "resnext_1_4x3d_w16_small8", "resnext_1_1x8d_w16_small8"


@pytest.fixture
def place(
    fake: None,
    tiny: Path,
    once: Callable[[str, Callable[[], object]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> Storage:
    """A storage with a run of the tiny study in which two designs failed."""

    def run() -> None:
        with monkeypatch.context() as patched:
            patched.setenv("FAKE_MISCHIEF", json.dumps({NAN: "nan", BUG: "bug"}))
            assert tiny_runs.run(tiny).failed == 4

    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", "sqlite:///t.db")
    once("failed", run)
    return Storage("sqlite:///t.db")


@pytest.fixture
def study() -> Callable[..., Result]:
    """`resnext-explorer study ...`, in this process."""
    return lambda *arguments, answer="": CliRunner().invoke(
        cli, ["study", *arguments], input=answer
    )


def test_failures_keep_reason_and_last_log_lines(
    place: Storage, tiny: Path, study: Callable[..., Result]
) -> None:
    found = failures(place, get(place, "tiny"))
    assert {(one.arm, one.reason) for one in found} == {
        ("C=2", "the training loss became nan in epoch 1"),
        ("C=4", "ZeroDivisionError: division by zero"),
    }
    assert next(one for one in found if one.arm == "C=2").log == []  # the reason says it all
    bug = next(one for one in found if one.arm == "C=4")
    assert bug.log[-2:] == ["ZeroDivisionError: division", "by zero"]
    shown = study("show", "tiny").output
    for words in (
        "tiny: Does it go on?",
        "Failed: C=4 seed 0",
        "  | ZeroDivisionError: division",
        "Machine: ",
        "torch 2.",
        "epochs: 4",
        "resnext-explorer report tiny",
    ):
        assert words in shown
    told = json.loads(study("show", "./tiny.yaml", "--json").output)
    assert len(told["failures"]) == 4
    assert told["counts"]["failed"] == 4
    assert {"versions", "git commit", "machine", "device", "settings", "document"} <= set(told)


def test_memory_and_a_full_disk_fail_a_pair_and_the_others_go_on(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MISCHIEF", json.dumps({NAN: "memory", BUG: "full disk"}))
    counts = tiny_runs.run(tiny)
    assert (counts.complete, counts.failed) == (2, 4)
    reasons = dict(tiny_runs.tables()[0][["arm", "reason"]].values)
    assert reasons["C=2"].startswith(
        "out of memory; a smaller batch_size or fewer workers may help"
    )
    assert "No space left on device" in reasons["C=4"]


def test_what_failed_three_times_stays_failed(
    place: Storage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_MISCHIEF", json.dumps({BUG: "bug"}))
    for waiting, failed in ((4, 2), (2, 2)):
        assert retry(place, get(place, "tiny")) == waiting
        assert tiny_runs.run(tiny).failed == failed
    monkeypatch.delenv("FAKE_MISCHIEF")
    assert retry(place, get(place, "tiny")) == 0
    assert tiny_runs.run(tiny).failed == 2
    assert len(failures(place, get(place, "tiny"))) == 2 + 2 * 3


def test_delete_takes_all_of_one_study_and_nothing_else(
    place: Storage, tiny: Path, study: Callable[..., Result]
) -> None:
    assert study("results", "tiny", "-o", "kept.csv").exit_code == 0
    assert study("import", "kept.csv", "--name", "kept").exit_code == 0
    assert (place.files / "tiny").exists()  # logs of what failed
    refused = study("delete", "tiny", answer="n\n")
    assert isinstance(refused.exception, UserError)
    assert get(place, "tiny").counts(place).complete == 2
    assert "with 2 results" in study("delete", "tiny", "--yes").output
    assert not (place.files / "tiny").exists()
    assert [one["study"] for one in json.loads(study("list", "--json").output)["studies"]] == [
        "kept"
    ]
    assert not place.rows(
        "SELECT trial_id FROM trials WHERE study_id <> :kept", kept=get(place, "kept").id
    )
    assert tiny_runs.run(tiny).complete == 6


def test_delete_takes_the_files_at_the_artifacts_or_nothing_where_they_are_away(
    place: Storage, tiny: Path, study: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    own = Path("shared", get(place, "tiny").artifacts_key, "checkpoints")
    own.mkdir(parents=True)
    (own / "last.ckpt").write_bytes(b"1")
    another = Path("shared", "another")
    another.mkdir()
    Path("shared").rename("unmounted")
    refused = study("delete", "tiny", "--yes", "--artifacts", "shared")
    assert "it is not there" in str(refused.exception)
    assert "tiny was not deleted; without --artifacts it is" in str(refused.exception)
    assert get(place, "tiny").counts(place).complete == 2
    Path("unmounted").rename("shared")
    with monkeypatch.context() as patched:
        patched.setattr(LocalFileSystem, "rm", refuse)
        refused = study("delete", "tiny", "--yes", "--artifacts", "shared")
    assert "tiny was not deleted; without --artifacts it is" in str(refused.exception)
    assert get(place, "tiny").counts(place).complete == 2
    said = study("delete", "tiny", "--artifacts", "shared", answer="y\n").output
    assert f", and its files at {Path('shared').absolute()}? This cannot be undone" in said
    assert [path for path in Path("shared").iterdir() if any(path.iterdir())] == []
    assert another.exists()


def test_a_study_that_is_being_trained_is_not_deleted(place: Storage, tiny: Path) -> None:
    stored = get(place, "tiny")
    claims = Claims(place, stored.id, [Pair("new", 0)])
    attempt = claims.claim(Worker("w", host="cluster7", pid=4711, machine="another"))
    assert attempt
    with pytest.raises(UserError, match="being trained by process 4711 on cluster7"):
        delete(place, stored)
    assert len(Attempts(place, stored.id).read()) >= 7
    delete(place, stored, force=True)
    # Who trained it is told, and records nothing.
    assert not claims.write(attempt, {"curve/1": [1]})
    assert not claims.end(attempt, "complete", 0.5)


@pytest.mark.parametrize("command", ["plan", "show", "delete", "import"])
def test_every_command_has_help_with_an_example(study: Callable[..., Result], command: str) -> None:
    assert f"resnext-explorer study {command}" in study(command, "--help").output
