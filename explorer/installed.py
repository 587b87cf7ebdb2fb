"""The version of this program, and what is installed beside it, none of it loaded."""

import site
import sysconfig
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[1]
ROOMS = ("explorer", "search_spaces", "studies", "dashboards")


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
    own = [paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")]
    # Debian's packages put modules elsewhere.
    return tuple(dict.fromkeys([*own, *site.getsitepackages(), site.getusersitepackages()]))


def is_of_a_library(path: Path) -> bool:
    """Whether a file is of Python, of an installed library, or of this program."""
    folders = [*map(Path, library_folders()), *(HOUSE / room for room in ROOMS)]
    return any(path.resolve().is_relative_to(folder.resolve()) for folder in folders)


@cache
def numba_version() -> str | None:
    """The version of Numba (the extra `[cpu]`); None where it is not installed.

    Numba compiles `explorer.networks.kernels`.
    """
    return version("numba") if find_spec("numba") else None
