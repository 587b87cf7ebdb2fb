"""Design residual networks under a budget: architectures, their
exact costs, and the widths that match a cost.

`build` (the torch module) and `enumerate_designs` (a pandas table) are loaded when first used, so
that importing `explorer` imports neither torch nor pandas.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from explorer.architecture import Architecture, Stage
from explorer.budget import Budget, Design, match, scale
from explorer.complexity import Complexity, count
from explorer.errors import UserError
from explorer.layers import Layer, iter_layers
from explorer.template import Stem, Template

if TYPE_CHECKING:
    from explorer.enumeration import enumerate_designs
    from explorer.networks.network import build

_LAZY = {"build": "explorer.networks.network", "enumerate_designs": "explorer.enumeration"}

__all__ = [
    "Architecture",
    "Budget",
    "Complexity",
    "Design",
    "Layer",
    "Stage",
    "Stem",
    "Template",
    "UserError",
    "build",
    "count",
    "enumerate_designs",
    "iter_layers",
    "match",
    "scale",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'explorer' has no attribute {name!r}")
