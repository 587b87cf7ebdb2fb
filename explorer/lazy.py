"""What is imported only when it is first used."""

import gc
import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any


def lazy_getattr(package: str, modules: Mapping[str, Iterable[str]]) -> Callable[[str], Any]:
    """A package's `__getattr__`, so that importing the package imports nothing heavy.

    Args:
        package: The package's `__name__`.
        modules: The names that each of its modules defines.
    """
    homes = {name: module for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name in homes:
            return getattr(load(f"{package}.{homes[name]}"), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get


def load(module: str) -> ModuleType:
    """Import a module, or take it where it is imported, without collecting garbage meanwhile.

    Torch and Lightning make a million objects that stay; looking through them again and again takes
    a fifth of their import.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        return import_module(module)
    finally:
        if was_enabled:
            gc.enable()


def load_tqdm_in_notebook() -> None:
    """Import tqdm, in a notebook without ipywidgets, as Optuna and Lightning will.

    It warns then that it finds no ipywidgets. This program draws its own bars, and needs none.
    """
    if "ipykernel" not in sys.modules or find_spec("ipywidgets"):
        return
    with suppress(ImportError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("tqdm.auto")
