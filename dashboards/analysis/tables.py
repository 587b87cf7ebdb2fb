"""What a page and a terminal show as tables: rows of finished text, units in the headings."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Any

import numpy as np
import pandas as pd

from dashboards.analysis.arms import arm_codes, finite
from dashboards.analysis.comparison import Comparison, Difference
from dashboards.analysis.evidence import Evidence
from dashboards.analysis.spaces import ComparedSpaces, extremes
from dashboards.analysis.words import (
    NOTHING,
    bare_points,
    confidence_text,
    interval,
    network_label,
    only_or_counted,
    p_text,
    percent,
    signed_interval,
    unit_of,
    with_unit,
)
from explorer.text import FAR_OFF, signed_points, three_digits
from studies.judging.latency import latency_of

Column = tuple[str, Iterable[str]]  # its heading, and a cell an arm in their order
Text = Callable[[float], str]


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
            ("Design", _designs(evidence)),
            _counted_by_arm(evidence, "FLOPs", "flops"),
            ("Mismatch (%)", map(_mismatch(evidence), _means(evidence, "mismatch"))),
            _counted_by_arm(evidence, "Params", "params"),
            ("n", _n(evidence)),
            ("Validation error (%)", _mean_error(evidence, "validation")),
            ("Test error (%)", _mean_error(evidence, "test")),
            *_error_interval(evidence),
            ("Seconds per epoch", _seconds_per_epoch(evidence)),
            *_latency(evidence),
        ],
        words=("Design",),
    )


def comparison_table(evidence: Evidence) -> TextTable:
    """What the verdict rests on, one row an arm: errors, and the
    difference from the reference arm."""
    comparison, templates = evidence.comparison, list(evidence.templates.values())
    differences = [comparison.difference(arm) for arm in evidence.arms]

    def of(text: Callable[[Difference], str]) -> list[str]:
        return [NOTHING if each is None else text(each) for each in differences]

    in_looks = evidence.until.get("margin") is not None
    is_race = bool(evidence.until) and not in_looks  # of a study that looks for the best arm
    sure = confidence_text(comparison.confidence)
    kind = f"{sure} interval over all looks" if in_looks else f"Simultaneous {sure} interval"
    intervals = of(lambda gap: signed_interval(gap.low, gap.high))
    p_values = of(lambda gap: _p_cell(comparison, gap))
    fewer = any(_on_other_seeds(evidence, gap) for gap in comparison.differences)
    judged: list[Column] = [] if is_race else [(kind, intervals)]
    if not evidence.until:
        judged.append(("p" if comparison.looks == 1 else "p (adjusted)", p_values))
    stands = _in_race(evidence) if is_race else of(lambda gap: _stands(evidence, gap))
    judged.append(("Verdict", stands))
    return _by_arm(
        evidence,
        [
            # Networks of one's own have numbers of their own, which their arms' names hold.
            *([("Template", templates)] if any(templates) else []),
            ("n", _n(evidence)),
            ("Test error (%)", _mean_error(evidence, "test")),
            *_error_interval(evidence),
            # Where a difference rests on other seeds than the two errors.
            *([("Seeds shared", of(lambda gap: str(gap.seeds)))] if fewer else []),
            (
                f"Minus {comparison.reference}{' at its last look' if in_looks else ''} (points)",
                of(lambda gap: signed_points(gap.estimate)),
            ),
            *(judged if evidence.seeds_meant > 1 else []),  # one seed tells nothing of gaps
            ("Validation error (%)", _mean_error(evidence, "validation")),
            ("Train error (%)", _mean_error(evidence, "train")),
            ("Seconds per epoch", _seconds_per_epoch(evidence)),
            *_latency(evidence),
        ],
        words=("Template", "Verdict"),
    )


def design_table(evidence: Evidence) -> TextTable:
    """Every design with its cost and its mismatch, one row a design."""
    columns = {"FLOPs": "flops", "Params": "params", "Activations": "activations"}
    measures = {column: _counted(evidence, heading, column) for heading, column in columns.items()}
    mismatch_of, rows = _mismatch(evidence), []
    numbers = {name: finite(evidence.designs[name]) for name in (*measures, "mismatch")}
    designs = evidence.designs.assign(**numbers)
    has_templates = any(evidence.templates.values())
    order = np.argsort(arm_codes(designs, evidence.arms), kind="stable")
    for design in designs.iloc[order].to_dict("records"):
        costs = (text(design[column]) for column, (_, text) in measures.items())
        names = str(design["arm"]), str(design["design"])
        templates = [network_label(design, evidence.own_quantities)] if has_templates else []
        cells = *names, *templates, str(design["depths"]), *costs
        rows.append((*cells, mismatch_of(design["mismatch"])))
    mismatch = f"Mismatch in {evidence.budget.removeprefix('the ')} (%)"
    words = ("Arm", "Design", *(["Template"] if has_templates else []), "Depths")
    headings = (*words, *(heading for heading, _ in measures.values()), mismatch)
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
            gap, ends = gap_cells(evidence, str(arm))
            error = percent(row["mean"]), interval(*row[["low", "high", "n"]])
            rows.append((name, str(arm), str(int(row["n"])), *error, gap, ends))
    headings = (
        "Study", "Arm", "n", "Test error (%)", "95 % interval", "Minus reference (points)",
        "Simultaneous interval",
    )  # fmt: skip
    return TextTable(headings, tuple(rows), frozenset(("Study", "Arm")))


def gap_cells(evidence: Evidence, arm: str) -> tuple[str, str]:
    """An arm's difference from the reference arm, with the seeds that it rests on where the two
    means rest on others, and its interval."""
    if arm == evidence.reference:
        return "reference", NOTHING
    difference = evidence.comparison.difference(arm)
    if difference is None:
        return NOTHING, NOTHING
    gap = signed_points(difference.estimate)
    if _on_other_seeds(evidence, difference):
        gap += f" ({difference.seeds} shared)"
    return gap, signed_interval(difference.low, difference.high)


def _on_other_seeds(evidence: Evidence, difference: Difference) -> bool:
    """Whether an arm's mean, or the reference arm's, is over more seeds than their difference: the
    two means may then differ by another amount, even with another sign."""
    n = evidence.summary["n"]
    return any(n[arm] != difference.seeds for arm in (difference.arm, evidence.reference))


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
    words = frozenset(("Arm", "Status", "Reason"))
    if any(reason for *_, reason in rows):
        return TextTable(headings, tuple(rows), words)
    return TextTable(headings[:-1], tuple(row[:-1] for row in rows), words)


def _by_arm(evidence: Evidence, columns: Iterable[Column], words: Iterable[str]) -> TextTable:
    headings, cells = zip(*columns, strict=True)
    rows = tuple(zip(evidence.arms, *cells, strict=True))
    return TextTable(("Arm", *headings), rows, frozenset(("Arm", *words)))


def _designs(evidence: Evidence) -> list[str]:
    names = evidence.designs.groupby(evidence.designs["arm"].astype(str))["design"]
    of_arm = {arm: only_or_counted([str(name) for name in own]) for arm, own in names}
    return [of_arm[arm] for arm in evidence.arms]


def _p_cell(comparison: Comparison, difference: Difference) -> str:
    p_value = comparison.p_values.get(difference.arm)
    return NOTHING if p_value is None else p_text(p_value).removeprefix("p ").removeprefix("= ")


def _stands(evidence: Evidence, difference: Difference) -> str:
    """'better', 'equal within 0.5', 'open'; a dash where nothing is judged. What has not learned is
    never equal."""
    comparison = evidence.comparison
    if comparison.problem and difference.low is None:
        return NOTHING
    if difference.arm in evidence.unlearned and not difference.shown:
        return "not learned"
    margin = evidence.until.get("margin")
    if margin is not None and difference.verdict != "open":
        within = f" within {margin:g}" if difference.verdict == "equal" else ""
        return f"{difference.verdict}{within}, decided at seed {difference.seeds}"
    within = f" within {bare_points(comparison.margin or 0.0)}"
    return difference.verdict + (within if difference.verdict == "equal" else "")


def _in_race(evidence: Evidence) -> list[str]:
    """Where each arm stands in a study that looks for the best: 'the best', 'left', 'dropped at
    seed 3, worse than C=8'."""
    words = {"best": "the best", "open": "left"}
    stand = {
        arm["arm"]: words.get(arm["verdict"])
        or f"dropped at seed {arm['decided_at']}, worse than {arm['by']}"
        for arm in evidence.until["arms"]
    }
    return [stand.get(arm, NOTHING) for arm in evidence.arms]


