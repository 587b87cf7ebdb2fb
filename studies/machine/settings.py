"""Settings: every choice that changes the bits of a result but not the question that is asked.

They are resolved when a study is created, and stored with it; a worker whose machine cannot follow
them refuses. Torch is imported only inside functions; `resolve` asks it in another process, so that
the caller stays light.
"""

import json
import subprocess
import sys
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from explorer.errors import UserError, check_known, unknown
from explorer.installed import numba_version
from explorer.scarcity import last_words
from studies.machine.cores import available_cores

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
settings._answer(sys.argv[2:])
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


def resolve(device: str = "auto", precision: str = "auto", workers: int = 1) -> Settings:
    """Find the settings for this machine, in a short-lived process that takes about 2 s.

    Args:
        device: One of `DEVICES`, or another `cuda:N`; `auto` uses CUDA where there is a GPU.
        precision: One of `PRECISIONS`; `auto` uses bf16 where the device has instructions for it
            (on a CPU with AVX-512 BF16 it was 1.5 times as fast as 32 bits at 8x8 pixels, and
            twice at 28x28).
        workers: Each gets an equal share of the cores.

    Raises:
        UserError: A value is unknown, the device does not exist, or torch does not start.
    """
    # The child imports exactly the modules that this process would, wherever it was started.
    arguments = [json.dumps(sys.path), device, precision, str(workers)]
    result = subprocess.run(
        [sys.executable, "-P", "-c", _CHILD, *arguments],
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
    return Settings(**answer)


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


def _answer(arguments: list[str]) -> None:
    """Print, in the process started by `resolve`, the settings or the user's mistake."""
    device, precision, workers = arguments
    try:
        answer: dict[str, Any] = resolve_here(device, precision, int(workers)).model_dump()
    except UserError as error:
        answer = {"error": str(error)}
    print(json.dumps(answer))


def resolve_here(device: str = "auto", precision: str = "auto", workers: int = 1) -> Settings:
    """As `resolve`, but in this process, which imports torch."""
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device not in DEVICES and not (device.startswith("cuda:") and device[5:].isdecimal()):
        raise unknown("device", device, DEVICES)
    check_known("precision", precision, PRECISIONS)
    _check_device(device)
    if precision == "auto":
        precision = "bf16" if _computes_bf16(device) else "32"
    settings = Settings(
        device=device, precision=precision, threads=max(1, available_cores() // max(1, workers))
    )
    check_settings(settings)
    return settings


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
