"""Tables in, Plotly figures out: pure functions that anyone can call on the tables of `study results`, also read back from CSV.

Every figure has its finding for a title and says below it what is shown, with its n. Labels that come from a study are escaped, since
Plotly reads markup in text. `theme` is "light" or "dark"; arms keep their hue and their mark in both and in every figure.
The point of a single training carries `customdata` [design, seed, ...]; every other mark carries at most one entry.

    error_against_cardinality(trials, reference, *, comparison=None, context="", theme="light")
    differences_from_reference(trials, reference, *, comparison=None, theme="light")
    learning_curves(curves, trials, reference, *, split="validation", context="", theme="light")

To come, under these names:

    error_against_cardinality(..., paper="ResNet-50" or "ResNet-101"), differences_from_reference(..., paper=...)
    deeper_wider_more_paths(trials, reference, *, comparison=None, context="", paper=False, theme="light")
    error_against_cost(trials, reference, *, cost="flops", context="", theme="light")  # or params, activations, seconds_per_epoch
    error_distributions(trials, *, by="study", measure="flops", theme="light")
    mismatches(trials, reference, *, theme="light")
    throughput(trials, reference, *, theme="light")
    progress(trials, *, theme="light")
    network_drawing(row)  # SVG of one row of `trials`
"""

from dashboards.figures.common import spread
from dashboards.figures.comparison import differences_from_reference, error_against_cardinality
from dashboards.figures.learning import learning_curves

__all__ = ["differences_from_reference", "error_against_cardinality", "learning_curves", "spread"]
