"""Settings: every choice that changes the bits of a result but not the question that is asked.

They are resolved when a study is created, and stored with it; a worker whose machine cannot follow
them refuses. Torch is imported only inside functions; `resolve` asks it in another process, so that
the caller stays light.
"""

import json
import os
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from explorer.errors import UserError, check_known, unknown
from explorer.installed import numba_version
from explorer.scarcity import last_words
from studies.machine.cores import available_cores
from studies.machine.memory import keep_memory
from studies.machine.threads import Step, fastest, given_threads, not_followed, share

DEVICES = ("auto", "cpu", "cuda", "cuda:0", "cuda:1")
PRECISIONS = ("auto", "32", "bf16")
# As measured: explorer/README.md, "How it is made".
WITHOUT_NUMBA = (
    "Numba is not installed: with it, a training here would take 0.89 of the time. To install it:"
    " pip install numba"
)

_CHILD = """
import sys, json
sys.path[:] = json.loads(sys.argv[1])
import studies.machine.settings as settings
settings._answer(json.loads(sys.argv[2]))
"""


class Settings(BaseModel):
    """How a study is computed. Deterministic algorithms are always used.

    Attributes:
        device: `cpu`, `cuda` or `cuda:N`.
        precision: `32`, or `bf16` for autocast (weights stay in 32 bits).
        threads: Of torch, in each worker: another number gives other bits.
        memory_format: Of images and weights.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: str = Field(pattern=r"^(cpu|cuda(:\d+)?)$")
    precision: Literal["32", "bf16"]
    threads: int = Field(ge=1)
    memory_format: Literal["channels_last"] = "channels_last"


@dataclass(frozen=True)
class Resolved:
    """Settings for this machine, and sentences on how they were chosen."""

    settings: Settings
    notes: tuple[str, ...] = ()


def resolve(
    device: str = "auto",
    precision: str = "auto",
    workers: int = 1,
    threads: int | None = None,
    step: Step | None = None,
) -> Resolved:
    """Find the settings for this machine, in a short-lived process that takes about 2 s.

    Args:
        device: One of `DEVICES`, or another `cuda:N`; `auto` uses CUDA where there is a GPU.
        precision: One of `PRECISIONS`; `auto` uses bf16 where the device has instructions for it
            (on a CPU with AVX-512 BF16 it was 1.5 times as fast as 32 bits at 8x8 pixels, and
            twice at 28x28).
        workers: Each gets an equal share of the cores at most.
        threads: Of each worker. None takes what OMP_NUM_THREADS says; without it one on CUDA, and
            on a CPU one, or the worker's share of the cores where that makes `step` faster.
        step: What a training does again and again; timed where the threads are to be chosen, which
            takes another second or two. Without it the share is taken.

    Raises:
        UserError: A value is unknown, the device does not exist, there are more threads than cores,
            or torch does not start.
    """
    asked = {
        "device": device,
        "precision": precision,
        "workers": workers,
        "threads": threads,
        "step": step and asdict(step),
    }
    # The child imports exactly the modules that this process would, wherever it was started.
    result = subprocess.run(
        [sys.executable, "-P", "-c", _CHILD, json.dumps(sys.path), json.dumps(asked)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise UserError(
            "cannot find out what this machine can do: torch does not start:"
            f" {last_words(result.returncode, result.stderr)}"
        )
    answer = json.loads(result.stdout.splitlines()[-1])
    if "error" in answer:
        raise UserError(answer["error"])
    return Resolved(Settings(**answer["settings"]), tuple(answer["notes"]))


def resolve_here(
    device: str = "auto",
    precision: str = "auto",
    workers: int = 1,
    threads: int | None = None,
    step: Step | None = None,
) -> Resolved:
    """As `resolve`, but in this process, which imports torch; only steps are timed in another."""
    resolved = _resolved(device, precision, workers, threads)
    if step and _is_open(resolved.settings, workers, threads):
        settings = resolved.settings
        return resolve(settings.device, settings.precision, workers, step=step)
    return resolved


def check_settings(settings: Settings) -> None:
    """Raise `UserError` unless this machine can compute with the settings. Imports torch."""
    _check_device(settings.device)
    if settings.precision == "bf16" and not _computes_bf16(settings.device):
        raise UserError(
            f"this study trains in bf16, for which {_name(settings.device)} has no instructions, so"
            " its numbers would not be the same. Run it on a machine like the one it was created"
            " on, or create a study with precision 32."
        )
    if settings.device == "cpu" and settings.threads > available_cores():
        raise UserError(
            f"this study trains with {settings.threads} threads in each worker, and this machine"
            f" has {available_cores()} cores. Another number of threads gives other numbers: run it"
            " on a larger machine, or create a study here."
        )


def speed_hints(settings: Settings) -> list[str]:
    """What would make trainings with these settings faster on this machine, in sentences."""
    bf16_by_one_thread = (
        settings.device == "cpu" and settings.precision == "bf16" and settings.threads == 1
    )
    return [WITHOUT_NUMBA] if bf16_by_one_thread and numba_version() is None else []


def _answer(asked: dict[str, Any]) -> None:
    """Print, in the process started by `resolve`, the settings or the user's mistake.

    It ends the process at once: a step that takes too long may still be running.
    """
    step = asked.pop("step")
    try:
        resolved = _resolved(**asked)
        settings, notes = resolved.settings, resolved.notes
        if step and _is_open(settings, asked["workers"], asked["threads"]):
            keep_memory()  # as a worker does
            chosen = fastest(Step(**step), settings.precision, settings.threads)
            settings = settings.model_copy(update={"threads": chosen.number})
            notes = (*notes, chosen.why)
        answer: dict[str, Any] = {"settings": settings.model_dump(), "notes": notes}
    except UserError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
    os._exit(0)


def _is_open(settings: Settings, workers: int, threads: int | None) -> bool:
    """Whether steps should be timed to choose the number of threads."""
    return (
        settings.device == "cpu"
        and settings.threads > 1
        and given_threads(threads, workers) is None
    )


def _resolved(device: str, precision: str, workers: int, threads: int | None) -> Resolved:
    """The settings, with a worker's share of the cores where steps should be timed."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in DEVICES and not (device.startswith("cuda:") and device[5:].isdecimal()):
        if device.lower().startswith(("gpu", "nvidia")):
            error = unknown("device", device, DEVICES, alike=())
            raise UserError(f"{error} A GPU of NVIDIA's is called cuda.")
        raise unknown("device", device, DEVICES)
    check_known("precision", precision, PRECISIONS)
    _check_device(device)
    if precision == "auto":
        precision = "bf16" if _computes_bf16(device) else "32"
    chosen = given_threads(threads, workers)
    # What a GPU leaves to the CPU is for one thread.
    number = chosen.number if chosen else share(workers) if device == "cpu" else 1
    settings = Settings(device=device, precision=precision, threads=number)
    check_settings(settings)
    notes = (not_followed(threads), chosen.why if chosen else "")
    return Resolved(settings, tuple(filter(None, notes)))


def _check_device(device: str) -> None:
    import torch

    if device == "cpu":
        return
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    index = int(device.partition(":")[2] or 0)
    if count == 0:
        build = (
            "" if torch.version.cuda else f" (torch {torch.__version__} is a build without CUDA)"
        )
        raise UserError(
            f"the device {device} does not exist: torch finds no CUDA device here{build}. Use the"
            " device cpu."
        )
    if index >= count:
        available = ", ".join(f"cuda:{number}" for number in range(count))
        raise UserError(f"the device {device} does not exist. Available: {available}.")


def _computes_bf16(device: str) -> bool:
    import torch

    if device != "cpu":
        # `torch.cuda.is_bf16_supported` answers for the current device, which is the first.
        index = int(device.partition(":")[2] or 0)
        return bool(torch.version.hip) or torch.cuda.get_device_properties(index).major >= 8
    # Torch has no public functions for these two. Without such instructions bf16 is emulated, and
    # slower than 32 bits.
    tests = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, test, bool)() for test in tests)


def _name(device: str) -> str:
    return "this processor" if device == "cpu" else device
