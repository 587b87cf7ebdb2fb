"""Which device the tests in `gpu/` use, and when they are skipped."""

import os
import subprocess
import sys
from typing import Any

import pytest
import torch

from studies.machine.settings import Settings, resolve_here

# The same tests pass on a CPU, where RESNEXT_EXPLORER_CUDA_TESTS_ON says `cpu`: so they can be
# tried on a machine without a GPU before they are needed on one that has it.
DEVICE = os.environ.get("RESNEXT_EXPLORER_CUDA_TESTS_ON", "cuda")
ON_CUDA = DEVICE == "cuda"
# The slowest, with two runs of a study and a fixture of one, took 69 s on a machine with an H100.
SECONDS = 120 if ON_CUDA else 600
MARKS = [
    pytest.mark.cuda,
    pytest.mark.skipif(
        ON_CUDA and not torch.cuda.is_available(),
        reason="no CUDA device: torch.cuda.is_available() is False",
    ),
    # Each test has its own, so that one that hangs costs no other.
    pytest.mark.timeout(SECONDS),
]
# cuBLAS reads it once, when the first of these tests uses it.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def settings(precision: str = "auto", device: str = DEVICE) -> Settings:
    """The product's own choice for a device, with one thread on the CPU."""
    return resolve_here(device, precision, threads=1).settings


def command(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command line as a process of its own, in the current folder."""
    return subprocess.run(
        [sys.executable, "-m", "explorer", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS - 10,
        env={**os.environ, **environment},
    )


def on_device(value: Any) -> Any:
    """A tensor or module on the device of these tests."""
    return value.to(DEVICE)
