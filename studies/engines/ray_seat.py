"""What runs on a node of a Ray cluster: a worker process, and what starts it and tells of it.

Ray makes actors of these classes (`studies.engines.ray`). The training is in a process of its own,
so that a crash of torch takes no actor along, and an actor that is gone asks it to stop.
"""

import os
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from studies.engines.engine import Event, Job
from studies.engines.worker_logs import last_lines, open_log
from studies.engines.worker_process import WorkerProcess, cause, worker_environment
from studies.storage import FILES


class Seat:
    """A worker's place on a node."""

    def __init__(self) -> None:
        self._process: WorkerProcess | None = None
        self._is_to_stop = False

    def run(self, job: Job, folder: str) -> Iterator[Event]:
        """Run a worker.

        Args:
            job: What is started.
            folder: The current folder of the command, which becomes the worker's where it is here.

        Yields:
            First where the worker is, then what it tells, then how it ended.
        """
        folder = folder_here(folder)
        log = Path(folder, FILES, job.config["study"], "logs", job.log.name)
        yield {"event": "placed", "node": platform.node(), "log": str(log)}
        config = {**job.config, "path": [*sys.path, *_missing_here(job.config["path"])]}
        with open_log(log) as file:
            self._process = WorkerProcess(config, worker_environment(job.threads), file, folder)
        if self._is_to_stop:
            self._process.ask_to_stop()
        yield from self._process.events()
        code = self._process.wait()
        lines = last_lines(log)
        if not lines:
            log.unlink(missing_ok=True)
        yield {"event": "ended", "code": code, "cause": cause(code), "last_lines": lines}

    def ask_to_stop(self) -> None:
        """Ask the worker to end after its step."""
        self._is_to_stop = True
        if self._process:
            self._process.ask_to_stop()

    def kill(self) -> None:
        """End the worker at once."""
        self.ask_to_stop()
        if self._process:
            self._process.kill()


def folder_here(folder: str) -> str:
    """The folder, where this node has it too and it can be written to; else a temporary one."""
    if os.access(folder, os.W_OK | os.X_OK):
        return folder
    own = Path(tempfile.gettempdir(), f"resnext-explorer-{os.getuid()}")
    own.mkdir(mode=0o700, exist_ok=True)
    return str(own)


def _missing_here(path: list[str]) -> list[str]:
    """The folders of modules, such as the user's own, that are on this node and not yet known."""
    return [folder for folder in path if folder not in sys.path and os.path.isdir(folder)]
