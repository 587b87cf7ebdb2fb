"""One worker against two on the same small study: how much sooner two are done.

    python tests/benchmarks/bench_workers.py
    python tests/benchmarks/bench_workers.py --turns 5

Runs take turns. Both have one thread a worker, so that what is compared is workers and not threads; it needs two cores that do nothing
else. Wall time of the whole run, and without the start: from when the first worker has claimed to the end.
"""

import argparse
import tempfile
import time
from statistics import median
from typing import Any

import studies.runner
from explorer.text import human_time
from studies import Study
from studies.settings import resolve
from studies.views import View

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
        counts = studies.runner.run(study, storage=f"sqlite:///{folder}/t.db", workers=workers, view=clock)
        ended = time.perf_counter()
    assert counts.complete == counts.wanted
    return ended - started, ended - clock.began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=6)
    options = parser.parse_args()
    settings = resolve(device="cpu").model_copy(update={"threads": 1})
    studies.runner.resolve = lambda **_: settings  # type: ignore[attr-defined]
    changes = [f"recipe.epochs={options.epochs}", "seeds=[0, 1]", "space.axes.cardinality=[1, 8]"]
    study = Study.load("digits_cardinality").changed(changes)
    took: dict[int, list[tuple[float, float]]] = {1: [], 2: []}
    for _ in range(options.turns):
        for workers, times in took.items():
            times.append(run(study, workers))
            print(
                f"{workers} workers: {human_time(times[-1][0])}, without the start {human_time(times[-1][1])}",
                flush=True,
            )
    (whole, trained), (whole2, trained2) = (
        [median(column) for column in zip(*times, strict=True)] for times in took.values()
    )
    print(
        f"two workers are done {whole / whole2:.2f} times as fast as one, {trained / trained2:.2f} times without the start "
        f"(target: {TARGET})"
    )


if __name__ == "__main__":
    main()
