"""Data sets and their splits. Other rooms import from here; the modules are private to this one.

Names are loaded when first used, so that the commands of the caches load no model of a file.

from studies.data import DataSpec, load

splits = load(DataSpec(name="digits", test=0.2))
splits.train.images  # uint8, N x channels x height x width
"""

from typing import TYPE_CHECKING

from explorer.lazy import lazy_getattr

if TYPE_CHECKING:
    from studies.data.cache_contents import CachedData, clear_caches, list_caches
    from studies.data.downloads import CACHE_VARIABLE, cache_root
    from studies.data.images import DataShape, Images, Parts, Rows, Splits
    from studies.data.spec import DATA_SETS, DataSpec
    from studies.data.splits import data_shape, load, mean_and_std, shape_and_parts

__all__ = [
    "CACHE_VARIABLE",
    "DATA_SETS",
    "CachedData",
    "DataShape",
    "DataSpec",
    "Images",
    "Parts",
    "Rows",
    "Splits",
    "cache_root",
    "clear_caches",
    "data_shape",
    "list_caches",
    "load",
    "mean_and_std",
    "shape_and_parts",
]
__getattr__ = lazy_getattr(
    __name__,
    {
        "CACHE_VARIABLE": "studies.data.downloads",
        "DATA_SETS": "studies.data.spec",
        "CachedData": "studies.data.cache_contents",
        "DataShape": "studies.data.images",
        "DataSpec": "studies.data.spec",
        "Images": "studies.data.images",
        "Parts": "studies.data.images",
        "Rows": "studies.data.images",
        "Splits": "studies.data.images",
        "cache_root": "studies.data.downloads",
        "clear_caches": "studies.data.cache_contents",
        "data_shape": "studies.data.splits",
        "list_caches": "studies.data.cache_contents",
        "load": "studies.data.splits",
        "mean_and_std": "studies.data.splits",
        "shape_and_parts": "studies.data.splits",
    },
)
