"""An SQLite file with Optuna's tables: made whole or not at all, completed
where that was cut off, and left alone otherwise."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

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
# Those without which nothing can be read. A database of an older Optuna may lack others.
_READ = {"version_info", "studies", "study_user_attributes", "trials", "trial_user_attributes"}
# How long the other connections may keep the journal from being changed; seconds.
_BUSY = 2.0


def check_tables(tables: set[str], shown: str) -> bool:
    """Whether an SQLite file with these tables can be read. Raises
    `UserError` for a database of another program."""
    if tables >= _READ:
        return True
    if tables - OPTUNA_TABLES:
        raise UserError(
            f"{shown} is a database of another program (it holds {', '.join(sorted(tables)[:3])}); "
            "it was left as it was. Name another file."
        )
    return False


def create(path: Path, shown: str, timeout: float) -> None:
    """Make a new file: whole under a temporary name beside it, then linked
    into place, never over a file that is there."""
    target = Path(os.path.realpath(path))
    # An index alone (-shm) says nothing; it is made anew.
    left = [name for name in _beside(target)[:2] if name.exists() and name.stat().st_size]
    if left:
        raise UserError(
            f"the storage {shown} is not there, but {left[0]} is, which belongs to a database that"
            f" was moved or deleted. Put that database back, or remove {left[0].name}; SQLite would"
            " mix the two."
        )
    temporary = _temporary(target)
    try:
        _make_tables(temporary, timeout)
        _put(temporary, target)
    finally:
        tidy_up(path)


def complete(path: Path, shown: str, timeout: float) -> None:
    """Make what is missing where Optuna's tables are not all there and
    nothing is in them: their making was cut off.

    What an older version of Optuna has made is left to Optuna, which says so.

    Raises:
        UserError: where they hold anything, or are another program's of the same names.
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
        if is_made and tables >= _READ:
            return
        for name, table in BaseModel.metadata.tables.items():
            columns = {row[1] for row in connection.execute(f'PRAGMA table_info("{name}")')}
            if not columns or name == "version_info":
                continue
            if columns != set(table.columns.keys()):
                raise UserError(
                    f"{shown} is a database of another program (its table {name} is not Optuna's);"
                    " it was left as it was. Name another file."
                )
            if connection.execute(f'SELECT 1 FROM "{name}" LIMIT 1').fetchone():
                raise UserError(
                    f"{shown} has lost some of Optuna's tables, and still holds rows in {name}; it"
                    " was left as it was. Use a copy of it, or name another file."
                )
    _make_tables(path, timeout)


def tidy_up(path: Path) -> None:
    """Remove what a creation that was cut off has left. Only who holds the storage's lock may."""
    temporary = _temporary(Path(os.path.realpath(path)))
    for leftover in (temporary, *_beside(temporary)):
        leftover.unlink(missing_ok=True)


def use_wal(path: Path) -> None:
    """Let readers and the writer not wait for each other. Kept in
    the file; network folders may decline.

    Where other connections keep the journal from being changed now,
    the next one to open the file tries again.
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
    """A connection that cannot write, also to a file in a folder that may not be written."""
    folder = path.parent
    if os.access(path, os.W_OK) and os.access(folder, os.W_OK):
        # Unlike a read-only connection, the last of these to close takes
        # SQLite's own files beside the database away.
        mode = "rw"
    elif os.access(folder, os.W_OK) or Path(f"{path}-wal").exists():
        mode = "ro"
    else:
        # Reading a WAL database needs a second file beside it,
        # which a read-only folder cannot take.
        mode = "ro&immutable=1"
    uri = f"file:{quote(str(path))}?mode={mode}"
    connection = sqlite3.connect(
        uri, uri=True, timeout=timeout, isolation_level=None, check_same_thread=False
    )
    connection.execute("PRAGMA query_only=ON")
    return connection


def optuna_url(path: Path) -> str:
    """The file's URL for Optuna, which fills templates such as
    {SCHEMA_VERSION} into it: a brace in a path means itself."""
    import sqlalchemy

    url = sqlalchemy.URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)
    return url.replace("{", "{{").replace("}", "}}")


def _make_tables(path: Path, timeout: float) -> None:
    with _optuna(path, timeout) as storage:
        from optuna.storages._rdb.models import BaseModel

        # Optuna makes the indexes of a table only together with it;
        # without them a name could be taken twice.
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
    except FileExistsError:  # another program's, made meanwhile: it is looked at when it is opened
        return
    except OSError:  # a file system without links
        if not target.exists():
            os.rename(temporary, target)


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.new")


def _beside(path: Path) -> list[Path]:
    """SQLite's own files beside a database."""
    return [Path(f"{path}{suffix}") for suffix in ("-wal", "-journal", "-shm")]
