"""How many workers one PostgreSQL server carries: empty trials a second by up to 1,000 workers,
beside plain Optuna and Ray Tune, in one run on the same machine.

    python tests/benchmarks/bench_many_workers.py [--workers 1 10 100 1000] [--pgbouncer PATH]
        [--optuna 1 10 100] [--rounds 2] [--ray 10]   (Ray Tune: pip install 'ray[tune]')

Workers are threads, spread over as many processes as there are cores, each with its own view of the
study. Every pair must be completed exactly once, and no claim be in vain. A worker's turn is its
claim with its ending: what it waits for the storage, whatever it trains. The share of its time that
this takes is told for trainings of one minute. Without `--ray`, Ray need not be installed.
"""

import argparse
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from typing import Any

sys.path[:0] = [str(Path(__file__).parent.parent), str(Path(__file__).parent.parent.parent)]

from optuna.study import StudyDirection
from pgbouncer import pooled
from postgres_server import Server, serve

from studies.attempts.claims import Claims
from studies.attempts.standing import Attempts
from studies.attempts.workers import Worker
from studies.machine.cores import available_cores
from studies.pair import Pair
from studies.storage import Storage, postgres

MINUTE = 60.0
CONNECTIONS = 80
# Seconds for which Python leaves a thread alone: workers of a run are processes of their own, and
# do not wait for each other's Python.
SWITCH = 0.0005
TRIALS = 200  # or one a worker


