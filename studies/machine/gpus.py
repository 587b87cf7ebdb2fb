"""Which GPUs this machine has, found without torch, and which worker gets which."""

import itertools
import math
import os
import re
import subprocess

from explorer.errors import UserError
from studies.machine.cores import available_cores

# On a CPU. Each worker is a process with torch in it: a slipped digit (100 for 10) would start them
# all, and keep the machine and its memory busy for minutes, also while they are stopped.
MOST_WORKERS_A_CORE = 8


def check_workers(
    workers: int | None,
    workers_per_gpu: int | None,
    threads: int | None = None,
    devices: int | None = None,
) -> None:
    """Raise `UserError` unless each number that is given is a whole number of at least 1."""
    named = {"workers": workers, "workers per GPU": workers_per_gpu, "threads": threads}
    named["devices per worker"] = devices
    for name, number in named.items():
        if number is not None and (
            isinstance(number, bool) or not isinstance(number, int) or number < 1
        ):
            raise UserError(f"{name} must be a whole number of at least 1; given: {number!r}.")


def deal(
    device: str, workers: int | None, workers_per_gpu: int | None, devices: int = 1
) -> list[str | None]:
    """Deal the GPUs out to the workers.

    Args:
        device: Of the study's settings: `cpu`, `cuda` (any GPU) or `cuda:N`.
        workers: How many; by default one on a CPU, and `workers_per_gpu` for each GPU.
        workers_per_gpu: How many may share a GPU; by default 1.
        devices: Of each worker: GPUs, or on a CPU processes.

    Returns:
        For each worker the only GPUs it sees, as CUDA_VISIBLE_DEVICES names them; None where it
        sees the same as this process.

    Raises:
        UserError: There are more workers than the cores or the GPUs take, or `workers_per_gpu` is
            given though no GPU is used.
    """
    if device == "cpu":
        if workers_per_gpu is not None:
            raise UserError(
                "--workers-per-gpu is for a study that trains on GPUs, and this one trains on the"
                " CPU. Give --workers alone; the workers share the cores."
            )
        most = max(1, MOST_WORKERS_A_CORE * available_cores() // devices)
        if workers is not None and workers > most:
            raise UserError(
                f"{workers:,} workers are too many for {available_cores()} cores: at most {most}"
                f" ({MOST_WORKERS_A_CORE} a core). One a core is usually fastest."
            )
        return [None] * (workers or 1)
    # A study may name its GPU (cuda:1). Without nvidia-smi all workers use CUDA's first GPU.
    gpus: list[str | None] = [*visible_gpus()] if device == "cuda" else []
    if devices > 1:
        gpus = _in_groups(gpus, devices, workers_per_gpu)
    gpus = gpus or [None]
    most = len(gpus) * (workers_per_gpu or 1)
    if workers is not None and workers > most:
        if devices > 1:
            raise UserError(
                f"{workers} workers with {devices} GPUs each are too many here: there is room for"
                f" {most}."
            )
        here = "1 GPU" if len(gpus) == 1 else f"{len(gpus)} GPUs"
        raise UserError(
            f"{workers} workers are too many for {here} with {workers_per_gpu or 1} on each: there"
            f" is room for {most}. To have them share a GPU, give --workers-per-gpu"
            f" {math.ceil(workers / len(gpus))}."
        )
    return [gpus[index % len(gpus)] for index in range(workers or most)]


def _in_groups(
    gpus: list[str | None], devices: int, workers_per_gpu: int | None
) -> list[str | None]:
    """The GPUs of each worker that has several."""
    if workers_per_gpu is not None:
        raise UserError(
            "--workers-per-gpu has workers share a GPU, and --devices-per-worker gives each worker"
            " several. Give one of the two."
        )
    if len(gpus) < devices:
        raise UserError(
            f"--devices-per-worker {devices} needs {devices} GPUs, and there are {len(gpus)} here."
            " Give a smaller number."
        )
    starts = range(0, len(gpus) - devices + 1, devices)
    return [",".join(map(str, gpus[start : start + devices])) for start in starts]


def visible_gpus() -> list[str]:
    """The GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        names = [name.strip() for name in given.split(",")]
        # CUDA ignores everything from the first entry that names no GPU, such as -1. A GPU that is
        # named twice is one GPU.
        return list(dict.fromkeys(itertools.takewhile(re.compile(r"\d|GPU-|MIG-").match, names)))
    output = _nvidia_smi()
    # CUDA offers the parts of a GPU that is divided (MIG), not the GPU.
    parts = re.findall(r"UUID: (MIG-[^)\s]+)", output)
    return parts or re.findall(r"UUID: (GPU-[^)\s]+)", output)


def visible_models() -> list[str]:
    """What kinds of GPU this process may use, such as NVIDIA H100 80GB HBM3, each once.

    Empty without nvidia-smi.
    """
    visible = visible_gpus()
    models = []
    # A GPU, and the parts of it that are on the lines below.
    for listed in re.split(r"^(?=GPU )", _nvidia_smi() if visible else "", flags=re.MULTILINE):
        if match := re.match(r"GPU (\d+): (.+) \(UUID", listed):
            number, model = match.groups()
            names = [number, *re.findall(r"UUID: ([^)\s]+)", listed)]
            # CUDA_VISIBLE_DEVICES may hold the beginning of a UUID.
            if any(
                name == gpu or (not gpu.isdecimal() and name.startswith(gpu))
                for gpu in visible
                for name in names
            ):
                models.append(model)
    return list(dict.fromkeys(models))


def _nvidia_smi() -> str:
    """The list of GPUs that nvidia-smi prints; empty where it cannot."""
    try:
        return subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=20, check=True
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
