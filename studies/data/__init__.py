"""Data sets and their splits. Other rooms import from here; the modules are private to this one.

Names are loaded when first used, so that the commands of the caches load no model of a file.

from studies.data import DataSpec, load

splits = load(DataSpec(name="digits", test=0.2))
splits.train.images  # uint8, N x channels x height x width
"""

from typing import TYPE_CHECKING

from explorer.lazy import lazy_getattr

if TYPE_CHECKING:
    from studies.data.arrays import to_uint8
    from studies.data.cache_contents import CachedData, clear_caches, list_caches
    from studies.data.decoding import Decoding
    from studies.data.downloads import CACHE_VARIABLE, cache_root
    from studies.data.exported import Exported
    from studies.data.folder_layout import has_test
    from studies.data.images import DataShape, Images, Parts, Rows, Splits
    from studies.data.in_memory import data_section, is_of_arrays
    from studies.data.photos import find_photos, read_photos
    from studies.data.sizes import Sizes, known_sizes
    from studies.data.spec import DATA_SETS, OWN, DataSpec
    from studies.data.splits import data_shape, load, mean_and_std, shape_and_parts

__all__ = [
    "CACHE_VARIABLE",
    "DATA_SETS",
    "OWN",
    "CachedData",
    "DataShape",
    "DataSpec",
    "Decoding",
    "Exported",
    "Images",
    "Parts",
    "Rows",
    "Sizes",
    "Splits",
    "cache_root",
    "clear_caches",
    "data_section",
    "data_shape",
    "find_photos",
    "has_test",
    "is_of_arrays",
    "known_sizes",
    "list_caches",
    "load",
    "mean_and_std",
    "read_photos",
    "shape_and_parts",
    "to_uint8",
]
__getattr__ = lazy_getattr(
    __name__,
    {
        "cache_contents": ("CachedData", "clear_caches", "list_caches"),
        "downloads": ("CACHE_VARIABLE", "cache_root"),
        "decoding": ("Decoding",),
        "exported": ("Exported",),
        "folder_layout": ("has_test",),
        "images": ("DataShape", "Images", "Parts", "Rows", "Splits"),
        "arrays": ("to_uint8",),
        "in_memory": ("data_section", "is_of_arrays"),
        "photos": ("find_photos", "read_photos"),
        "sizes": ("Sizes", "known_sizes"),
        "spec": ("DATA_SETS", "OWN", "DataSpec"),
        "splits": ("data_shape", "load", "mean_and_std", "shape_and_parts"),
    },
)
