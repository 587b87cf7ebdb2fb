"""Sides of a benchmark, each a process of its own, that take turns: so noise
hits all of them alike, and only ratios are told.

A script that compares sides calls itself once for each of them,
with `--side` and what that side is to do.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

from studies.engines.worker_process import worker_environment
from studies.machine.memory import keep_memory


class Turns:
    """What a side has: it waits for its turn, works, and tells how long that took."""

    def wait(self) -> None:
        if not sys.stdin.readline():
            sys.exit()
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def done(self, *, then_wait: bool = True) -> None:
        told = {
            "seconds": time.perf_counter() - self._wall,
            "processor": time.process_time() - self._processor,
        }
        print(json.dumps(told), flush=True)
        if then_wait:
            self.wait()


def play(work: Callable[[dict[str, Any], Turns], None]) -> bool:
    """Where this process is a side: do its work; True. `keep` in its
    configuration: its memory is kept, as a worker's is."""
    if "--side" not in sys.argv:
        return False
    config = json.loads(sys.argv[sys.argv.index("--side") + 1])
    if config.get("keep"):
        keep_memory()
    work(config, Turns())
    return True


@contextmanager
def started(
    sides: dict[str, dict[str, Any]], *, threads: int = 1
) -> Iterator[dict[str, "subprocess.Popen[str]"]]:
    """The sides' processes, which wait for their turns."""
    processes = {
        name: subprocess.Popen(
            [sys.executable, sys.argv[0], "--side", json.dumps(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=worker_environment(threads),
        )
        for name, config in sides.items()
    }
    try:
        yield processes
    finally:
        for process in processes.values():
            process.kill()
            process.wait()


def turn(processes: "list[subprocess.Popen[str]]") -> list[dict[str, float]]:
    """A turn of these sides, at once: what each tells."""
    for process in processes:
        assert process.stdin
        process.stdin.write("your turn\n")
        process.stdin.flush()
    lines = [process.stdout.readline() for process in processes if process.stdout]
    if not all(lines):
        sys.exit(
            "a side ended:"
            f" {[process.args for process, line in zip(processes, lines, strict=True) if not line]}"
        )
    return [json.loads(line) for line in lines]


def compare(
    sides: dict[str, dict[str, Any]], turns: int, *, threads: int = 1
) -> dict[str, dict[str, float]]:
    """Medians of the seconds, and of the processor's seconds, of each
    side's turns; the first turn warms up."""
    told: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    with started(sides, threads=threads) as processes:
        for number in range(turns + 1):
            for name, process in processes.items():
                found = turn([process])
                if number:
                    told[name] += found
    return {
        name: {key: median(row[key] for row in rows) for key in rows[0]}
        for name, rows in told.items()
    }
