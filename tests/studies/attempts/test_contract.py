"""What every kind of storage must do, asked of SQLite and of a real
PostgreSQL server, with real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import fake_training
import pandas as pd
import pytest
from claiming import PROCESSES, work
from optuna.study import StudyDirection
from postgres_server import PASSWORD, Server, serve
from sqlalchemy.exc import DBAPIError
from tiny_runs import INCIDENTAL, kill

from explorer.errors import UserError
from studies.attempts import writing
from studies.attempts.attempt import Attempt
from studies.attempts.claims import Claims
from studies.attempts.standing import Attempts
from studies.attempts.workers import Worker
from studies.pair import Pair
from studies.records.stored_study import get
from studies.results import read
from studies.storage import Storage, schema

NOBODY = Worker("nobody", host="elsewhere", machine="elsewhere")
SOMEBODY = Worker("somebody", host="elsewhere", machine="elsewhere")


@pytest.fixture(params=["sqlite", "postgresql"])
def storage(request: pytest.FixtureRequest, workdir: Path) -> Iterator[Storage]:
    """An empty storage of each kind."""
    storage = (
        Storage(f"sqlite:///{workdir}/t.db")
        if request.param == "sqlite"
        else Storage(request.getfixturevalue("server").create())
    )
    yield storage
    storage.close()


def parties(storage: Storage, wanted: list[Pair], count: int = 2) -> list[Claims]:
    """So many parties to one study: each is what a process of its own would hold."""
    study_id = storage.open().create_new_study([StudyDirection.MINIMIZE], "study")
    return [Claims(storage, study_id, wanted) for _ in range(count)]


def completed(storage: Storage) -> Counter[Pair]:
    study_id = storage.open().get_study_id_from_name("study")
    return Counter(
        attempt.pair
        for attempt in Attempts(storage, study_id).read()
        if attempt.ended == "complete"
    )


def processes(storage: Storage, count: int, *arguments: Any) -> list[Any]:
    started = [PROCESSES.Process(target=work, args=(storage.url, *arguments)) for _ in range(count)]
    for process in started:
        process.start()
    return started


def start(storage: Storage, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    """The command line in the current folder, with the stand-in for
    training; the environment names the storage."""
    return subprocess.Popen(
        [sys.executable, fake_training.__file__, "study", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "RESNEXT_EXPLORER_STORAGE": storage.url, **environment},
    )


def finish(process: "subprocess.Popen[str]", code: int = 0) -> str:
    out, err = process.communicate(timeout=100)
    assert process.returncode == code, out + err
    assert "Traceback" not in err
    assert PASSWORD not in out + err
    return out + err


def tables(storage: Storage) -> tuple[pd.DataFrame, pd.DataFrame]:
    trials, curves = read(storage, "tiny")
    return trials.drop(columns=INCIDENTAL), curves.drop(columns="seconds")


_undisturbed: list[tuple[pd.DataFrame, pd.DataFrame]] = []


def assert_undisturbed(storage: Storage) -> None:
    """Both kinds of storage end with one table, whatever happened;
    the first undisturbed run gives it."""
    both = tables(storage)
    assert list(both[0]["status"]) == ["complete"] * 6
    if not _undisturbed:
        _undisturbed.append(both)
    for table, wanted in zip(both, _undisturbed[0], strict=True):
        pd.testing.assert_frame_equal(table, wanted)
    pairs = Counter(
        a.pair for a in Attempts(storage, get(storage, "tiny").id).read() if a.ended == "complete"
    )
    assert set(pairs.values()) == {1}


@contextmanager
def in_zone(zone: str) -> Iterator[None]:
    """This process, and what it starts, are in a time zone."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TZ", zone)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.heavy
