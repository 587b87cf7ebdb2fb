"""Which designs may be chosen: those that are within limits, as 'latency<=2ms'."""

from collections.abc import Sequence

import pandas as pd

from explorer.enumeration import parse_comparison
from explorer.errors import UserError
from explorer.own.names import OwnName, is_own
from explorer.suggestions import command
from explorer.text import counted, human_count, human_time

# What a design costs, and what it is; errors are what it is chosen by.
LIMITED = (
    *("flops", "params", "activations", "latency"),
    *("cardinality", "bottleneck_width", "width"),
)
SHAPE = ("resolution", "in_channels", "classes")  # of a study's images


def within(trials: pd.DataFrame, where: Sequence[str]) -> pd.DataFrame:
    """The trainings of designs for which every comparison holds.

    A latency is the mean over a design's trainings, each of which measured it.

    Args:
        trials: One study's table.
        where: Comparisons of the columns `LIMITED`, such as 'params<=500k', or of quantities of
            the user's own networks.

    Raises:
        UserError: A comparison cannot be read, a latency was not measured, or no design is left;
            the message names the nearest.
    """
    for text in where:
        column, compare, limit = parse_comparison(text, (*LIMITED, *_own_quantities(trials)))
        numbers = pd.to_numeric(trials[column], errors="coerce").astype(float)
        means = numbers.groupby(trials["design"].astype(str)).mean().dropna()
        if means.empty:
            designs = trials["design"].astype(str).unique()[:3]
            shape = {name: int(trials[name].iloc[0]) for name in SHAPE}
            raise UserError(
                f"{column} is not known of any design of this study. A search measures the latency"
                " where it is an objective or has a constraint; measure it by hand:"
                f" {command('measure', *designs, mode='inference', **shape)}"
            )
        fits = means[compare(means.to_numpy(), limit)]
        if fits.empty:
            written = human_time if column == "latency" else human_count
            nearest = str((means - limit).abs().idxmin())
            raise UserError(
                f"no design of this study has {text}; {nearest} is nearest, with {column}"
                f" {written(float(means.loc[nearest]))}."
            )
        trials = trials[trials["design"].astype(str).isin(fits.index)]
    return trials


def _own_quantities(trials: pd.DataFrame) -> list[str]:
    """The columns of whole numbers that only the user's own networks have."""
    names = filter(is_own, trials["design"].astype(str).unique())
    numbers = dict.fromkeys(
        key
        for name in names
        for key, value in OwnName.parse(name).values.items()
        if isinstance(value, int)
    )
    return [key for key in numbers if key in trials.columns and key not in LIMITED]


def among(every: pd.DataFrame, trials: pd.DataFrame, where: Sequence[str]) -> str:
    """What stands above a winner that was chosen within limits; "" where there are none."""
    within_them, of = (table["design"].nunique() for table in (trials, every))
    return (
        f"Among {within_them} of {counted(of, 'design')}: {', '.join(where)}.\n\n" if where else ""
    )
