"""Attributes of a package that are imported only when they are first used."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


def lazy_getattr(package: str, homes: Mapping[str, str]) -> Callable[[str], Any]:
    """A package's `__getattr__`, so that importing the package imports nothing heavy.

    Args:
        package: The package's `__name__`, for the message about an attribute it does not have.
        homes: The module that defines each attribute, by the attribute's name.
    """

    def get(name: str) -> Any:
        if name in homes:
            return getattr(import_module(homes[name]), name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get
