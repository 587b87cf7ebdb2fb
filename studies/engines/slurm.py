"""The engine of a Slurm cluster: a worker is a job of an array, submitted by submitit.

Slurm places the jobs. Each stops its worker before its time is over and is queued again while pairs
are left, also when the command that submitted it is gone. The folder of a study's files has to be
one that all nodes share. Nothing but this module, `slurm_seat` and `slurm_watcher` imports
submitit.
"""

import io
import json
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from explorer.errors import UserError
from explorer.waiting import within
from studies.engines.engine import Ended, Engine, Job, Placed, Tell
from studies.engines.slurm_queue import (
    JOB_NAME,
    ORDINARY,
    Partition,
    partitions,
    seconds_of,
    suitable,
)
from studies.engines.slurm_seat import (
    SECRETS,
    Seat,
    events_file,
    secrets,
    settings_here,
    stop_file,
    without_secrets,
)
from studies.engines.worker_process import STOPPED
from studies.machine.gpus import check_workers
from studies.machine.settings import Resolved, Settings
from studies.storage import FILES

# Seconds for `sbatch` to answer.
SUBMIT_TIMEOUT = 30.0
# Seconds between two looks at what jobs tell, and at whether Slurm still has them: it is asked less
# often than that, for all of them at once (`slurm_watcher`).
POLL, LOOK = 0.5, 5.0
# Seconds in which a worker that was asked to stop ends its step.
STOP_TIMEOUT = 120.0
# A worker stops so many seconds before its job's end: a tenth of the job's time, within bounds.
MARGIN = (20.0, 300.0)
# Submitit gives a job up that has run out of time so often; ours run until no pair is left.
REQUEUES = 1_000_000


