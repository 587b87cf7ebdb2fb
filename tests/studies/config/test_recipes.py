"""The recipe as an axis of a study file."""

from typing import Any

import pytest
import yaml
from tiny_study import SPACE, STUDY

from explorer.errors import UserError
from search_spaces.documents import validate
from studies.config.outline import Outline
from studies.config.study import StudyFile

ONE = {**yaml.safe_load(STUDY), "space": yaml.safe_load(SPACE) | {"name": "tiny"}}
BOTH = [{"name": "quick", "epochs": 2}, {"name": "modern", "epochs": 3}]


def study(**changes: Any) -> StudyFile:
    document = {**{key: value for key, value in ONE.items() if key != "recipe"}, **changes}
    return validate(StudyFile, document, source="study.yaml")


def test_recipes_are_presets_or_whole_recipes_in_their_order() -> None:
    assert study(recipes=["quick", "modern"]).recipe_names == ["quick", "modern"]
    changed = study(recipes=BOTH)
    assert [recipe.epochs for recipe in changed.all_recipes] == [2, 3]
    assert changed.recipe_named("modern").epochs == 3


def test_what_is_stored_is_the_same_study_again() -> None:
    before = study(recipes=BOTH)
    document = before.document()
    assert "recipe" not in document
    assert StudyFile.model_validate(document) == before
    assert [recipe.name for recipe in Outline.model_validate(document).recipes] == [
        "quick",
        "modern",
    ]


def test_a_study_with_one_recipe_is_stored_without_the_new_key() -> None:
    document = study(recipe="quick").document()
    assert "recipes" not in document
    assert document["recipe"]["name"] == "quick"
    assert study(recipe="quick").recipe_names == [""]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recipes": ["quick"]}, "recipes: two or more"),
        ({"recipes": "quick"}, "recipes: two or more"),
        ({"recipes": ["quick", "modrn"]}, r"unknown recipe 'modrn'\. Did you mean 'modern'"),
        (
            {"recipes": ["quick", {"name": "quick", "epochs": 3}]},
            "recipes: two are named quick; give one of them another name",
        ),
        ({"recipes": BOTH, "recipe": "modern"}, "recipe and recipes: give one of the two"),
        (
            {"recipes": BOTH, "search": {"method": "random", "trials": 8}},
            "so it needs search: grid.*take out search",
        ),
        (
            {"recipes": BOTH, "tune": {"trials": 2, "learning_rate": [0.1, 0.2]}},
            "take out tune, or give one recipe",
        ),
        (
            {
                "recipes": BOTH,
                "seeds": {"start": 3, "at_most": 5},
                "until": {"margin": 0.5},
            },
            "take out until, or give one recipe",
        ),
    ],
)
def test_a_mistake_is_named_with_what_is_allowed(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        study(**changes)


def test_recipes_are_changed_from_the_command_line_as_a_whole() -> None:
    changed = study(recipes=BOTH).changed(["recipes=[quick, {name: modern, epochs: 7}]"])
    assert [recipe.epochs for recipe in changed.all_recipes] == [10, 7]
    with pytest.raises(UserError, match="recipes are changed as a whole"):
        study(recipes=BOTH).changed(["recipe.epochs=3"])
