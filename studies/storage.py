"""Where studies are kept: one storage, written through Optuna, read through plain SQL, with errors a user understands.

SQLite serves the processes of one machine, PostgreSQL many machines. Reading never takes the write lock and never creates
anything, so it can be done beside a running study and on a read-only copy.
"""

import atexit
import fcntl
import json
import os
import sqlite3
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson
import sqlalchemy
from sqlalchemy import event
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from explorer.errors import UserError, unknown
from explorer.suggestions import Secret, command

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

DEFAULT_URL = "sqlite:///resnext-explorer.db"
ENVIRONMENT = "RESNEXT_EXPLORER_STORAGE"
EXAMPLES = "sqlite:///resnext-explorer.db or postgresql://user:password@host/database"
DIALECTS = ("sqlite", "postgresql")
# How long a writer waits for other writers (SQLite has one at a time).
TIMEOUT = 60.0
# The number of our lock on a PostgreSQL server; any number that no other program on the database uses.
ADVISORY_LOCK = 1611_05431
_living: "weakref.WeakSet[Storage]" = weakref.WeakSet()


class Storage:
    """A storage by its URL. Nothing is opened or created before it is used.

    `url` may carry a password and is never shown; `shown` is for messages. `files` is the folder for what a database is
    no place for (checkpoints, logs, workers' locks): beside an SQLite file, otherwise in the current folder.
    """

    def __init__(self, url: str | None = None) -> None:
        given = url or os.environ.get(ENVIRONMENT) or DEFAULT_URL
        try:
            parsed = sqlalchemy.make_url(given)
        except (ArgumentError, ValueError):
            # What cannot be parsed may hold a password anywhere, so it is not repeated.
            hint = (
                f" For the file {given} write sqlite:///{given}."
                if given.endswith((".db", ".sqlite", ".sqlite3"))
                else ""
            )
            raise UserError(f"the storage URL cannot be read; it looks like {EXAMPLES}.{hint}") from None
        self.dialect = parsed.get_backend_name()
        if self.dialect not in DIALECTS:
            raise UserError(
                f"{unknown('kind of storage', self.dialect, DIALECTS)} A storage URL looks like {EXAMPLES}."
            )
        self.path: Path | None = None
        if self.dialect == "sqlite":
            if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
                raise UserError(
                    f"an SQLite storage must be a file that several processes can open, such as {DEFAULT_URL}."
                )
            self.path = Path(os.path.abspath(parsed.database))
            parsed = parsed.set(database=str(self.path))
        elif parsed.drivername == "postgresql":
            parsed = parsed.set(drivername="postgresql+psycopg")  # the driver that the extra [postgres] installs
        _living.add(self)
        self._locked = False
        self._writer: RDBStorage | None = None
        self.url = parsed.render_as_string(hide_password=False)
        self.shown = _without_secrets(sqlalchemy.make_url(given))
        # What `--storage` must be given to name it again; None where the environment or the default does.
        self.option: str | Secret | None = given
        if given == (os.environ.get(ENVIRONMENT) or DEFAULT_URL):
            self.option = None
        elif parsed.password is not None or any(map(_is_secret, parsed.query)):
            self.option = Secret(ENVIRONMENT)
        self.files = (
            self.path.with_name(f"{self.path.stem}-files") if self.path else Path.cwd() / "resnext-explorer-files"
        )

    @classmethod
    @contextmanager
    def visit(cls, storage: "str | Storage | None") -> "Iterator[Storage]":
        """The storage itself; or, closed again afterwards, the one at a URL or (None) that the environment names, else the default."""
        if isinstance(storage, Storage):
            yield storage
            return
        visited = cls(storage)
        try:
            yield visited
        finally:
            visited.close()

    def exists(self) -> bool:
        """Whether there is something to read: the SQLite file exists (servers always count as existing)."""
        return self.path is None or self.path.exists()

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Read with plain SQL. Raises `UserError` where the storage cannot be read."""
        names, rows = self._select(query, parameters)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def tuples(self, query: str, **parameters: Any) -> Sequence[Sequence[Any]]:
        """The same as plain tuples, for many rows: naming the columns of each takes as long as reading it."""
        return self._select(query, parameters)[1]

    def _select(self, query: str, parameters: dict[str, Any]) -> tuple[list[str], Sequence[Sequence[Any]]]:
        with self.reading() as connection:
            result = connection.execute(sqlalchemy.text(query), parameters)
            return list(result.keys()), result.all()

    @contextmanager
    def reading(self) -> Iterator[sqlalchemy.Connection]:
        """A read-only connection that sees one moment of the storage, however many queries are asked."""
        if self.path is not None and not self.path.exists():
            raise UserError(
                f"there is no storage at {self.shown} yet: `{command('study run', 'digits_cardinality', storage=self.option)}` "
                f"creates it. Another one is named with --storage or {ENVIRONMENT}."
            )
        with self.errors(), self._reader.connect() as connection:
            yield connection

    def is_empty(self) -> bool:
        """Whether Optuna's tables are still missing. Raises `UserError` for a database that is something else's."""
        with self.errors(), self._reader.connect() as connection:
            tables = set(sqlalchemy.inspect(connection).get_table_names())
        if self.dialect == "sqlite" and tables and "trials" not in tables:
            raise UserError(
                f"{self.shown} is a database of another program (it holds {', '.join(sorted(tables)[:3])}); "
                "it was left as it is. Name another file."
            )
        return "trials" not in tables

    def open(self) -> "RDBStorage":
        """Optuna's storage, for writing; tables are created where they are missing. Opened once, and closed by `close`.

        Raises `UserError` where it cannot be opened, is no database or is kept locked by another program.
        """
        if self._writer is None:
            self._writer = self._open()
        return self._writer

    @contextmanager
    def at_once(self) -> "Iterator[RDBStorage]":
        """Optuna's storage, whose writes inside the block are one transaction: all of them are kept, or none."""
        from sqlalchemy.orm import scoped_session, sessionmaker

        writer = self.open()
        usual = writer.scoped_session
        with self.errors(), writer.engine.begin() as connection:
            # Optuna commits after each write; here that ends a savepoint ("Joining a Session into an External Transaction" in
            # SQLAlchemy's documentation).
            writer.scoped_session = scoped_session(
                sessionmaker(bind=connection, join_transaction_mode="create_savepoint")
            )
            try:
                yield writer
            finally:
                writer.scoped_session.remove()
                writer.scoped_session = usual

    def close(self) -> None:
        """Close all connections. The last one to an SQLite file leaves it whole, with no files of SQLite's own beside it."""
        if "_reader" in self.__dict__:
            self._reader.dispose()
        if self._writer is not None:
            self._writer.remove_session()
            self._writer.engine.dispose()
            self._writer = None

    def _open(self) -> "RDBStorage":
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        # Optuna fills templates such as {SCHEMA_VERSION} into the URL; a brace in a path means itself.
        url = self.url.replace("{", "{{").replace("}", "}}")
        if self.path is None:
            # A connection that the server has closed meanwhile (it was restarted) is replaced before it is used.
            with self.errors(), self.lock():
                return optuna.storages.RDBStorage(url, engine_kwargs={"pool_pre_ping": True})
        if self.path.is_dir():
            raise UserError(f"the storage {self.shown} cannot be opened: it is a folder, not a file.")
        options = {"connect_args": {"timeout": TIMEOUT}}
        with self.errors(), self.lock():
            # Without the listeners below, two processes that create tables at once get in each other's way: hence the lock.
            if not self.path.exists() or self.is_empty():
                fresh = optuna.storages.RDBStorage(url, engine_kwargs=options)
                with fresh.engine.connect() as connection:
                    # Readers and the writer do not wait for each other. Kept in the file; network folders may decline.
                    connection.exec_driver_sql("PRAGMA journal_mode=WAL")
                fresh.engine.dispose()
            storage = optuna.storages.RDBStorage(url, engine_kwargs=options, skip_table_creation=True)
        event.listen(storage.engine, "connect", _take_over_transactions)
        event.listen(storage.engine, "begin", _begin_immediate)
        storage.engine.dispose()  # connections made before the listeners were there
        return storage

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold what only one process may do at a time: creating tables, creating or extending a study.

        Inside a block that holds it, it is held already. A server keeps the lock for all machines.
        """
        if self._locked:
            yield
            return
        with self._lock_file() if self.path else self._lock_on_server():
            self._locked = True
            try:
                yield
            finally:
                self._locked = False

    @contextmanager
    def _lock_on_server(self) -> Iterator[None]:
        with self.errors(), self._reader.connect() as connection:
            # It ends with the connection, however this process ends.
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:number)"), {"number": ADVISORY_LOCK})
            try:
                yield
            finally:
                connection.execute(sqlalchemy.text("SELECT pg_advisory_unlock(:number)"), {"number": ADVISORY_LOCK})

    @contextmanager
    def _lock_file(self) -> Iterator[None]:
        path = self.folder() / ".lock"
        try:
            file = open(path, "a")  # noqa: SIM115 - closed below, which also releases the lock
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}.") from None
        with file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def folder(self, *parts: str) -> Path:
        """A folder inside `files`, created. Raises `UserError` where it cannot be."""
        folder = self.files.joinpath(*parts)
        if not self.files.parent.is_dir():
            raise UserError(f"the storage {self.shown} cannot be opened: there is no folder {self.files.parent}.")
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot create the folder {folder}: {error.strerror}.") from None
        return folder

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the database's errors inside the block into a `UserError` that says which storage, and what to do."""
        try:
            yield
        except Exception as error:
            reason = _reason(error)
            if reason is None:
                raise
            raise UserError(f"the storage {self.shown} cannot be used: {reason}") from None

    @contextmanager
    def sound(self) -> Iterator[None]:
        """Turn what goes wrong inside the block, where stored values are interpreted, into a `UserError`: they are damaged."""
        try:
            yield
        except UserError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(
                f"the storage {self.shown} holds what this program did not write ({type(error).__name__}: {error}); it was left as it "
                "is. Use a copy of it from before, or delete the study."
            ) from error

    @cached_property
    def _reader(self) -> sqlalchemy.Engine:
        if self.path is None:
            with self.errors():
                return sqlalchemy.create_engine(
                    self.url,
                    pool_pre_ping=True,
                    isolation_level="REPEATABLE READ",
                    execution_options={"postgresql_readonly": True},
                )
        engine = sqlalchemy.create_engine("sqlite://", creator=self._connect_read_only, poolclass=sqlalchemy.QueuePool)
        event.listen(engine, "begin", _begin)
        return engine

    def _connect_read_only(self) -> sqlite3.Connection:
        assert self.path is not None
        folder = self.path.parent
        if os.access(self.path, os.W_OK) and os.access(folder, os.W_OK):
            # Unlike a read-only connection, the last of these to close takes SQLite's own files beside the database away.
            mode = "rw"
        elif os.access(folder, os.W_OK) or Path(f"{self.path}-wal").exists():
            mode = "ro"
        else:
            # Reading a WAL database needs a second file beside it, which a read-only folder cannot take.
            mode = "ro&immutable=1"
        uri = f"file:{quote(str(self.path))}?mode={mode}"
        connection = sqlite3.connect(uri, uri=True, timeout=TIMEOUT, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA query_only=ON")
        return connection


@atexit.register
def _close_all() -> None:
    for storage in list(_living):
        storage.close()


def _take_over_transactions(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # the driver would begin late, at the first write
    # With WAL this is safe against any crash of ours; a power cut may undo the last moments, never damage the file.
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_immediate(connection: sqlalchemy.Connection) -> None:
    # What Optuna reads before it writes (is this trial still running?) must hold until it has written.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: sqlalchemy.Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def from_json(text: str) -> Any:
    """What an attribute holds, from its JSON. 10,000 curves take orjson a quarter of the time."""
    try:
        return orjson.loads(text)
    except (
        orjson.JSONDecodeError
    ):  # Optuna writes with Python's own encoder, which knows NaN and Infinity; JSON does not
        return json.loads(text)


def _is_secret(key: str) -> bool:
    return "pass" in key.lower() or "secret" in key.lower()


def _without_secrets(url: sqlalchemy.URL) -> str:
    query = {key: "***" if _is_secret(key) else value for key, value in url.query.items()}
    # Of a password with an unquoted @, the rest has become a part of the host.
    host = url.host.rpartition("@")[2] if url.host else url.host
    return url.set(query=query, host=host).render_as_string(hide_password=True)


def _reason(error: BaseException) -> str | None:
    """What went wrong and what to do, or None for what is not the storage's fault."""
    if isinstance(error, NoSuchModuleError | ModuleNotFoundError):
        return f"its driver is not installed ({error}). PostgreSQL needs: pip install 'resnext-explorer[postgres]'"
    if isinstance(error, RuntimeError) and "table schema" in str(error):
        return str(error)
    # Optuna wraps what the database says.
    cause = error if isinstance(error, DBAPIError) else error.__cause__
    if isinstance(error, UnicodeDecodeError):
        return "the database is damaged (text that is none). Use a copy of it."
    if not isinstance(cause, DBAPIError):
        return None
    text = (str(cause.orig).strip().splitlines() or ["no reason given"])[0]
    advice = (
        ("not a database", "the file is not an SQLite database. Name another file; this one was left as it is."),
        ("malformed", "the database is damaged. Use a copy of it, or save what is left with `sqlite3 FILE .recover`."),
        (
            "unable to open",
            "the file cannot be opened. Check that it exists, is no folder, and may be read and written.",
        ),
        ("locked", f"another program has kept it locked for {TIMEOUT:.0f} s. Close that program and try again."),
        ("readonly", "it may not be written. Change its permissions, or name another file."),
        ("is full", "the disk is full. Free some space and try again; nothing that was stored is lost."),
        ("authentication failed", "the server does not take this user and password."),
        ("Connection refused", "no server answers there. Check that it runs, and its host and port."),
        ("FATAL:  database", f"{text.rpartition('FATAL:')[2].strip()}. Create it with: createdb NAME"),
        ("no such table", "it holds no studies of ours."),
        ("relation ", "it holds no studies yet; `study run` starts one."),
    )
    return next((answer for sign, answer in advice if sign in text), f"{text}.")
