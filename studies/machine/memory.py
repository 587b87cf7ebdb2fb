"""How a process that trains keeps its memory, and how much a training took.

Torch is imported only inside functions.
"""

import contextlib
import ctypes
import gc
import os
import platform
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

# Of <malloc.h>.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
# Of <sys/mman.h>, on Linux.
MADV_HUGEPAGE = 14
HUGE_PAGE = 2 * 2**20
FIRST = 2**30  # bytes

_keeps_memory = False


def machine_memory() -> int:
    """The memory of this machine in bytes, or the container's limit (cgroup v2) if that is less."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no cgroup, or "max": no limit
        return total


def keep_memory() -> None:
    """Have the C library keep what this process frees, instead of returning it to the system.

    Training a small network on a CPU frees and allocates the same hundreds of megabytes in every
    step, and new pages are the most expensive part of it: `relu` on a fresh bf16 tensor of 51 MB
    took 29 ms, on kept memory 3.7 ms (`tests/benchmarks/bench_training.py` measures a training).

    It is for processes of our own, not for a program that imports this one. It does nothing without
    glibc, or where the user tunes it already with GLIBC_TUNABLES.
    """
    global _keeps_memory
    if platform.libc_ver()[0] != "glibc" or "GLIBC_TUNABLES" in os.environ:
        return
    _keeps_memory = True
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_MAX, 0)  # large tensors come from the heap too
    mallopt(M_TRIM_THRESHOLD, -1)  # the heap never shrinks
    mallopt(M_TOP_PAD, 256 * 2**20)  # and grows in large steps
    _take_first()


def _take_first() -> None:
    """Allocate the first gigabyte at once, in huge pages where the system has them.

    No memory is used before it is written to.
    """
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if start := libc.malloc(FIRST):
        libc.free(start)
        aligned = -(-start // HUGE_PAGE) * HUGE_PAGE
        libc.madvise(aligned, FIRST - HUGE_PAGE, MADV_HUGEPAGE)


def give_back() -> None:
    """Return to the system, once, the memory that earlier trainings left unused.

    A training that was stopped or failed remains in reference cycles of Lightning's, with its data
    (on a GPU, with memory of the device, which other workers may want).
    """
    import torch

    gc.collect()
    torch.cuda.empty_cache()  # does nothing before CUDA is used
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
        if _keeps_memory:
            _take_first()


def reset_peak(device: "torch.device") -> bool:
    """Begin to measure what `read_peak` returns; False where the system cannot."""
    if device.type == "cuda":
        import torch

        torch.cuda.init()
        torch.cuda.reset_peak_memory_stats(device)
        return True
    try:
        Path("/proc/self/clear_refs").write_text("5")  # man 5 proc: resets VmHWM
    except OSError:
        return False
    return True


def read_peak(device: "torch.device") -> int | None:
    """The most memory in use since `reset_peak`, in bytes; None where the system does not say.

    On a GPU it is what torch has allocated, on a CPU what is resident in the process.
    """
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    with contextlib.suppress(OSError):
        if match := re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text()):
            return 1024 * int(match[1])
    return None
