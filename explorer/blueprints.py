"""The seam between networks and what is done with them.

Commands, search spaces, studies and dashboards take any `Blueprint`: an `Architecture`, or a
network of the user's own (`explorer.own`). A name with a colon is of the second kind.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Protocol, Self

from explorer.architecture import Architecture, no_network
from explorer.costs import Complexity
from explorer.errors import check_known
from explorer.lazy import load
from explorer.own.names import is_own


class Blueprint(Protocol):
    """A network before it is built: a value, of which equal ones build equal networks."""

    @property
    def name(self) -> str:
        """Its name, which parses back to it; without resolution, input channels and classes."""

    @property
    def resolution(self) -> int:
        """Side of the square input, in pixels."""

    @property
    def in_channels(self) -> int:
        """Channels of the input."""

    @property
    def classes(self) -> int:
        """Outputs of the classifier."""

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Channels, height and width of an input image."""

    @property
    def quantities(self) -> dict[str, Any]:
        """What can be given, solved and made an axis, in the order in which tables show it.

        Each is a whole number, a tuple of them, or None where the network has none.
        """

    @property
    def source(self) -> str:
        """A digest of the code that makes the network; "" of our own."""

    def with_(self, **quantities: Any) -> Self:
        """A copy with other quantities, resolution, input channels or classes."""

    def check_heeded(self, before: Self) -> None:
        """Raise `UserError` where it differs from `before` in a quantity that changes nothing."""

    def record(self) -> dict[str, Any]:
        """Its quantities as plain data, as JSON and databases have them."""

    def count(self) -> Complexity:
        """FLOPs, parameters and activations for one image."""

    def build(self) -> Any:
        """The torch module, N x in_channels x resolution x resolution to N x classes.

        Weights are drawn from torch's global generator.
        """


def blueprint(
    name: str,
    quantities: Mapping[str, Any] = MappingProxyType({}),
    /,
    *,
    resolution: int | None = None,
    classes: int | None = None,
    in_channels: int | None = None,
) -> Blueprint:
    """The network that a name stands for, one of ours or of the user's own.

    Only a name that the user gives, or that the user's own database holds, may come here: one with
    a colon imports the module that it names.

    Args:
        name: As of `Architecture.from_name`; or `package.module:function`, with quantities in
            parentheses: `mine.nets:convnext(depths=3-3-9-3,width=48)`.
        quantities: Other values than those of the name.
        resolution: Side of the input in pixels, by default 224, or 32 for `_cifar` names.
        classes: By default 1000, or 10 for `_cifar` names.
        in_channels: By default 3.

    Raises:
        UserError: No network has this name, or the function fails.
    """
    sizes = {"resolution": resolution, "classes": classes, "in_channels": in_channels}
    given = {key: value for key, value in sizes.items() if value is not None}
    if is_own(name):
        own: Blueprint = load("explorer.own.network").OwnNetwork.from_name(
            name, quantities, **given
        )
        return own
    network = Architecture.from_name(name, **given)
    for key in quantities:
        check_known("quantity", key, network.quantities)
    return network.with_(**quantities)


def as_blueprint(network: "Blueprint | str") -> Blueprint:
    """A network, which may be given by its name; raises `UserError` as `blueprint` does."""
    if isinstance(network, str):
        return blueprint(network)
    if not hasattr(network, "quantities"):
        raise no_network(network)
    return network