@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/New_York"])
def test_times_are_right_wherever_workers_imports_and_readers_are(
    storage: Storage,
    here: Callable[..., Any],
    fake: None,
    tiny: Path,
    zone: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", storage.url)
    before = pd.Timestamp.now("UTC")
    with in_zone(zone):
        assert here("study", "run", "./tiny.yaml").returncode == 0
    trials, _ = read(storage, "tiny")
    assert ((before < trials["started"]) & (trials["started"] < trials["finished"])).all()
    assert (trials["finished"] < pd.Timestamp.now("UTC")).all()
    trials.to_csv("there.csv", index=False)
    with in_zone(zone):
        assert here("study", "import", "there.csv", "--name", "there").returncode == 0
        printed = here("study", "results", "there", "--json").stdout
    for table in (read(storage, "there")[0], pd.read_json(StringIO(printed), dtype=False)):
        for column in ("started", "finished"):
            # JSON has milliseconds.
            late = pd.to_datetime(table[column], utc=True) - trials[column]
            assert late.abs().max() < pd.Timedelta(milliseconds=2)


def test_a_run_its_tables_and_its_retry(
    storage: Storage,
    here: Callable[..., Any],
    fake: None,
    tiny: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert "6 of 6 pairs complete" in finish(start(storage, "run", "./tiny.yaml", "--workers", "2"))
    assert_undisturbed(storage)
    trials, _ = read(storage, "tiny")
    assert trials["finished"].ge(trials["started"]).all()
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", storage.url)
    assert "no pair has failed" in here("study", "retry", "tiny").stdout
    assert json.loads(here("study", "list", "--json").stdout)["studies"][0]["complete"] == 6
    assert "all 6 pairs are complete" in here("study", "run", "./tiny.yaml").stdout


def test_two_runs_share_a_study_and_create_it_once(storage: Storage, tiny: Path) -> None:
    both = [start(storage, "run", "./tiny.yaml", FAKE_EPOCH="0.1") for _ in range(2)]
    for process in both:
        assert "6 of 6 pairs complete" in finish(process)
    assert_undisturbed(storage)


def test_everything_killed_at_once_goes_on(storage: Storage, tiny: Path) -> None:
    process = start(storage, "run", "./tiny.yaml", "--workers", "2", "--json", FAKE_EPOCH="0.05")
    assert process.stdout
    left = 5
    for line in process.stdout:
        left -= json.loads(line)["event"] == "epoch"
        if not left:
            break
    process.kill()
    for attempt in Attempts(storage, get(storage, "tiny").id).read():
        if attempt.running:
            kill(attempt.worker.pid)
    process.communicate()
    finish(start(storage, "run", "./tiny.yaml", "--workers", "2"))
    assert_undisturbed(storage)


def test_many_processes_complete_every_pair_once(storage: Storage) -> None:
    wanted = [Pair(f"design{number}", seed) for seed in (0, 1) for number in range(30)]
    parties(storage, wanted, 0)
    for process in processes(storage, 4, wanted, 0.0, False):
        process.join(120)
        assert process.exitcode == 0
    assert completed(storage) == Counter(wanted)


def test_killed_processes_lose_nothing(storage: Storage) -> None:
    wanted = [Pair(f"design{number}", 0) for number in range(20)]
    parties(storage, wanted, 0)
    running = processes(storage, 3, wanted, 0.1, True)
    deadline = time.monotonic() + 60
    while not completed(storage) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(running[0].pid, signal.SIGKILL)
    for process in running:
        process.join(120)
    assert completed(storage) == Counter(wanted)


def test_of_two_claims_at_one_moment_the_later_waits_for_the_first(storage: Storage) -> None:
    pairs = [Pair("a", 0), Pair("b", 0)]
    early, late = parties(storage, pairs)
    claimed: list[Attempt | None] = []
    later = threading.Thread(target=lambda: claimed.append(late.claim(SOMEBODY)))

    def claim() -> Pair | None:
        later.start()
        later.join(0.3)
        assert later.is_alive()
        return early._standing.waiting()

    first = early._claim(NOBODY, claim)
    later.join(60)
    assert [attempt and attempt.pair for attempt in (first, *claimed)] == pairs
    assert late.look() == dict.fromkeys(pairs, "running")


def test_a_late_worker_records_nothing(storage: Storage) -> None:
    late, other = parties(storage, [Pair("a", 0)])
    attempt = late.claim(NOBODY)
    assert attempt
    assert other.end(attempt, "lost")
    again = other.claim(NOBODY)
    assert again
    assert not late.write(attempt, {"curve/1": [1]})
    assert not late.end(attempt, "complete", 0.5, {"result": {"test_error": 0.5}})
    assert other.end(again, "complete", 0.25, {"result": {"test_error": 0.25}})
    written = storage.rows(
        "SELECT trial_id FROM trial_user_attributes WHERE key IN ('result', 'curve/1')"
    )
    assert [row["trial_id"] for row in written] == [again.id]


def test_of_two_endings_one_counts(storage: Storage) -> None:
    (claims,) = parties(storage, [Pair("a", seed) for seed in range(10)], 1)
    for _ in range(10):
        attempt = claims.claim(NOBODY)
        assert attempt
        said: list[bool] = []

        def end(ended: str, attempt: Attempt = attempt, said: list[bool] = said) -> None:
            said.append(claims.end(attempt, ended))

        both = [threading.Thread(target=end, args=(ended,)) for ended in ("interrupted", "lost")]
        for thread in both:
            thread.start()
        for thread in both:
            thread.join()
        assert sorted(said) == [False, True]


def test_reading_writes_nothing(storage: Storage) -> None:
    storage.open().create_new_study([StudyDirection.MINIMIZE], "first")
    with pytest.raises(UserError):
        storage.rows("DELETE FROM studies")
    assert len(storage.rows("SELECT * FROM studies")) == 1


def test_a_lock_keeps_others_out(storage: Storage) -> None:
    happened: list[str] = []

    def other() -> None:
        with Storage(storage.url).lock():
            happened.append("other")

    with storage.lock(), storage.lock():
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.3)
        happened.append("mine")
    thread.join(30)
    assert happened == ["mine", "other"]


def test_what_is_not_there_is_one_message(storage: Storage) -> None:
    for use in (lambda: get(storage, "tiny"), lambda: read(storage, "tiny"), lambda: read(storage)):
        with pytest.raises(UserError, match="study run"):
            use()


class TestServers:
    """What only a server can do wrong; no message and no file shows the password."""

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            (PASSWORD, "wr0ng-p4ssword", "does not accept this user and password"),
            ("/studies", "/nothing", 'database "nothing'),
            ("127.0.0.1", "nowhere.invalid", "nowhere.invalid"),
        ],
    )
    def test_a_wrong_url(
        self, server: Server, workdir: Path, old: str, new: str, words: str
    ) -> None:
        storage = Storage(server.create().replace(old, new))
        for use in (storage.open, lambda: storage.rows("SELECT 1")):
            with pytest.raises(UserError, match=words) as error:
                use()
            assert "p4ssword" not in str(error.value)

    def test_a_wrong_password_on_the_command_line(self, server: Server, tiny: Path) -> None:
        said = finish(
            start(
                Storage(server.create().replace(PASSWORD, "wr0ng-p4ssword")), "run", "./tiny.yaml"
            ),
            2,
        )
        assert said.count("Error: ") == 1
        assert "p4ssword" not in said

    @pytest.mark.heavy
    def test_a_server_that_stays_away_ends_the_run_and_the_same_command_goes_on(
        self, server: Server, tiny: Path
    ) -> None:
        storage = Storage(server.create())
        process = start(
            storage,
            "run",
            "./tiny.yaml",
            "--workers",
            "2",
            "--json",
            FAKE_EPOCH="0.2",
            FAKE_PATIENCE="2",
        )
        wait_for(process, '"complete"')
        server.stop()
        try:
            said = finish(process, 2)
        finally:
            server.start()
        assert said.count("Error: ") == 1
        assert "cannot be used: no server answers there." in said
        assert "The same command goes on from here." in said
        finish(start(storage, "run", "./tiny.yaml", "--workers", "2"))
        assert_undisturbed(storage)
        written = [path.read_bytes() for path in tiny.parent.rglob("*") if path.is_file()]
        assert not any(PASSWORD.encode() in content for content in written)

    @pytest.mark.heavy
    def test_a_server_that_comes_back_finds_the_run_waiting(
        self, server: Server, tiny: Path
    ) -> None:
        storage = Storage(server.create())
        process = start(storage, "run", "./tiny.yaml", "--workers", "2", "--json", FAKE_EPOCH="0.2")
        wait_for(process, '"complete"')
        server.stop()
        try:
            away = json.loads(wait_for(process, "storage away"))
        finally:
            server.start()
        assert away["worker"] in (None, 0, 1)
        assert (
            away["reason"] == "no server answers there. Check that it runs, and its host and port."
        )
        wait_for(process, "storage back")
        finish(process)
        assert_undisturbed(storage)
        attempts = Attempts(storage, get(storage, "tiny").id).read()
        # Nobody was given up while nobody could write; what was
        # trained meanwhile was stored afterwards.
        assert {attempt.ended for attempt in attempts} <= {"complete", "superseded"}

    @pytest.mark.heavy
    def test_workers_that_the_server_keeps_out_wait_and_the_others_go_on(
        self, server: Server, tiny: Path
    ) -> None:
        # One for the run, one for each worker, and two more for each that is just starting.
        storage = Storage(server.plain_role(server.create(), connections=5))
        process = start(storage, "run", "./tiny.yaml", "--workers", "4", "--json", FAKE_EPOCH="0.2")
        said = finish(process)
        away = [json.loads(line) for line in said.splitlines() if "storage away" in line]
        assert {event["reason"] for event in away} == {
            "the server accepts no more connections (a limit of this role or database)."
        }
        assert_undisturbed(storage)

    @pytest.mark.heavy
    def test_a_server_with_few_connections_ends_no_run(
        self, postgres_bin: Path, tiny: Path
    ) -> None:
        with serve(postgres_bin, connections=8) as small:  # three of them are for superusers
            storage = Storage(small.plain_role(small.create()))
            process = start(
                storage, "run", "./tiny.yaml", "--workers", "4", "--json", FAKE_EPOCH="0.2"
            )
            said = finish(process)
            away = [json.loads(line) for line in said.splitlines() if "storage away" in line]
            assert {event["reason"] for event in away} == {
                "the server accepts no more connections (its max_connections is reached)."
            }
            assert_undisturbed(storage)
            storage.close()

    @pytest.mark.heavy
    def test_a_server_that_is_frozen_in_a_run_is_waited_for(
        self, server: Server, tiny: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        storage = Storage(server.create())
        process = start(
            storage,
            "run",
            "./tiny.yaml",
            "--workers",
            "2",
            "--json",
            FAKE_EPOCH="0.2",
            FAKE_ANSWER="1",
        )
        wait_for(process, '"complete"')
        with server.frozen():
            away = json.loads(wait_for(process, "storage away"))
            monkeypatch.setattr("studies.storage.postgres.CONNECT_TIMEOUT", 2)
            with pytest.raises(UserError, match="cannot be used: the server does not answer"):
                storage.rows("SELECT 1")
        assert (
            away["reason"]
            == "the server does not answer. Check that it runs, and its host and port."
        )
        wait_for(process, "storage back")
        finish(process)
        assert_undisturbed(storage)

    def test_a_server_that_never_answers_is_one_message(
        self, server: Server, tiny: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A name may have several addresses: the limit is for all of them."""
        monkeypatch.setattr("studies.storage.postgres.LONGEST_CONNECT", 0.2)
        with socket.socket() as deaf:
            deaf.bind(("127.0.0.1", 0))
            deaf.listen()
            storage = Storage(
                f"postgresql://me:{PASSWORD}@127.0.0.1:{deaf.getsockname()[1]}/studies"
            )
            with pytest.raises(
                UserError, match="cannot be used: the server does not answer"
            ) as error:
                get(storage, "tiny")
        assert PASSWORD not in str(error.value)

    def test_a_server_that_falls_silent_is_given_up(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("studies.storage.postgres.ANSWER_TIMEOUT", 0.5)
        storage = Storage(server.create())
        storage.open()
        with pytest.raises(UserError, match="cannot be used: the server does not answer"):
            storage.rows("SELECT pg_sleep(30)")
        assert storage.rows("SELECT 1 AS one") == [{"one": 1}]

    def test_a_claim_that_falls_silent_keeps_nobody_out(
        self, server: Server, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        silent = Storage(server.create())
        (claims,) = parties(silent, [Pair("a", 0)], 1)
        other = Storage(silent.url)
        monkeypatch.setattr(schema, "LOCK_ON_SERVER", schema.LOCK_ON_SERVER.replace("15s", "1s"))
        with silent.open().engine.connect() as connection:
            writing.lock(connection, claims._study_id)
            assert Claims(other, claims._study_id, [Pair("a", 0)]).claim(SOMEBODY)
            with pytest.raises(DBAPIError, match="idle-in-transaction timeout"):
                connection.exec_driver_sql("SELECT 1")
        silent.close()
        other.close()

    def test_an_empty_database_says_how_to_start(self, server: Server) -> None:
        storage = Storage(server.create())
        with (
            pytest.raises(
                UserError, match="it holds no studies yet: `resnext-explorer study run "
            ) as error,
            storage.errors(),
        ):
            storage.rows("SELECT * FROM trials")
        assert "with the URL in RESNEXT_EXPLORER_STORAGE" in str(error.value)
        assert PASSWORD not in str(error.value)

    def test_a_process_keeps_one_connection(self, server: Server) -> None:
        storage = Storage(server.create())
        count = "SELECT COUNT(*) AS count FROM pg_stat_activity WHERE datname = current_database()"
        storage.rows(count)
        writer = storage.open()
        writer.create_new_study([StudyDirection.MINIMIZE], "study")
        assert storage.rows(count) == [{"count": 1}]

    def test_tables_of_another_program_with_our_names_are_left_alone(self, server: Server) -> None:
        import psycopg

        url = server.create()
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE trials (patient TEXT)")
        with pytest.raises(
            UserError, match=r"tables of another program whose names Optuna needs \(trials\)"
        ):
            Storage(url).open()
        with psycopg.connect(url) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
        assert tables == [("trials",)]

    def test_a_password_with_odd_characters_needs_no_quoting(self, server: Server) -> None:
        import psycopg

        url = server.create()
        for password in ("p@ss/w?rd#1", "a:b@c@d", "50%off", "@"):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("DROP ROLE IF EXISTS odd")
                connection.execute(f"CREATE ROLE odd LOGIN SUPERUSER PASSWORD '{password}'")
            storage = Storage(url.replace(f"explorer:{PASSWORD}@", f"odd:{password}@"))
            assert storage.rows("SELECT 1 AS one") == [{"one": 1}], password
            storage.close()


def wait_for(process: "subprocess.Popen[str]", text: str) -> str:
    """Read the output of a run up to the line that holds a text; that line."""
    assert process.stdout
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"{text} was never said: {process.communicate()[1]}")


def test_no_argument_of_any_process_and_no_log_shows_the_password(
    server: Server, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = Storage(server.create())
    design = "resnext_1_2x5d_w16_small8"
    process = start(
        storage, "run", "./tiny.yaml", FAKE_EPOCH="0.2", FAKE_MISCHIEF=json.dumps({design: "bug"})
    )
    seen: Callable[[], list[str]] = lambda: [  # noqa: E731
        path.read_text(errors="replace")
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if path.exists()
    ]
    while process.poll() is None:
        with_password = []
        try:
            with_password = [line for line in seen() if PASSWORD in line]
        except OSError:  # a process that ended meanwhile
            continue
        assert not with_password
        time.sleep(0.2)
    assert "Why they failed: resnext-explorer study show" in finish(process, 1)
    logs = "".join(path.read_text() for path in tiny.parent.rglob("*.log"))
    assert "ZeroDivisionError" in logs
    assert PASSWORD not in logs
    trials, _ = read(storage, "tiny")
    assert trials["reason"].str.contains("ZeroDivisionError").sum() == 2
    assert PASSWORD not in trials.to_csv()