class SlurmEngine(Engine):
    """A Slurm cluster.

    Args:
        workers: How many jobs; by default one.
        partition: Of Slurm; None: its default.
        time: Of each job, as Slurm takes it.
        devices: GPUs that share a training, in each job.
        cluster: `slurm`, or `local`: submitit's stand-in, whose jobs are processes here.
    """

    def __init__(
        self,
        workers: int | None = None,
        partition: str | None = None,
        time: str = "1:00:00",
        devices: int = 1,
        cluster: str = "slurm",
    ) -> None:
        check_workers(workers, None, devices=devices)
        self.options = {
            "engine": "slurm",
            "partition": partition,
            "time": time,
            "workers": workers,
            "devices_per_worker": devices if devices > 1 else None,
        }
        self.spans_machines = cluster == "slurm"
        self.devices, self._workers, self._cluster = devices, workers or 1, cluster
        self._seconds, self._partition = seconds_of(time), partition
        low, high = MARGIN
        self._margin = min(max(self._seconds / 10, low), high, self._seconds / 2)
        self._needs: dict[str, Any] = {}
        self._time = time
        self._partitions: list[Partition] = []

    def reach(self) -> None:
        _require_submitit()
        if self._cluster == "slurm":
            self._partitions = suitable(partitions(), self._partition, self._time)

    def settings(self, resolve: Callable[..., Resolved], **options: Any) -> Resolved:
        job = self._ask_node(resolve, options)
        print(f"Job {job.job_id} finds out what the nodes can compute with.", file=sys.stderr)
        try:
            self._wait_for(job)
            resolved, mistake = job.result()
        except RuntimeError as error:  # submitit's: the job failed, was cancelled, ran out of time
            raise UserError(
                "no node of the Slurm cluster has told what it can compute with:"
                f" {_reason(error)}. Its log is {job.paths.stderr}."
            ) from None
        except KeyboardInterrupt:
            job.cancel(check=False)
            raise
        rmtree(job.paths.folder, ignore_errors=True)
        with suppress(OSError):  # others use it
            job.paths.folder.parent.rmdir()
        if resolved is None:
            raise UserError(mistake)
        return resolved

    def _ask_node(self, resolve: Callable[..., Resolved], options: dict[str, Any]) -> Any:
        """A job that resolves the settings: with GPUs, where Slurm has some."""
        needs = {"cpus_per_task": 1}
        if any(partition.has_gpus for partition in self._partitions):
            needs["gpus_per_node"] = self.devices
        # A folder of its own, which is removed once the job has told what it found out.
        executor = self._executor(Path.cwd() / FILES / "_slurm" / uuid.uuid4().hex[:12], needs)
        return _submitted(lambda: executor.submit(settings_here, resolve, options, sys.path))

    def _wait_for(self, job: Any) -> None:
        """Wait for a job's end, and say what it waits for."""
        said = ""
        while not job.done():
            if (reason := _reason_to_wait(job)) != said:
                said = reason
                if reason:
                    print(f"It waits in Slurm's queue ({reason}).", file=sys.stderr)
            time.sleep(POLL)

    def seats(self, settings: Settings) -> int:
        self._needs = {"cpus_per_task": settings.threads * self.devices}
        if settings.device != "cpu":
            self._needs = {"cpus_per_task": settings.threads, "gpus_per_node": self.devices}
        return self._workers

    def start(self, jobs: Sequence[Job], tell: Tell) -> list[Placed]:
        folder = jobs[0].log.parent.with_name("slurm").absolute()
        executor = self._executor(folder, self._needs)
        seat = Seat(folder, self._seconds, self._margin)
        os.environ[SECRETS] = secrets(jobs[0])  # Slurm hands the environment on to the jobs
        try:
            # All workers of a run are one array.
            submitted = _submitted(
                lambda: executor.map_array(seat, [without_secrets(job) for job in jobs])
            )
        finally:
            del os.environ[SECRETS]
        return [
            SlurmWorker(job, its_job, folder, tell)
            for job, its_job in zip(jobs, submitted, strict=True)
        ]

    def _executor(self, folder: Path, needs: dict[str, Any]) -> Any:
        import submitit

        from studies.engines.slurm_watcher import watch

        watch()
        executor = submitit.AutoExecutor(
            folder, cluster=self._cluster, **{f"{self._cluster}_max_num_timeout": REQUEUES}
        )
        executor.update_parameters(
            name=JOB_NAME, timeout_min=max(1, round(self._seconds / 60)), **needs
        )
        if self._cluster == "slurm":
            executor.update_parameters(
                slurm_partition=self._partition,
                slurm_signal_delay_s=round(self._margin),
                slurm_additional_parameters={"requeue": True},  # else some clusters refuse it
            )
        return executor


def _require_submitit() -> None:
    try:
        import submitit  # noqa: F401
    except ModuleNotFoundError:
        raise UserError(
            "submitit is not installed here. Install it: pip install 'resnext-explorer[slurm]'"
        ) from None


def _reason_to_wait(job: Any) -> str:
    """Why Slurm lets a job wait, as it was known last; empty where it does not wait."""
    about = job.watcher.get_info(job.job_id, mode="cache")
    reason = about.get("Reason", "") if about.get("State") == "PENDING" else ""
    return "" if reason == "None" else reason


