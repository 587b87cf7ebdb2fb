"""Which designs a study may visit: a reference, the axes to vary, and the rule by which what is left is solved."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictInt, field_validator, model_validator

from explorer.architecture import Architecture
from explorer.budget import LABELS, MEASURES, QUANTITIES, Design, ImpossibleBudget, describe_miss, nearest
from explorer.errors import UserError, unknown
from explorer.text import human_percent
from search_spaces.documents import load_document

Whole = Annotated[StrictInt, Field(ge=1)]
WholeList = Annotated[list[Whole], Field(min_length=1)]


class Strict(BaseModel):
    """A part of a file: unknown keys are errors, values do not change after loading."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Matching(Strict):
    """What is solved, which cost is kept, and how far off a design may be (a fraction; none means the nearest always counts)."""

    solve: str = "bottleneck_width"
    by: str = "flops"
    tolerance: float | None = Field(default=None, ge=0, lt=1)
    multiple_of: Whole = 1

    @field_validator("solve")
    @classmethod
    def _known_quantity(cls, value: str) -> str:
        if value not in QUANTITIES:
            raise unknown("quantity to solve", value, QUANTITIES)
        return value

    @field_validator("by")
    @classmethod
    def _known_measure(cls, value: str) -> str:
        if value not in MEASURES:
            raise unknown("measure", value, MEASURES)
        return value


class Axes(Strict):
    """The values along each axis; a design is made for every combination."""

    cardinality: WholeList | None = None
    bottleneck_width: WholeList | None = None
    width: WholeList | None = None
    depths: Annotated[list[WholeList], Field(min_length=1)] | None = None

    def values(self) -> dict[str, list[Any]]:
        """The axes that are given, in the order above."""
        axes: dict[str, list[Any]] = {}
        for name in type(self).model_fields:
            choices = getattr(self, name)
            if choices is not None:
                axes[name] = [tuple(choice) if isinstance(choice, list) else choice for choice in choices]
        return axes


@dataclass(frozen=True)
class LeftOut:
    """A point of the space that no whole number solves within the tolerance, and why."""

    arm: str
    reason: str


@dataclass(frozen=True)
class Resolved:
    """A space for one kind of input: its designs in the order of the axes, and the points it leaves out."""

    designs: list[Design]
    left_out: list[LeftOut]


class SearchSpace(Strict):
    """Reference, axes and matching rule. Resolution, input channels and classes come from the data where a file leaves them out."""

    name: str = Field(min_length=1)
    description: str = ""
    reference: str | Annotated[list[str], Field(min_length=1)]
    match: Matching = Matching()
    axes: Axes
    resolution: Whole | None = None
    in_channels: Whole | None = None
    classes: Whole | None = None

    @model_validator(mode="after")
    def _consistent(self) -> "SearchSpace":
        axes = self.axes.values()
        if not axes:
            raise UserError(f"axes: name at least one of {', '.join(Axes.model_fields)} with the values to visit")
        if self.match.solve in axes:
            raise UserError(
                f"{self.match.solve} is both an axis and what match solves for; take it out of one of the two"
            )
        for key, values in axes.items():
            if len(set(values)) < len(values):
                raise UserError(
                    f"axes.{key} lists a value twice: {[list(v) if isinstance(v, tuple) else v for v in values]}"
                )
        for name in self.references:
            Architecture.from_name(name)
        return self

    @classmethod
    def load(cls, name_or_path: str | Path) -> "SearchSpace":
        """A preset by name, or a file by path."""
        return load_document(cls, "space", name_or_path)

    @property
    def references(self) -> list[str]:
        return [self.reference] if isinstance(self.reference, str) else self.reference

    def arm_label(self, point: Mapping[str, Any], reference: str | None = None) -> str:
        """The arm that a point of the axes belongs to: `{"cardinality": 8}` -> 'C=8'.

        With several references, an arm carries its reference's name too. Raises `UserError` for what is no point of the axes.
        """
        axes = self.axes.values()
        chosen: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in point.items()
        }
        owner = chosen.pop("reference", reference or self.references[0])
        for key in chosen:
            if key not in axes:
                raise unknown("axis", str(key), axes)
        for key, values in axes.items():
            if key not in chosen:
                raise UserError(f"the axis {key} is missing; it takes one of {', '.join(map(str, values))}.")
            if chosen[key] not in values:
                raise UserError(f"{key} takes one of {', '.join(map(str, values))}; given: {chosen[key]!r}.")
        label = ", ".join(f"{LABELS[key]}={_written(chosen[key])}" for key in axes)
        return f"{owner} {label}" if len(self.references) > 1 else label

    def resolve(
        self, *, resolution: int | None = None, in_channels: int | None = None, classes: int | None = None
    ) -> Resolved:
        """Solve every point for an input. Raises `UserError` where the file and the data disagree, or nothing is left."""
        given = {"resolution": resolution, "in_channels": in_channels, "classes": classes}
        for key, value in given.items():
            fixed = getattr(self, key)
            if fixed is not None and value is not None and fixed != value:
                raise UserError(f"the space {self.name} is for {key} {fixed}, but the data has {value}.")
            given[key] = value if fixed is None else fixed
        designs: list[Design] = []
        left_out: list[LeftOut] = []
        for reference in self.references:
            for found in self._points(Architecture.from_name(reference, **given)):
                (designs if isinstance(found, Design) else left_out).append(found)  # type: ignore[arg-type]
        if not designs:
            reasons = "; ".join(f"{point.arm}: {point.reason}" for point in left_out)
            raise UserError(f"no design of the space {self.name} is within its tolerance. {reasons}")
        return Resolved(designs, left_out)

    def _points(self, reference: Architecture) -> Iterator[Design | LeftOut]:
        axes, rule = self.axes.values(), self.match
        for values in product(*axes.values()):
            chosen = dict(zip(axes, values, strict=True))
            arm = self.arm_label(chosen, reference.name)
            try:
                given: dict[str, Any] = {key: [value] for key, value in chosen.items()}
                (design,) = nearest(reference, solve=rule.solve, by=rule.by, multiple_of=rule.multiple_of, **given)
            except ImpossibleBudget as error:
                yield LeftOut(arm, str(error))
                continue
            if rule.tolerance is not None and abs(design.mismatch) > rule.tolerance:
                miss = describe_miss(design, rule.solve, axes)
                yield LeftOut(arm, f"{miss} is off by more than {human_percent(rule.tolerance)}")
            else:
                yield replace(design, arm=arm)


def _written(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)
