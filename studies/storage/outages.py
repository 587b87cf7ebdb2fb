"""A database that is away for a while: which errors mean that, and who waits for how long.

A plain command says at once what is wrong. A run's supervisor and its workers wait, with growing
pauses, for up to `PATIENCE` seconds without a single success; then the run ends and can be resumed.
All reading and writing of a storage goes through `Patience.call`, so other modules need not handle
it. What is repeated is one transaction, which was rolled back, or was committed although the answer
got lost: `studies.attempts.claims` handles both.
"""

import random
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError, NoSuchModuleError
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from explorer.errors import UserError
from explorer.suggestions import command
from explorer.text import human_time
from studies.storage.url import StorageURL

# How long a run waits for a database that is away, in seconds.
PATIENCE = 600.0
# Pauses between two tries, in seconds: the first, and the longest. Each is drawn from 0.5 to 1.5
# times that, so that many workers do not all come back at one moment.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
# How long a writer waits for other writers (SQLite has one at a time), in seconds.
TIMEOUT = 60.0

_DATABASE_ERRORS = (DBAPIError, NoConnectionFree, sqlite3.Error)
# Characters of a driver's own text in a message.
LONGEST_TEXT = 300

T = TypeVar("T")
# Called with the reason when the storage is away, and with None when it is back.
Say = Callable[[str | None], None]


class Away(UserError):
    """What a run needs beside itself could not be reached, not even after waiting for it."""


class StorageAway(Away):
    """The storage could not be reached, not even after waiting for it."""


@dataclass
class _Waiting:
    """A thread that waits when the storage is away; `since` when, or None while it is there."""

    say: Say
    stopping: Callable[[], bool]
    since: float | None = None


