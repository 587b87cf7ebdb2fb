"""The page of a study with several recipes: whether the gaps between its arms depend on the recipe,
and the way to each recipe's own page."""

from typing import Any
from urllib.parse import quote

from dash import dcc, html

from dashboards.analysis.recipes import ByRecipe
from dashboards.app.once import made_of
from dashboards.app.pages.parts import Look, Still, framed, progress, study_path, theme_of
from dashboards.figures import errors_by_recipe
from dashboards.page.elements import link
from dashboards.page.recipes import recipes_answer, recipes_method
from studies.results import Reader, Tables


def by_recipe_of(reader: Reader, tables: Tables) -> ByRecipe:
    """What such a study found, worked out once as long as its tables have not changed."""
    key = (tables.stamp, "by recipe")
    return made_of(reader).get(key, lambda: ByRecipe(tables.trials, tables.info))


def page(reader: Reader, name: str, look: Look | None, every: float) -> list[Any]:
    """The page, looked at again `every` so many seconds."""
    return [
        dcc.Store(id="recipes-name", data=name),
        dcc.Interval(id="recipes-tick", interval=int(1000 * every)),
        html.Div(content(reader, name, look), id="recipes"),
    ]


def content(reader: Reader, name: str, look: Look | None) -> list[Any]:
    """The answer, the figure with a line for each recipe, and how it is reached."""
    tables = reader.tables(name)
    study = by_recipe_of(reader, tables)
    figure = errors_by_recipe(study, theme=theme_of(look))

    def of_recipe(recipe: str) -> Any:
        return link(f"By {recipe}:", study_path(f"{name}:{recipe}"))

    table = html.A(
        "All trials (CSV)",
        href=f"/download/{quote(name, safe='')}/trials.csv",
        download=f"{name}_trials.csv",
    )
    return [
        Still(*recipes_answer(study, name, of_recipe), progress(tables.counts)),
        html.Div(framed("by-recipe", figure, look), className="single"),
        html.P(table, className="tools"),
        Still(recipes_method(study)),
    ]
