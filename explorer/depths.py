"""Depth policies: which stages grow when a network gets deeper.

A policy gives, for n = 1, 2, ..., the n-th depths, which are never shallower than those before.
"""

from collections.abc import Callable

from explorer.architecture import Architecture
from explorer.errors import UserError, check_known
from explorer.names import BASIC_DEPTHS, BOTTLENECK_DEPTHS

Policy = Callable[[int], tuple[int, ...]]


def proportional(reference: Architecture) -> Policy:
    """All stages keep the reference's proportions.

    The n-th depths have n blocks in all, rounded in each stage (halves up), with at least one block
    in each stage.
    """
    depths = reference.depths
    blocks = sum(depths)
    return lambda n: tuple(max(1, (2 * n * depth + blocks) // (2 * blocks)) for depth in depths)


def longest(reference: Architecture) -> Policy:
    """Only the longest stage (the last of equals) grows, to n blocks.

    So does ResNet-50 (3-4-6-3) to become ResNet-101 (3-4-23-3).
    """
    depths = reference.depths
    position = max(range(len(depths)), key=lambda stage: (depths[stage], stage))
    return lambda n: (*depths[:position], n, *depths[position + 1 :])


def spread(reference: Architecture) -> Policy:
    """All stages keep the reference's proportions, as nearly as one block at a time allows.

    The n-th depths have n blocks in all, with at least one in each stage: each further block goes
    to the stage that is furthest behind (the last of equals), so 1-1-1 becomes 1-1-2, 1-2-2, 2-2-2.
    """
    shares = reference.depths
    depths = [1] * len(shares)
    order: list[int] = []  # the stage of each block behind the first of every stage

    def depths_at(n: int) -> tuple[int, ...]:
        further = max(0, n - len(shares))
        while len(order) < further:
            # Webster's method of sharing out seats: never shallower, and exact where it can be.
            priorities = [
                share / (2 * blocks + 1) for share, blocks in zip(shares, depths, strict=True)
            ]
            stage = max(range(len(depths)), key=lambda each: (priorities[each], each))
            order.append(stage)
            depths[stage] += 1
        return tuple(1 + order[:further].count(stage) for stage in range(len(shares)))

    return depths_at


def published(reference: Architecture) -> Policy:
    """The n-th published depths (`explorer.names`), and the last of them from there on.

    Raises:
        UserError: No network of this number of stages was published.
    """
    table = BASIC_DEPTHS if reference.template.kind == "basic" else BOTTLENECK_DEPTHS
    rows = [depths for depths in table.values() if len(depths) == len(reference.depths)]
    if not rows:
        raise UserError(
            f"no network of {len(reference.depths)} stages has published depths; "
            "use the depth policy 'proportional' or 'longest'."
        )
    return lambda n: rows[min(n, len(rows)) - 1]


POLICIES: dict[str, Callable[[Architecture], Policy]] = {
    "proportional": proportional,
    "spread": spread,
    "longest": longest,
    "published": published,
}


def find_policy(name: str, reference: Architecture) -> Policy:
    """The depth policy called `name` for a reference; raises `UserError` for an unknown name."""
    check_known("depth policy", name, POLICIES)
    return POLICIES[name](reference)
