"""The arms of a study: their order, their errors by seed, what each costs, and which of
them is the reference. Errors are fractions throughout."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from studies.judging.dunnett import CONFIDENCE

FEWEST_SEEDS = 3  # for an interval of an arm's own: with two, Student's t is 12.7
SAME = 1e-9  # a spread of errors below this is rounding


def designs_of(trials: pd.DataFrame) -> pd.DataFrame:
    """The first row of each design of each arm: enough for all that does not
    depend on results, and soon looked through."""
    return trials.drop_duplicates(["arm", "design"])


def arm_cardinalities(designs: pd.DataFrame) -> dict[str, int]:
    """The cardinality of each arm; empty unless every arm has
    exactly one, no two arms share it, and all are of one kind: C counts equal paths, of the first
    stage, so it does not compare with Inception's paths or with another growth."""
    words = designs.columns.intersection(["kind", "growth", "shortcut", "order"])  # older files
    if (designs[words].nunique() > 1).any():
        return {}
    values = pd.to_numeric(designs["cardinality"], errors="coerce")
    known = (
        pd.DataFrame({"arm": designs["arm"], "cardinality": values})
        .drop_duplicates()
        .dropna(subset=["cardinality"])
    )
    arms = known["arm"].astype(str)
    if not arms.nunique() == len(arms) == designs["arm"].nunique():
        return {}
    single = {arm: int(value) for arm, value in zip(arms, known["cardinality"], strict=True)}
    return single if len(set(single.values())) == len(single) else {}


def arm_order(designs: pd.DataFrame, cardinalities: Mapping[str, int]) -> list[str]:
    """The arms in the order to show them: by cardinality where every arm has one of its own; else
    those that vary the same axes together, as the table first has them, by their values where
    these are numbers."""
    arms = [str(arm) for arm in designs["arm"].drop_duplicates()]
    if len(cardinalities) == len(arms):
        return sorted(arms, key=cardinalities.__getitem__)
    return [arm for group in groups_of(arms) for arm in group]


@lru_cache(maxsize=10_000)
def axes_of(arm: str) -> str:
    """What an arm's name says of its axes, without their values: 'C=4, width=32' -> 'C, width';
    "" of a name without any."""
    return re.sub(r"=[^,]*", "", arm) if "=" in arm else ""


def arm_numbers(arms: Sequence[str]) -> tuple[str, dict[str, int]]:
    """The one axis that all arms vary, and their numbers on it: 'kernel=3' and 'kernel=5' ->
    ('kernel', {'kernel=3': 3, 'kernel=5': 5}). Empty where they vary more, or no number."""
    values = {arm: re.fullmatch(r"([^=,]+)=(\d+)", arm) for arm in arms}
    labels = {match[1] if match else "" for match in values.values()}
    if len(labels) != 1 or "" in labels:
        return "", {}
    return labels.pop(), {arm: int(match[2]) for arm, match in values.items() if match}


def are_powers(values: Iterable[float]) -> bool:
    """Whether all are powers of two, so that they belong on a log2 axis."""
    return all(value > 0 and float(np.log2(value)).is_integer() for value in values)


def groups_of(arms: Sequence[str]) -> list[list[str]]:
    """The arms that vary the same axes, together."""
    groups: dict[str, list[str]] = {}
    for arm in arms:
        groups.setdefault(axes_of(arm), []).append(arm)
    return [
        sorted(group, key=_numbers) if axes and all(map(_numbers, group)) else group
        for axes, group in groups.items()
    ]


@lru_cache(maxsize=10_000)
def _numbers(arm: str) -> list[tuple[int, ...]]:
    """The values in an arm's name as numbers, to sort by; empty where one is no number."""
    values = re.findall(r"=([^,]*)", arm)
    if not all(re.fullmatch(r"\d+(-\d+)*", value) for value in values):
        return []
    return [tuple(map(int, value.split("-"))) for value in values]


def reference_arm(designs: pd.DataFrame, arms: Sequence[str], info: Mapping[str, Any]) -> str:
    """The arm everything is compared with: the study's own; else the arm
    of the reference design; else the first; "" without arms."""
    if info.get("reference_arm"):
        return str(info["reference_arm"])
    own = designs[designs["design"].astype(str) == designs["reference"].astype(str)]
    return next(iter([*own["arm"].astype(str), *arms]), "")