def _mismatch(evidence: Evidence) -> Text:
    """A mismatch, marked where it is too large to compare, as `human_mismatch` marks it."""

    def text(value: float) -> str:
        if pd.isna(value):
            return NOTHING
        percents = f"{100 * value:+.1f}".replace("-", "−")
        mark = "! " if evidence.is_solved and abs(value) > FAR_OFF else ""
        return "0.0" if percents in ("+0.0", "−0.0") else mark + percents

    return text


def _counted(evidence: Evidence, heading: str, column: str) -> tuple[str, Text]:
    """The heading of a column of large counts in one unit, 'FLOPs (M)', and what it says of one."""
    values = pd.to_numeric(evidence.designs[column], errors="coerce").dropna()
    largest = float(values.max()) if len(values) else 0.0
    letter, size = unit_of(largest)
    digits = max(3, len(str(int(largest / size))))

    def text(value: float) -> str:
        return NOTHING if pd.isna(value) else f"{value / size:#.{digits}g}".removesuffix(".")

    return with_unit(heading, letter), text


def _counted_by_arm(evidence: Evidence, heading: str, column: str) -> Column:
    heading, text = _counted(evidence, heading, column)
    return heading, map(text, _means(evidence, column))


def _means(evidence: Evidence, column: str, rows: pd.DataFrame | None = None) -> list[float]:
    """The mean of a column over each arm's `rows` (all trainings); NaN where there is none."""
    return _over_arms(evidence, column, evidence.trials if rows is None else rows).mean().tolist()


