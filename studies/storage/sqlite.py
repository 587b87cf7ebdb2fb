"""An SQLite file with Optuna's tables.

It is created completely or not at all, completed where its creation was cut off, and otherwise not
changed.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import event

from explorer.errors import UserError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

# The tables that Optuna makes, one after the other; a test compares them with its own list.
OPTUNA_TABLES = frozenset(
    {
        "alembic_version",
        "studies",
        "study_directions",
        "study_system_attributes",
        "study_user_attributes",
        "trial_heartbeats",
        "trial_intermediate_values",
        "trial_params",
        "trial_system_attributes",
        "trial_user_attributes",
        "trial_values",
        "trials",
        "version_info",
    }
)
# The tables that are needed for reading. A database of an older Optuna may lack others.
_NEEDED = {"version_info", "studies", "study_user_attributes", "trials", "trial_user_attributes"}
# How long to wait for other connections that keep the journal mode from being changed, in seconds.
_BUSY = 2.0


def check_tables(tables: set[str], shown: str) -> bool:
    """Whether an SQLite file with these tables can be read.

    Raises `UserError` for a database of another program.
    """
    if tables >= _NEEDED:
        return True
    if tables - OPTUNA_TABLES:
        raise UserError(
            f"{shown} is a database of another program (it holds {', '.join(sorted(tables)[:3])}); "
            "it was not changed. Name another file."
        )
    return False


def create(path: Path, shown: str, timeout: float) -> None:
    """Create a file, under a temporary name beside it; it is then linked into place.

    A file that is there is never overwritten.

    Args:
        path: Of the file.
        shown: Its name in messages.
        timeout: Seconds to wait for other writers.

    Raises:
        UserError: Beside it lies a journal of another database.
    """
    target = Path(os.path.realpath(path))
    # An index (-shm) without a journal holds nothing; it is made anew.
    journals = [name for name in _beside(target)[:2] if name.exists() and name.stat().st_size]
    if journals:
        raise UserError(
            f"there is no storage {shown}, but there is {journals[0]}, which belongs to a database"
            f" that was moved or deleted. Put that database back, or remove {journals[0].name};"
            " SQLite would mix the two."
        )
    temporary = _temporary(target)
    try:
        _make_tables(temporary, timeout)
        _put(temporary, target)
    finally:
        tidy_up(path)


def complete(path: Path, shown: str, timeout: float) -> None:
    """Create the missing tables of a file whose creation was cut off: its tables are empty.

    A database of an older version of Optuna is left to Optuna, which reports it.

    Args:
        path: Of the file.
        shown: Its name in messages.
        timeout: Seconds to wait for other writers.

    Raises:
        UserError: Tables are missing and others hold something, or are another program's.
    """
    from optuna.storages._rdb.models import BaseModel

    with closing(sqlite3.connect(path, timeout=timeout)) as connection:
        tables = {
            name
            for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        }
        if tables >= OPTUNA_TABLES:
            return
        # The version is what Optuna writes last.
        is_made = (
            "alembic_version" in tables
            and connection.execute("SELECT 1 FROM alembic_version").fetchone()
        )
        if is_made and tables >= _NEEDED:
            return
        for name, table in BaseModel.metadata.tables.items():
            columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')}
            if not columns or name == "version_info":
                continue
            if columns != set(table.columns.keys()):
                raise UserError(
                    f"{shown} is a database of another program (its table {name} is not Optuna's);"
                    " it was not changed. Name another file."
                )
            if connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone():
                raise UserError(
                    f"{shown} has lost some of Optuna's tables, and still holds rows in {name}; it"
                    " was not changed. Use a copy of it, or name another file."
                )
    _make_tables(path, timeout)


def tidy_up(path: Path) -> None:
    """Remove what a creation that was cut off has left; who calls holds the storage's lock."""
    temporary = _temporary(Path(os.path.realpath(path)))
    for leftover in (temporary, *_beside(temporary)):
        leftover.unlink(missing_ok=True)


def use_wal(path: Path) -> None:
    """Have SQLite use a write-ahead log, so that readers and the writer do not wait for each other.

    The mode is stored in the file; on a network folder SQLite may refuse it. Where other
    connections keep it from being changed now, the next one to open the file tries again.
    """
    with closing(sqlite3.connect(path, timeout=_BUSY, isolation_level=None)) as connection:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode == "wal":
            return
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise


def connect_read_only(path: Path, timeout: float) -> sqlite3.Connection:
    """A connection that only reads, also a file in a read-only folder.

    Args:
        path: Of the file.
        timeout: Seconds to wait for a writer.
    """
    folder = path.parent
    if os.access(path, os.W_OK) and os.access(folder, os.W_OK):
        # Unlike a read-only connection, the last of these to close removes SQLite's own files
        # beside the database.
        mode = "rw"
    elif os.access(folder, os.W_OK) or Path(f"{path}-wal").exists():
        mode = "ro"
    else:
        # Reading a database with a write-ahead log needs a second file beside it, which cannot be
        # created in a read-only folder.
        mode = "ro&immutable=1"
    uri = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA query_only=ON")
    return connection


def reader(path: Path, timeout: float) -> sqlalchemy.Engine:
    """An engine that only reads: all queries of a transaction see one state of the file."""
    engine = sqlalchemy.create_engine(
        "sqlite://",
        creator=lambda: connect_read_only(path, timeout),
        poolclass=sqlalchemy.QueuePool,
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def begin_by_writing(engine: sqlalchemy.Engine) -> None:
    """Have transactions of an engine take the write lock when they begin."""
    event.listen(engine, "connect", _take_over_transactions)
    event.listen(engine, "begin", _begin_immediate)
    engine.dispose()  # closes connections that were made before the listeners


def optuna_url(path: Path) -> str:
    """The URL of a file for Optuna, which replaces templates such as {SCHEMA_VERSION} in it.

    Braces in the path are escaped.
    """
    url = sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
    return url.replace("{", "{{").replace("}", "}}")


def _take_over_transactions(connection: sqlite3.Connection, record: Any) -> None:
    connection.isolation_level = None  # the driver would begin late, at the first write
    # With a write-ahead log this is safe when a process is killed; a power cut may undo the last
    # transactions, and never damages the file.
    connection.execute("PRAGMA synchronous=NORMAL")


def _begin_immediate(connection: sqlalchemy.Connection) -> None:
    # What Optuna reads before it writes (is this trial still running?) must hold until it has
    # written.
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _make_tables(path: Path, timeout: float) -> None:
    with _optuna(path, timeout) as storage:
        from optuna.storages._rdb.models import BaseModel

        # Optuna creates the indexes of a table only together with the table; without them the name
        # of a study could be used twice.
        for table in BaseModel.metadata.sorted_tables:
            for index in table.indexes:
                index.create(storage.engine, checkfirst=True)
    use_wal(path)


@contextmanager
def _optuna(path: Path, timeout: float) -> "Iterator[RDBStorage]":
    import optuna

    storage = optuna.storages.RDBStorage(
        optuna_url(path), engine_kwargs={"connect_args": {"timeout": timeout}}
    )
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _put(temporary: Path, target: Path) -> None:
    try:
        os.link(temporary, target)
    except FileExistsError:  # created meanwhile by another program: it is checked when opened
        return
    except OSError:  # a file system without links
        if not target.exists():
            os.rename(temporary, target)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.new")


def _beside(path: Path) -> list[Path]:
    """SQLite's own files beside a database."""
    return [Path(f"{path}{suffix}") for suffix in ("-wal", "-journal", "-shm")]
