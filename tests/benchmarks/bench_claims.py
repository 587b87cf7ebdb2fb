"""Empty trials a second, by several processes: our claims beside plain
Optuna's queue, in one run on the same machine.

    python tests/benchmarks/bench_claims.py [--trials 1000] [--postgresql] [--queue 200]

Every pair must be completed exactly once. Optuna's queue (enqueue_trial, then optimize in every
process) gets fewer trials, because it gets slower the more are waiting: that flatters it.
"""

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections import Counter
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from claiming import work
from optuna.study import StudyDirection
from postgres_server import serve

from studies.attempts.standing import Attempts
from studies.pair import Pair
from studies.storage import Storage


def empty_trials(url: str, workers: int, count: int) -> float:
    """Seconds in which `workers` processes completed `count` empty trials;
    checks that each pair was completed once."""
    storage = Storage(url)
    study_id = storage.open().create_new_study([StudyDirection.MINIMIZE], "study")
    wanted = [Pair(f"design{number}", 0) for number in range(count)]
    context = multiprocessing.get_context("spawn")
    gate = Path(tempfile.mkdtemp(prefix="gate-"))
    processes = [context.Process(target=_work, args=(url, wanted, gate)) for _ in range(workers)]
    seconds = _race(processes, gate)
    attempts = Attempts(storage, study_id).read()
    completed = Counter(attempt.pair for attempt in attempts if attempt.ended == "complete")
    lost, twice = (
        len(set(wanted) - set(completed)),
        sum(number > 1 for number in completed.values()),
    )
    superseded = sum(attempt.ended == "superseded" for attempt in attempts)
    print(
        f"{storage.dialect:10}  {workers:2} workers, {count} trials: {seconds:6.1f} s,"
        f" {count / seconds:6.1f} trials/s; lost {lost}, twice {twice}, withdrawn {superseded}",
        flush=True,
    )
    assert not lost
    assert not twice
    storage.close()
    return seconds


def _race(processes: list[Any], gate: Path) -> float:
    """Seconds from the moment at which all processes are ready until the last has ended."""
    for process in processes:
        process.start()
    while len(list(gate.glob("ready-*"))) < len(processes):
        time.sleep(0.05)
    begin = time.perf_counter()
    (gate / "go").touch()
    for process in processes:
        process.join()
    seconds = time.perf_counter() - begin
    assert all(process.exitcode == 0 for process in processes)
    shutil.rmtree(gate)
    return seconds


def _wait(gate: Path) -> None:
    (gate / f"ready-{os.getpid()}").touch()
    while not (gate / "go").exists():
        time.sleep(0.01)


def _work(url: str, wanted: list[Pair], gate: Path) -> None:
    Storage(url).open()  # the imports
    _wait(gate)
    work(url, wanted, 0.0, True)


def queued_trials(url: str, workers: int, count: int) -> float:
    """Seconds in which as many processes empty a queue of Optuna's own."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(storage=url, study_name="queue")
    for number in range(count):
        study.enqueue_trial({"x": number})
    context = multiprocessing.get_context("spawn")
    gate = Path(tempfile.mkdtemp(prefix="gate-"))
    processes = [context.Process(target=_optimize, args=(url, gate)) for _ in range(workers)]
    seconds = _race(processes, gate)
    values = [trial.params.get("x") for trial in study.trials if trial.state.is_finished()]
    twice = sum(number > 1 for number in Counter(values).values())
    print(
        f"Optuna's queue on SQLite, {workers} workers, {count} trials: {seconds:.1f} s,"
        f" {count / seconds:.1f} trials/s; twice {twice}",
        flush=True,
    )
    return seconds


def _optimize(url: str, gate: Path) -> None:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.load_study(storage=url, study_name="queue")
    _wait(gate)
    while any(
        trial.state == optuna.trial.TrialState.WAITING for trial in study.get_trials(deepcopy=False)
    ):
        # Handed out twice: whoever comes second is told that the trial has ended, or
        # trips over Optuna's own "Should not reach".
        with suppress(ValueError, RuntimeError, AssertionError):
            study.optimize(lambda trial: trial.suggest_int("x", 0, 10**6), n_trials=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=400)
    parser.add_argument("--queue", type=int, default=200)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument(
        "--postgresql", action="store_true", help="also on a PostgreSQL server of its own"
    )
    options = parser.parse_args()
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    with (
        tempfile.TemporaryDirectory() as folder,
        serve(programs[-1]) if options.postgresql else nullcontext() as server,
    ):
        ours = options.trials / empty_trials(
            f"sqlite:///{folder}/ours.db", options.workers, options.trials
        )
        if server:
            empty_trials(server.create(), options.workers, options.trials)
        if options.queue:
            queue = options.queue / queued_trials(
                f"sqlite:///{folder}/queue.db", options.workers, options.queue
            )
            print(
                f"Ours on SQLite: {ours:.0f} trials/s, {ours / queue:.1f} times the queue's"
                f" {queue:.0f}"
            )


if __name__ == "__main__":
    main()
