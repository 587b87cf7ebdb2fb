"""Which libraries of the optional extras are installed, found out without loading them."""

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec


@cache
def numba_version() -> str | None:
    """The version of Numba (the extra `[cpu]`); None where it is not installed.

    Numba compiles `explorer.networks.kernels`.
    """
    return version("numba") if find_spec("numba") else None
