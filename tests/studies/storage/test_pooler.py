"""Few connections to a server: none while a worker trains; a pooler where that is not enough."""

import subprocess
import sys
from pathlib import Path

import fake_training
import psycopg
import pytest
from optuna.study import StudyDirection
from pgbouncer import pooled
from postgres_server import PASSWORD, Server
from tiny_runs import assert_undisturbed

from explorer.errors import UserError
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.pair import Pair
from studies.storage import Storage


def connections(url: str) -> int:
    """How many connections to a database are open, beside the one that asks."""
    query = "SELECT count(*) - 1 FROM pg_stat_activity WHERE datname = current_database()"
    with psycopg.connect(url) as connection:
        (count,) = connection.execute(query).fetchone() or (0,)
    return int(count)


def test_a_worker_holds_no_connection_while_it_trains(server: Server) -> None:
    url = server.create()
    with Storage.visit(url) as storage:
        writer = storage.open()
        study_id = writer.create_new_study([StudyDirection.MINIMIZE], "study")
        claims = Claims(storage, study_id, [Pair("a", 0)])
        attempt = claims.claim(Worker("me"))
        assert attempt
        assert connections(url) == 1
        with claims.keep(attempt):
            assert connections(url) == 0
            assert claims.end(attempt, "complete", 0.5)
        assert connections(url) == 1


@pytest.mark.heavy
def test_a_study_runs_through_a_pooler_of_transactions(
    server: Server, pgbouncer: str, undisturbed: tuple[object, object], tiny: Path
) -> None:
    with pooled(pgbouncer, server.create()) as url:
        words = ["study", "run", str(tiny), "--workers", "2", "--storage", url]
        run = [sys.executable, fake_training.__file__, *words]
        done = subprocess.run(run, capture_output=True, text=True, timeout=100)
        assert done.returncode == 0, done.stderr
        assert_undisturbed(undisturbed, url)  # type: ignore[arg-type]


def test_a_pooler_that_takes_no_more_clients_is_named_and_waited_for(
    server: Server, pgbouncer: str
) -> None:
    with pooled(pgbouncer, server.create(), clients=4) as url, Storage.visit(url) as storage:
        others = [psycopg.connect(url) for _ in range(4)]
        full = r"the pooler accepts no more clients \(its max_client_conn is reached\)"
        with pytest.raises(UserError, match=full) as error:
            storage.open()
        assert PASSWORD not in str(error.value)
        said: list[str | None] = []

        def say(reason: str | None) -> None:
            said.append(reason)
            for other in others:
                other.close()

        with storage.waiting(say, lambda: False):
            storage.open()
        assert said[1:] == [None]
