"""What a page and a terminal show as tables: rows of finished text, units in the headings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from dashboards.analysis.comparison import Comparison, Difference
from dashboards.analysis.evidence import Evidence
from dashboards.analysis.spaces import ComparedSpaces, extremes
from dashboards.analysis.words import (
    NOTHING,
    bare_points,
    confidence_text,
    interval,
    network_label,
    p_text,
    percent,
    signed_interval,
)
from explorer.text import FAR_OFF, signed_points
from studies.judging.latency import latency_of

Cell = Callable[[str, pd.DataFrame], str]  # of an arm, from its name and its rows of `trials`


@dataclass(frozen=True)
class TextTable:
    """Headings, and rows of text. `words` are the headings of the columns that are no numbers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    words: frozenset[str] = frozenset()


def closing_table(evidence: Evidence) -> TextTable:
    """The study in one table, one row an arm, as the terminal shows it."""
    return _by_arm(
        evidence,
        [
            ("Design", lambda _, rows: _single(map(str, rows["design"].unique()))),
            _counted(evidence, "FLOPs", "flops"),
            ("Mismatch (%)", _mismatch(evidence)),
            _counted(evidence, "Params", "params"),
            ("n", _n(evidence)),
            ("Validation error (%)", _mean_error(evidence, "validation")),
            ("Test error (%)", _mean_error(evidence, "test")),
            ("95 % interval", _error_interval(evidence)),
            ("Seconds per epoch", _seconds_per_epoch),
            *_latency(evidence),
        ],
        words=("Design",),
    )


def comparison_table(evidence: Evidence) -> TextTable:
    """What the verdict rests on, one row an arm: errors, and the
    difference from the reference arm."""
    comparison = evidence.comparison

    def of(text: Callable[[Difference], str]) -> Cell:
        def cell(arm: str, _: pd.DataFrame) -> str:
            difference = comparison.difference(arm)
            return NOTHING if difference is None else text(difference)

        return cell

    n = evidence.summary["n"]
    fewer = any(gap.seeds != n[gap.arm] for gap in comparison.differences)
    return _by_arm(
        evidence,
        [
            ("Template", _templates(evidence)),
            ("n", _n(evidence)),
            ("Test error (%)", _mean_error(evidence, "test")),
            ("95 % interval", _error_interval(evidence)),
            # Where the difference rests on other seeds than the arm's error.
            *([("Seeds shared", of(lambda gap: str(gap.seeds)))] if fewer else []),
            (
                f"Minus {comparison.reference} (points)",
                of(lambda gap: signed_points(gap.estimate)),
            ),
            (
                f"Simultaneous {confidence_text(comparison.confidence)} interval",
                of(lambda gap: signed_interval(gap.low, gap.high)),
            ),
            (
                "p" if comparison.looks == 1 else "p (adjusted)",
                of(lambda gap: _p_cell(comparison, gap)),
            ),
            ("Verdict", of(lambda gap: _stands(comparison, gap))),
            ("Validation error (%)", _mean_error(evidence, "validation")),
            ("Train error (%)", _mean_error(evidence, "train")),
            ("Seconds per epoch", _seconds_per_epoch),
            *_latency(evidence),
        ],
        words=("Template", "Verdict"),
    )


def design_table(evidence: Evidence) -> TextTable:
    """Every design with its cost and its mismatch, one row a design."""
    measures = [
        _counted(evidence, heading, column)
        for heading, column in (
            ("FLOPs", "flops"), ("Params", "params"), ("Activations", "activations")
        )
    ]  # fmt: skip
    rows, mismatch_of = [], _mismatch(evidence)
    designs = evidence.designs
    names = designs["arm"].astype(str)
    for arm in evidence.arms:
        own = designs[names == arm]
        for number, design in enumerate(own.to_dict("records")):
            row = own.iloc[[number]]
            costs = (cell(arm, row) for _, cell in measures)
            label = network_label(design, evidence.own_quantities), str(design["depths"])
            rows.append((arm, str(design["design"]), *label, *costs, mismatch_of(arm, row)))
    mismatch = f"Mismatch in {evidence.budget.removeprefix('the ')} (%)"
    words = ("Arm", "Design", "Template", "Depths")
    headings = (*words, *(heading for heading, _ in measures), mismatch)
    return TextTable(headings, tuple(rows), frozenset(words))


