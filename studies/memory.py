"""How a process that trains keeps its memory."""

import ctypes
import os
import platform

# Of <malloc.h>.
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4
# Of <sys/mman.h>, on Linux.
MADV_HUGEPAGE = 14
HUGE_PAGE = 2 * 2**20
FIRST = 2**30


def keep_memory() -> None:
    """Have the C library keep what this process frees, for its next tensors, instead of giving it back to the system.

    Training a small network on a CPU frees and takes the same hundreds of megabytes in every step, and new pages are the
    dearest part of it (`tests/benchmarks/bench_training.py` measures by how much). For processes of our own, not for a
    program that uses us. Does nothing without glibc, or where GLIBC_TUNABLES says that somebody tunes it already.
    """
    if platform.libc_ver()[0] != "glibc" or "GLIBC_TUNABLES" in os.environ:
        return
    libc = ctypes.CDLL(None)
    mallopt = libc.mallopt
    mallopt(M_MMAP_MAX, 0)  # large tensors come from the heap too
    mallopt(M_TRIM_THRESHOLD, -1)  # the heap never shrinks
    mallopt(M_TOP_PAD, 256 * 2**20)  # and grows in large steps
    # The first gigabyte at once, in huge pages where the system gives them when asked. Nothing of it is used before it is written to.
    libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    libc.free.argtypes = [ctypes.c_void_p]
    libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    if start := libc.malloc(FIRST):
        libc.free(start)
        aligned = -(-start // HUGE_PAGE) * HUGE_PAGE
        libc.madvise(aligned, FIRST - HUGE_PAGE, MADV_HUGEPAGE)
