"""A child process that tells how it goes, such as a worker, as the one that started it sees it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import IO, Any

# Exit codes, beside a Python crash's 1: nothing left to train, the user's mistake, asked to stop.
DONE, MISTAKE, STOPPED = 0, 2, 3
# It cannot go on where it is: what it needs was away for longer than a run waits, or no training
# can start there. Others may do without it.
AWAY = 4

# What `python -c` runs: the modules are found where the starting process finds them, whatever lies
# in the current folder.
BOOTSTRAP = (
    "import json, sys; config = json.loads(sys.stdin.buffer.readline()); sys.path[:] ="
    " config.pop('path'); from explorer.lazy import load; load(config.pop('module')).start(config)"
)


class ChildProcess:
    """A module's `start` in a process of its own.

    Args:
        module: Its name.
        config: What `start` is given, and the `path` on which modules are found.
        environment: Of the process.
        log: Takes its standard error.
        folder: Its current folder; None: this process's.
    """

    def __init__(
        self,
        module: str,
        config: dict[str, Any],
        environment: dict[str, str],
        log: IO[bytes],
        folder: str | None = None,
    ) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOTSTRAP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=environment,
            cwd=folder,
            start_new_session=True,  # a terminal's Ctrl-C reaches only us
        )
        assert self.popen.stdin
        with suppress(BrokenPipeError):  # it died at once; its end is noticed like any other
            # The URL may hold a password, and arguments are there for everyone
            # to see: so it goes through the pipe.
            self.popen.stdin.write(json.dumps({"module": module, **config}).encode() + b"\n")
            self.popen.stdin.flush()

    def events(self) -> Iterator[dict[str, Any]]:
        """What it tells, until it ends."""
        assert self.popen.stdout
        for line in self.popen.stdout:
            try:
                yield json.loads(line)
            except ValueError:  # cut off in the middle by a kill
                continue

    def ask_to_stop(self) -> None:
        """Ask it to end after the current step: its input ends."""
        if self.popen.stdin and not self.popen.stdin.closed:
            with suppress(BrokenPipeError):  # it died before it read its configuration
                self.popen.stdin.close()

    def kill(self) -> None:
        """End it at once."""
        self.popen.kill()

    def wait(self) -> int:
        """Wait for its end; its exit code, or the signal that killed it, negative."""
        code = self.popen.wait()
        self.ask_to_stop()  # closes our end of the pipe
        return code


class WorkerProcess(ChildProcess):
    """A worker; see `studies.running.worker.main` and `worker_environment`."""

    def __init__(
        self,
        config: dict[str, Any],
        environment: dict[str, str],
        log: IO[bytes],
        folder: str | None = None,
    ) -> None:
        super().__init__("studies.running.worker", config, environment, log, folder)


def cause(code: int) -> str:
    """How a process ended, as the end of a sentence."""
    if code < 0:
        name = signal.Signals(-code).name
        return f"was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    return f"ended with code {code}"


def worker_environment(threads: int, gpu: str | None = None) -> dict[str, str]:
    """The environment of a worker: what must be set before a process starts.

    `gpu` is the only one that it sees.
    """
    environment = dict(os.environ)
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ):
        environment[name] = str(threads)
    return environment
