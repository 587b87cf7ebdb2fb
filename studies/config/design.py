"""A design as a study stores it: its network, the arm it stands for, and what it costs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from explorer import Architecture, Blueprint, Design, UserError, blueprint
from explorer.own.names import Value, as_plain
from studies.data import DataShape


@dataclass(frozen=True)
class StoredDesign:
    """One design of a study. All fields but `shape` are stored, in this order.

    `flops`, `params` and `activations` are those that were counted when it was stored; `budget` is
    in the measure `by`, and `mismatch` is the cost over the budget, minus one. A network of the
    user's own has `values`, sorted, and a digest of its `source`; all that is of our own blocks is
    None, and the other way round.
    """

    name: str
    reference: str | None
    cardinality: int | None
    bottleneck_width: int | None  # basic blocks have none
    width: int | None
    depths: tuple[int, ...] | None
    flops: int
    params: int
    activations: int
    by: str
    budget: float
    mismatch: float
    arm: str
    growth: str | None
    shortcut: str | None
    stem: str | None
    stem_channels: int | None
    kind: str | None
    order: str | None
    shape: DataShape
    values: tuple[tuple[str, Value], ...] = ()
    source: str = ""

    @classmethod
    def of(cls, design: Design) -> Self:
        """A design that was resolved or matched."""
        network, record = design.architecture, {"arm": design.arm, **design.record()}
        if isinstance(network, Architecture):
            record |= {
                "growth": network.growth,
                "shortcut": network.shortcut,
                "stem": network.stem.kind,
                "stem_channels": network.stem.channels,
                "kind": network.template.kind,
                "order": network.order,
            }
        shape = DataShape(network.resolution, network.in_channels, network.classes)
        return cls.read(record, shape)

    @classmethod
    def read(cls, record: Mapping[str, Any], shape: DataShape) -> Self:
        """A stored record of a design, for data of this shape."""
        values: dict[str, Any] = {key: record[key] for key in (*_NAMES, *_COSTS)}
        ours = (*_QUANTITIES, *_WORDS)
        if "quantities" in record:
            own = {key: _tuples(value) for key, value in record["quantities"].items()}
            values |= {**dict.fromkeys(ours), "values": tuple(own.items())}
            values["source"] = record["source"]
        else:
            values |= {key: {**_unsaid(record), **record}[key] for key in ours}
            values["depths"] = tuple(record["depths"])
        return cls(**values, shape=shape)

    def record(self) -> dict[str, Any]:
        """What is stored of it."""
        keys = [*_NAMES, *_COSTS] if self.source else [*_NAMES, *_QUANTITIES, *_COSTS, *_WORDS]
        stored = as_plain({key: getattr(self, key) for key in keys})
        if self.source:
            return stored | {"quantities": as_plain(dict(self.values)), "source": self.source}
        usual = _unsaid(stored)
        return {key: value for key, value in stored.items() if value != usual.get(key, ...)}

    @property
    def quantities(self) -> dict[str, Any]:
        """What tells one design from another, by quantity."""
        if self.source:
            return dict(self.values)
        return {key: getattr(self, key) for key in _QUANTITIES}

    @cached_property
    def architecture(self) -> Blueprint:
        """Its network.

        Raises:
            UserError: The source of a network of the user's own has changed since it was stored.
        """
        network = blueprint(self.name, **vars(self.shape))
        self.check_source(network)
        return network

    def check_source(self, network: Blueprint) -> None:
        """Raise `UserError` where the source of this network has changed, with what that costs."""
        if network.source != self.source:
            counts = {key: getattr(self, key) for key in COUNTS}
            raise UserError(
                f"{changed_source(network, counts, 'was stored')} Take the source of then, or give"
                " the study another name."
            )


def changed_source(network: Blueprint, counts: Mapping[str, float], when: str) -> str:
    """That the source of a network of the user's own has changed, a sentence.

    Args:
        network: As its function makes it now.
        counts: What it cost before, as far as that is known.
        when: What was done before, as "was stored".
    """
    now = vars(network.count())
    changes = [
        f"{int(before):,} -> {now[key]:,} {key}"
        for key, before in counts.items()
        if before != now[key]
    ]
    return (
        f"the source of {network.name.partition('(')[0]} has changed since {network.name} {when}:"
        f" {', '.join(changes) or 'its costs are the same, but its code is not'}."
    )


def check_sources(designs: Iterable[StoredDesign]) -> None:
    """Raise `UserError` where the source of one of the user's own networks has changed."""
    for design in designs:
        if design.source:
            design.check_source(blueprint(design.name, **vars(design.shape)))


def _unsaid(record: Mapping[str, Any]) -> dict[str, str]:
    """What a record does not say, as there was nothing else when designs were first stored."""
    return {"kind": "bottleneck" if record["bottleneck_width"] else "basic", "order": "post"}


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


COUNTS = ("flops", "params", "activations")
_QUANTITIES = ("cardinality", "bottleneck_width", "width", "depths")
_NAMES = ("name", "reference")
_COSTS = (*COUNTS, "by", "budget", "mismatch", "arm")
_WORDS = ("growth", "shortcut", "stem", "stem_channels", "kind", "order")
