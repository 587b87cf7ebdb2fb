"""What a study wants, as its YAML file says it.

That is a space, data, a recipe, seeds, and whether to search or to tune.

It is a value; `studies.api` runs it and reads its results.
"""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    StrictBool,
    StrictInt,
    ValidationInfo,
    field_validator,
    model_validator,
)

from explorer import Design
from explorer.errors import UserError
from explorer.text import counted
from search_spaces import LeftOut, SearchSpace
from search_spaces.documents import FileModel, is_path, load_document, preset_names, validate
from studies.config.overrides import override
from studies.config.recipe import Recipe
from studies.config.recipes import check_names, with_first_recipe
from studies.config.search import METHODS, Search, shuffled
from studies.config.tuning import Tune
from studies.config.until import Until, margin_points, with_parsed_until
from studies.data import DataShape, DataSpec, Parts, shape_and_parts
from studies.missed import KEPT_BY_DEFAULT

GRID = "grid"
Tracker = Literal["tensorboard", "mlflow", "wandb"]
FEWEST_OF_SEARCH = 2  # seeds of a search that leave no interval
MOST_SHOWN = 8  # seeds, in a `repr`


@dataclass(frozen=True, repr=False)
class Wanted:
    """A study's designs for its data's shape, and the points its space leaves out.

    Of a search, designs as random search tries them, the reference arm first: of other
    methods as good as any for an estimate. They are as many as it has trials, or fewer where
    the space holds no more. `parts` is the data, where all of it was read to know its shape.
    """

    shape: DataShape
    designs: list[Design]
    left_out: list[LeftOut]
    parts: Parts | None = None

    def __repr__(self) -> str:
        shape = f"{self.shape.in_channels}x{self.shape.resolution}x{self.shape.resolution}"
        left_out = f", {counted(len(self.left_out), 'point')} left out" if self.left_out else ""
        return (
            f"<Wanted: {counted(len(self.designs), 'design')} for {shape},"
            f" {self.shape.classes} classes{left_out}>"
        )


def _margin(given: Any) -> float | None:
    return None if given is None else margin_points(given)


