"""The sections `axes`, `match`, `scale` and `free` of a space's file.

They say what a space varies, and by which rule the rest is solved.
"""

import re
from collections import Counter
from collections.abc import Iterable
from functools import partial
from typing import Annotated, Any

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from explorer.architecture import CHOICES
from explorer.depths import POLICIES
from explorer.designs import (
    ARMS,
    LABELS,
    LARGEST_BUDGET,
    MEASURES,
    QUANTITIES,
    WHOLE_MEASURES,
    Budget,
)
from explorer.errors import UserError, check_known, shorten
from explorer.numbers import parse_number, parse_share
from explorer.own.names import as_plain, parse_value
from explorer.text import dashed
from search_spaces.documents import FileModel

MOST = 2**20  # of a width, a cardinality or a depth: studies show them to Optuna in one fixed range
Whole = Annotated[StrictInt, Field(ge=1, le=MOST)]
WholeList = Annotated[list[Whole], Field(min_length=1)]


def as_blocks(value: Any) -> Any:
    """The blocks of each stage, which may be written 3-4-6-3, as a list."""
    if not isinstance(value, str):
        return value
    if not re.fullmatch(r"[1-9]\d*(-[1-9]\d*)*", value, re.ASCII):
        raise UserError("the blocks of each stage are written [3, 4, 6, 3] or 3-4-6-3")
    return [int(blocks) for blocks in value.split("-")]


def as_amount(value: Any) -> Any:
    """A number as people write it, 5M, as a number."""
    return parse_number(value) if isinstance(value, str) else value


AXIS_LABELS = {**LABELS, "depth_policy": "depth policy"}
Blocks = Annotated[WholeList, BeforeValidator(as_blocks, json_schema_input_type=WholeList | str)]
# A share that may be written 5%.
Share = Annotated[
    float, BeforeValidator(partial(parse_share, label="it"), json_schema_input_type=float | str)
]
# A number of FLOPs, parameters or activations, which may be written 5M or 1.2G.
Amount = Annotated[
    float,
    BeforeValidator(as_amount, json_schema_input_type=float | str),
    Field(gt=0, le=LARGEST_BUDGET),
]
SCALED_ARMS = tuple(dict.fromkeys(ARMS.values()))


def words(known: Iterable[str]) -> WithJsonSchema:
    """The words that an editor offers for a text; what is given is checked elsewhere."""
    return WithJsonSchema({"enum": list(known)})


Measure = Annotated[str, words(MEASURES)]
Policy = Annotated[str, words(POLICIES)]
Kind = Annotated[str, words(CHOICES["kind"])]
Growth = Annotated[str, words(CHOICES["growth"])]
Shortcut = Annotated[str, words(CHOICES["shortcut"])]
Order = Annotated[str, words(CHOICES["order"])]


class Matching(FileModel):
    """The quantity to solve, the cost to keep, and the largest mismatch allowed.

    Attributes:
        solve: What is solved at every point of the axes.
        by: The cost that is kept.
        tolerance: The largest mismatch of an arm, a fraction or 5%. Without one, the nearest
            design is taken however far off it is.
        multiple_of: What the solved quantity is a multiple of.
        depth_policy: Which stages grow, where depths are solved.
    """

    solve: Annotated[str, words(QUANTITIES)] = "bottleneck_width"
    by: Measure = "flops"
    tolerance: Share | None = None
    multiple_of: Whole = 1
    depth_policy: Policy = "proportional"

    @model_validator(mode="after")
    def _known_words(self) -> "Matching":
        check_known("measure", self.by, MEASURES)
        check_known("depth policy", self.depth_policy, POLICIES)
        return self

    def check_solve(self) -> None:
        """Raise `UserError` where the quantity to solve is none of our own networks."""
        check_known("quantity to solve", self.solve, QUANTITIES)


class Scaling(FileModel):
    """The arms at `factor` times the reference's cost, beside the reference itself.

    Attributes:
        factor: Of the reference's cost.
        by: The cost that is multiplied.
        arms: Which arms there are.
        depth_policy: Which stages grow, in the deeper arm.
        multiple_of: What the solved quantity is a multiple of.
        tolerance: The largest mismatch of an arm, a fraction or 5%.
    """

    factor: float = Field(gt=0)
    by: Measure = "flops"
    arms: Annotated[list[Annotated[str, words(SCALED_ARMS)]], Field(min_length=1)] = Field(
        default_factory=lambda: list(SCALED_ARMS)
    )
    depth_policy: Policy = "proportional"
    multiple_of: Whole = 1
    tolerance: Share | None = None

    @model_validator(mode="after")
    def _known_words(self) -> "Scaling":
        check_known("measure", self.by, MEASURES)
        check_known("depth policy", self.depth_policy, POLICIES)
        for arm in self.arms:
            check_known("arm", arm, SCALED_ARMS)
        return self


