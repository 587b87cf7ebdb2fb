"""The version of this program, and which optional libraries are installed, none of them loaded."""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec


def own_version() -> str:
    """The version of this program; `(not installed)` for a checkout on Python's path."""
    try:
        return version("resnext-explorer")
    except PackageNotFoundError:
        return "(not installed)"


@cache
def numba_version() -> str | None:
    """The version of Numba (the extra `[cpu]`); None where it is not installed.

    Numba compiles `explorer.networks.kernels`.
    """
    return version("numba") if find_spec("numba") else None
