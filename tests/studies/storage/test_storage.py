"""Opening storages: what works, and the one message each mistake gets."""

import contextlib
import json
import math
import sqlite3
import threading
import time
from pathlib import Path

import pytest
from optuna.study import StudyDirection

from explorer.errors import UserError
from studies.storage import Storage, from_json, outages


def test_the_default_is_a_file_in_the_current_folder(workdir: Path) -> None:
    storage = Storage()
    assert storage.path == workdir / "resnext-explorer.db"
    assert storage.files == workdir / "resnext-explorer-files"
    assert storage.shown == "sqlite:///resnext-explorer.db"
    assert not list(workdir.iterdir())


def test_the_environment_names_another(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", "sqlite:///elsewhere.db")
    assert Storage().path == workdir / "elsewhere.db"
    assert Storage("sqlite:///given.db").path == workdir / "given.db"


def test_a_password_is_never_shown(workdir: Path) -> None:
    for url in ("postgresql://me:s3cret@host/db", "postgresql://host/db?user=me&password=s3cret"):
        storage = Storage(url)
        assert "s3cret" in storage.url
        assert "s3cret" not in storage.shown
    for url in ("postgresql//me:s3cret@host/db", "mysql://me:s3cret@host/db", "://s3cret"):
        with pytest.raises(UserError) as error:
            Storage(url)
        assert "s3cret" not in str(error.value)
        assert "sqlite:///" in str(error.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("results.db", ["sqlite:///results.db"]),
        ("postgres://host/db", ["'postgres'", "Did you mean 'postgresql'?"]),
        ("sqlite://", ["must be a file"]),
        ("sqlite:///:memory:", ["must be a file"]),
    ],
)
def test_a_url_that_is_none_says_what_one_looks_like(
    workdir: Path, url: str, words: list[str]
) -> None:
    with pytest.raises(UserError) as error:
        Storage(url)
    assert all(word in str(error.value) for word in words)


def test_a_file_that_is_no_database_is_left_as_it_is(workdir: Path) -> None:
    path = workdir / "notes.db"
    path.write_text("dear diary\n" * 200)
    storage = Storage("sqlite:///notes.db")
    for use in (storage.open, lambda: storage.rows("SELECT * FROM trials")):
        with pytest.raises(
            UserError, match=r"notes\.db cannot be used: the file is not an SQLite database"
        ):
            use()
    assert path.read_text() == "dear diary\n" * 200


def test_a_database_of_another_program_is_left_as_it_is(workdir: Path) -> None:
    with sqlite3.connect("photos.db") as connection:
        connection.execute("CREATE TABLE albums (id INTEGER)")
    before = Path("photos.db").read_bytes()
    with pytest.raises(UserError, match=r"another program \(it holds albums\)"):
        Storage("sqlite:///photos.db").open()
    assert Path("photos.db").read_bytes() == before


