"""How submitit learns what its jobs do: from `squeue`.

By itself it asks `sacct`, which a cluster without accounting does not have, and prints that on
standard output, where `--json` has its lines.
"""

import threading
import time

from submitit.slurm.slurm import SlurmInfoWatcher, SlurmJob

from explorer.errors import UserError
from studies.engines.slurm_queue import jobs

# Seconds between two looks, for all jobs together, once they are a minute old.
DELAY = 30
# States in which a job ends for good. GONE is ours: Slurm has forgotten it.
GONE = "GONE"
ENDS = (
    *("COMPLETED", "CANCELLED", "FAILED", "TIMEOUT", "NODE_FAIL", "BOOT_FAIL", "DEADLINE"),
    *("OUT_OF_MEMORY", "PREEMPTED", GONE),
)


class Watcher(SlurmInfoWatcher):
    """Of the jobs that are registered, the state and why they wait.

    Those who wait for a job ask from threads of their own.
    """

    def __init__(self) -> None:
        super().__init__(delay_s=DELAY)
        self._lock = threading.Lock()

    def update_if_long_enough(self, mode: str) -> None:
        with self._lock:  # one call for all that ask at once
            super().update_if_long_enough(mode)

    def update(self) -> None:
        self._last_status_check = time.time()
        asked = self._registered - self._finished
        try:
            known = jobs()
        except UserError:  # the controller is away: jobs go on without it
            return
        for job in asked:
            state, reason = known.get(job, (GONE, ""))
            self._info_dict[job] = {"State": state, "Reason": reason}
            if state in ENDS:
                self._finished.add(job)

    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        return self.get_state(job_id, mode=mode) in ENDS


def watch() -> None:
    """Have such a watcher for the jobs that are submitted from now on."""
    if not isinstance(SlurmJob.watcher, Watcher):
        SlurmJob.watcher = Watcher()