def _reason(error: Exception) -> str:
    """Of submitit's error, which holds a traceback, the line that says why."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return next((line for line in reversed(lines) if "Error: " in line), lines[0]).strip(" .")


class SlurmWorker(Placed):
    """A job, and the thread that reads what it tells."""

    def __init__(self, job: Job, submitted: Any, folder: Path, tell: Tell) -> None:
        self._job, self._submitted, self._folder, self._tell = job, submitted, folder, tell
        self.log = str(job.log)
        self._is_placed = False
        self._is_terminated = False  # by Slurm: it is cancelled, or queued again
        self._reason = ""  # why it waits, as Slurm said last
        self._next_look = time.monotonic() + LOOK
        self._has_ended = threading.Event()
        self._events = events_file(folder, job.id)
        self._read = 0
        threading.Thread(target=self._listen, name=f"worker {job.index}", daemon=True).start()

    def _listen(self) -> None:
        end: Ended | None = None
        while end is None and not self._has_ended.wait(POLL):
            end = self._look()
            if end is None and time.monotonic() >= self._next_look:
                self._next_look = time.monotonic() + LOOK
                with suppress(Exception):
                    end = self._ask_slurm()
        with suppress(OSError):
            self._events.unlink(missing_ok=True)
        if end:  # else it may have to stop a job that could not be cancelled
            with suppress(OSError):
                stop_file(self._folder, self._job.id).unlink(missing_ok=True)
        self._has_ended.set()
        self._tell(self._job.id, end or Ended(STOPPED, "was cancelled", ()))

    def _ask_slurm(self) -> Ended | None:
        """Ask whether the job is gone, and if it waits, why."""
        if self._submitted.done(force_check=self._is_terminated):
            return self._look() or self._gone()
        reason = _reason_to_wait(self._submitted)
        if self._submitted.state == "PENDING" and self._is_placed:
            self._is_placed = False
            self._note("Slurm has taken its job off its node, and queued it again.")
        elif reason != self._reason and reason not in ORDINARY:
            self._note(f"Its job waits in Slurm's queue ({reason}).")
        self._reason = reason
        return None

    def _gone(self) -> Ended:
        """How a job ended that has not told of it itself."""
        state = self._submitted.state
        if state == "CANCELLED":
            self._note("Its Slurm job was cancelled, and is not submitted again.")
            return Ended(STOPPED, "was cancelled", ())
        if not self._read:
            text = f"a Slurm job ended ({state}) before its worker began. Its log is"
            message = f"{text} {self._submitted.paths.stderr}."
            self._tell(self._job.id, {"event": "error", "message": message})
        return Ended(None, f"was lost: its Slurm job ended ({state})", ())

    def _look(self) -> Ended | None:
        """Hand on what is new in the file; the end, once it is there."""
        try:
            with open(self._events, "rb") as file:
                file.seek(self._read)
                lines = file.read().split(b"\n")
        except OSError:
            return None
        for line in lines[:-1]:  # the last is not whole yet, or empty
            self._read += len(line) + 1
            try:
                event = json.loads(line)
            except ValueError:  # written on a full disk
                continue
            if event["event"] == "placed":
                self._is_placed = True
                self._is_terminated = False
                self.log = f"{self._job.log} (on {event['node']})"
            elif event["event"] == "terminated":
                self._is_terminated = True
            elif event["event"] == "queued again":
                self._is_placed = False
                self._note("It has stopped before its job's end, and is queued again.")
            elif event["event"] == "ended":
                return Ended(event["code"], event["cause"], event["last_lines"])
            else:
                self._tell(self._job.id, event)
        return None

    def _note(self, text: str) -> None:
        self._tell(self._job.id, {"event": "note", "text": text})

    def ask_to_stop(self) -> None:
        with suppress(OSError):
            stop_file(self._folder, self._job.id).touch()
        if not self._is_placed:  # it may wait for room for ever
            self.kill()

    def kill(self) -> None:
        with suppress(Exception):
            self._submitted.cancel(check=False)
        self._has_ended.set()

    def wait(self) -> None:
        self._has_ended.wait(STOP_TIMEOUT)


def _submitted(submit: Callable[[], Any]) -> Any:
    """What `submit` makes. Raises `UserError` where Slurm refuses it or does not answer."""
    try:
        with redirect_stderr(io.StringIO()):  # submitit prints there what the error says too
            return within(SUBMIT_TIMEOUT, submit)
    except TimeoutError:
        raise UserError(
            f"Slurm has not taken the jobs within {SUBMIT_TIMEOUT:.0f} s. Check that `sinfo`"
            " answers."
        ) from None
    except Exception as error:
        from submitit.core.utils import FailedJobError

        if not isinstance(error, FailedJobError | OSError):
            raise
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"Slurm does not take the jobs: {reason}. Check --partition and --time with `sinfo`."
        ) from None
