"""Sides of a benchmark, each a process of its own, that take turns: so noise hits all of them alike, and only ratios are told.

A script that compares sides calls itself once for each of them, with `--side` and what that side is to do.
"""

import json
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from studies.memory import keep_memory
from studies.runner import worker_environment


class Turns:
    """What a side has: it waits for its turn, works, and tells how long that took."""

    def wait(self) -> None:
        if not sys.stdin.readline():
            sys.exit()
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def done(self, *, then_wait: bool = True) -> None:
        told = {"seconds": time.perf_counter() - self._wall, "processor": time.process_time() - self._processor}
        print(json.dumps(told), flush=True)
        if then_wait:
            self.wait()


def play(work: Callable[[dict[str, Any], Turns], None]) -> bool:
    """Where this process is a side: do its work; True. `keep` in its configuration: its memory is kept, as a worker's is."""
    if "--side" not in sys.argv:
        return False
    config = json.loads(sys.argv[sys.argv.index("--side") + 1])
    if config.get("keep"):
        keep_memory()
    work(config, Turns())
    return True


def compare(sides: dict[str, dict[str, Any]], turns: int, *, threads: int = 1) -> dict[str, dict[str, float]]:
    """Medians of the seconds, and of the processor's seconds, of each side's turns; the first turn warms up."""
    script = sys.argv[0]
    processes = {
        name: subprocess.Popen(
            [sys.executable, script, "--side", json.dumps(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=worker_environment(threads),
        )
        for name, config in sides.items()
    }
    told: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
    try:
        for turn in range(turns + 1):
            for name, process in processes.items():
                assert process.stdin
                assert process.stdout
                process.stdin.write("your turn\n")
                process.stdin.flush()
                line = process.stdout.readline()
                if not line:
                    sys.exit(f"the side {name} ended with code {process.wait()}")
                if turn:
                    told[name].append(json.loads(line))
    finally:
        for process in processes.values():
            process.kill()
            process.wait()
    return {name: {key: median(row[key] for row in rows) for key in rows[0]} for name, rows in told.items()}