def studies_table(studies: Sequence[tuple[str, Evidence]]) -> TextTable:
    """Several studies by their names, one row each: what validation chose, and how it
    compares with the study's reference arm."""
    rows = []
    for name, evidence in studies:
        winner, complete = evidence.winner, evidence.counts.get("complete", 0)
        rows.append(
            (
                name,
                f"{complete} of {len(evidence.trials)}",
                evidence.reference,
                winner or NOTHING,
                percent(evidence.summary["mean"].get(winner)),
                *gap_cells(evidence, winner or ""),
            )
        )
    headings = (
        "Study", "Complete", "Reference", "Lowest validation error", "Its test error (%)",
        "Minus the reference's (points)", "Interval",
    )  # fmt: skip
    words = frozenset(("Study", "Reference", "Lowest validation error"))
    return TextTable(headings, tuple(rows), words)


def spaces_table(compared: ComparedSpaces) -> TextTable:
    """Design spaces at equal complexity: how many designs count and what they are worth, the
    median, the area under the curve, and how good a random search would be."""
    rows = tuple(
        (
            name,
            str(space.designs),
            f"{space.effective:.0f}",
            percent(space.quantile(0.5)),
            f"{compared.area(name):.3f}",
            percent(compared.best_of_draws(name)),
        )
        for name, space in compared.spaces.items()
    )
    headings = (
        "Space", "Designs", "Worth", "Median test error (%)", "Area under the curve",
        f"Mean of the best of {compared.draws} (%)",
    )  # fmt: skip
    return TextTable(headings, rows, frozenset(("Space",)))


def arms_table(studies: Sequence[tuple[str, Evidence]]) -> TextTable:
    """Every arm of several studies, by the studies' names: its error, and how it compares with
    its own study's reference arm."""
    rows = []
    for name, evidence in studies:
        for arm, row in evidence.summary.iterrows():
            difference = evidence.comparison.difference(str(arm))
            gap, ends = gap_cells(evidence, str(arm))
            if difference and difference.seeds != row["n"]:
                gap += f" ({difference.seeds} shared)"
            error = percent(row["mean"]), interval(*row[["low", "high", "n"]])
            rows.append((name, str(arm), str(int(row["n"])), *error, gap, ends))
    headings = (
        "Study", "Arm", "n", "Test error (%)", "95 % interval", "Minus reference (points)",
        "Simultaneous interval",
    )  # fmt: skip
    return TextTable(headings, tuple(rows), frozenset(("Study", "Arm")))


def gap_cells(evidence: Evidence, arm: str) -> tuple[str, str]:
    """An arm's difference from the reference arm, and its interval."""
    if arm == evidence.reference:
        return "reference", NOTHING
    difference = evidence.comparison.difference(arm)
    if difference is None:
        return NOTHING, NOTHING
    return signed_points(difference.estimate), signed_interval(difference.low, difference.high)


def extremes_table(evidence: Evidence) -> TextTable:
    """Each arm's best, median and worst training."""
    rows = tuple(
        (
            arm,
            str(row["n"]),
            *(percent(row[key]) for key in ("best", "median", "worst")),
            NOTHING if row["seed"] is None or pd.isna(row["seed"]) else str(int(row["seed"])),
            str(row["design"]),
        )
        for arm, row in extremes(evidence.complete).iterrows()
    )
    headings = (
        "Arm", "n", "Best test error (%)", "Median (%)", "Worst (%)", "Best one's seed",
        "Best one's design",
    )  # fmt: skip
    return TextTable(headings, rows, frozenset(("Arm", "Best one's design")))


def trial_table(evidence: Evidence, most: int) -> TextTable:
    """Every pair of arm and seed, how it stands and what came of it; at most so many rows."""
    rows: list[tuple[str, ...]] = []
    for arm in evidence.arms:
        own = evidence.by_arm[arm].sort_values("seed").head(most - len(rows))
        for row in own.to_dict("records"):
            errors = (percent(row[f"{split}_error"]) for split in ("train", "validation", "test"))
            seconds = NOTHING if pd.isna(row["seconds"]) else f"{row['seconds']:.1f}"
            reason = "" if pd.isna(row["reason"]) else str(row["reason"])
            rows.append((arm, str(row["seed"]), str(row["status"]), *errors, seconds, reason))
    headings = (
        "Arm", "Seed", "Status", "Train error (%)", "Validation error (%)", "Test error (%)",
        "Seconds", "Reason",
    )  # fmt: skip
    return TextTable(headings, tuple(rows), frozenset(("Arm", "Status", "Reason")))


