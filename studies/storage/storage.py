"""Where studies are stored: written through Optuna, read with plain SQL.

SQLite serves the processes of one machine, PostgreSQL many machines. Reading never takes the write
lock and never creates anything, so it can be done beside a running study and on a read-only copy.
Every error of a database becomes a `UserError` that says which storage, and what to do; what
happens while a storage is away is described in `studies.storage.outages`.
"""

import atexit
import json
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import sqlalchemy

from explorer.errors import UserError
from explorer.suggestions import Secret, command
from studies.storage import lock_file, outages, postgres, sqlite
from studies.storage.outages import Patience, Say, reason_of
from studies.storage.url import ENVIRONMENT, read_url

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

# The folder, in the current one, for the files of studies in a server.
FILES = "resnext-explorer-files"
T = TypeVar("T")
_storages: "weakref.WeakSet[Storage]" = weakref.WeakSet()


class Storage:
    """A storage by its URL. Nothing is opened or created before it is used.

    Attributes:
        dialect: `sqlite` or `postgresql`.
        path: The SQLite file; None of a server.
        url: For SQLAlchemy. It may hold a password, so it is never shown.
        shown: Its name in messages.
        option: The value of `--storage` that names it again; None where none is needed.
        files: The folder of checkpoints, logs and workers' locks: beside an SQLite file, otherwise
            in the current folder.
        patience: Waits for the storage where it is away.

    Args:
        url: None means that of the environment, else the default.

    Raises:
        UserError: It is not the URL of a storage.
    """

    def __init__(self, url: str | None = None) -> None:
        self._url = read_url(url)
        self.dialect, self.path = self._url.dialect, self._url.path
        self.url, self.shown = self._url.url, self._url.shown
        self.patience = Patience(self._url)
        self._locked = False
        self._making_engine = threading.Lock()
        self._writer: RDBStorage | None = None
        self._reader: sqlalchemy.Engine | None = None
        self.option: str | Secret | None = self._url.option
        self.files = Path.cwd() / FILES
        if self.path:
            self.files = self.path.with_name(f"{self.path.stem}-files")
        _storages.add(self)

    @classmethod
    @contextmanager
    def visit(cls, storage: "str | Storage | None") -> "Iterator[Storage]":
        """Use a storage inside the block; one that is given by its URL is closed after it.

        None means the storage that the environment names, else the default.
        """
        if isinstance(storage, Storage):
            yield storage
            return
        visited = cls(storage)
        try:
            yield visited
        finally:
            visited.close()

    def exists(self) -> bool:
        """Whether there is something to read: the SQLite file exists, or it is a server."""
        return self.path is None or self.path.exists()

    def waiting(self, say: Say, stopping: Callable[[], bool]) -> AbstractContextManager[None]:
        """Let this thread wait inside the block while the storage is away: `Patience.waiting`."""
        return self.patience.waiting(say, stopping)

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Read rows with plain SQL, as mappings from columns to values.

        Raises `UserError` where the storage cannot be read.
        """
        names, rows = self._select(query, parameters)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def tuples(self, query: str, **parameters: Any) -> Sequence[Sequence[Any]]:
        """Read rows as plain tuples, for many rows: mappings take twice the time.

        Raises `UserError` where the storage cannot be read.
        """
        return self._select(query, parameters)[1]

    def _select(
        self, query: str, parameters: dict[str, Any]
    ) -> tuple[list[str], Sequence[Sequence[Any]]]:
        def select() -> tuple[list[str], Sequence[Sequence[Any]]]:
            with self._connection() as connection:
                result = connection.execute(sqlalchemy.text(query), parameters)
                return list(result.keys()), result.all()

        with self.errors():
            return self.patience.call(select)

    def check_folder(self) -> None:
        """Raise `UserError` where the folder of an SQLite file is missing."""
        if self.path is not None and not self.path.parent.exists():
            raise UserError(
                f"there is no folder {self.path.parent} for the storage {self.shown}: make it, or"
                " correct the path."
            )

    def _check_not_gone(self) -> None:
        """Raise `UserError` where an SQLite file was there before, and is not any more."""
        was_there = self._reader is not None or self._writer is not None
        if was_there and not self.exists():
            raise UserError(
                f"the storage {self.shown} is gone: {self.path} was deleted or moved while it was"
                " in use, and what was not in it yet is lost. Put it back, or run the study again"
                " into a new one."
            )

    @contextmanager
    def _connection(self) -> Iterator[sqlalchemy.Connection]:
        self.check_folder()
        self._check_not_gone()
        if self.path is not None and not self.path.exists():
            raise UserError(
                f"there is no storage at {self.shown} yet (in {self.path.parent}):"
                f" `{command('study run', 'digits_cardinality', storage=self.option)}` creates it,"
                " as does a study of your own. For another one, go to its folder, or use --storage"
                f" or {ENVIRONMENT}."
            )
        with self._engine().connect() as connection:
            yield connection

    def is_empty(self) -> bool:
        """Whether Optuna's tables are missing. Raises `UserError` for tables of another program."""
        with self.errors():
            return not self._has_tables()

    def _has_tables(self) -> bool:
        with self._engine().connect() as connection:
            tables = set(sqlalchemy.inspect(connection).get_table_names())
        check = postgres.check_tables if self.path is None else sqlite.check_tables
        return check(tables, self.shown)

    def open(self) -> "RDBStorage":
        """Open Optuna's storage for writing, once; missing tables are created.

        Raises:
            UserError: It cannot be opened, is not a database, or is locked by another program.
        """
        if self._writer is None:
            with self.errors():
                writer = self.patience.call(self._open)
            if self.path is None:
                self.close()  # from now on, its connections serve for reading as well
            self._writer = writer
        return self._writer

    @contextmanager
    def at_once(self) -> "Iterator[RDBStorage]":
        """Optuna's storage, whose writes inside the block are one transaction: all or none."""
        from sqlalchemy.orm import scoped_session, sessionmaker

        writer = self.open()
        usual = writer.scoped_session
        with self.errors(), writer.engine.begin() as connection:
            # Optuna commits after each write; here that ends a savepoint ("Joining a Session into
            # an External Transaction" in SQLAlchemy's documentation).
            writer.scoped_session = scoped_session(
                sessionmaker(bind=connection, join_transaction_mode="create_savepoint")
            )
            try:
                yield writer
            finally:
                writer.scoped_session.remove()
                writer.scoped_session = usual

    def transact(self, function: Callable[[sqlalchemy.Connection], T]) -> T:
        """Call a function inside a transaction that writes: all of it or nothing.

        Where this thread waits for a storage that is away, all is repeated, also what was committed
        although the answer was lost.

        Raises:
            UserError: The storage cannot be used.
        """
        engine = self.open().engine
        if self.path is None:
            # After a wait for a lock, a query sees what others have committed meanwhile.
            engine = engine.execution_options(isolation_level="READ COMMITTED")

        def transact() -> T:
            with engine.begin() as connection:
                return function(connection)

        with self.errors():
            return self.patience.call(transact)

    def close(self) -> None:
        """Close all connections.

        The last one to an SQLite file leaves it without SQLite's own files beside it.
        """
        if self._reader is not None:
            self._reader.dispose()
            self._reader = None
        if self._writer is not None:
            self._writer.remove_session()
            self._writer.engine.dispose()
            self._writer = None

    def rest(self) -> None:
        """Close the connections to a server that are not in use; the next use opens one again.

        So a worker holds none while it trains, and one server carries many workers.
        """
        if self.path is None and self._writer is not None:
            self._writer.engine.dispose()

    def _open(self) -> "RDBStorage":
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        try:
            storage = self._open_server() if self.path is None else self._open_file(self.path)
        except BaseException:
            # Its connection for reading would take one of the few that the server accepts.
            self.close()
            raise
        # Each of these reads or writes in a transaction of its own; `_get_trials` is what Optuna's
        # cache calls.
        for name in (*optuna.storages.BaseStorage.__abstractmethods__, "_get_trials"):
            setattr(storage, name, partial(self.patience.call, getattr(storage, name)))
        return storage

    def _open_server(self) -> "RDBStorage":
        import optuna

        self._has_tables()
        url = self.url.replace("{", "{{").replace("}", "}}")
        storage = optuna.storages.RDBStorage.__new__(optuna.storages.RDBStorage)
        with self._lock():
            try:
                storage.__init__(url, engine_kwargs=postgres.engine_options(self.url))  # type: ignore[misc]
            except BaseException:
                if "engine" in vars(storage):  # Optuna leaves its connections open
                    storage.engine.dispose()
                raise
        return storage

    def _open_file(self, path: Path) -> "RDBStorage":
        import optuna

        if path.is_dir():
            raise UserError(
                f"the storage {self.shown} cannot be opened: it is a folder, not a file."
            )
        # Two processes that create tables at the same time disturb each other, as transactions do
        # not begin by writing yet: hence the lock.
        with self._lock():
            self._check_not_gone()  # a worker makes no new one in its place
            sqlite.tidy_up(path)
            if not path.exists():
                sqlite.create(path, self.shown, outages.TIMEOUT)
            self._has_tables()
            sqlite.complete(path, self.shown, outages.TIMEOUT)
            sqlite.use_wal(path)
        options = {"connect_args": {"timeout": outages.TIMEOUT}}
        storage = optuna.storages.RDBStorage(
            sqlite.optuna_url(path), engine_kwargs=options, skip_table_creation=True
        )
        sqlite.begin_by_writing(storage.engine)
        return storage

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Let one process at a time run the block, such as one that creates or extends a study.

        Blocks may be nested. The lock of a server holds for all machines.
        """
        with self.errors(), self._lock():
            yield

    @contextmanager
    def _lock(self) -> Iterator[None]:
        if self._locked:
            yield
            return
        own = lock_file.held(self.folder, self.exists) if self.path else None
        with own or postgres.lock(self._engine()):
            self._locked = True
            try:
                yield
            finally:
                self._locked = False

    def folder(self, *parts: str) -> Path:
        """A folder inside `files`, created if needed. Raises `UserError` where that fails."""
        folder = self.files.joinpath(*parts)
        if not self.files.parent.is_dir():
            raise UserError(
                f"the storage {self.shown} cannot be opened: there is no folder"
                f" {self.files.parent}."
            )
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"cannot create the folder {folder}: {error.strerror}.") from None
        return folder

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Turn the database's errors inside the block into a `UserError` that says what to do."""
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            reason = reason_of(error, self._url)
            if reason is None:
                raise
            raise self.patience.error(reason) from None

    @contextmanager
    def sound(self) -> Iterator[None]:
        """Turn an error inside the block, which interprets stored values, into a `UserError`."""
        try:
            yield
        except UserError:
            raise
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise UserError(
                f"the storage {self.shown} holds values that this program did not write"
                f" ({type(error).__name__}: {error}); it was not changed. Use an earlier copy of"
                " it, or delete the study."
            ) from error

    def _engine(self) -> sqlalchemy.Engine:
        """The engine for reading; of a server, the one for writing where that is open."""
        if self.path is None and self._writer is not None:
            return self._writer.engine.execution_options(**postgres.READING)
        with self._making_engine:
            if self._reader is None:
                self._reader = (
                    sqlite.reader(self.path, outages.TIMEOUT)
                    if self.path
                    else postgres.reader(self.url)
                )
            return self._reader


def select_in(
    connection: sqlalchemy.Connection, query: str, **parameters: Any
) -> Sequence[Sequence[Any]]:
    """Rows, read with plain SQL inside a transaction."""
    return connection.execute(sqlalchemy.text(query), parameters).all()


@atexit.register
def _close_all() -> None:
    for storage in list(_storages):
        storage.close()


def from_json(text: str) -> Any:
    """The value of an attribute, from its JSON."""
    try:
        return orjson.loads(text)  # a quarter of the time of json, for 10,000 curves
    except orjson.JSONDecodeError:
        # Optuna writes with Python's encoder, which has NaN and Infinity; JSON does not.
        return json.loads(text)
