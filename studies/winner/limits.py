"""Which designs may be chosen: those that are within limits, as 'latency<=2ms'."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from explorer.enumeration import parse_comparison
from explorer.errors import UserError, shorten
from explorer.own.names import OwnName, is_own
from explorer.suggestions import command
from explorer.template import SIZES
from explorer.text import counted, human_count
from studies.judging.latency import TABLE, Latency, busy_now, latency_of, latency_words

# What a design costs, and what it is; errors are what it is chosen by.
LIMITED = (
    *("flops", "params", "activations", "latency"),
    *("cardinality", "bottleneck_width", "width"),
)
LATENCY = "latency"
MEASURED_BY = ("device", "precision", "threads")  # the settings that move a latency
MOST_SHOWN = 12  # designs in a command to be copied

# Gives each of these designs its latency.
Timer = Callable[[Sequence[str]], Mapping[str, Latency]]


def within(
    trials: pd.DataFrame,
    where: Sequence[str],
    settings: Mapping[str, Any],
    time_designs: Timer | None = None,
    demanded: Sequence[str] = (),
) -> pd.DataFrame:
    """The trainings of designs for which every comparison holds.

    A latency is the median over a design's trainings, as `judging.latency` has it.

    Args:
        trials: One study's table.
        where: Comparisons of the columns `LIMITED`, such as 'params<=500k', or of quantities of
            the user's own networks.
        settings: The study's, by which a latency is measured.
        time_designs: Measures latencies where a limit is on them and no training did, of the
            designs that the other limits leave; None: they cannot be measured here.
        demanded: Those of `where` that are constraints of the study's own search.

    Returns:
        The trainings, with the latencies that were measured for it.

    Raises:
        UserError: A comparison cannot be read, a latency is not known, or no design is left; the
            message names the nearest.
    """
    own = _own_numbers(trials)
    for text in where:
        _refuse_errors(text, (*LIMITED, *own))
    limits = [(text, *parse_comparison(text, (*LIMITED, *own))) for text in where]
    if not (trials["status"] == "complete").any():
        return trials  # nothing can be chosen, whatever its cost
    for text, column, compare, limit in sorted(limits, key=lambda limit: limit[1] == LATENCY):
        names = trials["design"].astype(str)
        cells = names.map(own[column]) if column in own else trials[column]
        numbers = pd.to_numeric(cells, errors="coerce").astype(float)
        values = numbers.groupby(names).median().dropna()
        is_of_now = values.empty and column == LATENCY and time_designs is not None
        if is_of_now and time_designs:
            complete = names[trials["status"] == "complete"]
            timed = {
                name: latency.columns()
                for name, latency in time_designs(complete.unique().tolist()).items()
            }
            table = pd.DataFrame.from_dict(timed, orient="index", columns=TABLE, dtype=float)
            values = table[LATENCY]
            trials = trials.assign(**{key: names.map(table[key]) for key in TABLE})
        if values.empty and column != LATENCY:
            known = [name for name in LIMITED if trials[name].notna().any()]
            raise UserError(
                f"{column} is not known of any design of this study. Known are"
                f" {', '.join([*known, *own])}."
            )
        if values.empty:
            raise UserError(
                f"{column} is not known of any design of this study. A search measures the latency"
                " where it is an objective or has a constraint (`search: {method: random, trials:"
                " 9, constraints: {latency: 2ms}}` in a study of another name). By hand, and then"
                " with limits that tell the designs apart, such as 'params<=500k':"
                f" {_measuring(trials, trials['design'].astype(str).unique(), settings)}"
            )
        fits = values[compare(values.to_numpy(), limit)]
        if fits.empty:
            trained = values[values.index.isin(names[trials["status"] == "complete"])]
            nearest = str((trained - limit).abs().idxmin())
            near = trials[names == nearest]
            what, advice = f"{human_count(float(values.loc[nearest]))}", ""
            if column == LATENCY:
                what, advice = _latency_of_nearest(near, nearest, settings, is_of_now=is_of_now)
            whose = ", which its search demands" if text in demanded else ""
            raise UserError(
                f"no design of this study has {text}{whose}; {nearest} is nearest, with {column}"
                f" {what}. Another limit instead: --where '{column}<=...'.{advice}"
            )
        trials = trials[trials["design"].astype(str).isin(fits.index)]
    return trials


def allowed(trials: pd.DataFrame, where: Sequence[str], info: Mapping[str, Any]) -> pd.DataFrame:
    """The trainings within limits, of a study of this `results.info`: as `within`, but none where
    no design is left."""
    try:
        return within(trials, where, info.get("settings") or {}) if where else trials
    except UserError:
        return trials.iloc[:0]


def _refuse_errors(text: str, columns: Sequence[str]) -> None:
    """Raise `UserError` for a limit on an error, which the winner has the lowest of anyway."""
    name = re.match(r"\s*(\w*(?:error|accuracy|loss))\b", text)
    if name and name[1] not in columns:
        raise UserError(
            f"{shorten(text)} is no limit on designs: among those within the limits, the winner has"
            f" the lowest validation error. Limits are on {', '.join(columns)}; write for example"
            " 'params<=500k'."
        )


def all_limits(where: Sequence[str], own: Sequence[str]) -> list[str]:
    """Those that are given, and a search's own constraints of what they do not limit."""
    given = {re.split("[<>=!]", text)[0].strip() for text in where}
    return [*where, *(text for text in own if text.partition("<=")[0] not in given)]


