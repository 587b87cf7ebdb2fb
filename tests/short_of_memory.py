"""A worker's trainer that may use little memory, of the GPU or of the machine."""

import resource
from pathlib import Path
from typing import Any

import torch

import studies.running.trial

# Bytes. On a CPU there is the gigabyte that the process has taken at once beside it.
ALLOWED = 600 * 2**20
ALLOWED_ON_CPU = 100 * 2**20


class Trainer(studies.running.trial.Trainer):
    """What a worker trains with. It runs out of memory for real."""

    def prepare(self, data_dir: Path | None) -> Any:
        splits = super().prepare(data_dir)
        if self._settings.device == "cpu":
            in_use = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(
                resource.RLIMIT_AS, (in_use + ALLOWED_ON_CPU, resource.RLIM_INFINITY)
            )
        else:
            total = torch.cuda.get_device_properties(0).total_memory
            torch.cuda.set_per_process_memory_fraction(ALLOWED / total, 0)
        return splits
