"""A worker on a Ray cluster as the run sees it: an actor, and the thread that listens to it."""

import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from explorer.waiting import aside
from studies.engines.engine import Ended, Event, Job, Placed, Tell
from studies.engines.ray_seat import Seat
from studies.engines.worker_process import STOPPED

# Seconds in which a worker that was asked to stop ends its step.
STOP_TIMEOUT = 120.0
LOST = Ended(None, "was lost: its node or its actor is gone", ())


class RayWorker(Placed):
    """An actor, and the thread that listens to it.

    Nothing here waits for the cluster but that thread: without a head, calls of Ray hang.
    """

    def __init__(self, job: Job, needs: dict[str, float], tell: Tell) -> None:
        self._job, self._needs, self._tell = job, needs, tell
        self.log = "on its node"
        self._actor: Any = None
        self._is_placed = self._is_to_stop = False
        self._has_ended, self._ending = threading.Event(), threading.Lock()
        aside(self._listen)

    def _listen(self) -> None:
        import ray

        end = LOST
        try:
            for event in self._events():
                if event["event"] == "placed":
                    self._is_placed = True
                    self.log = f"{event['log']} on {event['node']}"
                elif event["event"] == "ended":
                    end = Ended(event["code"], event["cause"], event["last_lines"])
                else:
                    self._tell(self._job.id, event)
        except ray.exceptions.RayError as error:
            if self._is_to_stop and not self._is_placed:
                end = Ended(STOPPED, "was not needed any more", ())
            elif not self._is_placed and "Error: " in str(error):
                self._tell(self._job.id, {"event": "error", "message": why_no_start(error)})
            elif isinstance(error, ray.exceptions.RayTaskError):  # it would fail there again
                end = Ended(1, f"could not be started: {str(error).strip().splitlines()[-1]}", ())
            elif "memory" in str(error):
                end = Ended(-9, "was killed by Ray, since its node ran out of memory", ())
        finally:
            self._end(end)
            with suppress(Exception):
                ray.kill(self._actor)  # gives back what it holds

    def _events(self) -> Iterator[Event]:
        """What the worker tells, from when a node has room for it."""
        import ray

        remote: Any = ray.remote(Seat)
        self._actor = remote.options(
            num_cpus=self._needs["CPU"],
            num_gpus=self._needs.get("GPU", 0),
            scheduling_strategy="SPREAD",
            max_restarts=0,  # whoever is lost is replaced by the run
            max_concurrency=3,  # `run`, and beside it `ask_to_stop` and `kill`
        ).remote()
        if self._is_to_stop:
            ray.kill(self._actor)
        run = self._actor.run.options(num_returns="streaming")
        for reference in run.remote(self._job, os.getcwd()):
            yield ray.get(reference)

    def lose(self, problem: str) -> None:
        """The cluster is gone, and nothing more will be heard of this worker."""
        if not self._has_ended.is_set():
            self._tell(self._job.id, {"event": "error", "message": problem})
            self._end(LOST)

    def _end(self, end: Ended) -> None:
        with self._ending:
            if not self._has_ended.is_set():
                self._has_ended.set()
                self._tell(self._job.id, end)

    def ask_to_stop(self) -> None:
        self._is_to_stop = True
        if not self._has_ended.is_set() and self._actor:
            aside(self._stop)

    def _stop(self) -> None:
        import ray

        if self._is_placed:
            self._actor.ask_to_stop.remote()
        else:  # it may wait for room for ever
            ray.kill(self._actor)

    def kill(self) -> None:
        if not self._has_ended.is_set() and self._is_placed:
            aside(lambda: self._actor.kill.remote())

    def wait(self) -> None:
        self._has_ended.wait(STOP_TIMEOUT)


def why_no_start(error: BaseException) -> str:
    """Why nothing of this program runs on a node."""
    lines = [line.strip() for line in str(error).splitlines() if "Error: " in line]
    reason = lines[-1] if lines else first_line(error)
    return (
        f"a node of the Ray cluster cannot run this program: {reason.rstrip('.')}. Install the same"
        " version of resnext-explorer, with the same extras, on every node."
    )


def first_line(error: BaseException) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
