"""A network of the user's own as plain data, and as rows: its modules and what each costs."""

from collections.abc import Iterator
from typing import Any

from explorer.blueprints import Blueprint
from explorer.costs import Complexity
from explorer.text import human_count

ITSELF = "(itself)"  # the part that is not inside any module of the network


def own_record(network: Blueprint) -> dict[str, Any]:
    """A network, its costs and its modules, as `describe --json` prints them."""
    return {
        "name": network.name,
        **network.record(),
        "resolution": network.resolution,
        **vars(network.count()),
        "modules": [
            {
                "name": part.name,
                "kind": part.kind,
                "output": list(part.output),
                **vars(part.complexity),
            }
            for part in _parts(network)
        ],
    }


def own_rows(network: Blueprint) -> list[tuple[Any, ...]]:
    """Each module that costs something, or has no others in it, as a row of a table."""
    return [
        (
            part.name or ITSELF,
            part.kind,
            "x".join(map(str, part.output)),
            *map(human_count, vars(part.complexity).values()),
        )
        for part in _parts(network)
    ]


def own_costs(network: Blueprint) -> Iterator[tuple[str, Complexity]]:
    """What each module costs, under the name of the network's child that it is in."""
    for part in _parts(network):
        yield part.name.partition(".")[0] or ITSELF, part.complexity


def _parts(network: Blueprint) -> Any:
    from explorer.networks import examine
    from explorer.own.network import OwnNetwork

    assert isinstance(network, OwnNetwork)
    return examine(network).parts
