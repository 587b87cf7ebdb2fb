"""Data sets and their splits. Other rooms import from here; the modules are private to this one.

    from studies.data import DataSpec, load

    splits = load(DataSpec(name="digits", test=0.2))
    splits.train.images  # uint8, N x channels x height x width

Names are loaded when first used, so that listing the cache does not load the data section.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.data.cache_contents import clear_caches, list_caches
    from studies.data.downloads import CACHE_VARIABLE, cache_root
    from studies.data.images import DataShape, Images, Rows, Splits
    from studies.data.spec import DATA_SETS, DataSpec
    from studies.data.splits import data_shape, load, mean_and_std

_MODULES = {
    "CACHE_VARIABLE": "downloads",
    "DATA_SETS": "spec",
    "DataShape": "images",
    "DataSpec": "spec",
    "Images": "images",
    "Rows": "images",
    "Splits": "images",
    "cache_root": "downloads",
    "clear_caches": "cache_contents",
    "data_shape": "splits",
    "list_caches": "cache_contents",
    "load": "splits",
    "mean_and_std": "splits",
}

__all__ = [
    "CACHE_VARIABLE",
    "DATA_SETS",
    "DataShape",
    "DataSpec",
    "Images",
    "Rows",
    "Splits",
    "cache_root",
    "clear_caches",
    "data_shape",
    "list_caches",
    "load",
    "mean_and_std",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"studies.data.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'studies.data' has no attribute {name!r}")
