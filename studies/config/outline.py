"""As much of a study as is known where there is no study file."""

from typing import Any

from pydantic import BaseModel, ConfigDict, field_validator, model_validator

from studies.config.recipes import with_first_recipe
from studies.config.search import Search
from studies.config.study import GRID
from studies.config.tuning import Tune
from studies.config.until import Until, with_parsed_until


class _Named(BaseModel):
    """Data or a recipe of which no more is known than a name."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    epochs: int | None = None


class Outline(BaseModel):
    """What can be read of a document that is no study file: of an imported study, which has
    neither space nor recipe, or of one whose file this version does not take."""

    model_config = ConfigDict(frozen=True)

    question: str = ""
    data: _Named
    recipe: _Named
    recipes: tuple[_Named, ...] = ()
    seeds: list[int]
    search: Search | None = None
    tune: Tune | None = None
    until: Until | None = None
    margin: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _sections_parsed(cls, given: Any) -> Any:
        return with_parsed_until(with_first_recipe(given))

    @property
    def recipe_names(self) -> list[str]:
        """As of a study file."""
        return [recipe.name for recipe in self.recipes] or [""]

    @field_validator("search", mode="before")
    @classmethod
    def _none_for_a_grid(cls, search: Any) -> Any:
        return None if search == GRID else search
