"""A small study, killed at a random moment and resumed, again and again:
every final table must equal the undisturbed one.

    python tests/benchmarks/kill_study.py [--runs 100] [--real] [--seed 0]

Each run draws when (after how many epochs, and some time more) and whom: SIGKILL to one worker, or
to the supervisor and all workers at once. Then the same command goes on. Compared are the tables of
pairs and of epochs, exactly, but for what depends on when and by whom a pair was trained. The
training is a stand-in that takes milliseconds; with --real it is the real one.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]

import fake_training
import pandas as pd
import tiny_study
from tiny_runs import INCIDENTAL

from explorer.errors import UserError
from studies.attempts.attempt import Attempt
from studies.attempts.standing import Attempts
from studies.records.stored_study import get
from studies.results import read
from studies.storage import Storage

Tables = tuple[pd.DataFrame, pd.DataFrame]


def start(folder: Path, real: bool) -> "subprocess.Popen[str]":
    program = ["-m", "explorer"] if real else [fake_training.__file__]
    return subprocess.Popen(
        [sys.executable, *program, "study", "run", "./tiny.yaml", "--workers", "2", "--json"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "RESNEXT_EXPLORER_STORAGE": "sqlite:///t.db",
            "FAKE_EPOCH": "0.05",
        },
    )


def prepare(folder: Path) -> None:
    (folder / "tiny.yaml").write_text(tiny_study.STUDY)
    (folder / "tiny_space.yaml").write_text(tiny_study.SPACE)


def finish(folder: Path, process: "subprocess.Popen[str]") -> Tables:
    """Wait for a run and read its tables; every pair must be complete, once."""
    out, err = process.communicate()
    trials, curves = read(f"sqlite:///{folder}/t.db", "tiny")
    failed = trials[trials["status"] == "failed"][["design", "seed", "reason"]]
    assert process.returncode == 0, f"{out}{err}{failed.to_csv()}"
    completed = Counter(attempt.pair for attempt in attempts(folder) if attempt.ended == "complete")
    assert len(completed) == 6, completed
    assert set(completed.values()) == {1}, completed
    return trials.drop(columns=INCIDENTAL), curves.drop(columns="seconds")


def attempts(folder: Path) -> list[Attempt]:
    storage = Storage(f"sqlite:///{folder}/t.db")
    try:
        return Attempts(storage, get(storage, "tiny").id).read()
    except UserError:  # killed before anything was stored
        return []
    finally:
        storage.close()


def disturb(folder: Path, rng: random.Random, real: bool) -> str:
    """Start a run and kill some of it; what was done, in words."""
    process = start(folder, real)
    epochs, more = rng.randrange(0, 23), rng.random() * 0.2
    assert process.stdout
    left = epochs
    while left > 0 and (line := process.stdout.readline()):
        left -= json.loads(line)["event"] == "epoch"
    time.sleep(more if epochs else rng.random() * 3)
    workers = [attempt.worker.pid for attempt in attempts(folder) if attempt.running]
    one = bool(workers) and rng.random() < 0.5
    if not one:
        process.kill()
    for pid in [rng.choice(workers)] if one else workers:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    process.communicate()  # of a single worker's death the run recovers by itself
    return f"{'a worker' if one else 'everything'} after {epochs} epochs"


def survive(expected: Tables, seed: int, real: bool) -> dict[str, Any]:
    """One disturbed run from beginning to end; raises AssertionError where its tables differ."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder)
        what = disturb(folder, rng, real)
        found = finish(folder, start(folder, real))
        for table, wanted in zip(found, expected, strict=True):
            pd.testing.assert_frame_equal(table, wanted, check_exact=True)
        endings = Counter(attempt.ended for attempt in attempts(folder))
    return {"what": what, **endings}


def undisturbed(real: bool) -> Tables:
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        return finish(Path(name), start(Path(name), real))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--real", action="store_true", help="train for real")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begin = time.monotonic()
    expected = undisturbed(options.real)
    total: Counter[str] = Counter()
    for run in range(options.runs):
        happened = survive(expected, options.seed + run, options.real)
        what = happened.pop("what")
        total.update(happened)
        total["worker" if what.startswith("a worker") else "everything"] += 1
        print(f"{run + 1:3} killed {what}: equal ({dict(happened)})", flush=True)
    print(
        f"{options.runs} runs in {(time.monotonic() - begin) / 60:.1f} min: {total['worker']} times"
        f" a worker was killed, {total['everything']} times everything; {total['lost']} attempts"
        f" lost, {total['interrupted']} interrupted; every final table equal to the undisturbed"
        " one, every pair completed once"
    )


if __name__ == "__main__":
    main()
