"""The version of this program, and what is installed beside it, none of it loaded."""

import sysconfig
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
def library_folders() -> tuple[str, ...]:
    """The folders of Python's own modules and of installed ones."""
    paths = sysconfig.get_paths()
    return tuple(paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib"))


@cache
def numba_version() -> str | None:
    """The version of Numba (the extra `[cpu]`); None where it is not installed.

    Numba compiles `explorer.networks.kernels`.
    """
    return version("numba") if find_spec("numba") else None
