"""Which GPUs there are, found without torch, and which worker gets which."""

import itertools
import math
import os
import re
import subprocess
from pathlib import Path

from explorer.errors import UserError

# What the drivers of GPUs put there: NVIDIA's, on Linux and under Windows, and AMD's.
DRIVERS = ("/dev/nvidiactl", "/dev/dxg", "/dev/kfd")


def check(workers: int | None, workers_per_gpu: int | None) -> None:
    """Raises `UserError` where one is given that is no whole number of at least 1."""
    for name, number in (("workers", workers), ("workers per GPU", workers_per_gpu)):
        if number is not None and (
            isinstance(number, bool) or not isinstance(number, int) or number < 1
        ):
            raise UserError(f"{name} must be a whole number of at least 1; given: {number!r}.")


def deal(device: str, workers: int | None, workers_per_gpu: int | None) -> list[str | None]:
    """An entry for each worker: the only GPU it sees, or None where it sees what this process sees.

    On `device` cuda every GPU here gets up to `workers_per_gpu` workers (default 1), and without
    `workers` exactly so many; on the CPU the default is one worker. Raises `UserError` for more
    workers than that, and for workers a GPU where none is used.
    """
    if device == "cpu":
        if workers_per_gpu is not None:
            raise UserError(
                "there is no GPU to share here: this study trains on the CPU. "
                "Give the number of workers alone (--workers); they share the cores."
            )
        return [None] * (workers or 1)
    # A study may name its GPU (cuda:1); and without nvidia-smi CUDA takes the first, for all.
    gpus: list[str | None] = [*visible_gpus()] if device == "cuda" else []
    gpus = gpus or [None]
    most = len(gpus) * (workers_per_gpu or 1)
    if workers is not None and workers > most:
        here = "1 GPU" if len(gpus) == 1 else f"{len(gpus)} GPUs"
        raise UserError(
            f"{workers} workers are too many for {here} with {workers_per_gpu or 1} on each: there"
            f" is room for {most}. To have them share a GPU, give --workers-per-gpu"
            f" {math.ceil(workers / len(gpus))}."
        )
    return [gpus[index % len(gpus)] for index in range(workers or most)]


def may_be_here() -> bool:
    """Whether it is worth the seconds to ask torch for a GPU: False where there
    surely is none. nvidia-smi may be missing."""
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return bool(visible_gpus())
    return any(Path(driver).exists() for driver in DRIVERS) or bool(visible_gpus())


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        # CUDA sees what stands before the first that names none, such as
        # -1; one that is named twice is one GPU.
        return list(dict.fromkeys(itertools.takewhile(re.compile(r"\d|GPU-|MIG-").match, names)))
    try:
        told = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return []
    # Where a GPU is divided, its parts are what CUDA offers.
    return re.findall(r"UUID: (MIG-[^)\s]+)", told) or re.findall(r"UUID: (GPU-[^)\s]+)", told)
