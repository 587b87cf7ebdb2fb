"""What a study with several recipes has before the parts of each recipe: whether the gaps between
its arms depend on the recipe, what was found by each, and how that is reached."""

from collections.abc import Callable
from typing import Any

from dashboards.analysis.recipes import ByRecipe
from dashboards.analysis.words import confidence_text
from dashboards.page.elements import Element, element, joined
from dashboards.page.parts import quiet, section
from dashboards.page.study import study_name


def recipes_answer(
    study: ByRecipe, name: str, link: Callable[[str], Any] = lambda recipe: element("b", recipe)
) -> list[Element | None]:
    """The sentence on the recipes and the verdict by each. `link` makes a recipe's name."""
    return [
        study_name(name, study.info),
        element("h1", joined(study.sentence)),
        element("p", joined(study.more), className="more") if study.more else None,
        *(
            element(
                "p", link(recipe), f" \u00a0{joined(findings.verdict.sentence)}", className="more"
            )
            for recipe, findings in study.findings.items()
        ),
    ]


def recipes_method(study: ByRecipe) -> Element:
    """How it is tested whether the gaps depend on the recipe."""
    first, reference = study.recipes[0], study.reference
    texts = [
        f"Arms are compared within each recipe. Whether a gap to {reference} depends on the recipe"
        " is the interaction arm x recipe: an arm's change of the gap from"
        f" {first} to another recipe, (arm − {reference} by the other) − (arm − {reference} by"
        f" {first}). Arms and recipes share their seeds, which are blocks: each seed gives one such"
        " change, free of what it adds to every arm of a recipe.",
        "The differences of a training's errors between the two recipes are modelled as arm + seed,"
        f" and every arm is compared with {reference} in them (Dunnett's many-to-one comparisons;"
        " product-type interaction contrasts of Gabriel, Putter and Wax, 1973). An interaction is"
        f" claimed where an interval excludes zero; they hold together with"
        f" {confidence_text(study.confidence)} confidence.",
    ]
    return section("How recipes are compared", *map(quiet, texts))
