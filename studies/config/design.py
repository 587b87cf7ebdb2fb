"""A design as a study stores it: its network, the arm it stands for, and what it costs."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Self

from explorer import Architecture, Design
from studies.data import DataShape


@dataclass(frozen=True)
class StoredDesign:
    """One design of a study. All fields but `shape` are stored, in this order.

    `flops`, `params` and `activations` are those that were counted when it was stored; `budget` is
    in the measure `by`, and `mismatch` is the cost over the budget, minus one.
    """

    name: str
    reference: str | None
    cardinality: int
    bottleneck_width: int | None  # basic blocks have none
    width: int
    depths: tuple[int, ...]
    flops: int
    params: int
    activations: int
    by: str
    budget: float
    mismatch: float
    arm: str
    growth: str
    shortcut: str
    stem: str
    stem_channels: int
    kind: str
    order: str
    shape: DataShape

    @classmethod
    def of(cls, design: Design) -> Self:
        """A design that was resolved or matched."""
        network = design.architecture
        return cls(
            **{"arm": design.arm, **design.record(), "depths": network.depths},
            growth=network.growth,
            shortcut=network.shortcut,
            stem=network.stem.kind,
            stem_channels=network.stem.channels,
            kind=network.template.kind,
            order=network.order,
            shape=DataShape(network.resolution, network.in_channels, network.classes),
        )

    @classmethod
    def read(cls, record: Mapping[str, Any], shape: DataShape) -> Self:
        """A stored record of a design, for data of this shape."""
        values = {key: {**_unsaid(record), **record}[key] for key in _STORED}
        return cls(**{**values, "depths": tuple(record["depths"])}, shape=shape)

    def record(self) -> dict[str, Any]:
        """What is stored of it."""
        stored = {**{key: getattr(self, key) for key in _STORED}, "depths": list(self.depths)}
        usual = _unsaid(stored)
        return {key: value for key, value in stored.items() if value != usual.get(key, ...)}

    @cached_property
    def architecture(self) -> Architecture:
        """Its network."""
        return Architecture.from_name(self.name, **vars(self.shape))


def _unsaid(record: Mapping[str, Any]) -> dict[str, str]:
    """What a record does not say, as there was nothing else when designs were first stored."""
    return {"kind": "bottleneck" if record["bottleneck_width"] else "basic", "order": "post"}


_STORED = [field.name for field in fields(StoredDesign) if field.name != "shape"]
