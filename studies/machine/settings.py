"""Settings: every choice that changes the bits of a result but not the
question asked. Resolved once, then stored.

A study's settings are resolved when it is created and kept in its storage; a worker that cannot
honour them refuses. Torch is imported only inside functions; `resolve` runs it in a process of its
own, so that the caller stays light.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from explorer.errors import UserError, unknown
from explorer.installed import numba_version
from explorer.scarcity import last_words

DEVICES = ("auto", "cpu", "cuda", "cuda:0", "cuda:1")
PRECISIONS = ("auto", "32", "bf16")
# Measured: explorer/README.md, "How it is made".
WITHOUT_NUMBA = (
    "Numba is not installed: with it, a training here would take 0.89 of the time. To install it:"
    " pip install numba"
)


class Settings(BaseModel):
    """`device`: cpu, cuda or cuda:N. `precision`: 32, or bf16 for autocast (weights stay in 32
    bits). `threads`: of torch, in each worker. Deterministic algorithms are always used."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field(pattern=r"^(cpu|cuda(:\d+)?)$")
    precision: Literal["32", "bf16"]
    threads: int = Field(ge=1)
    memory_format: Literal["channels_last"] = "channels_last"


def resolve(device: str = "auto", precision: str = "auto", workers: int = 1) -> Settings:
    """The settings for this machine, found by a short-lived process (about 2 s).

    `auto` takes CUDA where there is one, and bf16 where the processor computes it by itself
    (on a CPU with AVX-512 BF16 it was 1.5 times as fast as 32 bits at 8x8 pixels, twice at
    28x28). Each of `workers` gets an equal share of the cores. Raises `UserError` for what is
    unknown or not there.
    """
    # The child finds exactly the modules that this process would, wherever it was started.
    code = (
        "import sys, json; sys.path[:] = json.loads(sys.argv[1]); import studies.machine.settings"
        " as s; s._answer(sys.argv[2:])"
    )
    command = [
        sys.executable,
        "-P",
        "-c",
        code,
        json.dumps(sys.path),
        device,
        precision,
        str(workers),
    ]
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise UserError(
            "cannot find out what this machine can do: torch does not start:"
            f" {last_words(result.returncode, result.stderr)}"
        )
    answer = json.loads(result.stdout.splitlines()[-1])
    if "error" in answer:
        raise UserError(answer["error"])
    return Settings(**answer)


def check(settings: Settings) -> None:
    """Raises `UserError` where this machine cannot honour `settings`. Imports torch."""
    _check_device(settings.device)
    if settings.precision == "bf16" and not _computes_bf16(settings.device):
        raise UserError(
            f"this study trains in bf16, which {_name(settings.device)} does not compute by itself,"
            " so its numbers would not be the same. Work on it from a machine like the one it was"
            " created on, or create a study with precision 32."
        )
    if settings.device == "cpu" and settings.threads > cores():
        raise UserError(
            f"this study trains with {settings.threads} threads in each worker, and this machine"
            f" has {cores()} cores. Another number of threads gives other numbers: work on it from"
            " a larger machine, or create a study here."
        )


def hints(settings: Settings) -> list[str]:
    """What would make trainings with `settings` faster on this machine, in sentences."""
    bf16_by_one_thread = (
        settings.device == "cpu" and settings.precision == "bf16" and settings.threads == 1
    )
    return [WITHOUT_NUMBA] if bf16_by_one_thread and numba_version() is None else []


def cores() -> int:
    """Cores that this process may use: its affinity, within the container's quota (cgroup v2)."""
    available = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(available, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup, or "max": no quota
        return available


def _answer(arguments: list[str]) -> None:
    """What the process started by `resolve` prints: the settings, or the user's mistake."""
    device, precision, workers = arguments
    try:
        answer: dict[str, Any] = resolve_here(device, precision, int(workers)).model_dump()
    except UserError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))


def resolve_here(device: str = "auto", precision: str = "auto", workers: int = 1) -> Settings:
    """What `resolve` finds, found in this process: imports torch."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in DEVICES and not (device.startswith("cuda:") and device[5:].isdecimal()):
        raise unknown("device", device, DEVICES)
    if precision not in PRECISIONS:
        raise unknown("precision", precision, PRECISIONS)
    _check_device(device)
    if precision == "auto":
        precision = "bf16" if _computes_bf16(device) else "32"
    settings = Settings(
        device=device, precision=precision, threads=max(1, cores() // max(1, workers))
    )
    check(settings)
    return settings


def _check_device(device: str) -> None:
    import torch

    if device == "cpu":
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(device.partition(":")[2] or 0)
    if count == 0:
        build = (
            ""
            if torch.version.cuda
            else f" (and torch {torch.__version__} is a build without CUDA)"
        )
        raise UserError(
            f"the device {device} was asked for, and torch finds no CUDA device here{build}. Use"
            " the device cpu."
        )
    if index >= count:
        there = ", ".join(f"cuda:{number}" for number in range(count))
        raise UserError(f"the device {device} does not exist. Here: {there}.")


def _computes_bf16(device: str) -> bool:
    import torch

    if device != "cpu":
        # `torch.cuda.is_bf16_supported` answers for the current device, which is the first.
        index = int(device.partition(":")[2] or 0)
        return bool(torch.version.hip) or torch.cuda.get_device_properties(index).major >= 8
    # Private, but torch has no public name for them; elsewhere bf16
    # is emulated, and slower than 32 bits.
    tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, test, bool)() for test in tests)


def _name(device: str) -> str:
    return "this processor" if device == "cpu" else device
