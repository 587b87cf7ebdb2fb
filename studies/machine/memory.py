"""How a process that trains keeps its memory, and how much a training
took. Torch is imported only inside functions."""

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
FIRST = 2**30

_keeps = False


def memory_here() -> int:
    """Bytes of memory that processes here may have together: the
    machine's, or the container's limit (cgroup v2)."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        return min(total, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no cgroup, or "max": no limit
        return total


def keep_memory() -> None:
    """Have the C library keep what this process frees, for its next
    tensors, instead of giving it back to the system.

    Training a small network on a CPU frees and takes the same hundreds of megabytes in every step,
    and new pages are the dearest part of it (`tests/benchmarks/bench_training.py` measures by how
    much). For processes of our own, not for a program that uses us. Does nothing without glibc, or
    where GLIBC_TUNABLES says that somebody tunes it already.
    """
    global _keeps
    if platform.libc_ver()[0] != "glibc" or "GLIBC_TUNABLES" in os.environ:
        return
    _keeps = True
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(M_MMAP_MAX, 0)  # large tensors come from the heap too
    mallopt(M_TRIM_THRESHOLD, -1)  # the heap never shrinks
    mallopt(M_TOP_PAD, 256 * 2**20)  # and grows in large steps
    _take_first()


def _take_first() -> None:
    """The first gigabyte at once, in huge pages where the system gives them when asked.
    Nothing of it is used before it is written to."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if start := libc.malloc(FIRST):
        libc.free(start)
        aligned = -(-start // HUGE_PAGE) * HUGE_PAGE
        libc.madvise(aligned, FIRST - HUGE_PAGE, MADV_HUGEPAGE)


def give_back() -> None:
    """Give back to the system, this once, what this process holds and
    does not use: what earlier trainings left.

    A training that was stopped or failed stays in reference cycles of Lightning's,
    with its data (on a GPU, memory of the device).
    """
    gc.collect()
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).malloc_trim(0)
        if _keeps:
            _take_first()


def reset_peak(device: "torch.device") -> bool:
    """Begin to watch what `peak` tells. False: the system does not
    tell, or would tell of what was before."""
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


def peak(device: "torch.device") -> int | None:
    """The most memory held since `reset_peak`, in bytes: allocated on the
    GPU, resident in the process on a CPU."""
    if device.type == "cuda":
        import torch

        return torch.cuda.max_memory_allocated(device)
    with contextlib.suppress(OSError):
        if found := re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text()):
            return 1024 * int(found[1])
    return None