def _over_arms(evidence: Evidence, column: str, rows: pd.DataFrame) -> Any:
    """A column of these rows as numbers, grouped by all arms in their order."""
    arms = pd.Categorical(rows["arm"].astype(str), evidence.arms)
    return pd.Series(finite(rows[column])).groupby(arms, observed=False)


def _seconds_per_epoch(evidence: Evidence) -> list[str]:
    complete = evidence.trials[evidence.trials["status"] == "complete"]
    means = _means(evidence, "seconds_per_epoch", complete)
    return [NOTHING if pd.isna(seconds) else f"{seconds:.2f}" for seconds in means]


def _latency(evidence: Evidence) -> list[Column]:
    """The columns of measured latencies and of their quartiles, where there are some."""
    if not evidence.has_latency:
        return []
    latencies = [latency_of(rows) for rows in evidence.by_arm.values()]
    medians = [NOTHING if each is None else _milliseconds(each.seconds) for each in latencies]
    between = [
        NOTHING
        if each is None or each.low is None or each.high is None
        else f"{_milliseconds(each.low)} to {_milliseconds(each.high)}"
        for each in latencies
    ]
    quartiles = [("Quartiles (ms)", between)] if set(between) - {NOTHING} else []
    return [("Latency (ms)", medians), *quartiles]


def _milliseconds(seconds: float) -> str:
    value = 1000 * seconds
    return three_digits(value) if value >= 1 else f"{value:#.3g}"


def _n(evidence: Evidence) -> list[str]:
    return [str(int(n)) for n in evidence.summary["n"]]


def _mean_error(evidence: Evidence, split: str) -> Iterable[str]:
    return map(percent, evidence.mean_errors[split])


def _error_interval(evidence: Evidence) -> list[Column]:
    """The interval of each arm's own error; of one seed there will be none."""
    ends = evidence.summary[["low", "high", "n"]].itertuples(index=False)
    return [("95 % interval", starmap(interval, ends))] if evidence.seeds_meant > 1 else []
