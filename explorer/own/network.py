"""A network of the user's own, as the rest of the house takes it: see `explorer.blueprints`."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from explorer.costs import Complexity
from explorer.lazy import load
from explorer.own.functions import find_family, words
from explorer.own.names import OwnName, Value, as_plain
from explorer.template import SIZES, whole


@dataclass(frozen=True)
class OwnNetwork:
    """A function of the user's with its quantities, an input and classes.

    Attributes:
        target: The function, as package.module:function.
        values: Its quantities and their values, sorted.
        source: The digest of its source.
        resolution: Side of the square input, in pixels.
        in_channels: Channels of the input.
        classes: Outputs of the classifier.
    """

    target: str
    values: tuple[tuple[str, Value], ...]
    source: str
    resolution: int = 224
    in_channels: int = 3
    classes: int = 1000

    def __post_init__(self) -> None:
        for size in SIZES:
            object.__setattr__(self, size, whole(getattr(self, size), size.replace("_", " ")))

    @classmethod
    def from_name(cls, name: str, quantities: Mapping[str, Any], **sizes: int) -> "OwnNetwork":
        """The network that a name stands for, with other quantities where some are given.

        Raises `UserError` as `find_family` does.
        """
        given = OwnName.parse(name)
        family = find_family(given.target)
        values = tuple(sorted(family.values({**given.values, **quantities}).items()))
        return cls(given.target, values, family.source, **sizes)

    @property
    def own_name(self) -> OwnName:
        """The name in its parts."""
        return OwnName(self.target, self.quantities)

    @property
    def name(self) -> str:
        """The name, which parses back to this network: all quantities, sorted."""
        return str(self.own_name)

    @property
    def quantities(self) -> dict[str, Any]:
        """The function's parameters and their values."""
        return dict(self.values)

    @property
    def sizes(self) -> dict[str, int]:
        """Resolution, input channels and classes."""
        return {size: getattr(self, size) for size in SIZES}

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an input image."""
        return self.in_channels, self.resolution, self.resolution

    def __str__(self) -> str:
        return words(self.own_name, self.sizes)

    def with_(self, **quantities: Any) -> "OwnNetwork":
        """A copy with other values; raises `UserError` for a quantity that it does not have."""
        sizes = {size: quantities.pop(size) for size in SIZES if size in quantities}
        values = find_family(self.target).values({**self.quantities, **quantities})
        return replace(self, values=tuple(sorted(values.items())), **sizes)

    def check_heeded(self, before: "OwnNetwork") -> None:
        """Raise `UserError` where the function ignores a quantity in which `before` differs."""
        for quantity, value in self.values:
            if value != before.quantities[quantity]:
                load("explorer.networks").check_heeded(before, quantity, value)

    def record(self) -> dict[str, Any]:
        """Its quantities and the digest of its source as plain data."""
        return {"quantities": as_plain(self.quantities), "source": self.source}

    def count(self) -> Complexity:
        """FLOPs, parameters and activations, as torch counts them."""
        complexity: Complexity = load("explorer.networks").examine(self).complexity
        return complexity

    def build(self) -> Any:
        """The torch module."""
        return load("explorer.networks").build_own(self)
