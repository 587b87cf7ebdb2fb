"""A worker's trainer that may use little memory of the GPU."""

from pathlib import Path
from typing import Any

import torch

import studies.running.trial

ALLOWED = 600 * 2**20  # bytes


class Trainer(studies.running.trial.Trainer):
    """What a worker trains with. It runs out of memory for real, at `ALLOWED` bytes."""

    def prepare(self, data_dir: Path | None) -> Any:
        splits = super().prepare(data_dir)
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.set_per_process_memory_fraction(ALLOWED / total, 0)
        return splits
