"""SQLite files are created completely or not at all; what cannot be used is one sentence."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import killed_creation
import optuna
import pytest
from optuna.exceptions import DuplicatedStudyError
from optuna.storages._rdb.models import BaseModel
from optuna.study import StudyDirection

from explorer.errors import UserError
from studies.storage import Storage
from studies.storage.sqlite import OPTUNA_TABLES

MINIMIZE = [StudyDirection.MINIMIZE]


def query(path: Path, text: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(text).fetchall()
        connection.commit()
        return rows


def schema(path: Path) -> list[tuple[object, ...]]:
    return query(path, "SELECT type, name, sql FROM sqlite_master ORDER BY type, name")


def assert_whole(path: Path) -> None:
    """A storage works: it has all tables, indexes and its journal, and no file beside it."""
    storage = Storage(f"sqlite:///{path}")
    writer = storage.open()
    writer.create_new_study(MINIMIZE, "study")
    with pytest.raises(DuplicatedStudyError):
        writer.create_new_study(MINIMIZE, "study")
    storage.close()
    assert query(path, "PRAGMA journal_mode") == [("wal",)]
    assert {name for kind, name, _ in schema(path) if kind == "table"} == OPTUNA_TABLES
    indexes = {index.name for table in BaseModel.metadata.sorted_tables for index in table.indexes}
    assert indexes <= {name for kind, name, _ in schema(path) if kind == "index"}
    assert (
        query(path, "SELECT COUNT(*) FROM version_info")
        == query(path, "SELECT COUNT(*) FROM alembic_version")
        == [(1,)]
    )


def test_the_tables_are_those_of_optuna():
    assert {*BaseModel.metadata.tables, "alembic_version"} == OPTUNA_TABLES


@pytest.mark.heavy
@pytest.mark.parametrize("kind", ["NEW", "OLD"])
def test_a_creation_that_is_killed_at_any_step_is_made_good(workdir: Path, kind: str) -> None:
    command = [sys.executable, killed_creation.__file__, str(workdir), kind]
    path = [str(Path(killed_creation.__file__).parents[1]), *sys.path]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
    )
    assert done.returncode == 0, done.stderr
    steps = int(done.stdout)
    assert steps > 20
    half_made, seen = 0, set()
    for at in range(steps):
        folder = workdir / str(at)
        left = frozenset((path.name, path.stat().st_size) for path in folder.iterdir())
        if (folder / "t.db").exists():
            tables = {name for kind, name, _ in schema(folder / "t.db") if kind == "table"}
            half_made += tables < OPTUNA_TABLES
        if left not in seen:  # a look that changed nothing needs no trial of its own
            assert_whole(folder / "t.db")
            assert {path.name for path in folder.iterdir()} <= {"t-files", "t.db"}, at
        seen.add(left)
    # Ours is there whole or not at all; Optuna's own, which was
    # ours before, is made good afterwards.
    assert (half_made == 0) == (kind == "NEW")


def test_a_file_of_before_without_wal_gets_it_when_it_is_opened(storage: Storage) -> None:
    assert storage.path
    optuna.storages.RDBStorage(storage.url).engine.dispose()
    assert query(storage.path, "PRAGMA journal_mode") == [("delete",)]
    storage.open()
    assert query(storage.path, "PRAGMA journal_mode") == [("wal",)]


def test_a_reader_that_is_in_the_way_of_wal_does_not_stop_a_run(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("studies.storage.sqlite._BUSY", 0.1)
    assert storage.path
    optuna.storages.RDBStorage(storage.url).engine.dispose()
    with closing(sqlite3.connect(storage.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM studies").fetchall()
        storage.open()
    assert query(storage.path, "PRAGMA journal_mode") == [("delete",)]
    storage.close()
    storage.open()
    assert query(storage.path, "PRAGMA journal_mode") == [("wal",)]


def test_an_empty_file_is_filled(workdir: Path) -> None:
    Path("t.db").touch()
    assert Storage("sqlite:///t.db").is_empty()
    assert_whole(workdir / "t.db")


def test_a_link_to_a_file_that_is_not_there_yet_stays_a_link(workdir: Path) -> None:
    Path("disk").mkdir()
    Path("t.db").symlink_to("disk/real.db")
    assert_whole(workdir / "t.db")
    assert Path("t.db").is_symlink()
    assert sorted(path.name for path in Path("disk").iterdir()) == ["real.db"]


def test_a_file_system_without_links_is_renamed_on(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr("studies.storage.sqlite.os.link", no_links)
    assert_whole(workdir / "t.db")


def test_a_file_that_another_program_makes_meanwhile_is_not_replaced(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def later(source: Path, target: Path) -> None:
        optuna.create_study(storage="sqlite:///t.db", study_name="theirs")
        link(source, target)

    monkeypatch.setattr("studies.storage.sqlite.os.link", later)
    Storage("sqlite:///t.db").open()
    assert query(Path("t.db"), "SELECT study_name FROM studies") == [("theirs",)]


def test_a_full_disk_leaves_nothing_and_the_next_try_succeeds(workdir: Path) -> None:
    code = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, -1)); "
        "from studies.storage import Storage; from explorer.errors import UserError\n"
        "try: Storage('sqlite:///t.db').open()\n"
        "except UserError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=workdir, env=environment()
    )
    assert "the storage sqlite:///t.db cannot be used: the disk" in done.stdout, done.stderr
    assert not list(workdir.iterdir())
    assert_whole(workdir / "t.db")


def environment() -> dict[str, str]:
    root = Path(killed_creation.__file__).parents[1]
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}


def lost_a_table(path: Path) -> None:
    optuna.create_study(storage=f"sqlite:///{path}", study_name="theirs")
    query(path, "DROP TABLE trials")


def clinical_trials(path: Path) -> None:
    query(path, "CREATE TABLE trials (patient TEXT, drug TEXT)")


def trials_and_more(path: Path) -> None:
    clinical_trials(path)
    query(path, "CREATE TABLE patients (name TEXT)")


def text(path: Path) -> None:
    path.write_text("dear diary\n" * 500)


def garbage_behind_the_header(path: Path) -> None:
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)


def a_log_alone(path: Path) -> None:
    Path(f"{path}-wal").write_bytes(b"x" * 100)


def cut_short(path: Path) -> None:
    storage = Storage(f"sqlite:///{path}")
    storage.open()
    storage.close()
    path.write_bytes(path.read_bytes()[:5000])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lost_a_table, "has lost some of Optuna's tables, and still holds rows in studies"),
        (clinical_trials, "is a database of another program (its table trials is not Optuna's)"),
        (trials_and_more, "is a database of another program (it holds patients, trials)"),
        (text, "cannot be used: the file is not an SQLite database"),
        (garbage_behind_the_header, "cannot be used: the file is not an SQLite database"),
        (
            a_log_alone,
            (
                "but there is {folder}/t.db-wal, which belongs to a database that was moved"
                " or deleted"
            ),
        ),
        (cut_short, "cannot be used: the database is damaged"),
    ],
)
def test_what_cannot_be_used_is_one_sentence_and_left_as_it_was(
    workdir: Path, make: Callable[[Path], None], words: str
) -> None:
    folder = Path("data").absolute()
    folder.mkdir()
    make(folder / "t.db")
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(UserError) as error:
        Storage("sqlite:///data/t.db").open().get_all_studies()
    said = str(error.value)
    assert words.format(folder=folder) in said
    assert "\n" not in said
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    assert {name: after[name] for name in before} == before


def test_the_log_of_another_database_beside_it_shows_nothing_of_that(workdir: Path) -> None:
    """SQLite cannot tell a log of other pages from the database's own where its checksums fit."""
    for name in ("old", "new"):
        storage = Storage(f"sqlite:///{name}.db")
        storage.open().create_new_study(MINIMIZE, name)
        storage.close()
    with closing(sqlite3.connect("old.db")) as connection:
        connection.execute("UPDATE studies SET study_name = 'changed'")
        connection.commit()
        shutil.copy("old.db-wal", "log")
    log = bytearray(Path("log").read_bytes())
    log[40] ^= 1  # a checksum that does not fit
    Path("new.db-wal").write_bytes(log)
    assert Storage("sqlite:///new.db").rows("SELECT study_name FROM studies") == [
        {"study_name": "new"}
    ]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not write")
def test_a_folder_that_may_not_be_written_is_read_and_not_written(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chmod(folder, 0o755)
        Storage(f"sqlite:///{folder}/t.db").open().create_new_study(MINIMIZE, "study")
        from studies.storage.storage import _close_all

        _close_all()
        code = (
            "import os; import studies.storage.storage, optuna; os.setuid(65534)\n"
            "from studies.storage import Storage; from explorer.errors import UserError\n"
            "print(Storage('sqlite:///t.db').rows('SELECT study_name FROM studies'))\n"
            "for name in ('t.db', 'new.db'):\n"
            "    try: Storage(f'sqlite:///{name}').open()\n"
            "    except UserError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment(),
        )
        lines = done.stdout.splitlines()
        assert lines[0] == "[{'study_name': 'study'}]", done.stderr
        assert len(lines) == 3
        assert all(
            "Permission denied" in line or "it is read-only" in line for line in lines[1:]
        ), lines
        assert not (folder / "new.db").exists()
