"""Design residual networks under a budget: architectures, their exact costs, and the widths that match a cost.

`build` (the torch module) is loaded when first used, so that importing `explorer` imports no torch.
"""

from typing import TYPE_CHECKING, Any

from explorer.architecture import Architecture, Stage, Stem, Template
from explorer.budget import Budget, Design, match
from explorer.complexity import Complexity, count
from explorer.errors import UserError
from explorer.layers import Layer, iter_layers

if TYPE_CHECKING:
    from explorer.network import build

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
    "iter_layers",
    "match",
]


def __getattr__(name: str) -> Any:
    if name == "build":
        from explorer.network import build

        return build
    raise AttributeError(f"module 'explorer' has no attribute {name!r}")
