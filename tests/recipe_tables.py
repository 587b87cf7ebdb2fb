"""The tables of a study with two recipes, made up: the gain of more paths is one of `quick`."""

from typing import Any

import pandas as pd
from study_tables import make_info, make_trials

QUICK = {"C=2": -0.004, "C=4": -0.005, "C=8": -0.006, "C=16": -0.007}


def make_recipe_trials(
    quick: dict[str, float] | None = None, modern: dict[str, float] | None = None, seeds: int = 6
) -> pd.DataFrame:
    """A row a pair. `quick` and `modern` add to an arm's error (a fraction); noises differ."""
    parts = {
        "quick": make_trials(quick, seeds=seeds, base=0.03, noise=0.001, random_seed=1),
        "modern": make_trials(modern, seeds=seeds, base=0.02, noise=0.0005, random_seed=2),
    }
    return pd.concat(
        [part.assign(recipe=recipe) for recipe, part in parts.items()], ignore_index=True
    )


def make_recipe_info(seeds: int = 6) -> dict[str, Any]:
    """What `studies.results.study_info` says about the study."""
    numbers = list(range(seeds))
    return {
        **make_info("both"),
        "recipe": None,
        "recipes": [{"name": "quick", "epochs": 10}, {"name": "modern", "epochs": 40}],
        "seeds": numbers,
        "planned_seeds": numbers,
    }
