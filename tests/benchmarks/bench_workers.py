"""One worker against two on the same small study: how much sooner two are done.

    python tests/benchmarks/bench_workers.py
    python tests/benchmarks/bench_workers.py --turns 5

Runs take turns. Both have one thread a worker, so that what is compared is workers and not threads;
all trainings are alike, so that two workers can share them evenly. It needs two cores that do
nothing else. Wall time of the whole run, and without the start: from when the first worker has
claimed to the end.

First the machine's ceiling, since two cores share caches and memory: two plain processes that train
this network, each on a core of its own and knowing nothing of each other, against one of them.
"""

import argparse
import os
import tempfile
import time
from statistics import median
from typing import Any

import torch
from steps import plain_step
from turns import Turns, play, started, turn

import studies.running.supervisor
from explorer import Architecture, build
from explorer.text import human_time
from studies import Study
from studies.machine.settings import resolve
from studies.running.progress import View

TARGET = 1.9


class Clock(View):
    """Notes when the first training begins."""

    began = 0.0

    def event(self, worker: int, event: dict[str, Any]) -> None:
        self.began = self.began or time.perf_counter()


def run(study: Study, workers: int) -> tuple[float, float]:
    """Seconds of a run of the whole study: all, and without the start."""
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        counts = studies.running.supervisor.run(
            study, storage=f"sqlite:///{folder}/t.db", workers=workers, view=clock
        )
        ended = time.perf_counter()
    assert counts.complete == counts.wanted
    return ended - started, ended - clock.began


def side(config: dict[str, Any], turns: Turns) -> None:
    """Train steps as plain as can be, on one core."""
    if config["core"] is not None:
        os.sched_setaffinity(0, {config["core"]})
    torch.set_num_threads(1)
    network = build(
        Architecture.from_name(config["network"], resolution=8, in_channels=1, classes=10)
    )
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    step = plain_step(network, (config["batch"], 1, 8, 8), config["precision"])
    turns.wait()
    while True:
        for _ in range(config["steps"]):
            step()
        turns.done()


def ceiling(study: Study, precision: str, turns: int, steps: int) -> float:
    """How many times as much two plain processes train in the same time as one."""
    cores = (
        sorted(os.sched_getaffinity(0))[:2] if hasattr(os, "sched_getaffinity") else [None, None]
    )
    (design,) = study.wanted().designs
    common = {
        "network": design.architecture.name,
        "batch": study.recipe.batch_size,
        "precision": precision,
        "steps": steps,
    }
    with started(
        {str(core): {**common, "core": core, "keep": True} for core in cores}
    ) as processes:
        both = list(processes.values())
        turn(both)
        alone, together = [], []
        for number in range(2 * turns):
            alone.append(turn([both[number % 2]])[0]["seconds"])
            together.append(max(told["seconds"] for told in turn(both)))
    return 2 * median(alone) / median(together)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=60, help="of a turn of a plain process")
    options = parser.parse_args()
    resolved = resolve(device="cpu", threads=1)
    studies.running.supervisor.resolve = lambda **_: resolved  # type: ignore[attr-defined]
    changes = [
        f"recipe.epochs={options.epochs}",
        "seeds=[0, 1, 2, 3]",
        "space.axes.cardinality=[1]",
    ]
    study = Study.load("digits_cardinality").changed(changes)
    highest = ceiling(study, resolved.settings.precision, options.turns, options.steps)
    print(
        f"two plain processes train {highest:.2f} times as much as one: the machine's ceiling",
        flush=True,
    )
    took: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for _ in range(options.turns):
        for workers, times in took.items():
            times.append(run(study, workers))
            whole, trained = map(human_time, times[-1])
            print(f"{workers} workers: {whole}, without the start {trained}", flush=True)
    (whole1, trained1), (whole2, trained2) = (
        [median(column) for column in zip(*times, strict=True)] for times in took.values()
    )
    print(
        f"two workers are done {whole1 / whole2:.2f} times as fast as one,"
        f" {trained1 / trained2:.2f} times without the start (target: {TARGET}; the machine's"
        f" ceiling: {highest:.2f})"
    )


if __name__ == "__main__":
    if not play(side):
        main()
