"""Names of a package that are imported only when they are first used."""

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from typing import Any


def lazy_names(
    package: str, modules: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], Any], list[str]]:
    """A package's `__getattr__` and `__all__`, so that importing it imports nothing heavy.

    Args:
        package: The package's `__name__`.
        modules: Its modules, each with the names that it hands on from there.
    """
    homes = {name: f"{package}.{module}" for module, names in modules.items() for name in names}

    def get(name: str) -> Any:
        if name in homes:
            return getattr(import_module(homes[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, sorted(homes)
