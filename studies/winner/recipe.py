"""The recipe by which a winner is trained fully."""

from collections.abc import Sequence

from search_spaces.documents import load_document, validate
from studies.config.overrides import override
from studies.config.recipe import Recipe
from studies.records.stored_study import StoredStudy


def full_recipe(
    stored: StoredStudy, design: str, named: str, given: str | None, changes: Sequence[str]
) -> Recipe:
    """The recipe of the full training: the one given, else the study's (of several, the one that
    is named), as it was tuned for the design."""
    if given is not None:
        document = load_document(Recipe, "recipe", given).model_dump(mode="json")
    else:
        tuned = stored.tuned.get(design)
        document = {
            **stored.content.file.recipe_named(named).model_dump(mode="json"),
            **(tuned.recipe if tuned else {}),
        }
    changed = override({"recipe": document}, changes, sections=["recipe"])["recipe"]
    return validate(Recipe, changed, source="recipe")
