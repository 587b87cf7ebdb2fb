"""Design residual networks under a budget.

Architectures, their exact costs, and the widths that match a cost. `build` (the torch module),
`enumerate_designs` (a pandas table) and `suggest` (which counts arrays) are loaded when first used,
so that importing `explorer` imports neither torch nor pandas nor NumPy.
"""

from typing import TYPE_CHECKING

from explorer.architecture import Architecture, Stage
from explorer.blueprints import Blueprint, blueprint
from explorer.budget import match, scale
from explorer.complexity import count
from explorer.costs import Complexity
from explorer.designs import Budget, Design
from explorer.errors import UserError
from explorer.layers import Layer, iter_layers
from explorer.lazy import lazy_getattr
from explorer.template import Stem, Template

if TYPE_CHECKING:
    from explorer.enumeration import enumerate_designs
    from explorer.networks import build
    from explorer.references import Suggestion, suggest
else:  # a type checker takes any name from a module with `__getattr__`
    __getattr__ = lazy_getattr(
        __name__,
        {
            "networks": ("build",),
            "enumeration": ("enumerate_designs",),
            "references": ("Suggestion", "suggest"),
        },
    )

__all__ = [
    "Architecture",
    "Blueprint",
    "Budget",
    "Complexity",
    "Design",
    "Layer",
    "Stage",
    "Stem",
    "Suggestion",
    "Template",
    "UserError",
    "blueprint",
    "build",
    "count",
    "enumerate_designs",
    "iter_layers",
    "match",
    "scale",
    "suggest",
]
