"""Do the gaps between arms depend on the recipe? The interaction arm x recipe, seeds as blocks."""

import numpy as np

from studies.judging.differences import p_values
from studies.judging.dunnett import CONFIDENCE
from studies.judging.grids import Judgement, judge
from studies.judging.residuals import Array


def interactions(
    errors: Array, reference: int, confidence: float = CONFIDENCE, resolution: float = 0.0
) -> list[Judgement]:
    """How each arm's gap to the reference changes from the first recipe to each other one.

    With y_ars the error of arm a by recipe r from seed s, the change of an arm's gap is

        θ_ar = (μ_ar − μ_0r) − (μ_a1 − μ_01),

    0 for every arm and recipe exactly where there is no interaction. Seeds are shared by all arms
    and recipes, so they are blocks: z_as = y_ars − y_a1s is free of what seed s adds to both
    recipes, and follows the model arm + seed again, in which what s adds to the change of all arms
    is the seed's effect. θ_ar is the difference of arm a from the reference in z, and is judged as
    every difference here (`grids.judge`: the many-to-one comparisons of Dunnett 1955, with the
    standard error √(v_a / n) of `residuals.discounted`). These are the product-type interaction
    contrasts of Gabriel, Putter and Wax (1973, "Simultaneous confidence intervals for product-type
    interaction contrasts", JRSS B 35, 234-244), arms against the reference. No interaction is
    rejected where an interval excludes zero. Recipes may differ in their noise: only the noise of z
    counts, as in a paired t-test. Several changes share 1 − confidence alike (Bonferroni).

    Args:
        errors: (recipes, arms, seeds), NaN where a pair has no result.
        reference: The row of the reference arm.
        confidence: Of all intervals together.
        resolution: One image's share of the test set.

    Returns:
        One for each recipe but the first; differences are θ_ar.
    """
    others = len(errors) - 1
    each = 1 - (1 - confidence) / max(1, others)
    return [judge(own - errors[0], reference, None, each, resolution) for own in errors[1:]]


def interaction_p_values(judged: list[Judgement]) -> list[Array]:
    """The p-values of `interactions`, adjusted for all of them together: no interaction is
    rejected at 5 % where the smallest is below that. Only where all are known."""
    return [np.minimum(1.0, len(judged) * p_values(each.compared)) for each in judged]