def _by_arm(evidence: Evidence, columns: list[tuple[str, Cell]], words: Iterable[str]) -> TextTable:
    rows = tuple(
        (arm, *(cell(arm, rows) for _, cell in columns)) for arm, rows in evidence.by_arm.items()
    )
    headings = ("Arm", *(heading for heading, _ in columns))
    return TextTable(headings, rows, frozenset(("Arm", *words)))


def _single(values: Iterable[str]) -> str:
    """What all of an arm's designs have in common, or how many differ."""
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else f"{len(different)} designs"


def _templates(evidence: Evidence) -> Cell:
    def cell(_: str, rows: pd.DataFrame) -> str:
        designs = rows.drop_duplicates("design").to_dict("records")
        return _single(network_label(design, evidence.own_quantities) for design in designs)

    return cell


def _p_cell(comparison: Comparison, difference: Difference) -> str:
    p_value = comparison.p_values.get(difference.arm)
    return NOTHING if p_value is None else p_text(p_value).removeprefix("p ").removeprefix("= ")


def _stands(comparison: Comparison, difference: Difference) -> str:
    """'better', 'equal within 0.5', 'open'; a dash where nothing is judged."""
    if comparison.problem:
        return NOTHING
    within = f" within {bare_points(comparison.margin or 0.0)}"
    return difference.verdict + (within if difference.verdict == "equal" else "")


def _mismatch(evidence: Evidence) -> Cell:
    """A mismatch, marked where it is too large to compare, as `human_mismatch` marks it."""

    def cell(_: str, rows: pd.DataFrame) -> str:
        value = pd.to_numeric(rows["mismatch"], errors="coerce").mean()
        if pd.isna(value):
            return NOTHING
        text = f"{100 * value:+.1f}".replace("-", "−")
        mark = "! " if evidence.is_solved and abs(value) > FAR_OFF else ""
        return "0.0" if text in ("+0.0", "−0.0") else mark + text

    return cell


def _counted(evidence: Evidence, heading: str, column: str) -> tuple[str, Cell]:
    """A column of large counts in one unit: ('FLOPs (M)', cell)."""
    values = pd.to_numeric(evidence.designs[column], errors="coerce").dropna()
    largest = float(values.max()) if len(values) else 0.0
    units = (("T", 1e12), ("G", 1e9), ("M", 1e6), ("k", 1e3))
    letter, size = next(((letter, size) for letter, size in units if largest >= size), ("", 1.0))

    digits = max(3, len(str(int(largest / size))))

    def cell(_: str, rows: pd.DataFrame) -> str:
        value = pd.to_numeric(rows[column], errors="coerce").mean()
        return NOTHING if pd.isna(value) else f"{value / size:#.{digits}g}".removesuffix(".")

    return f"{heading} ({letter})" if letter else heading, cell


def _seconds_per_epoch(_: str, rows: pd.DataFrame) -> str:
    complete = rows.loc[rows["status"] == "complete", "seconds_per_epoch"]
    seconds = pd.to_numeric(complete, errors="coerce").dropna()
    return f"{seconds.mean():.2f}" if len(seconds) else NOTHING


def _latency(evidence: Evidence) -> list[tuple[str, Cell]]:
    """The column of measured latencies, where there are some."""

    def cell(_: str, rows: pd.DataFrame) -> str:
        seconds = latency_of(rows)
        return f"{1000 * seconds:.3g}" if seconds else NOTHING

    return [("Latency (ms)", cell)] if evidence.has_latency else []


def _n(evidence: Evidence) -> Cell:
    return lambda arm, _: str(int(evidence.summary.loc[arm, "n"]))


def _mean_error(evidence: Evidence, split: str) -> Cell:
    return lambda arm, _: percent(evidence.mean_errors.loc[arm, split])


def _error_interval(evidence: Evidence) -> Cell:
    return lambda arm, _: interval(*evidence.summary.loc[arm, ["low", "high", "n"]])
