"""A recipe as an axis of a study: the `recipes` section of a study file, in place of `recipe`.

    recipes: [quick, modern]      # or whole recipes: [quick, {name: modern, epochs: 30}]

Every arm is trained by each of them with every seed, and arms are compared within a recipe.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from explorer.errors import UserError

EXAMPLE = "recipes: [quick, modern]"


def with_first_recipe(given: Any) -> Any:
    """A study file's keys, with the first of its `recipes` as its `recipe`, where it has them.

    Raises:
        UserError: with what is allowed.
    """
    if not isinstance(given, Mapping) or not given.get("recipes"):
        return given
    recipes = given["recipes"]
    if given.get("recipe") is not None and given["recipe"] != recipes[0]:
        raise UserError(
            "recipe and recipes: give one of the two; recipes are changed as a whole, as"
            " --set 'recipes=[{name: quick, epochs: 3}, {name: modern, epochs: 3}]'"
        )
    if isinstance(recipes, str) or not isinstance(recipes, Sequence) or len(recipes) < 2:
        raise UserError(f"recipes: two or more, {EXAMPLE}; of one, write recipe: NAME")
    return {**given, "recipe": recipes[0]}


def check_names(names: Sequence[str]) -> None:
    """Raise `UserError` where recipes cannot be told apart by name, or one cannot be a label."""
    for name in names:
        if names.count(name) > 1:
            raise UserError(
                f"recipes: two are named {name}; give one of them another name, with all its keys"
            )
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise UserError(
                f"recipes: {name!r} cannot be a label: letters, digits, '.', '_' and '-', the first"
                " a letter or digit"
            )
