"""Processes that train keep their memory: their heap grows, and pages are not given back."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_runs import DONE, Recorder, attempts, run

from studies.machine.memory import reset_peak

GIGABYTE = 2**30

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc"
    or not Path("/proc/self/maps").exists()
    or "GLIBC_TUNABLES" in os.environ,
    reason="needs glibc as it comes, and /proc",
)


def heap(pid: int) -> int:
    """Bytes of the heap of a process; one that keeps its memory has taken a gigabyte at once."""
    size = 0
    for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
        if line.endswith("[heap]"):
            low, high = (int(number, 16) for number in line.split()[0].split("-"))
            size += high - low
    return size


@pytest.mark.parametrize(("line", "expected"), [("keep_memory()", True), ("", False)])
def test_what_was_freed_is_used_again_without_new_pages(line: str, expected: bool) -> None:
    code = (
        "import ctypes, resource\nfrom studies.machine.memory import keep_memory\n"
        f"{line}\n"
        "libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p\n"
        "libc.malloc.argtypes = libc.free.argtypes = None\n"
        "def use():\n"
        "    there = ctypes.c_void_p(libc.malloc(ctypes.c_size_t(64 * 2**20)))\n"
        "    ctypes.memset(there, 1, 64 * 2**20)\n"
        "    libc.free(there)\n"
        "use(); before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "use(); print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)\n"
    )
    faults = int(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
    )
    assert (faults < 100) is expected


def test_somebody_elses_tuning_is_left_alone() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import os, test_memory\n"
    )
    code += (
        "from studies.machine.memory import keep_memory; keep_memory(); x = [bytes(1000) for _ in"
        " range(100_000)]\n"
    )
    code += "print(test_memory.heap(os.getpid()))"
    tuned = {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.tcache_count=7"}
    for environment, keeps in ((tuned, False), (dict(os.environ), True)):
        path = os.pathsep.join(sys.path)
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**environment, "PYTHONPATH": path},
        )
        assert (int(result.stdout) > GIGABYTE) is keeps


def test_workers_keep_their_memory(fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    def look(worker: int, event: dict[str, Any]) -> None:
        sizes.extend(heap(attempt.worker.pid) for attempt in attempts() if attempt.running)

    monkeypatch.setenv("FAKE_EPOCH", "0.2")
    assert run(tiny, Recorder(look), workers=1) == DONE
    assert sizes
    assert min(size for size in sizes if size) > GIGABYTE


@pytest.mark.slow
def test_the_command_train_keeps_its_memory(workdir: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "explorer",
        "train",
        "resnext_1_2x4d_w8_small8",
        "--data",
        "digits",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert [json.loads(process.stdout.readline())["event"] for _ in range(2)] == [
            "begin",
            "epoch",
        ]
        size = heap(process.pid)
        process.terminate()
    assert size > GIGABYTE


PEAKS = """
import torch
from explorer import Architecture
from studies.data import DataSpec, load
from studies.machine.memory import keep_memory
from studies.config.recipe import Recipe
from studies.machine.settings import Settings
from studies.training.training import train

def peak():
    shape = {"resolution": 8, "classes": 10, "in_channels": 1}
    network = Architecture.from_name("resnext_1_2x4d_w8_small8", **shape)
    recipe = Recipe.model_validate({"name": "quick", "epochs": 1, "batch_size": 512})
    settings = Settings(device="cpu", precision="32", threads=1)
    return train(network, recipe, data, 0, settings).peak_memory

keep_memory()
data = load(DataSpec(name="digits", test=0.2))
before = peak()
tensors = [torch.ones(2**18) for _ in range(500)]
last = torch.ones(2**18)  # what was freed lies in the middle of the heap
del tensors
print(before, peak())
"""


def test_a_training_is_not_charged_with_what_others_freed_before() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run(
        [sys.executable, "-c", PEAKS], capture_output=True, text=True, check=True, env=environment
    )
    before, after = (int(number) for number in result.stdout.split())
    assert after < before + 200 * 2**20  # of 500


def test_a_peak_that_cannot_be_reset_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    def refuse(path: Path, text: str) -> int:
        raise PermissionError

    monkeypatch.setattr(Path, "write_text", refuse)
    assert not reset_peak(torch.device("cpu"))