class RowsByArm(Mapping[str, pd.DataFrame]):
    """The rows of each arm, in their order. Each is a slice, made when it is asked for: copies of
    625 arms' rows take seconds, slices of all of them one."""

    def __init__(self, trials: pd.DataFrame, arms: Sequence[str]) -> None:
        codes = arm_codes(trials, arms)
        order = np.argsort(codes, kind="stable")
        ends = np.searchsorted(codes[order], np.arange(len(arms) + 1)).tolist()
        self._ordered = trials.iloc[order]
        self._slices = {
            arm: slice(start, end) for arm, start, end in zip(arms, ends, ends[1:], strict=False)
        }

    def __getitem__(self, arm: str) -> pd.DataFrame:
        return self._ordered.iloc[self._slices[arm]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._slices)

    def __len__(self) -> int:
        return len(self._slices)


def arm_codes(trials: pd.DataFrame, arms: Sequence[str]) -> NDArray[np.intp]:
    """The position of each row's arm among the arms; -1 of another."""
    return np.asarray(pd.Index(arms).get_indexer(trials["arm"].astype(str)))


def error_table(
    trials: pd.DataFrame, arms: Sequence[str], metric: str = "test_error"
) -> pd.DataFrame:
    """The complete trials as a table.

    An arm of several designs has their mean in each cell: the
    seed is the replicate, not the design.

    Args:
        trials: One row a pair.
        arms: The rows of the result, in their order.
        metric: The column of errors to tabulate.

    Returns:
        Errors (fractions), arms x seeds that carry results; NaN where a pair has no result.
    """
    errors = pd.to_numeric(trials[metric], errors="coerce").to_numpy(dtype=float)
    counts = (trials["status"] == "complete").to_numpy() & np.isfinite(errors)
    if not counts.any():
        return pd.DataFrame(index=list(arms))
    seed, seeds = pd.factorize(trials["seed"][counts], sort=True)
    cell = arm_codes(trials[["arm"]][counts], arms) * len(seeds) + seed
    count, total = (
        np.bincount(cell, weights, len(arms) * len(seeds)) for weights in (None, errors[counts])
    )
    means = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return pd.DataFrame(
        means.reshape(len(arms), len(seeds)),
        index=pd.Index(arms, name="arm"),
        columns=pd.Index(seeds, name="seed"),
    )


def summarize_arms(errors: pd.DataFrame) -> pd.DataFrame:
    """Each arm's n (seeds with a result), mean, sd and t interval over its seeds (`low`, `high`).

    The interval is NaN where n < 3, since two seeds' is wider than anything that they show, and
    where all seeds make the same error, as they may on few images: that is no certainty. These
    intervals are each arm's own. Whether two arms differ is `comparison.compare`'s question: arms
    share their seeds.

    Args:
        errors: What `error_table` gives.
    """
    n = errors.notna().sum(axis=1)
    mean, sd = errors.mean(axis=1), errors.std(axis=1, ddof=1)
    enough = n.where((n >= FEWEST_SEEDS) & (sd > SAME))
    half = stats.t.ppf((1 + CONFIDENCE) / 2, enough - 1) * sd / np.sqrt(enough)
    return pd.DataFrame({"n": n, "mean": mean, "sd": sd, "low": mean - half, "high": mean + half})


def arm_costs(designs: pd.DataFrame) -> dict[str, float]:
    """What each arm costs, in the measure its budget is stated in (mean over its designs)."""
    cost = pd.to_numeric(designs["budget"], errors="coerce") * (
        1 + pd.to_numeric(designs["mismatch"], errors="coerce")
    )
    priced = pd.DataFrame({"arm": designs["arm"].astype(str), "cost": cost.astype(float)})
    means = priced.groupby("arm")["cost"].mean().dropna()
    return {str(arm): float(value) for arm, value in means.items()}


def finite(values: Any) -> NDArray[np.float64]:
    """A column of a table as numbers; NaN for what is none."""
    return pd.to_numeric(values, errors="coerce").to_numpy(dtype=float)
