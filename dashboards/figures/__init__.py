"""Tables in, Plotly figures out: pure functions that anyone can call on the
tables of `study results`, also read back from CSV.

Every figure has its finding for a title and says below it what is shown, with its n. Labels that
come from a study are escaped, since Plotly reads markup in text. `theme` is "light" or "dark"; arms
keep their hue and their mark in both and in every figure. The point of a single training carries
`customdata` [design, seed, ...]; every other mark carries at most one entry.

    error_against_cardinality(trials, reference, *, comparison=None, context="", paper=None,
    theme="light") differences_from_reference(trials, reference, *, comparison=None, paper=None,
    theme="light") deeper_wider_more_paths(trials, reference, *, comparison=None, context="",
    paper=False, theme="light") error_against_cost(trials, reference, *, cost="flops", context="",
    theme="light") error_distribution_functions(trials, *, by="study", measure="flops",
    theme="light") learning_curves(curves, trials, reference, *, split="validation", context="",
    theme="light") progress(trials, *, theme="light") mismatches(trials, reference, *,
    theme="light") throughput(trials, reference, *, theme="light") network_drawing(trial)  # SVG of
    one row of `trials`

`comparison` is what `sampling.compare_study(trials, info)` gives: it
knows the study's reference arm and its looks.
"""

from dashboards.figures.common import spread
from dashboards.figures.comparison import differences_from_reference, error_against_cardinality
from dashboards.figures.learning import learning_curves
from dashboards.figures.running import mismatches, network_drawing, progress, throughput
from dashboards.figures.scaling import deeper_wider_more_paths
from dashboards.figures.tradeoffs import error_against_cost, error_distribution_functions

__all__ = [
    "deeper_wider_more_paths",
    "differences_from_reference",
    "error_against_cardinality",
    "error_against_cost",
    "error_distribution_functions",
    "learning_curves",
    "mismatches",
    "network_drawing",
    "progress",
    "spread",
    "throughput",
]
