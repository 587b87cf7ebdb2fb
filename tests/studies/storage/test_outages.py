"""A storage that is away: who waits and for how long, what is repeated, what claims do."""

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from explorer.errors import UserError
from studies.attempts.claims import Claims
from studies.attempts.standing import Attempts
from studies.attempts.workers import Worker
from studies.pair import Pair
from studies.storage import Storage, StorageAway, outages

NOBODY = Worker("nobody", host="elsewhere", machine="elsewhere")


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "FIRST_PAUSE", 0.001)
    monkeypatch.setattr(outages, "LONGEST_PAUSE", 0.002)


def away(message: str = "disk I/O error") -> OperationalError:
    return OperationalError("SELECT 1", {}, sqlite3.OperationalError(message))


class Fails:
    """A function that fails so often before it succeeds."""

    def __init__(self, times: float, error: Callable[[], Exception] = away) -> None:
        self.left, self.error, self.calls = times, error, 0

    def __call__(self) -> str:
        self.calls += 1
        self.left -= 1
        if self.left >= 0:
            raise self.error()
        return "done"


def never() -> bool:
    return False


def test_what_passes_is_repeated_and_said_once(storage: Storage) -> None:
    said: list[str | None] = []
    function = Fails(3)
    with storage.waiting(said.append, never):
        assert storage.patience.call(function) == "done"
        assert storage.patience.call(Fails(0)) == "done"
    assert function.calls == 4
    assert said == [
        (
            "the disk or network folder of the file fails. Check that; what is stored was not"
            " changed."
        ),
        None,
    ]
    assert storage.patience.failures == 3


def test_a_plain_command_does_not_wait(storage: Storage) -> None:
    function = Fails(1)
    with pytest.raises(UserError, match="cannot be used: the disk"), storage.errors():
        storage.patience.call(function)
    assert function.calls == 1


def test_what_stays_away_is_given_up_with_one_message(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outages, "PATIENCE", 0.05)
    with storage.waiting(lambda _: None, never):
        with pytest.raises(StorageAway, match=r"Waited for .* The same command goes on from here"):
            storage.patience.call(Fails(float("inf")))
        again = Fails(float("inf"))
        with pytest.raises(StorageAway):  # it has been waited for long enough
            storage.patience.call(again)
    assert again.calls == 1


def test_what_does_not_pass_is_not_repeated(storage: Storage) -> None:
    function = Fails(9, lambda: away("database disk image is malformed"))
    with (
        storage.waiting(lambda _: None, never),
        pytest.raises(UserError, match="the database is damaged"),
    ):
        storage.patience.call(function)
    mistake = Fails(9, lambda: ZeroDivisionError())
    with storage.waiting(lambda _: None, never), pytest.raises(ZeroDivisionError):
        storage.patience.call(mistake)
    assert (function.calls, mistake.calls) == (1, 1)


def test_who_is_to_stop_waits_no_longer(storage: Storage) -> None:
    stop = threading.Event()
    with (
        storage.waiting(lambda reason: stop.set(), stop.is_set),
        pytest.raises(StorageAway),
    ):
        storage.patience.call(Fails(float("inf")))


def test_only_the_thread_that_asked_waits(storage: Storage) -> None:
    errors: list[Exception] = []

    def other() -> None:
        try:
            storage.patience.call(Fails(1))
        except OperationalError as error:
            errors.append(error)

    with storage.waiting(lambda _: None, never):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        with storage.patience.not_waiting(), pytest.raises(OperationalError):
            storage.patience.call(Fails(1))
        assert storage.patience.call(Fails(1)) == "done"
    assert len(errors) == 1


@pytest.mark.parametrize(
    ("message", "passes"),
    [
        ("database is locked", True),
        ("disk I/O error", True),
        ("database or disk is full", True),
        ("unable to open database file", True),
        ("attempt to write a readonly database", False),
        ("file is not a database", False),
        ("no such table: trials", False),
    ],
)
def test_which_errors_of_sqlite_pass(storage: Storage, message: str, passes: bool) -> None:
    reason = outages.reason_of(sqlite3.OperationalError(message), storage._url)
    assert reason
    assert reason.passes == passes


def lose_the_answer(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next transaction that writes be committed and reported as failed; it is repeated."""
    usual = storage.patience.call
    lost: list[None] = []

    def call(function: Callable[[], Any]) -> Any:
        def once() -> Any:
            result = function()
            if function.__name__ == "transact" and not lost:
                lost.append(None)
                raise away()
            return result

        return usual(once)

    monkeypatch.setattr(storage.patience, "call", call)


def test_a_claim_whose_answer_was_lost_is_one_claim(
    storage: Storage, party: Callable[..., Claims], monkeypatch: pytest.MonkeyPatch
) -> None:
    claims, study = party(), storage.open().get_study_id_from_name("study")
    lose_the_answer(storage, monkeypatch)
    with storage.waiting(lambda _: None, never):
        attempt = claims.claim(NOBODY)
    assert attempt
    assert [other.id for other in Attempts(storage, study).read()] == [attempt.id]
    assert claims.end(attempt, "complete", 0.5)
    assert claims.look()[Pair("a", 0)] == "complete"


def test_a_completion_whose_answer_was_lost_is_one(
    storage: Storage, party: Callable[..., Claims], monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = party()
    attempt = claims.claim(NOBODY)
    assert attempt
    lose_the_answer(storage, monkeypatch)
    with storage.waiting(lambda _: None, never):
        assert claims.end(attempt, "complete", 0.5)
    assert not claims.end(attempt, "complete", 0.5)


def test_while_the_storage_is_away_no_worker_is_taken_for_gone(
    storage: Storage, party: Callable[..., Claims]
) -> None:
    time = [0.0]
    owner, observer = party(), party(clock=lambda: time[0])
    attempt = owner.claim(NOBODY)
    assert attempt
    assert observer.look()[attempt.pair] == "running"
    time[0] = 300.0  # nobody could write in between
    with pytest.raises(OperationalError):
        storage.patience.call(Fails(1))
    assert observer.look()[attempt.pair] == "running"
    time[0] = 361.0  # it is back, and the owner still shows no sign of life
    assert observer.look()[attempt.pair] == "waiting"


def test_a_locked_file_is_waited_for(
    storage: Storage, monkeypatch: pytest.MonkeyPatch, workdir: Path
) -> None:
    monkeypatch.setattr(outages, "TIMEOUT", 0.05)
    writer = storage.open()
    assert storage.path
    other = sqlite3.connect(storage.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    said: list[str | None] = []

    def say(reason: str | None) -> None:
        said.append(reason)
        if reason:
            other.rollback()

    from optuna.study import StudyDirection

    with storage.waiting(say, never):
        writer.create_new_study([StudyDirection.MINIMIZE], "study")
    assert len(said) == 2
    assert said[-1] is None
    other.close()