def test_a_truncated_database_is_a_clear_message(storage: Storage) -> None:
    writer = storage.open()
    study = writer.create_new_study([StudyDirection.MINIMIZE], "study")
    for number in range(50):
        writer.set_study_user_attr(study, f"key{number}", "x" * 1000)
    writer.engine.dispose()
    assert storage.path is not None
    with sqlite3.connect(storage.path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    whole = storage.path.read_bytes()
    storage.path.write_bytes(whole[: len(whole) // 2])
    damaged = Storage(storage.url)
    with pytest.raises(UserError, match="damaged"):
        damaged.rows("SELECT * FROM study_user_attributes")
    assert storage.path.read_bytes() == whole[: len(whole) // 2]


def test_a_folder_a_missing_folder_and_a_missing_file_are_named(workdir: Path) -> None:
    (workdir / "folder.db").mkdir()
    with pytest.raises(
        UserError, match=r"is a folder, and .* write sqlite:///folder\.db/resnext-explorer\.db"
    ):
        Storage("sqlite:///folder.db").open()
    with pytest.raises(UserError, match="there is no folder"):
        Storage("sqlite:///nowhere/studies.db").open()
    with pytest.raises(
        UserError, match=r"study run digits_cardinality --storage sqlite:///missing\.db"
    ):
        Storage("sqlite:///missing.db").rows("SELECT 1")
    assert not (workdir / "missing.db").exists()


def test_a_locked_database_says_so(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outages, "TIMEOUT", 0.2)
    writer = storage.open()
    assert storage.path is not None
    other = sqlite3.connect(storage.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(UserError, match="another program has kept it locked"), storage.errors():
        writer.create_new_study([StudyDirection.MINIMIZE], "study")
    other.close()


def test_many_may_create_the_tables_at_once(storage: Storage) -> None:
    failures: list[BaseException] = []

    def create() -> None:
        try:
            Storage(storage.url).open()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert not storage.is_empty()


def test_reading_does_not_wait_for_the_writer(storage: Storage) -> None:
    storage.open().create_new_study([StudyDirection.MINIMIZE], "first")
    assert storage.path is not None
    busy = sqlite3.connect(storage.path, isolation_level=None)
    busy.execute("BEGIN IMMEDIATE")
    assert len(storage.rows("SELECT * FROM studies")) == 1
    busy.close()


def test_reading_writes_nothing(storage: Storage) -> None:
    storage.open()
    assert storage.path is not None
    with pytest.raises(UserError, match="it is read-only"):
        storage.rows("DELETE FROM studies")


def test_odd_characters_in_a_path_mean_themselves(workdir: Path) -> None:
    folder = workdir / "a {b} 100% #1"
    folder.mkdir()
    storage = Storage(f"sqlite:///{folder}/results.db")
    storage.open().create_new_study([StudyDirection.MINIMIZE], "study")
    assert (folder / "results.db").exists()
    assert [row["study_name"] for row in storage.rows("SELECT study_name FROM studies")] == [
        "study"
    ]


def test_files_lie_beside_the_database(storage: Storage, workdir: Path) -> None:
    folder = storage.folder("study", "logs")
    assert folder == workdir / "studies-files" / "study" / "logs"
    (workdir / "other-files").write_text("a file in the way")
    with pytest.raises(UserError, match="cannot create the folder"):
        Storage("sqlite:///other.db").folder("study")


def test_a_number_that_json_does_not_know_is_read_as_it_was_written():
    assert from_json('{"a": [1.5, null]}') == {"a": [1.5, None]}
    assert math.isnan(from_json(json.dumps({"loss": [math.nan]}))["loss"][0])


def test_a_database_in_a_folder_that_is_not_there_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"there is no folder .*nowhere for the storage sqlite:"):
        Storage(f"sqlite:///{tmp_path}/nowhere/x.db").tuples("SELECT 1")


def test_where_nothing_is_stored_no_folder_is_left(workdir: Path) -> None:
    """As of a study that is refused: also of the two that wait for the lock of a third."""
    refused: list[int] = []

    def refuse() -> None:
        with contextlib.suppress(UserError), Storage().lock():
            refused.append(len(refused))
            time.sleep(0.05)
            raise UserError("no such data")

    threads = [threading.Thread(target=refuse) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [0, 1, 2]
    assert not list(workdir.iterdir())
    Storage().open()
    assert {path.name for path in workdir.iterdir()} >= {
        "resnext-explorer.db", "resnext-explorer-files",
    }  # fmt: skip


def test_a_file_that_is_deleted_while_it_is_used_is_gone(storage: Storage) -> None:
    storage.open()
    storage.rows("SELECT 1")
    reader = Storage(storage.url)
    reader.rows("SELECT 1")
    for file in storage.path.parent.glob("*.db*"):
        file.unlink()
    with pytest.raises(UserError, match=r"is gone: .* was deleted or moved while it was in use"):
        storage.rows("SELECT 1")
    with pytest.raises(UserError, match="is gone: "):  # and makes no new one
        reader.open()
