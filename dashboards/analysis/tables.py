"""What a page and a terminal show as tables: rows of finished text, units in the headings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboards.analysis.comparison import Comparison, arm_order, error_table, summarize_arms
from dashboards.analysis.spaces import extremes
from dashboards.analysis.verdict import (
    chosen_by_validation,
    confidence_text,
    measure,
    p_text,
    signed_points,
)

NOTHING = "–"


@dataclass(frozen=True)
class Table:
    """Headings, and rows of text. `words` are the headings of the columns that are no numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[str] = frozenset()


def percent(fraction: Any, digits: int = 2) -> str:
    """A fraction as the number under a heading in %: 0.0257 -> '2.57'."""
    return NOTHING if pd.isna(fraction) else f"{100 * fraction:.{digits}f}"


def interval(low: Any, high: Any) -> str:
    """An interval of error under a heading in %. Error cannot be
    below zero, so the interval is cut there."""
    return (
        NOTHING if pd.isna(low) or pd.isna(high) else f"{percent(max(0.0, low))} to {percent(high)}"
    )


def template_label(cardinality: Any, bottleneck_width: Any, width: Any = None) -> str:
    """'8x14d'; a basic block has no paths and is told by its width."""
    if pd.isna(cardinality) or pd.isna(bottleneck_width):
        return "" if pd.isna(width) else f"w{int(width)}"
    return f"{int(cardinality)}x{int(bottleneck_width)}d"


def closing_table(trials: pd.DataFrame) -> Table:
    """The study in one table, one row an arm, as the terminal shows it."""
    return _by_arm(
        trials,
        [
            ("Design", _design),
            _counted(trials, "FLOPs", "flops"),
            ("Mismatch (%)", _mismatch),
            _counted(trials, "Params", "params"),
            ("n", _n(trials)),
            ("Validation error (%)", _mean_error(trials, "validation_error")),
            ("Test error (%)", _mean_error(trials, "test_error")),
            ("95 % interval", _error_interval(trials)),
            ("Seconds per epoch", _mean("seconds_per_epoch", "{:.2f}")),
        ],
        words=("Design",),
    )


def comparison_table(trials: pd.DataFrame, comparison: Comparison) -> Table:
    """What the verdict rests on, one row an arm: errors, and the
    difference from the reference arm."""
    reference = comparison.reference

    def of(text: Callable[[Any], str]) -> Callable[[str, pd.DataFrame], str]:
        def cell(arm: str, _: pd.DataFrame) -> str:
            difference = comparison.difference(arm)
            return NOTHING if difference is None else text(difference)

        return cell

    own = error_table(trials).notna().sum(axis=1)
    fewer = any(one.seeds != own[one.arm] for one in comparison.differences)
    return _by_arm(
        trials,
        [
            (
                "Template",
                lambda _, rows: _one(template_label(*values) for values in _templates(rows)),
            ),
            ("n", _n(trials)),
            ("Test error (%)", _mean_error(trials, "test_error")),
            ("95 % interval", _error_interval(trials)),
            # Where the difference rests on other seeds than the arm's error.
            *([("Seeds shared", of(lambda one: str(one.seeds)))] if fewer else []),
            (f"Minus {reference} (points)", of(lambda one: signed_points(one.estimate))),
            (
                f"Simultaneous {confidence_text(comparison.confidence)} interval",
                of(
                    lambda one: (
                        NOTHING
                        if one.low is None
                        else f"{signed_points(one.low)} to {signed_points(one.high)}"
                    )
                ),
            ),
            (
                "p",
                of(
                    lambda one: (
                        NOTHING
                        if one.p_value is None
                        else p_text(one.p_value).removeprefix("p ").removeprefix("= ")
                    )
                ),
            ),
            ("Validation error (%)", _mean_error(trials, "validation_error")),
            ("Train error (%)", _mean_error(trials, "train_error")),
            ("Seconds per epoch", _mean("seconds_per_epoch", "{:.2f}")),
        ],
        words=("Template",),
    )


def design_table(trials: pd.DataFrame) -> Table:
    """Every design with its cost and its mismatch, one row a design."""
    designs = trials.drop_duplicates(["arm", "design"])
    measures = [_counted(trials, "FLOPs", "flops"), _counted(trials, "Params", "params")]
    measures.append(_counted(trials, "Activations", "activations"))
    rows = []
    for arm in arm_order(trials):
        for _, row in designs[designs["arm"].astype(str) == arm].iterrows():
            one = row.to_frame().T
            costs = [cell(arm, one) for _, cell in measures]
            label = template_label(row["cardinality"], row["bottleneck_width"], row["width"])
            rows.append(
                (arm, str(row["design"]), label, str(row["depths"]), *costs, _mismatch(arm, one))
            )
    kept = f"Mismatch in {measure(trials).removeprefix('the ')} (%)"
    headings = ("Arm", "Design", "Template", "Depths", *(heading for heading, _ in measures), kept)
    return Table(headings, tuple(rows), frozenset(("Arm", "Design", "Template", "Depths")))