def nearly(
    every: pd.DataFrame, trials: pd.DataFrame, where: Sequence[str], settings: Mapping[str, Any]
) -> str:
    """Which of the designs that a limit on the latency leaves out may be within it, since its lower
    quartile is, and how to measure again; "" where there are none."""
    over: dict[str, str] = {}
    for text in where:
        column, compare, limit = parse_comparison(text, (*LIMITED, *_own_numbers(every)))
        done = every[every["status"] == "complete"] if column == LATENCY else every.iloc[:0]
        for design, rows in done.groupby(done["design"].astype(str)):
            latency = latency_of(rows)
            if latency is None or latency.low is None or (trials["design"] == design).any():
                continue
            if compare(latency.low, limit) and not compare(latency.seconds, limit):
                over[str(design)] = f"{rows['arm'].iloc[0]}, {latency}"
    if not over:
        return ""
    return (
        f"Left out, though its lower quartile is within: {'; '.join(over.values())}. On an idle"
        f" machine, measure again: {_measuring(every, list(over), settings)}"
    )


def _measuring(trials: pd.DataFrame, designs: Sequence[str], settings: Mapping[str, Any]) -> str:
    """The command that measures latencies as the study does."""
    options = {name: int(trials[name].iloc[0]) for name in SIZES}
    options |= {name: settings[name] for name in MEASURED_BY if name in settings}
    return command("measure", *designs[:MOST_SHOWN], mode="inference", **options)


def _latency_of_nearest(
    trials: pd.DataFrame, design: str, settings: Mapping[str, Any], *, is_of_now: bool
) -> tuple[str, str]:
    """What a design's latency is, by which settings; and how to measure it again."""
    latency = latency_of(trials)
    text = f"{latency}, {latency_words(settings, 'measured now' if is_of_now else '')}"
    again = _measuring(trials, [design], settings)
    if is_of_now and busy_now():
        return text, f" The machine is busy{busy_now()}; on an idle one, run this again."
    if latency and latency.is_uneven:
        return text, f" The machine was busy then; on an idle one, measure again: {again}"
    return text, f" To measure again: {again}"


def _own_numbers(trials: pd.DataFrame) -> dict[str, dict[str, int]]:
    """The whole numbers that only the user's own networks have: the value of each design.

    They are read from names: in the table another column may have the name of a quantity.
    """
    numbers: dict[str, dict[str, int]] = {}
    for name in filter(is_own, trials["design"].astype(str).unique()):
        for key, value in OwnName.parse(name).values.items():
            if isinstance(value, int) and key not in LIMITED:
                numbers.setdefault(key, {})[name] = value
    return numbers


def among(every: pd.DataFrame, trials: pd.DataFrame, where: Sequence[str]) -> str:
    """'the 2 of 5 designs with params<=500k', those within limits; "" without limits."""
    left, of = (table["design"].nunique() for table in (trials, every))
    with_ = " and ".join("".join(text.split()) for text in where)
    return f"the {left} of {counted(of, 'design')} with {with_}" if where else ""
