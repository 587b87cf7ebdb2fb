"""What results depend on beside a study's file: versions, the commit, the machine."""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from studies.machine import gpus

PACKAGES = ("resnext-explorer", "torch", "pytorch-lightning", "optuna", "numpy", "numba")


def installed_versions() -> dict[str, str]:
    """The versions of what results depend on."""
    versions = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    return versions


def git_commit() -> str | None:
    """The commit of the checkout this code or else the current folder belongs
    to; '-dirty' where files differ from it."""
    describe = ["describe", "--always", "--abbrev=40", "--exclude=*", "--dirty"]
    for folder in (Path(__file__).parent, Path.cwd()):
        try:
            described = subprocess.run(
                ["git", "-C", str(folder), *describe],
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return described.stdout.strip()
    return None


def machine() -> str:
    """System, processor, cores and kinds of GPU, in one line."""
    cpu = platform.processor() or platform.machine()
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text().splitlines()
            cpu = next(
                line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
            )
        except (OSError, StopIteration):
            pass
    parts = (f"{platform.system()} {platform.machine()}", cpu, f"{os.cpu_count()} cores")
    return ", ".join((*parts, *gpus.visible_models()))