class StudyFile(FileModel):
    """A validated study file: the value; `studies.Study` adds what can be done with it.

    Attributes:
        name: Of the study, also of its folder: letters, digits, '.', '_' and '-'.
        question: What the study asks, in a sentence.
        space: Which designs: a preset's name, the path of a file, or a space written in place.
        reference_arm: The arm that the others are compared with; by default the one with the
            reference's own values.
        data: Which images, and how they are split.
        recipe: How long and how a network is trained; a preset's name is enough. Of several
            recipes, the first.
        recipes: Two or more recipes, where the recipe is an axis; in place of `recipe`.
        seeds: A training of each design for each of them; or {start: 3, at_most: 20} with `until`.
        search: `grid`: every design with every seed; or how designs are proposed.
        tune: Trainings that find each arm's own learning rate or weight decay first.
        until: Seeds where the verdict is open: {margin: 0.5}, or `best`. Without it, every arm gets
            all seeds.
        margin: A gap that does not matter, in points of test error; it changes no training.
        log: Trackers that show its trainings: `tensorboard`, `mlflow`, `wandb`; they change none.
        keep_misses: Whether each training stores which images it missed; by default where they are
            not too many.
    """

    name: Annotated[str, Field(max_length=100)]
    question: Annotated[str, Field(max_length=2_000)] = ""
    space: SearchSpace
    reference_arm: Annotated[dict[str, Any], Field(default=None, validate_default=True)]
    data: DataSpec
    recipe: Recipe
    recipes: tuple[Recipe, ...] = ()
    seeds: Annotated[
        list[Annotated[StrictInt, Field(ge=0, lt=2**32)]],
        Field(min_length=1, max_length=10_000, examples=[[0, 1]]),
    ]
    search: Search | None = None
    tune: Tune | None = None
    until: Until | None = None
    margin: Annotated[float | None, BeforeValidator(_margin)] = None
    keep_misses: StrictBool | None = None
    log: tuple[Tracker, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _sections_parsed(cls, given: Any) -> Any:
        return with_parsed_until(with_first_recipe(given))

    @field_validator("name")
    @classmethod
    def _usable_name(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise UserError(
                "a study's name also names a folder: letters, digits, '.', '_' and '-', the first a"
                " letter or digit"
            )
        return name

    @field_validator("space", mode="before")
    @classmethod
    def _load_space(cls, space: Any, info: ValidationInfo) -> Any:
        """A preset's name, or a path seen from the study file, whose folder is the validation's
        context; a whole space, written in place, is taken as it is."""
        if not isinstance(space, str):
            return space
        folder = (info.context or {}).get("folder", Path())
        return SearchSpace.load(folder / space if is_path(space) else space)

    @field_validator("reference_arm", mode="before")
    @classmethod
    def _own_arm(cls, reference_arm: Any, info: ValidationInfo) -> Any:
        if reference_arm is not None:
            return reference_arm
        space = info.data.get("space")  # missing where it was refused
        return space.own_point() if space else {}

    @field_validator("seeds")
    @classmethod
    def _different_seeds(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise UserError("a seed is listed twice; a replicate needs a seed of its own")
        return seeds

    @field_validator("search", mode="before")
    @classmethod
    def _search_by_name(cls, search: Any) -> Any:
        if search == GRID or (isinstance(search, dict) and search == {"method": GRID}):
            return None
        if isinstance(search, str) and search in METHODS:
            raise UserError(
                f"a {search} search needs to know its trials; write search: {{method: {search},"
                " trials: 30}"
            )
        return {"method": search, "trials": 1} if isinstance(search, str) else search

    @model_validator(mode="after")
    def _reference_is_an_arm(self) -> Self:
        try:
            self.space.arm_label(self.reference_arm)
        except UserError as error:
            raise UserError(f"reference_arm: {error}") from None
        return self

    @model_validator(mode="after")
    def _search_fits(self) -> Self:
        if self.search:
            self.search.check(self.space, self.recipe)
        if self.search and self.tune:
            raise UserError(
                "tune: tuning is for comparing arms, so it needs search: grid; take one of the"
                " two out"
            )
        if self.recipes:
            check_names([recipe.name for recipe in self.recipes])
            for key in ("search", "tune", "until"):
                if getattr(self, key):
                    raise UserError(
                        f"recipes: compares arms within each recipe, so it needs search: grid, a"
                        f" list of seeds and no tune; take out {key}, or give one recipe"
                    )
        if self.until and (self.search or self.tune):
            raise UserError(
                "until: needs search: grid and no tune; take out"
                f" {'search' if self.search else 'tune'}, or until and give a list of seeds"
            )
        return self

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """A preset by name, or a file by path; `records.named.load_study` knows stored ones too.

        Raises:
            UserError: naming the file, the key and what is allowed.
        """
        return load_document(cls, "study", name_or_path)

    def __repr_args__(self) -> Iterable[tuple[str, Any]]:
        """The names of its parts; `document` has all of it."""
        count = len(self.seeds)
        return [
            ("name", self.name),
            ("space", self.space.name),
            ("data", self.data.name),
            ("recipe", ", ".join(recipe.name for recipe in self.all_recipes)),
            ("seeds", self.seeds if count <= MOST_SHOWN else f"{count:,} seeds"),
        ]

    @property
    def reference_label(self) -> str:
        """The arm that the others are compared with: 'C=1'."""
        return self.space.arm_label(self.reference_arm)

    @property
    def reference_point(self) -> dict[str, Any]:
        """The same arm as a point of the space, with its reference."""
        return self.space.points[self.reference_label]

    @property
    def notes(self) -> list[str]:
        """What to know of the plan before anything is trained, a sentence each."""
        if not self.search or len(self.seeds) > FEWEST_OF_SEARCH:
            return []
        first, *others = self.seeds
        alone = (
            f"only seed {others[0]} compares them, and one seed gives no interval" if others else ""
        )
        more = list(dict.fromkeys([*self.seeds, *range(FEWEST_OF_SEARCH + 1)]))
        return [
            f"Seed {first} chooses the finalists of the search, and does not count for them:"
            f" {alone or 'no other seed compares them'}. Give three seeds or more, for example"
            f" seeds: {more[: FEWEST_OF_SEARCH + 1]}."
        ]

    def keeps_misses(self, images: int) -> bool:
        """Whether each training stores which of so many validation and test images it missed."""
        return images <= KEPT_BY_DEFAULT if self.keep_misses is None else self.keep_misses

    @property
    def recipe_names(self) -> list[str]:
        """What tells the pairs of one recipe from another's; [""] where there is one recipe."""
        return [recipe.name for recipe in self.recipes] or [""]

    @property
    def all_recipes(self) -> tuple[Recipe, ...]:
        """Its recipes, one or more."""
        return self.recipes or (self.recipe,)

    def recipe_named(self, name: str) -> Recipe:
        """The recipe of pairs with this name of a recipe; "" of a study with one."""
        return next((recipe for recipe in self.recipes if recipe.name == name), self.recipe)

    def document(self) -> dict[str, Any]:
        """The study with everything filled in, as plain data.

        A study file with this content is the same study.
        """
        document = self.model_dump(mode="json")
        document["space"] = self.space.model_dump(
            mode="json", exclude_none=True
        )  # axes that are not there
        document["search"] = (
            self.search.model_dump(mode="json", exclude_none=True) if self.search else GRID
        )
        document["tune"] = (
            self.tune.model_dump(mode="json", exclude_none=True) if self.tune else None
        )
        del document["until"]
        del document["recipe" if self.recipes else "recipes"]
        return {**document, **(self.until.document() if self.until else {})}

    @staticmethod
    def presets() -> list[str]:
        """The names of the studies that come with the program, as `Study.load` takes them."""
        return preset_names("study")

    def changed(self, changes: Iterable[str]) -> Self:
        """This study with single keys changed.

        Args:
            changes: Each `key=value`, such as `recipe.epochs=20`.

        Raises:
            UserError: for a mistake.
        """
        changes = list(changes)
        if not changes:
            return self
        document = override(self.document(), changes, sections=type(self).model_fields)
        return validate(type(self), document, source=f"study {self.name}")

    def with_reference(self, name: str) -> Self:
        """This study, with the reference that the budget of its space has led to."""
        return self.model_copy(update={"space": self.space.with_reference(name)})

    def wanted(self, data_dir: Path | None = None) -> Wanted:
        """The designs to train.

        Raises:
            UserError: where the data is missing or the reference arm is left out.
        """
        shape, parts = shape_and_parts(self.data, data_dir)
        if self.search:
            return Wanted(shape, self._searched(self.search, shape), [], parts)
        resolved = self.space.resolve(**vars(shape))
        for point in resolved.left_out:
            if point.arm == self.reference_label:
                raise UserError(
                    f"the reference arm {point.arm} is left out of the space: {point.reason}."
                    " Choose another."
                )
        counts = Counter(design.name for design in resolved.designs)
        if twice := sorted(name for name, count in counts.items() if count > 1):
            raise UserError(
                f"two arms of the space {self.space.name} are the same network: {', '.join(twice)}."
            )
        if self.until and len(resolved.designs) < 2:
            raise UserError(
                f"until: compares arms, and the space {self.space.name} has only"
                f" {self.reference_label}; give it more, or a list of seeds without until."
            )
        return Wanted(shape, resolved.designs, resolved.left_out, parts)

    def _searched(self, search: Search, shape: DataShape) -> list[Design]:
        bound = self.space.bind(**vars(shape))
        reference = bound.at(self.reference_arm)
        if not isinstance(reference, Design):
            raise UserError(
                f"the reference arm {reference.arm} is left out of the space: {reference.reason}."
                " Choose another."
            )
        if not search.allows(reference):
            raise UserError(
                f"the reference arm {reference.arm} is not within the search's constraints. Choose"
                " another, or wider ones."
            )
        designs = [reference]
        for design in shuffled(bound, search):
            if len(designs) == search.trials:
                break
            if design.name != reference.name:
                designs.append(design)
        return designs


def name_of(name_or_path: str) -> str:
    """The name of a study: given itself, or by the file that holds it."""
    return StudyFile.load(name_or_path).name if is_path(name_or_path) else name_or_path
