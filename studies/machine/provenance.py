"""What results depend on beside a study's file: versions, the commit, the machine."""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

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
    system = f"{platform.system()} {platform.machine()}"
    parts = (system, processor(), f"{os.cpu_count()} cores")
    return ", ".join((*parts, *gpus.visible_models()))


def made_on(device: str, devices: int = 1) -> dict[str, Any]:
    """What the bits of a training depend on beside its study, as it is stored of an attempt.

    Args:
        device: Of the study's settings.
        devices: How many share a training.

    Returns:
        `machine`, the kind of processor or of GPU that computes, and `versions`.
    """
    kinds = [processor()] if device == "cpu" else gpus.visible_models()
    kind = ", ".join(kinds) or "unknown"
    machine = kind if devices == 1 else f"{devices} x {kind}"
    return {"machine": machine, "versions": installed_versions()}


def processor() -> str:
    """The kind of this machine's processor."""
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text().splitlines()
            return next(
                line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
            )
        except (OSError, StopIteration):
            pass
    return platform.processor() or platform.machine()
