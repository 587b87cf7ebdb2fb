"""What runs in a Slurm job: a worker process, and what stops it in time and queues it again.

The job tells how it goes in a file of the folder that all nodes share, and looks there whether it
is to stop. Submitit makes a job of it (`studies.engines.slurm`).
"""

import json
import os
import platform
import re
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from studies.engines.engine import Event, Job, settings_of_node
from studies.engines.worker_logs import last_lines, open_log
from studies.engines.worker_process import STOPPED, WorkerProcess, cause, worker_environment

# The environment variable in which a job finds the part of its configuration that may hold
# passwords, as JSON: files of jobs are there for others to read.
SECRETS = "RESNEXT_EXPLORER_JOB"
SECRET_KEYS = ("storage", "artifacts")
# Of Slurm, MPI and submitit: Lightning and torch would take the worker for a task of theirs.
FOREIGN = re.compile(rf"SLURM|SBATCH_|SRUN_|PMI|SUBMITIT|{SECRETS}")
POLL = 0.5  # seconds


class Seat:
    """A worker's place in a job.

    Signals come in the main thread, whatever it does, so it takes no lock: it looks again and again
    whether the worker has ended. Another thread listens to that.

    Args:
        folder: Which all nodes share.
        seconds: The job's time.
        margin: So many seconds before its end the worker is asked to stop.
    """

    def __init__(self, folder: Path, seconds: float, margin: float) -> None:
        self._folder, self._seconds, self._margin = folder, seconds, margin
        self._process: WorkerProcess | None = None
        self._code: int | None = None  # of the worker, once it has ended
        self._is_terminated = False  # by Slurm, with SIGTERM

    def __reduce__(self) -> tuple[Any, ...]:
        return Seat, (self._folder, self._seconds, self._margin)

    def __call__(self, job: Job) -> int:
        """Run a worker, to its end or until the job's time is over; its exit code."""
        started = time.monotonic()
        config = {**job.config, **json.loads(os.environ[SECRETS])}
        signal.signal(signal.SIGTERM, self._terminate)  # submitit would ignore it
        self._tell(job, {"event": "placed", "node": platform.node(), "pid": os.getpid()})
        # Slurm sends its signals to all processes of a job; what is ignored, children ignore too.
        before = signal.signal(signal.SIGUSR2, signal.SIG_IGN)
        try:
            environment = without_slurm(worker_environment(job.threads))
            with open_log(job.log) as file:
                self._process = WorkerProcess(config, environment, file)
        finally:
            signal.signal(signal.SIGUSR2, before)
        threading.Thread(target=self._listen, args=(job,), daemon=True).start()
        while self._code is None:
            if self._is_terminated or self._is_to_stop(job):
                self._process.ask_to_stop()
            # Clusters differ in which signal they send before a job's end, and whether they do.
            elif time.monotonic() - started > self._seconds - self._margin:
                os.kill(os.getpid(), signal.SIGUSR2)
            time.sleep(POLL)
        # Slurm's SIGTERM goes to the worker too, and ends one that has only begun to start.
        ended = self._code in (STOPPED, -signal.SIGTERM)
        if self._is_terminated and ended and not self._is_to_stop(job):
            # Cancelled, or taken off the node, by someone with more to say there, and queued again
            # already: the command asks Slurm. To return would tell submitit that the job is done.
            self._tell(job, {"event": "terminated"})
            sys.exit(STOPPED)
        self._tell_end(job)
        return self._code

    def checkpoint(self, job: Job) -> Any:
        """The job's time is over, or it is preempted: stop the worker, and be queued again.

        Submitit calls it when its signal comes.

        Returns:
            What is queued; None where nothing is left to do.
        """
        if self._process:
            self._process.ask_to_stop()
            while self._code is None:
                time.sleep(POLL)
        if self._is_to_stop(job) or self._code not in (None, STOPPED):
            self._tell_end(job)
            return None
        from submitit.helpers import DelayedSubmission

        self._tell(job, {"event": "queued again"})
        return DelayedSubmission(Seat(self._folder, self._seconds, self._margin), job)

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        self._is_terminated = True

    def _is_to_stop(self, job: Job) -> bool:
        return stop_file(self._folder, job.id).exists()

    def _listen(self, job: Job) -> None:
        assert self._process
        for event in self._process.events():
            self._tell(job, event)
        self._code = self._process.wait()

    def _tell_end(self, job: Job) -> None:
        code = self._code or 0
        end = {"code": code, "cause": cause(code), "last_lines": [*last_lines(job.log)]}
        self._tell(job, {"event": "ended", **end})

    def _tell(self, job: Job, event: Event) -> None:
        # Whole lines: the command reads the file meanwhile.
        path = events_file(self._folder, job.id)
        with suppress(OSError), open(path, "ab", buffering=0) as file:
            file.write(json.dumps(event).encode() + b"\n")


def without_slurm(environment: dict[str, str]) -> dict[str, str]:
    """An environment in which nothing says that a process is of a Slurm job."""
    return {key: value for key, value in environment.items() if not FOREIGN.match(key)}


def without_secrets(job: Job) -> Job:
    """A job as it may be written to a file."""
    config = {key: value for key, value in job.config.items() if key not in SECRET_KEYS}
    return replace(job, config=config, log=job.log.absolute())


def secrets(job: Job) -> str:
    """What is missing from the file, for the environment of the job."""
    return json.dumps({key: job.config[key] for key in SECRET_KEYS})


def events_file(folder: Path, worker: str) -> Path:
    """What a job tells, a line of JSON each."""
    return folder / f"{worker}.events"


def stop_file(folder: Path, worker: str) -> Path:
    """It is there when the job is to stop."""
    return folder / f"{worker}.stop"


def settings_here(resolve: Any, options: dict[str, Any], path: list[str]) -> Any:
    """What `resolve` finds on the node of a job, or the user's mistake."""
    sys.path[:] = [*sys.path, *(folder for folder in path if folder not in sys.path)]
    return settings_of_node(resolve, options)
