"""Everything that needs torch: the network of a design, its measured cost, its exports.

The names below are what the rest of the house uses; the modules behind them are private to this
package. Each is loaded when it is first used, since torch alone takes two seconds to import.
"""

from typing import TYPE_CHECKING

from explorer.lazy import lazy_getattr

if TYPE_CHECKING:
    from explorer.networks.crosscheck import fvcore_complexity
    from explorer.networks.exporting import check_name, export, foreign_constructor, fresh_network
    from explorer.networks.graphs import forget, record
    from explorer.networks.measuring import (
        MODES,
        Case,
        Timing,
        measure,
        time_threads,
        use_threads,
    )
    from explorer.networks.network import Network, build, channels_last
    from explorer.networks.own import (
        Examined,
        Part,
        blueprint_of,
        build_own,
        check_heeded,
        examine,
    )
    from explorer.networks.rules import BlockShape, Violation, example_image, find_violations
    from explorer.networks.saved import SavedNetwork, load_network
    from explorer.networks.sgd import SGD
    from explorer.networks.synced import sync_norms
    from explorer.networks.time_matching import match_time
    from explorer.networks.weights import for_other_classes, load_weights, starting_weights

__all__ = [
    "MODES",
    "SGD",
    "BlockShape",
    "Case",
    "Examined",
    "Network",
    "Part",
    "SavedNetwork",
    "Timing",
    "Violation",
    "blueprint_of",
    "build",
    "build_own",
    "channels_last",
    "check_heeded",
    "check_name",
    "examine",
    "example_image",
    "export",
    "find_violations",
    "for_other_classes",
    "foreign_constructor",
    "forget",
    "fresh_network",
    "fvcore_complexity",
    "load_network",
    "load_weights",
    "match_time",
    "measure",
    "read_metadata",
    "record",
    "starting_weights",
    "sync_norms",
    "time_onnx",
    "time_threads",
    "use_threads",
]

__getattr__ = lazy_getattr(
    __name__,
    {
        "crosscheck": ("fvcore_complexity",),
        "exporting": ("check_name", "export", "foreign_constructor", "fresh_network"),
        "graphs": ("forget", "record"),
        "measuring": (
            "MODES",
            "Case",
            "Timing",
            "measure",
            "time_onnx",
            "time_threads",
            "use_threads",
        ),
        "network": ("Network", "build", "channels_last"),
        "own": (
            "Examined",
            "Part",
            "blueprint_of",
            "build_own",
            "check_heeded",
            "examine",
        ),
        "rules": ("BlockShape", "Violation", "example_image", "find_violations"),
        "saved": ("SavedNetwork", "load_network", "read_metadata"),
        "sgd": ("SGD",),
        "synced": ("sync_norms",),
        "time_matching": ("match_time",),
        "weights": ("for_other_classes", "load_weights", "starting_weights"),
    },
)