def studies_table(studies: Sequence[tuple[str, pd.DataFrame, Comparison]]) -> Table:
    """Several studies, one row each: what validation chose, and how it
    compares with the study's reference arm."""
    rows = []
    for name, trials, comparison in studies:
        chosen, summary = chosen_by_validation(trials), summarize_arms(trials)
        complete = int((trials["status"] == "complete").sum())
        difference = comparison.difference(chosen) if chosen else None
        mean = percent(summary.loc[chosen, "mean"]) if chosen in summary.index else NOTHING
        span = NOTHING
        if difference is not None and difference.low is not None:
            span = f"{signed_points(difference.low)} to {signed_points(difference.high)}"
        gap = (
            "reference"
            if chosen == comparison.reference
            else signed_points(difference.estimate)
            if difference
            else NOTHING
        )
        rows.append(
            (
                name,
                f"{complete} of {len(trials)}",
                comparison.reference,
                chosen or NOTHING,
                mean,
                gap,
                span,
            )
        )
    headings = (
        "Study",
        "Complete",
        "Reference",
        "Lowest validation error",
        "Its test error (%)",
        "Minus the reference's (points)",
    )
    return Table(
        (*headings, "Interval"),
        tuple(rows),
        frozenset(("Study", "Reference", "Lowest validation error")),
    )


def extremes_table(trials: pd.DataFrame) -> Table:
    """Each arm's best, median and worst training."""
    rows = [
        (
            arm,
            str(row["n"]),
            *(percent(row[key]) for key in ("best", "median", "worst")),
            _seed(row),
            str(row["design"]),
        )
        for arm, row in extremes(trials).iterrows()
    ]
    headings = (
        "Arm",
        "n",
        "Best test error (%)",
        "Median (%)",
        "Worst (%)",
        "Best one's seed",
        "Best one's design",
    )
    return Table(headings, tuple(rows), frozenset(("Arm", "Best one's design")))


def _seed(row: Any) -> str:
    return NOTHING if row["seed"] is None or pd.isna(row["seed"]) else str(int(row["seed"]))


def trial_table(trials: pd.DataFrame) -> Table:
    """Every pair of arm and seed, how it stands and what came of it."""
    rows = []
    for arm in arm_order(trials):
        for _, row in trials[trials["arm"].astype(str) == arm].sort_values("seed").iterrows():
            errors = (
                percent(row[name]) for name in ("train_error", "validation_error", "test_error")
            )
            seconds = NOTHING if pd.isna(row["seconds"]) else f"{row['seconds']:.1f}"
            reason = "" if pd.isna(row["reason"]) else str(row["reason"])
            rows.append((arm, str(row["seed"]), str(row["status"]), *errors, seconds, reason))
    headings = (
        "Arm",
        "Seed",
        "Status",
        "Train error (%)",
        "Validation error (%)",
        "Test error (%)",
        "Seconds",
        "Reason",
    )
    return Table(headings, tuple(rows), frozenset(("Arm", "Status", "Reason")))


Cell = Callable[[str, pd.DataFrame], str]


def _by_arm(trials: pd.DataFrame, columns: list[tuple[str, Cell]], words: Iterable[str]) -> Table:
    rows = []
    for arm in arm_order(trials):
        mine = trials[trials["arm"].astype(str) == arm]
        rows.append((arm, *(cell(arm, mine) for _, cell in columns)))
    return Table(
        ("Arm", *(heading for heading, _ in columns)), tuple(rows), frozenset(("Arm", *words))
    )


def _one(values: Iterable[str]) -> str:
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else f"{len(different)} designs"


def _templates(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(
        rows[["cardinality", "bottleneck_width", "width"]].itertuples(index=False, name=None)
    )


def _design(_: str, rows: pd.DataFrame) -> str:
    return _one(str(name) for name in rows["design"])


def _mismatch(_: str, rows: pd.DataFrame) -> str:
    value = pd.to_numeric(rows["mismatch"], errors="coerce").mean()
    if pd.isna(value):
        return NOTHING
    text = f"{100 * value:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def _counted(trials: pd.DataFrame, heading: str, column: str) -> tuple[str, Cell]:
    """A column of large counts in one unit: ('FLOPs (M)', cell)."""
    values = pd.to_numeric(trials[column], errors="coerce").dropna()
    largest = float(values.max()) if len(values) else 0.0
    units = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))
    letter, size = next(((letter, size) for letter, size in units if largest >= size), ("", 1.0))

    digits = max(3, len(str(int(largest / size))))

    def cell(_: str, rows: pd.DataFrame) -> str:
        value = pd.to_numeric(rows[column], errors="coerce").mean()
        return NOTHING if pd.isna(value) else f"{value / size:#.{digits}g}".removesuffix(".")

    return f"{heading} ({letter})" if letter else heading, cell


def _mean(column: str, form: str) -> Cell:
    def cell(_: str, rows: pd.DataFrame) -> str:
        complete = pd.to_numeric(
            rows.loc[rows["status"] == "complete", column], errors="coerce"
        ).dropna()
        return form.format(complete.mean()) if len(complete) else NOTHING

    return cell


def _n(trials: pd.DataFrame) -> Cell:
    counts = error_table(trials).notna().sum(axis=1)
    return lambda arm, _: str(int(counts[arm]))


def _mean_error(trials: pd.DataFrame, metric: str) -> Cell:
    means = summarize_arms(trials, metric)["mean"]
    return lambda arm, _: percent(means[arm])


def _error_interval(trials: pd.DataFrame) -> Cell:
    summary = summarize_arms(trials)
    return lambda arm, _: interval(summary.loc[arm, "low"], summary.loc[arm, "high"])
