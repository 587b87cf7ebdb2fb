"""What one more pair costs in a small study and in a large one: a
claim with its ending, and the supervisor's look.

    python tests/benchmarks/bench_many_pairs.py [--pairs 2001] [--postgresql] [--run]

All but the last pairs are complete from the start. One pair that is begun first and runs all the
time stands for a slow design. With --run, a run of that many pairs of a stand-in for training is
watched as well: how far its messages are behind its workers.
"""

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import median

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import fake_training
import tiny_study
from big_study import add_attempts, make_study
from postgres_server import Server, serve

from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.storage import Storage

ROUNDS = 30


def bookkeeping(pairs: int, server: Server | None = None) -> tuple[float, float]:
    """Milliseconds of a claim with its ending, and of the supervisor's
    look after it, in a study of so many pairs."""
    with tempfile.TemporaryDirectory() as folder:
        storage = Storage(server.create() if server else f"sqlite:///{folder}/big.db")
        stored = make_study(storage, seeds=pairs // 5 + 8)
        waiting = dict.fromkeys(range(pairs, len(stored.pairs)), "waiting")
        add_attempts(storage, stored, epochs=1, states={0: "running", **waiting})
        if server:  # those were written with their ids
            with storage.open().engine.begin() as connection:
                connection.exec_driver_sql(
                    "SELECT setval(pg_get_serial_sequence('trials', 'trial_id'), MAX(trial_id))"
                    " FROM trials"
                )
        claims, standing = (
            Claims(storage, stored.id, stored),
            stored.standing(storage),
        )
        me = Worker("me", host="elsewhere", machine="elsewhere")
        claims.counts(), standing.look()
        gc.freeze()  # as a worker does
        claiming, looking = [], []
        for _ in range(ROUNDS):
            begin = time.perf_counter()
            claims.counts()
            attempt = claims.claim(me)
            assert attempt
            claims.end(attempt, "complete", 0.5, {"result": {"validation_error": 0.5}})
            now = time.perf_counter()
            standing.look()
            assert standing.counts.left
            claiming.append(now - begin)
            looking.append(time.perf_counter() - now)
        storage.close()
    return 1e3 * median(claiming), 1e3 * median(looking)


def run(pairs: int, workers: int = 2) -> None:
    """A run with the stand-in; at its last message, how long
    before that the last pair had ended."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        study = tiny_study.STUDY.replace("epochs: 4", "epochs: 1")
        (folder / "tiny.yaml").write_text(study.replace("[0, 1]", str(list(range(pairs // 3)))))
        (folder / "tiny_space.yaml").write_text(tiny_study.SPACE)
        begin = time.monotonic()
        process = subprocess.Popen(
            [
                sys.executable,
                fake_training.__file__,
                "study",
                "run",
                "./tiny.yaml",
                "--workers",
                str(workers),
                "--json",
            ],
            cwd=folder,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "PYTHONPATH": str(ROOT),
                "RESNEXT_EXPLORER_STORAGE": "sqlite:///t.db",
                "FAKE_EPOCH": "0",
            },
        )
        assert process.stdout
        told = sum(json.loads(line)["event"] == "complete" for line in process.stdout)
        now = time.monotonic()
        (last,) = Storage(f"sqlite:///{folder}/t.db").rows(
            "SELECT (julianday('now') - julianday(MAX(datetime_complete))) * 86400 AS ago FROM"
            " trials"
        )
        process.wait()
        print(
            f"{told} pairs by {workers} workers in {now - begin:.0f} s; the last ended"
            f" {last['ago']:.1f} s before the run did"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pairs", type=int, default=2001)
    parser.add_argument("--postgresql", action="store_true", help="on a server of its own")
    parser.add_argument("--run", action="store_true", help="also watch a whole run")
    options = parser.parse_args()
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    with serve(programs[-1]) if options.postgresql else nullcontext() as server:
        for pairs in (50, options.pairs):
            claiming, looking = bookkeeping(pairs, server)
            print(
                f"{pairs:6} pairs: a claim and its ending {claiming:5.1f} ms, the supervisor's look"
                f" {looking:5.1f} ms",
                flush=True,
            )
    if options.run:
        run(options.pairs)


if __name__ == "__main__":
    main()
