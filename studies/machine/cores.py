"""How many cores there are for this process."""

import os
from pathlib import Path


def available_cores() -> int:
    """The cores that this process may use: its affinity, within a container's quota (cgroup v2)."""
    available = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(available, int(quota) // int(period)))
    except (OSError, ValueError):  # no cgroup, or "max": no quota
        return available
