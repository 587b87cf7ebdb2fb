"""What the whole machinery costs a trial: empty trainings in one warm
worker process, claims, writes and events included.

    python tests/benchmarks/bench_overhead.py [--trials 100]

The stand-in for training returns at once; what is left is claiming, leasing, checkpoint folders,
curves, results and telling. The worker's first trial is left out (it starts the worker). The target
is under 50 ms.
"""

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT)]
os.environ["FAKE_EPOCH"] = "0"

import fake_training
from tiny_study import SPACE, STUDY

import studies.running.supervisor
from studies import Study
from studies.running.progress import View

TARGET = 0.05


class Clock(View):
    """Notes when each training is told to be complete."""

    def __init__(self) -> None:
        super().__init__()
        self.times: list[float] = []

    def event(self, worker: int, event: dict[str, Any]) -> None:
        if event["event"] == "complete":
            self.times.append(time.perf_counter())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=100)
    trials = parser.parse_args().trials
    fake_training.install()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "tiny_space.yaml").write_text(SPACE.replace("[1, 2, 4]", "[1]"))
        text = STUDY.replace("[0, 1]", str(list(range(trials + 1)))).replace(
            "epochs: 4", "epochs: 2"
        )
        (folder / "tiny.yaml").write_text(text)
        clock = Clock()
        counts = studies.running.supervisor.run(
            Study.load(folder / "tiny.yaml"), storage=f"sqlite:///{folder}/t.db", view=clock
        )
    assert counts.complete == trials + 1
    gaps = [after - before for before, after in zip(clock.times, clock.times[1:], strict=False)]
    mean, median = statistics.mean(gaps), statistics.median(gaps)
    print(
        f"{trials} empty trials of 2 epochs in a warm worker: mean {1000 * mean:.1f} ms, median"
        f" {1000 * median:.1f} ms, slowest {1000 * max(gaps):.0f} ms a trial (target: under"
        f" {1000 * TARGET:.0f} ms)"
    )


if __name__ == "__main__":
    main()
