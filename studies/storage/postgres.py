"""How a PostgreSQL server is reached: within a time, and with as few connections as possible."""

import random
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any

import sqlalchemy
from sqlalchemy.pool import ConnectionPoolEntry

from explorer.errors import UserError
from explorer.waiting import within
from studies.storage.sqlite import OPTUNA_TABLES

# Seconds to reach the server, at each address of its name.
CONNECT_TIMEOUT = 10
# Seconds in all, however many addresses the name has, and to find these.
LONGEST_CONNECT = 20.0
# Seconds of silence after which a connection is given up. Queries take milliseconds; a server that
# was stopped, or is behind a network that drops packets, never answers.
ANSWER_TIMEOUT = 20.0
# One connection stays open in each process. Others (the lease is renewed beside a training; a page
# is read by several threads) are opened as they are needed, and closed again.
_POOL = {"pool_size": 1, "max_overflow": 10}
# Seconds after which a connection is tried before it is used. To try each, as SQLAlchemy does, is a
# third of a claim's messages.
RESTED = 1.0
# How a connection reads: all queries see one state of the database, and none writes.
READING = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
# A dead peer is noticed also where nothing is sent.
_KEEPALIVE = {
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}

# The number of our lock on a server: any number that no other program there uses.
LOCK = 1611_05431


def check_tables(tables: set[str], shown: str) -> bool:
    """Whether a database with these tables has Optuna's.

    Raises `UserError` where another program has tables of the same names.
    """
    if "version_info" not in tables and (taken := sorted(tables & OPTUNA_TABLES)):
        raise UserError(
            f"{shown} holds tables of another program whose names Optuna needs"
            f" ({', '.join(taken)}); it was not changed. Name another database; createdb NAME"
            " creates one."
        )
    return "trials" in tables


def engine_options(url: str) -> dict[str, Any]:
    """Arguments of SQLAlchemy's `create_engine` for a server.

    They make a small pool, whose connections are given up when the server does not answer.
    """
    parsed = sqlalchemy.make_url(url)
    if parsed.get_driver_name() != "psycopg":  # a driver of the user's choice, with its own ways
        return {**_POOL, "pool_pre_ping": True}
    arguments, named = parsed.get_dialect()().create_connect_args(parsed)
    # A pooler hands each transaction to another connection, which knows no prepared statements.
    plain = {"prepare_threshold": None}
    options = {"connect_timeout": CONNECT_TIMEOUT, **plain, **_KEEPALIVE, **named}
    return {
        **_POOL,
        "creator": lambda: _connect(arguments, options),
        "pool_events": [(_note_use, "checkin"), (_try_rested, "checkout")],
    }


def reader(url: str) -> sqlalchemy.Engine:
    """An engine that only reads."""
    return sqlalchemy.create_engine(url, **engine_options(url)).execution_options(**READING)


@contextmanager
def lock(engine: sqlalchemy.Engine) -> Iterator[None]:
    """Let one process at a time, of all machines, run the block."""
    with engine.connect() as connection:
        # The lock ends with the transaction, however this process ends; one of the session would
        # stay with a pooler's connection. Waiting for it on the server would look like a server
        # that does not answer.
        while not connection.execute(
            sqlalchemy.text("SELECT pg_try_advisory_xact_lock(:number)"), {"number": LOCK}
        ).scalar():
            connection.rollback()
            time.sleep(random.uniform(0.05, 0.2))
        yield


def _connect(arguments: Sequence[Any], options: dict[str, Any]) -> Any:
    """A new connection. Raises psycopg's error where none comes about in time.

    psycopg's own limit is for each address of a name, and not for finding these.
    """
    import psycopg

    longest = max(LONGEST_CONNECT, float(options["connect_timeout"]))  # the URL may ask for more
    try:
        return within(longest, lambda: _connection_class().connect(*arguments, **options))
    except TimeoutError:
        raise psycopg.errors.ConnectionTimeout("connection timeout expired") from None


def _note_use(connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _try_rested(connection: Any, record: ConnectionPoolEntry, proxy: object) -> None:
    """Replace a connection that was lost while it rested."""
    import psycopg

    if time.monotonic() - record.info.get("used", time.monotonic()) > RESTED:
        try:
            connection.execute("SELECT 1")
            connection.rollback()
        except psycopg.Error:
            raise sqlalchemy.exc.DisconnectionError from None


@cache
def _connection_class() -> Any:
    import psycopg
    from psycopg.waiting import Ready

    class Connection(psycopg.Connection[Any]):
        """A connection that does not wait for an answer for ever.

        psycopg does, and a `statement_timeout` is counted by the server.
        """

        def wait(self, gen: Any, *arguments: Any, **named: Any) -> Any:
            try:
                return super().wait(_until_silence(gen, Ready.NONE), *arguments, **named)
            except psycopg.errors.ConnectionTimeout:
                self.close()
                raise

    def _until_silence(steps: Any, nothing: Any) -> Generator[Any, Any, Any]:
        """The steps of an exchange with the server, until it was silent for too long."""
        last_answer = time.monotonic()
        try:
            state = next(steps)
            while True:
                ready = yield state
                if ready != nothing:
                    last_answer = time.monotonic()
                elif time.monotonic() - last_answer > ANSWER_TIMEOUT:
                    raise psycopg.errors.ConnectionTimeout(
                        "timeout expired: the server has not answered"
                    )
                state = steps.send(ready)
        except StopIteration as end:
            return end.value

    return Connection
