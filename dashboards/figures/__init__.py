"""A study's findings in, Plotly figures out: pure functions that anyone can call on the
tables of `study results`, also read back from CSV.

Every figure has its finding for a title and says below it what is shown, with its n. Each module
has a function that works out what a figure shows, as numbers and plain text, and one that draws it;
drawing escapes every text, since Plotly reads markup. `theme` is "light" or "dark"; arms keep their
hue and their mark in both and in every figure. The point of a single training carries `customdata`
[design, seed, ...]; every other mark carries at most one entry.

    error_against_cardinality(findings, *, paper=None, published=None, theme="light")
    differences_from_reference(findings, *, paper=None, published=None, theme="light")
    deeper_wider_more_paths(findings, *, paper=False, theme="light")
    error_against_cost(findings, *, cost="flops", split="test", theme="light")
    error_distribution_functions(trials, *, by="study", measure="flops", theme="light")
    error_against_quantity(findings, *, quantity="", theme="light")
    error_over_two_axes(findings, *, pair="", theme="light")
    ways_to_spend(findings, *, theme="light")
    strength_of_quantities(findings, *, theme="light")
    errors_by_recipe(by_recipe, *, theme="light")
    learning_curves(findings, curves, *, split="validation", theme="light")
    best_and_worst_curves(findings, curves, *, theme="light")
    parallel_coordinates(findings, *, theme="light")
    progress(findings, *, theme="light")
    gaps_by_seed(findings, *, theme="light")
    mismatches(findings, *, theme="light")
    throughput(findings, *, theme="light")
    network_drawing(trial)  # SVG of one row of `trials`

`findings` is `dashboards.analysis.findings.Findings(trials, info)`: it
knows the study's reference arm and its looks.
"""

from dashboards.figures.cells import error_over_two_axes
from dashboards.figures.common import spread
from dashboards.figures.comparison import differences_from_reference, error_against_cardinality
from dashboards.figures.course import gaps_by_seed
from dashboards.figures.extremes import best_and_worst_curves
from dashboards.figures.learning import learning_curves
from dashboards.figures.parallel import parallel_coordinates
from dashboards.figures.quantities import error_against_quantity, strength_of_quantities
from dashboards.figures.recipes import errors_by_recipe
from dashboards.figures.running import mismatches, network_drawing, progress, throughput
from dashboards.figures.scaling import deeper_wider_more_paths
from dashboards.figures.spaces import error_distribution_functions
from dashboards.figures.tradeoffs import error_against_cost
from dashboards.figures.triangle import ways_to_spend

__all__ = [
    "best_and_worst_curves",
    "deeper_wider_more_paths",
    "differences_from_reference",
    "error_against_cardinality",
    "error_against_cost",
    "error_against_quantity",
    "error_distribution_functions",
    "error_over_two_axes",
    "errors_by_recipe",
    "gaps_by_seed",
    "learning_curves",
    "mismatches",
    "network_drawing",
    "parallel_coordinates",
    "progress",
    "spread",
    "strength_of_quantities",
    "throughput",
    "ways_to_spend",
]
