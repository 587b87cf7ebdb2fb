"""Which libraries of the optional extras are here, asked without loading them."""

from functools import cache
from importlib.metadata import version
from importlib.util import find_spec


@cache
def numba_version() -> str | None:
    """The version of Numba (the extra `[cpu]`), which compiles
    `explorer.networks.kernels`; None where it is not installed."""
    return version("numba") if find_spec("numba") else None
