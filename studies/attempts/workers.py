"""Workers and their signs of life: a lock file on their own machine, a lease for the others."""

import fcntl
import os
import platform
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path


@dataclass(frozen=True)
class Lease:
    """How a worker shows that it is alive.

    Attributes:
        every: Seconds between two signs of life.
        stale: Seconds without one, after which another gives the attempt up.
    """

    every: float = 15.0
    stale: float = 60.0


@cache
def this_machine() -> str:
    """A name for this boot of this machine's kernel: file locks mean something only within it."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return platform.node()


@dataclass(frozen=True)
class Worker:
    """Who a worker is.

    `machine` tells kernels apart (one boot of one machine), `lock` is the file that the worker
    holds while it lives.
    """

    id: str
    lock: str = ""
    host: str = field(default_factory=platform.node)
    pid: int = field(default_factory=os.getpid)
    machine: str = field(default_factory=this_machine)

    @classmethod
    @contextmanager
    def hold(cls, folder: Path, worker_id: str | None = None) -> Iterator["Worker"]:
        """Be a worker while the block runs: hold a lock file in `folder`.

        The operating system releases it however the process ends.
        """
        worker_id = worker_id or uuid.uuid4().hex[:12]
        path = folder / f"{worker_id}.lock"
        with open(path, "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield cls(worker_id, str(path))
            # Left there after an error: then it tells that this worker is gone.
            path.unlink(missing_ok=True)

    def is_dead(self) -> bool:
        """Whether its lock tells that it is gone.

        Never true for a worker of another machine: there only the lease tells.
        """
        if not self.lock or self.machine != this_machine():
            return False
        try:
            with open(self.lock) as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:  # held, or gone with the folder
            return False
        return True
