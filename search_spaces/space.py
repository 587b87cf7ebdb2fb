"""The file of a search space: a reference, the axes to vary, and the rule for the rest.

There are three kinds. A `match` space solves one quantity at every point of its axes, so that every
design costs what its reference costs. A `scale` space has the arms deeper, wider and more paths,
each at k times the reference's cost. A `free` space solves nothing: its axes are independent, and
costs may be limited.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import product
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import Field, SerializeAsAny, ValidationInfo, field_validator, model_validator

from explorer.architecture import Architecture
from explorer.blueprints import blueprint
from explorer.budget import check_measure, check_solve
from explorer.designs import ARMS
from explorer.errors import UserError, check_known, cut, shorten
from explorer.own.names import OwnName, is_own, parse_value
from explorer.template import LARGEST_NUMBER
from explorer.text import dashed
from search_spaces.documents import FileModel, load_document, plain
from search_spaces.rules import (
    AXIS_LABELS,
    Axes,
    Free,
    Limit,
    Matching,
    OwnAxes,
    Scaling,
    Whole,
    as_blocks,
)

if TYPE_CHECKING:
    from explorer.references import Question

REFERENCE_ARM = "reference"
# Stands for a reference that is known when the input is.
FROM_BUDGET = "(from the budget)"
# Arms of one space; a study's plan holds them all, and each takes a millisecond to solve.
MOST_ARMS = 10_000


class SpaceFile(FileModel):
    """A validated space file: reference, axes and rule.

    Attributes:
        name: Of the space.
        description: In a sentence.
        reference: The network, or several, from which the designs are derived: resnet50, or a long
            name such as resnext_1-1-1_1x64d_w256_small.
        budget: Without a reference, leads to one when the input is known (`explorer.suggest`); with
            one, it is the most that it may cost.
        match: One quantity is solved at every point of the axes, so that every design costs what
            its reference costs.
        scale: The arms deeper, wider and more paths, each at a multiple of the reference's cost.
        free: Nothing is solved; costs may be limited.
        axes: What varies. A list of grids: their designs are taken together.
        resolution: The side of an image, in pixels; by default that of the data.
        in_channels: Channels of an image; by default those of the data.
        classes: By default those of the data.
    """

    name: str = Field(min_length=1, max_length=200)
    description: str = Field(default="", max_length=10_000)
    reference: str | Annotated[list[str], Field(min_length=1)] | None = None
    budget: Limit | None = None
    match: Matching | None = None
    scale: Scaling | None = None
    free: Free | None = None
    axes: SerializeAsAny[Axes | Annotated[list[Axes], Field(min_length=1)] | None] = None
    resolution: Whole | None = None
    in_channels: Whole | None = None
    classes: Whole | None = None

    @model_validator(mode="before")
    @classmethod
    def _default_kind(cls, data: Any) -> Any:
        """Without a rule, d is solved; by the budget's measure, where there is one, or FLOPs."""
        if not isinstance(data, dict):
            return data
        if not any(data.get(kind) is not None for kind in ("match", "scale", "free")):
            data = {**data, "match": {}}
        match, budget = data.get("match"), data.get("budget")
        if isinstance(match, dict) and isinstance(budget, dict) and len(budget) == 1:
            data = {**data, "match": {"by": next(iter(budget)), **match}}
        return data

    @field_validator("match")
    @classmethod
    def _known_quantity(cls, match: Matching | None, info: ValidationInfo) -> Matching | None:
        if match is not None and not _are_own(info):
            match.check_solve()
        return match

    @field_validator("axes", mode="wrap")
    @classmethod
    def _own_axes(cls, axes: Any, validated: Any, info: ValidationInfo) -> Any:
        """Of networks of the user's own, any quantities may be axes."""
        if axes is None or not _are_own(info):
            return validated(axes)
        if isinstance(axes, list):
            return [OwnAxes.model_validate(grid) for grid in axes] or validated(axes)
        return OwnAxes.model_validate(axes)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        kinds = [kind for kind in ("match", "scale", "free") if getattr(self, kind) is not None]
        if len(kinds) > 1:
            raise UserError(f"{' and '.join(kinds)} are two kinds of space; keep one")
        self._check_budget()
        if self.scale is not None:
            if self.axes is not None:
                raise UserError("axes: a scale space has its arms instead of axes; remove the axes")
        elif not self.grids or not all(grid.values() for grid in self.grids):
            raise UserError(
                f"axes: name at least one of {', '.join(Axes.model_fields)} with the values to"
                " visit"
            )
        for grid in self.grids:
            self._check_grid(grid.values())
        sizes = [prod(map(len, grid.values().values())) for grid in self.grids]
        arms = len(self.references) * sum(sizes)
        if arms > MOST_ARMS:
            raise UserError(
                f"the axes make {arms:,} arms, and a space has at most {MOST_ARMS:,}; list fewer"
                " values"
            )
        if self.question is not None:
            self.question.check(Architecture.from_name("resnext29_1x64d_cifar"))
        elif self.has_own:
            self._check_own_rule()
        else:
            for name in self.references:
                self._check_rule(name)
        return self

    def _check_budget(self) -> None:
        if self.budget is None:
            if self.reference is None:
                raise UserError(
                    "the key 'reference' is missing: name the network whose cost is kept, as"
                    " reference: resnet50; or give a budget, as budget: {flops: 5M}"
                )
            return
        if self.match is None:
            raise UserError(
                f"budget: leads to the reference of a match space; in a {self.kind} space name a"
                " reference"
            )
        by = self.budget.budget.by
        if self.match.by != by:
            raise UserError(
                f"match.by is {self.match.by}, and the budget is in {by}; take out match.by"
            )
        if isinstance(self.reference, list):
            raise UserError("budget: one reference is derived from it; take out reference")

    def _check_own_rule(self) -> None:
        """Raise `UserError` where the rule is not one for networks of the user's own.

        What their functions do not take is told when they are called: not by reading a file.
        """
        for name in self.references:
            OwnName.parse(name)
        if self.scale is not None:
            raise UserError(
                "scale: deeper, wider and more paths are of networks of ours; give a network of"
                " your own a match or free space, whose axes are its quantities"
            )
        if self.match is not None and self.match.by == "block":
            raise UserError("match.by: block is of our own bottleneck blocks; use flops")

    def _check_rule(self, name: str) -> None:
        """Raise `UserError` where the rule solves nothing at this reference.

        The data may set the input's size later, so the reference is tried at the largest
        resolution, into which any number of stages fits.
        """
        reference = Architecture.from_name(name, resolution=self.resolution or LARGEST_NUMBER)
        if self.match is not None:
            solved, by = [self.match.solve], self.match.by
        elif self.scale is not None:
            solved, by = [scaled_quantity(arm, reference) for arm in self.scale.arms], self.scale.by
        else:
            return
        for solve in solved:
            check_solve(reference, solve)
            check_measure(reference, solve, by)

    def _check_grid(self, axes: dict[str, list[Any]]) -> None:
        solved = self.match.solve if self.match else None
        if solved in axes:
            raise UserError(
                f"{solved} is both an axis and what match solves for; remove it from one of the two"
            )
        if "depth_policy" in axes and solved != "depths":
            raise UserError(
                "axes.depth_policy says which stages grow, so it needs match: {solve: depths}; or"
                " use the axis depths"
            )

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """The space of a preset, by name, or of a file, by path; raises as `load_document` does."""
        return load_document(cls, "space", name_or_path)

    @property
    def references(self) -> list[str]:
        """The references, also where there is only one, or only a budget that leads to one."""
        if self.reference is None:
            return [FROM_BUDGET]
        return [self.reference] if isinstance(self.reference, str) else self.reference

    @property
    def has_own(self) -> bool:
        """Whether its references are networks of the user's own."""
        return any(map(is_own, self.references))

    @cached_property
    def question(self) -> "Question | None":
        """What is asked of a reference that the budget alone leads to."""
        if self.budget is None or self.match is None or self.reference is not None:
            return None
        from explorer.references import Question  # NumPy, which few spaces need

        points = [
            {key: value for key, value in point.items() if key != "reference"}
            for point in self.points.values()
        ]
        return Question(self.budget.budget, points, self.match.solve, self.match.multiple_of)

    def with_reference(self, name: str) -> Self:
        """The same space with the reference that its budget has led to."""
        return type(self).model_validate({**self.model_dump(exclude_none=True), "reference": name})

    @property
    def grids(self) -> "list[Axes] | list[OwnAxes]":
        """The grids of axes; none in a scale space."""
        axes: Any = self.axes
        if axes is None:
            return []
        return axes if isinstance(axes, list) else [axes]

    @property
    def kind(self) -> str:
        """match, scale or free."""
        return "match" if self.match else "scale" if self.scale else "free"

    @cached_property
    def points(self) -> dict[str, dict[str, Any]]:
        """Every point of the space by the label of its arm, in the order of the file.

        A point maps axes (`arm` in a scale space) and `reference` to its values.
        """
        points: dict[str, dict[str, Any]] = {}
        for reference in self.references:
            if self.scale is not None:
                for arm in (REFERENCE_ARM, *self.scale.arms):
                    label = self._with_reference(reference, arm)
                    points[label] = {"reference": reference, "arm": arm}
            for grid in self.grids:
                axes = grid.values()
                for values in product(*axes.values()):
                    chosen = dict(zip(axes, values, strict=True))
                    label = self._label(chosen, reference)
                    points.setdefault(label, {"reference": reference, **chosen})
        return points

    @cached_property
    def _labels(self) -> dict[frozenset[tuple[str, Any]], str]:
        return {frozenset(point.items()): label for label, point in self.points.items()}

    def arm_label(self, point: Mapping[str, Any]) -> str:
        """The arm of a point: `{"cardinality": 8}` -> 'C=8', `{"arm": "deeper"}` -> 'deeper'.

        With several references, the label begins with the reference's name.

        Raises:
            UserError: This is no point of the space; the message says which key or value is wrong.
        """
        given = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in plain(dict(point)).items()
        }
        if self.has_own:
            given |= {
                key: parse_value(value, key)
                for key, value in given.items()
                if key not in ("reference", "arm")
            }
        elif isinstance(depths := given.get("depths"), str):
            given["depths"] = tuple(as_blocks(depths))
        if not given:
            raise UserError(f"name an arm: {', '.join(self._shown_arms())}.")
        reference = given.get("reference", self.references[0])
        if "arm" in given and given["arm"] in self.points:
            return str(given["arm"])
        try:
            label = self._labels.get(frozenset({"reference": reference, **given}.items()))
        except TypeError:  # a list inside a list, for example, which is no value of any axis
            label = None
        if label is not None:
            return label
        # What is wrong with it? First its keys, then its values.
        keys = list(dict.fromkeys(key for known in self.points.values() for key in known))
        for key in given:
            check_known("axis", key, keys)
        for key in keys:
            of_points = [known[key] for known in self.points.values() if key in known]
            values = list(
                dict.fromkeys(of_points)
            )  # a list: what is given may be no hashable value
            if key in given and given[key] not in values:
                raise UserError(
                    f"{key} takes one of {', '.join(str(dashed(value)) for value in values)};"
                    f" given: {cut(str(dashed(given[key])))}."
                )
        missing = [key for key in keys if key not in given and key != "reference"]
        raise UserError(
            f"{shorten(dict(point))} is no single arm:"
            f" {', '.join(missing) or 'the combination'} is missing."
        )

    def own_point(self) -> dict[str, Any]:
        """The point of the (first) reference's own values, as a file has it.

        Raises:
            UserError: No point has them.
        """
        first = self.references[0]
        points = [point for point in self.points.values() if point["reference"] == first]
        if first == FROM_BUDGET:  # which has the values of the first point
            own = points[0]
        else:
            known = _own_values(first) | {"arm": REFERENCE_ARM, "reference": first}
            # A depth policy leaves the reference as it is, whichever it is.
            fitting = (
                point
                for point in points
                if all(known.get(key, value) == value for key, value in point.items())
            )
            own = next(fitting, {})
        if not own:
            raise UserError(
                f"no arm of the space {self.name} has the values of its reference {first}; name the"
                f" arm that the others are compared with: one of {', '.join(self._shown_arms())}"
            )
        alone = len(self.references) == 1
        return {
            key: list(value) if isinstance(value, tuple) else value
            for key, value in own.items()
            if key != "reference" or not alone
        }

    def _shown_arms(self) -> Iterator[str]:
        labels = list(self.points)
        yield from labels[:12]
        if len(labels) > 12:
            yield "..."

    def _label(self, chosen: Mapping[str, Any], reference: str) -> str:
        label = ", ".join(
            f"{AXIS_LABELS.get(key, key)}={dashed(value)}" for key, value in chosen.items()
        )
        return self._with_reference(reference, label)

    def _with_reference(self, reference: str, label: str) -> str:
        return f"{reference} {label}" if len(self.references) > 1 else label


def _are_own(info: ValidationInfo) -> bool:
    """Whether a file's references, which are read before, are networks of the user's own."""
    reference = info.data.get("reference")
    names = reference if isinstance(reference, list) else [reference]
    return any(map(is_own, names))


def _own_values(name: str) -> dict[str, Any]:
    """What an axis may have as the reference's own value."""
    if is_own(name):
        return dict(blueprint(name).quantities)
    return Architecture.from_name(name, resolution=LARGEST_NUMBER).settings


def scaled_quantity(arm: str, reference: Architecture) -> str:
    """The quantity that grows in an arm of a scale space.

    'wider' is d, or the width of basic blocks, which have no d.
    """
    keys = [key for key, label in ARMS.items() if label == arm]
    return next((key for key in keys if key in reference.template.numbers), keys[0])