class Free(FileModel):
    """Independent axes, of which nothing is solved.

    Attributes:
        limits: The most a design may cost, by measure: `{params: 30M}`.
    """

    limits: dict[str, Amount] = Field(default_factory=dict)

    @field_validator("limits", mode="before")
    @classmethod
    def _known_measures(cls, limits: Any) -> Any:
        if not isinstance(limits, dict):
            return limits
        for measure in limits:
            check_known("measure", measure, MEASURES)
        return limits


class Limit(FileModel):
    """The budget from which a space derives its reference: one measure, as `{flops: 5M}`.

    Attributes:
        flops: Multiply-adds for one image, such as 5M.
        params: Parameters, such as 500k.
        activations: Activations of convolutions and the classifier for one image.
    """

    flops: Amount | None = None
    params: Amount | None = None
    activations: Amount | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> "Limit":
        given = [measure for measure in WHOLE_MEASURES if getattr(self, measure) is not None]
        if len(given) != 1:
            raise UserError(
                f"give one of {', '.join(WHOLE_MEASURES)}, for example {{flops: 5M}}; given:"
                f" {' and '.join(given) or 'none'}"
            )
        return self

    @property
    def budget(self) -> Budget:
        """The budget as the solver takes it."""
        return next(
            Budget(measure, value)
            for measure in WHOLE_MEASURES
            if (value := getattr(self, measure)) is not None
        )


class OwnAxes(FileModel):
    """The same for networks of the user's own: any quantity of the function is an axis.

    Which it has, only the function knows, and a file is read without importing it.
    """

    model_config = ConfigDict(extra="allow")

    @model_validator(mode="before")
    @classmethod
    def _parsed(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        for key in data:
            if not isinstance(key, str) or not key.isidentifier():
                raise UserError(f"axes: {shorten(key)} is no name of a quantity")
        return {key: _own_values(key, values) for key, values in data.items()}

    @model_validator(mode="after")
    def _different(self) -> "OwnAxes":
        _check_different(self.values())
        return self

    def values(self) -> dict[str, list[Any]]:
        """The axes, in the order of the file."""
        return {
            key: [tuple(each) if isinstance(each, list) else each for each in choices]
            for key, choices in (self.model_extra or {}).items()
        }


def _own_values(key: str, values: Any) -> list[Any]:
    if not isinstance(values, list) or not values:
        raise UserError(f"axes.{key} must be a list of at least one value, as [3, 5, 7]")
    return [as_plain({key: parse_value(value, f"axes.{key}")})[key] for value in values]


def _check_different(axes: dict[str, list[Any]]) -> None:
    for key, values in axes.items():
        if len(set(values)) < len(values):
            twice = next(value for value, times in Counter(values).items() if times > 1)
            raise UserError(f"axes.{key} lists a value twice: {dashed(twice)}")


class Axes(FileModel):
    """The values along each axis; there is one design for every combination.

    Attributes:
        kind: The block.
        cardinality: C, the number of paths of a block.
        bottleneck_width: d, the width of one path in the first stage.
        width: Channels that the first stage puts out.
        depths: Networks, each with the blocks of its stages: [[1, 1, 1], [2, 2, 2]] or
            [1-1-1, 2-2-2].
        depth_policy: Which stages grow, where depths are solved.
        growth: What doubles from stage to stage; root: C halves, and d grows fourfold.
        shortcut: What stands beside the paths of a block.
        order: Batch norm and relu after or before each convolution.
    """

    kind: Annotated[list[Kind], Field(min_length=1)] | None = None
    cardinality: WholeList | None = None
    bottleneck_width: WholeList | None = None
    width: WholeList | None = None
    depths: Annotated[list[Blocks], Field(min_length=1)] | None = None
    depth_policy: Annotated[list[Policy], Field(min_length=1)] | None = None
    growth: Annotated[list[Growth], Field(min_length=1)] | None = None
    shortcut: Annotated[list[Shortcut], Field(min_length=1)] | None = None
    order: Annotated[list[Order], Field(min_length=1)] | None = None

    @field_validator("depths", mode="before", json_schema_input_type=list[Blocks] | str)
    @classmethod
    def _networks(cls, depths: Any) -> Any:
        if isinstance(depths, list) and any(isinstance(blocks, int) for blocks in depths):
            raise UserError(
                "depths lists networks, each with the blocks of its stages: [[1, 1, 1], [2, 2, 2]]"
                " or [1-1-1, 2-2-2]"
            )
        return [depths] if isinstance(depths, str) else depths

    @model_validator(mode="after")
    def _known_words(self) -> "Axes":
        for name, allowed in {"depth_policy": tuple(POLICIES), **CHOICES}.items():
            for value in getattr(self, name) or ():
                check_known(AXIS_LABELS[name], value, allowed)
        _check_different(self.values())
        return self

    def values(self) -> dict[str, list[Any]]:
        """The axes that are given, in the order above."""
        axes: dict[str, list[Any]] = {}
        for name in type(self).model_fields:
            choices = getattr(self, name)
            if choices is not None:
                axes[name] = [tuple(each) if isinstance(each, list) else each for each in choices]
        return axes