def empty_trials(url: str, workers: int, count: int) -> None:
    """Print how fast so many workers complete `count` empty trials, each as many."""
    storage = Storage(url)
    study_id = storage.open().create_new_study([StudyDirection.MINIMIZE], "study")
    wanted = [Pair(f"design{number}", 0) for number in range(count)]
    seconds, turns = _race(_process_of_ours, workers, url, wanted, count // workers)
    attempts = Attempts(storage, study_id).read()
    storage.close()
    completed = Counter(attempt.pair for attempt in attempts if attempt.ended == "complete")
    assert set(completed) == set(wanted), f"lost: {len(set(wanted) - set(completed))}"
    assert set(completed.values()) == {1}, "a pair was completed twice"
    assert len(attempts) == count, "a claim was in vain"
    _tell("ours", workers, count, seconds, turns)


def _process_of_ours(
    url: str, wanted: list[Pair], each: int, indices: list[int], gate: Any, out: Any
) -> None:
    sys.setswitchinterval(SWITCH)
    # All workers together have the connections that a server accepts by default.
    postgres._POOL.update(pool_size=CONNECTIONS // available_cores(), pool_timeout=600)
    storage = Storage(url)
    study_id = storage.open().get_study_id_from_name("study")

    def work(index: int, turns: list[float]) -> None:
        claims = Claims(storage, study_id, wanted)
        me = Worker(f"worker{index}", host="simulated", machine="simulated")
        with storage.waiting(lambda reason: None, lambda: False):
            for _ in range(each):
                begin = time.perf_counter()
                attempt = claims.claim(me)
                assert attempt
                claims.end(attempt, "complete", 0.5, {"result": {"by": me.id}})
                turns.append(time.perf_counter() - begin)

    _in_threads(work, indices, gate, out)


def trials_of_optuna(url: str, workers: int, count: int) -> None:
    """Print how fast so many workers of plain Optuna run `count` empty trials."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    optuna.create_study(storage=_driver(url), study_name="plain")
    each = max(1, count // workers)
    seconds, turns = _race(_process_of_optuna, workers, url, each)
    _tell("Optuna", workers, each * workers, seconds, turns)


def _process_of_optuna(url: str, each: int, indices: list[int], gate: Any, out: Any) -> None:
    import optuna

    sys.setswitchinterval(SWITCH)

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    options = {"pool_size": CONNECTIONS // available_cores(), "pool_timeout": 600}
    storage = optuna.storages.RDBStorage(_driver(url), engine_kwargs=options)

    def work(index: int, turns: list[float]) -> None:
        sampler = optuna.samplers.RandomSampler()
        study = optuna.load_study(storage=storage, study_name="plain", sampler=sampler)
        for _ in range(each):
            begin = time.perf_counter()
            study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=1)
            turns.append(time.perf_counter() - begin)

    _in_threads(work, indices, gate, out)


def _driver(url: str) -> str:
    return url.replace("postgresql://", "postgresql+psycopg://")


def trials_of_ray_tune(workers: int, count: int) -> None:
    """Print how fast Ray Tune runs `count` empty trials, so many at a time."""
    # Else Ray writes a token into the home folder.
    os.environ["RAY_AUTH_MODE"] = "disabled"
    import ray
    from ray import tune

    with tempfile.TemporaryDirectory() as folder:
        ray.init(
            num_cpus=workers,
            object_store_memory=80 * 2**20,
            include_dashboard=False,
            log_to_driver=False,
        )
        begin = time.perf_counter()
        tuner = tune.Tuner(
            lambda config: {"loss": config["x"]},
            param_space={"x": tune.uniform(0, 1)},
            tune_config=tune.TuneConfig(num_samples=count, max_concurrent_trials=workers),
            run_config=tune.RunConfig(storage_path=folder, verbose=0),
        )
        results = tuner.fit()
        seconds = time.perf_counter() - begin
        ray.shutdown()
    assert len(results) == count
    _tell("Ray Tune", workers, count, seconds, [])


def _in_threads(work: Any, indices: list[int], gate: Any, out: Any) -> None:
    turns: list[list[float]] = [[] for _ in indices]
    all_started = threading.Event()

    def work_with_others(index: int, own: list[float]) -> None:
        all_started.wait()
        work(index, own)

    threads = [
        threading.Thread(target=work_with_others, args=(index, own))
        for index, own in zip(indices, turns, strict=True)
    ]
    for thread in threads:
        thread.start()
    gate.wait()
    all_started.set()
    for thread in threads:
        thread.join()
    out.put([turn for own in turns for turn in own])


def _race(process: Any, workers: int, *given: Any) -> tuple[float, list[float]]:
    """Seconds from when all processes are ready until the last is done, and those of each turn."""
    context = multiprocessing.get_context("spawn")
    number = min(workers, available_cores())
    gate, out = context.Barrier(number + 1), context.Queue()
    processes = [
        context.Process(
            target=process, args=(*given, list(range(first, workers, number)), gate, out)
        )
        for first in range(number)
    ]
    for started in processes:
        started.start()
    gate.wait(timeout=120)
    begin = time.perf_counter()
    turns = [turn for _ in processes for turn in out.get()]
    seconds = time.perf_counter() - begin
    for started in processes:
        started.join()
    return seconds, turns


def _tell(who: str, workers: int, count: int, seconds: float, turns: list[float]) -> None:
    text = f"{who:9} {workers:5} workers, {count:5} trials: {count / seconds:6.1f} a second"
    if turns:
        turn = median(turns)
        text += f"; a turn {turn:7.3f} s, {turn / (turn + MINUTE):.1%} of a worker's time"
    print(text, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 10, 100])
    parser.add_argument("--optuna", type=int, nargs="*", default=[1, 10])
    parser.add_argument("--ray", type=int, nargs="*", default=[])
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--pgbouncer", metavar="PATH", help="ours through this pooler")
    options = parser.parse_args()
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    with serve(programs) as server:
        for workers in sorted({*options.workers, *options.optuna}) * options.rounds:
            if workers in options.workers:
                with _reached(server, options.pgbouncer) as url:
                    empty_trials(url, workers, max(TRIALS, workers))
            if workers in options.optuna:
                trials_of_optuna(server.create(), workers, max(TRIALS, workers))
    for workers in options.ray:
        trials_of_ray_tune(workers, workers)


def _reached(server: Server, pooler: str | None) -> Any:
    url = server.create()
    return pooled(pooler, url) if pooler else nullcontext(url)


if __name__ == "__main__":
    main()
