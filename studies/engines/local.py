"""The engine of one machine: workers are child processes, with a GPU each where there are any."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

from studies.engines.engine import Ended, Engine, Job, Placed, Tell
from studies.engines.worker_logs import last_lines, open_log
from studies.engines.worker_process import WorkerProcess, cause, worker_environment
from studies.machine import gpus
from studies.machine.settings import Resolved, Settings


class LocalWorker(Placed):
    """A child process, and the thread that listens to it."""

    def __init__(self, job: Job, gpu: str | None, tell: Tell) -> None:
        self._job, self._tell = job, tell
        self.log = str(job.log)
        with open_log(job.log) as file:
            self._process = WorkerProcess(job.config, worker_environment(job.threads, gpu), file)
        threading.Thread(target=self._listen, name=f"worker {job.index}", daemon=True).start()

    def _listen(self) -> None:
        for event in self._process.events():
            self._tell(self._job.id, event)
        code = self._process.wait()
        self._tell(self._job.id, Ended(code, cause(code), last_lines(self._job.log)))

    def ask_to_stop(self) -> None:
        self._process.ask_to_stop()

    def kill(self) -> None:
        self._process.kill()

    def wait(self) -> None:
        self._process.popen.wait()


class LocalEngine(Engine):
    """This machine.

    Args:
        workers: How many; see `gpus.deal`.
        workers_per_gpu: How many may share a GPU.
        devices: How many share a training: GPUs, or on a CPU processes.
    """

    def __init__(
        self, workers: int | None = None, workers_per_gpu: int | None = None, devices: int = 1
    ) -> None:
        self.devices = devices
        self._workers, self._workers_per_gpu = workers, workers_per_gpu
        self._gpus: list[str | None] = []

    def settings(self, resolve: Callable[..., Resolved], **options: Any) -> Resolved:
        return resolve(workers=(self._workers or 1) * self.devices, **options)

    def seats(self, settings: Settings) -> int:
        self._gpus = gpus.deal(settings.device, self._workers, self._workers_per_gpu, self.devices)
        return len(self._gpus)

    def start(self, jobs: Sequence[Job], tell: Tell) -> list[Placed]:
        return [LocalWorker(job, self._gpus[job.index], tell) for job in jobs]