@dataclass
class Patience:
    """Repeats what fails because the storage is away, in the threads that have asked for it.

    Attributes:
        url: Of the storage.
        failures: How often the storage was away so far, in any thread of this process.
    """

    url: StorageURL
    failures: int = 0
    _threads: threading.local = field(default_factory=threading.local)

    @contextmanager
    def waiting(self, say: Say, stopping: Callable[[], bool]) -> Iterator[None]:
        """Let this thread wait for the storage inside the block.

        Args:
            say: Called when the storage is away, and when it is back.
            stopping: Waiting ends when this returns True.
        """
        with self._set(_Waiting(say, stopping)):
            yield

    @contextmanager
    def not_waiting(self) -> Iterator[None]:
        """Let this thread not wait inside the block, for what can be done later."""
        with self._set(None):
            yield

    @contextmanager
    def _set(self, waiting: _Waiting | None) -> Iterator[None]:
        before = getattr(self._threads, "waiting", None)
        self._threads.waiting = waiting
        try:
            yield
        finally:
            self._threads.waiting = before

    def call(self, function: Callable[..., T], *arguments: Any, **named: Any) -> T:
        """Call a function that reads or writes the storage in one transaction.

        Returns:
            What the function returns.

        Raises:
            StorageAway: This thread waits, and the storage was away for `PATIENCE` seconds.
            UserError: This thread waits, and the database has another error.
            Exception: Whatever the function raises, in a thread that does not wait.
        """
        waiting: _Waiting | None = getattr(self._threads, "waiting", None)
        pause = FIRST_PAUSE
        while True:
            try:
                result = function(*arguments, **named)
            except Exception as error:
                reason = self.reason(error)
                is_away = reason is not None and reason.passes
                self.failures += is_away
                if waiting is None or reason is None:
                    raise
                if not is_away:
                    raise self.error(reason) from None
            else:
                if waiting and waiting.since is not None:
                    waiting.since = None
                    waiting.say(None)
                return result
            self._pause(waiting, reason, pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _pause(self, waiting: _Waiting, reason: "Reason", seconds: float) -> None:
        now = time.monotonic()
        if waiting.since is None:
            waiting.since = now
            waiting.say(reason.text)
        left = waiting.since + PATIENCE - now
        until = now + min(left, seconds * random.uniform(0.5, 1.5))
        while time.monotonic() < until and not waiting.stopping():
            time.sleep(min(0.1, max(0.0, until - time.monotonic())))
        if left <= 0 or waiting.stopping():
            waited = human_time(now - waiting.since)
            text = f"{reason.text} Waited for {waited}. The same command goes on from here."
            raise self.error(Reason(text, passes=True)) from None

    def reason(self, error: BaseException) -> "Reason | None":
        """The reason for an error; None where the error is not of the storage."""
        return reason_of(error, self.url)

    def error(self, reason: "Reason") -> UserError:
        """The error to raise for a reason."""
        kind = StorageAway if reason.passes else UserError
        return kind(f"the storage {self.url.shown} cannot be used: {reason.text}")


@dataclass(frozen=True)
class Reason:
    """Why a database cannot be used.

    Attributes:
        text: What went wrong and what to do, in sentences.
        passes: Whether it may pass by itself, so that waiting may help.
    """

    text: str
    passes: bool = False


# What a database says, what that means, and whether it may pass. The first that fits counts.
_SIGNS = (
    (
        "not a database",
        "the file is not an SQLite database. Name another file; this one was not changed.",
        False,
    ),
    (
        "malformed",
        (
            "the database is damaged. Use a copy of it, or save what is left with `sqlite3 FILE"
            " .recover`."
        ),
        False,
    ),
    (
        "unable to open",
        (
            "the file cannot be opened. Check that it exists, is not a folder, and may be read and"
            " written."
        ),
        True,
    ),
    (
        "locked",
        "another program has kept it locked for {timeout:.0f} s. Close that program and try again.",
        True,
    ),
    ("readonly", "it is read-only. Change its permissions, or name another file.", False),
    (
        "is full",
        "the disk is full. Free some space and try again; nothing that was stored is lost.",
        True,
    ),
    (
        "disk I/O error",
        (
            "the disk or network folder of the file fails. Check that; what is stored was not"
            " changed."
        ),
        True,
    ),
    ("authentication failed", "the server does not accept this user and password.", False),
    (
        "no password supplied",
        "the server asks for a password; write postgresql://user:password@host/database.",
        False,
    ),
    (
        "no pg_hba.conf entry",
        "the server does not accept this user from this machine (see its pg_hba.conf).",
        False,
    ),
    (
        "too many clients",
        "the server accepts no more connections (its max_connections is reached).",
        True,
    ),
    (
        "remaining connection slots",
        "the server accepts no more connections (its max_connections is reached).",
        True,
    ),
    (
        "too many connections for",
        "the server accepts no more connections (a limit of this role or database).",
        True,
    ),
    (
        "no more connections allowed",
        "the pooler accepts no more clients (its max_client_conn is reached).",
        True,
    ),
    (
        "query_wait_timeout",
        "the pooler had no free connection for too long (its default_pool_size is too small).",
        True,
    ),
    (
        "Connection refused",
        "no server answers there. Check that it runs, and its host and port.",
        True,
    ),
    (
        "timeout expired",
        "the server does not answer. Check that it runs, and its host and port.",
        True,
    ),
    ("is starting up", "the server is starting.", True),
    ("shutting down", "the server is shutting down.", True),
    ("terminating connection", "the server has ended the connection.", True),
    ("closed the connection", "the server has ended the connection.", True),
    ("read-only transaction", "the server only allows reading (a standby server?).", True),
    ("permission denied", "this user may not read or write its tables.", False),
    ("no such table", "it holds no studies of this program.", False),
    ("relation ", "it holds no studies yet: `{start}` starts one.", False),
)
# States of PostgreSQL that pass: of the connection (08), a conflict with another transaction (40),
# too few resources (53), a lock not available (55P03), an operator's intervention (57), a failover.
# https://www.postgresql.org/docs/current/errcodes-appendix.html
_PASSING_STATES = ("08", "40", "53", "55P03", "57", "25006")


def reason_of(error: BaseException, url: StorageURL) -> Reason | None:
    """The reason for an error; None where the error is not of the storage."""
    if isinstance(error, NoSuchModuleError | ModuleNotFoundError):
        text = (
            f"its driver is not installed ({error}). PostgreSQL needs: pip install"
            " 'resnext-explorer[postgres]'"
        )
        return Reason(text)
    if isinstance(error, RuntimeError) and "table schema" in str(error):
        return Reason(url.hide(str(error)))
    if isinstance(error, UnicodeDecodeError):
        return Reason(
            "the database is damaged (it holds text that is not UTF-8). Use a copy of it."
        )
    # Optuna wraps what the database says.
    cause = error if isinstance(error, _DATABASE_ERRORS) else error.__cause__
    if isinstance(cause, NoConnectionFree):
        return Reason("all connections of this process are in use.", passes=True)
    if isinstance(cause, DBAPIError):
        return _reason_of_driver(cause.orig or cause, url)
    return _reason_of_driver(cause, url) if isinstance(cause, sqlite3.Error) else None


def _reason_of_driver(error: BaseException, url: StorageURL) -> Reason:
    text = " ".join(str(error).split()) or "no reason given"
    if "FATAL: database" in text and "does not exist" in text:
        return Reason(
            f"{url.hide(text.rpartition('FATAL:')[2].strip())}. Create it with: createdb NAME"
        )
    for sign, meaning, passes in _SIGNS:
        if sign in text:
            start = command("study run", "digits_cardinality", storage=url.option)
            return Reason(meaning.format(timeout=TIMEOUT, start=start), passes)
    return Reason(f"{url.hide(text[:LONGEST_TEXT]).rstrip('.')}.", _passes(error))


def _passes(error: BaseException) -> bool:
    if isinstance(error, sqlite3.Error):
        return False
    state = getattr(error, "sqlstate", None)
    if state:
        return str(state).startswith(_PASSING_STATES)
    # No state: the server was not reached (its name does not resolve, no route), or did not answer.
    return "OperationalError" in {kind.__name__ for kind in type(error).__mro__}
