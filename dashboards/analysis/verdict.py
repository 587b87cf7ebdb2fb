"""The comparison in plain words: one honest sentence with its numbers, a title for
the figure, and what a reader must know beside it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from dashboards.analysis.comparison import (
    CONFIDENCE,
    Comparison,
    Difference,
    arm_order,
    error_table,
    gap_settled_by,
    seeds_to_settle,
    summarize_arms,
)
from dashboards.analysis.test_set import confidence_after, sampling_of_tests
from explorer.text import counted, human_percent
from studies.winner.ranking import rank

MEASURES = {
    "flops": "the FLOPs",
    "params": "the parameters",
    "activations": "the activations",
    "block": "the weights of a block",
}
MANY_SEEDS = 99  # a study that needs more is not advised, but told what ten more would settle
LARGE_MISMATCH = 0.02


@dataclass(frozen=True)
class Verdict:
    """`title` fits over a figure, `sentence` is the answer, `more` goes
    on with it, `notes` say what limits it."""

    title: str
    sentence: str
    more: str = ""
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        return f"{self.sentence} {self.more}".strip()


def points(fraction: float) -> str:
    """A difference of errors in points, without its sign: 0.0042 -> '0.42'."""
    return f"{abs(100 * fraction):.2f}"


def fine_points(fraction: float) -> str:
    """`points` of a difference that is shown: with as many digits
    as it takes to be more than nothing."""
    text = points(fraction)
    return text if float(text) or not fraction else f"{abs(100 * fraction):.1g}"


def seeds_phrase(count: int) -> str:
    return counted(count, "seed")


def shared_seeds(trials: pd.DataFrame, differences: Sequence[Difference]) -> str:
    """How many seeds differences rest on: '5 seeds', '4 of 5 seeds' where fewer than planned
    have a result of both arms, or '1 to 4 of 5 seeds'."""
    counts, planned = [one.seeds for one in differences], int(trials["seed"].nunique())
    least, most = min(counts, default=0), max(counts, default=0)
    if not most:
        return "by way of other arms, with no seed in common"
    of = "" if least == most == planned else f" of {planned}"
    return (
        f"{'' if least == most else f'{least} to '}{most}{of} {'seed' if planned == 1 else 'seeds'}"
    )


def listed(items: Sequence[Any], last: str = "and") -> str:
    """'C=1, C=2 and C=4'."""
    words = [str(item) for item in items]
    return (
        words[0]
        if len(words) == 1
        else f"{', '.join(words[:-1])} {last} {words[-1]}"
        if words
        else ""
    )


def judge(
    trials: pd.DataFrame, comparison: Comparison, info: dict[str, Any] | None = None
) -> Verdict:
    """The verdict on a study. A difference is claimed only where its
    simultaneous interval excludes zero."""
    notes = tuple(_notes(trials, comparison, info or {}))
    complete, wanted = int((trials["status"] == "complete").sum()), _wanted(trials, info)
    title, sentence, more, advice = _answer(trials, comparison)
    if _is_unfinished(trials, info) and complete:
        title = f"So far: {_lower_first(title)}"
        sentence = (
            f"So far, with {complete} of {wanted} trainings complete: {_lower_first(sentence)}"
        )
        advice = ""  # The rest of the study is the advice.
    return Verdict(title, sentence, f"{more} {advice}".strip(), notes)


def headline(trials: pd.DataFrame, comparison: Comparison) -> str:
    """The verdict's title alone, for a figure of these trials."""
    title = _answer(trials, comparison)[0]
    complete = bool((trials["status"] == "complete").any())
    return f"So far: {_lower_first(title)}" if _is_unfinished(trials) and complete else title


def _is_unfinished(trials: pd.DataFrame, info: dict[str, Any] | None = None) -> bool:
    return bool(trials["status"].isin(["running", "waiting"]).any() or (info or {}).get("to_come"))


def _wanted(trials: pd.DataFrame, info: dict[str, Any] | None) -> int:
    """Trainings that are wanted and not pruned; those of a search that have
    no design yet are known by number only."""
    return int((trials["status"] != "pruned").sum()) + int((info or {}).get("to_come") or 0)


def _answer(trials: pd.DataFrame, comparison: Comparison) -> tuple[str, str, str, str]:
    """Title, sentence, what follows it, and advice."""
    if not comparison.differences:
        return _without_comparison(trials, comparison)
    if comparison.problem:
        return _without_intervals(trials, comparison)
    if any(difference.shown for difference in comparison.differences):
        return _claim(trials, comparison)
    return _no_claim(trials, comparison)


def _claim(trials: pd.DataFrame, comparison: Comparison) -> tuple[str, str, str, str]:
    reference = comparison.reference
    chosen = chosen_by_validation(trials)
    shown = [difference for difference in comparison.differences if difference.shown]
    # Fewer errors come first, and of those the arm that validation chose,
    # since picking by test error would flatter it.
    first, *rest = sorted(
        shown, key=lambda one: (one.estimate > 0, one.arm != chosen, one.estimate)
    )
    what = _direction(first)
    title = (
        f"{first.arm} makes {fine_points(first.estimate)} points {what} errors than"
        f" {reference}{_at(trials, [first])}"
    )
    sentence = (
        f"{_cost(trials, [first])}{first.arm} makes {_gap(first)} points {what} errors than"
        f" {reference}, {shared_seeds(trials, [first])}."
    )
    more = []
    for direction in ("fewer", "more"):
        same = [
            f"{one.arm} by"
            f" {_gap(one)}{'' if one.seeds == first.seeds else f' on {shared_seeds(trials, [one])}'}"
            for one in rest
            if _direction(one) == direction
        ]
        if same:
            more.append(
                f"{'Also ' if direction == what else 'But '}{direction} errors: {listed(same)}."
            )
    undecided = [one.arm for one in comparison.differences if not one.shown]
    if undecided:
        more.append(f"For {listed(undecided)} no difference from {reference} is shown.")
    return title, sentence, " ".join(more), ""


def _no_claim(trials: pd.DataFrame, comparison: Comparison) -> tuple[str, str, str, str]:
    reference, seeds = comparison.reference, shared_seeds(trials, comparison.differences)
    largest = _largest(comparison)
    nothing = f"No difference from {reference} is shown"
    cost = _cost(trials, comparison.differences)
    gap = (
        f"{signed_points(largest.estimate)} ({signed_points(largest.low)} to"
        f" {signed_points(largest.high)}) points of test error"
    )
    which = "it is" if len(comparison.differences) == 1 else f"the largest is {largest.arm}'s,"
    sentence = f"{cost}{_lower_first(nothing) if cost else nothing}, {seeds}; {which} {gap}."
    title = f"{nothing}{_at(trials, comparison.differences)}"
    return title, sentence, "", _advice(abs(largest.estimate), comparison, largest.seeds)


def _advice(gap: float, comparison: Comparison, seeds: int) -> str:
    sd = comparison.residual_sd
    if not sd:
        return ""
    nothing_seen = points(gap) == "0.00"
    # What more seeds show is judged as an extension.
    confidence = confidence_after(comparison.looks + 1)
    needed = None if nothing_seen else seeds_to_settle(gap, sd, comparison.arms, confidence)
    if needed is not None and needed - seeds <= MANY_SEEDS:
        more = max(1, needed - seeds)
        return (
            f"About {more} more {'seed' if more == 1 else 'seeds'} would settle a gap of"
            f" {points(gap)} points."
        )
    reach = points(gap_settled_by(seeds + 10, sd, comparison.arms, confidence))
    if nothing_seen:
        return f"10 more seeds would settle a gap of {reach} points."
    return (
        f"To settle so small a gap would take over {MANY_SEEDS} more seeds; 10 more would settle"
        f" one of {reach} points."
    )


def _without_comparison(trials: pd.DataFrame, comparison: Comparison) -> tuple[str, str, str, str]:
    reference, problem = comparison.reference, comparison.problem
    summary = summarize_arms(trials)
    alone = "only one arm" in problem
    title = f"One arm only: {reference}" if alone else "Nothing to compare"
    title += " yet" if not alone and trials["status"].isin(["running", "waiting"]).any() else ""
    more = ""
    if reference in summary.index and summary.loc[reference, "n"]:
        row = summary.loc[reference]
        more = (
            f"{reference} makes {human_percent(float(row['mean']))} test error, mean of"
            f" {seeds_phrase(int(row['n']))}."
        )
    return title, f"No comparison: {problem}.", more, ""


def _without_intervals(trials: pd.DataFrame, comparison: Comparison) -> tuple[str, str, str, str]:
    reference, problem = comparison.reference, comparison.problem
    largest = _largest(comparison)
    sentence = (
        f"{problem[0].upper()}{problem[1:]}: no interval can be given, and nothing is claimed."
    )
    gap = f"{largest.arm} with {_size(largest)} than {reference}"
    if max(one.seeds for one in comparison.differences) < 2:
        more = f"The largest gap in this one run, {gap}, may be the luck of the seed."
        return (
            f"One seed: too few to tell an arm from {reference}",
            sentence,
            more,
            "2 more seeds would give intervals.",
        )
    title = f"No interval for the gaps from {reference}"
    return (
        title,
        sentence,
        f"The largest gap is {gap}, {shared_seeds(trials, [largest])}.",
        "More seeds would tell.",
    )


def trend_sentence(comparison: Comparison) -> str:
    """The trend on log2 C, with its interval; "" where there is none.
    It is a test of its own, and says so."""
    trend = comparison.trend
    if trend is None:
        return ""
    interval = (
        f"({signed_points(trend.low)} to {signed_points(trend.high)}, {p_text(trend.p_value)})"
    )
    change = (
        f"error changes by {signed_points(trend.slope)} points {interval} for each doubling of C"
    )
    clear = "" if trend.low > 0 or trend.high < 0 else ", so no trend is shown"
    return f"Trend over all arms, a test of its own: {change}{clear}."


def p_text(p_value: float) -> str:
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"


def chosen_by_validation(trials: pd.DataFrame) -> str | None:
    """The arm that `studies.winner.ranking` puts first; None without a result:
    validation chooses, the test error only reports."""
    return next(iter(rank(trials, "arm").order), None)


def _notes(trials: pd.DataFrame, comparison: Comparison, info: dict[str, Any]) -> list[str]:
    notes = []
    status = trials["status"].value_counts()
    complete, wanted = int(status.get("complete", 0)), _wanted(trials, info)
    if complete < wanted:
        parts = [
            f"{status[one]} {one}" for one in ("failed", "running", "waiting") if status.get(one)
        ]
        parts += [f"{info['to_come']} without a design yet"] if info.get("to_come") else []
        notes.append(f"{complete} of {wanted} trainings are complete ({', '.join(parts)}).")
    for arm in arm_order(trials):
        rows = trials[trials["arm"].astype(str) == arm]
        failed = int((rows["status"] == "failed").sum())
        if failed == len(rows):
            notes.append(f"Every training of {arm} failed: it is missing from all comparisons.")
        elif failed and (rows["status"] == "complete").any():
            notes.append(
                f"{arm} lost {failed} of {len(rows)} trainings: its numbers are of those that"
                " survived."
            )
    for arm, tuned in (info.get("tuned") or {}).items():
        if lost := tuned["errors"].count(None):
            tried = len(tuned["errors"])
            notes.append(
                f"{arm} was tuned on {tried - lost} of {tried} trials; the others have no result."
            )
    if status.get("pruned"):
        notes.append(
            f"{status['pruned']} trainings were pruned and are left out of all comparisons."
        )
    table = error_table(trials)
    measured = table.dropna(how="all")
    if measured.isna().to_numpy().any() and not comparison.problem:
        notes.append(
            "Some pairs of arm and seed have no result; the comparison is by least squares on those"
            " that have."
        )
    apart = [arm for arm in comparison.incomparable if table.loc[arm].notna().any()]
    if apart:
        notes.append(
            f"{listed(apart)} shares no seed with {comparison.reference}, so that there is no"
            " comparison."
        )
    far = [one for one in comparison.differences if abs((one.cost_ratio or 1) - 1) > LARGE_MISMATCH]
    if far:
        costs = listed([f"{one.arm} costs {one.cost_ratio:.2f}x" for one in far])
        notes.append(
            f"Costs differ: {costs} of {comparison.reference}. Part of a gap may be the cost's."
        )
    if comparison.looks > 1:
        notes.append(
            f"{_stages(info)}: as an extension may follow a look at the results, differences are"
            f" judged at {confidence_text(comparison.confidence)} confidence instead of"
            f" {confidence_text(CONFIDENCE)}."
        )
    return notes


def _stages(info: dict[str, Any]) -> str:
    """'Planned with 3 seeds, extended to 5 and to 8'."""
    stages = [
        len(stage)
        for stage in [*(info.get("extended_from") or [info["planned_seeds"]])[1:], info["seeds"]]
    ]
    return (
        f"Planned with {seeds_phrase(len(info['planned_seeds']))}, extended to"
        f" {listed(stages, 'and to')}"
    )


def confidence_text(confidence: float) -> str:
    """0.95 -> '95 %', 0.9917 -> '99.2 %'."""
    return f"{100 * confidence:.1f}".removesuffix(".0") + " %"


def sampling_sentence(trials: pd.DataFrame, comparison: Comparison, info: dict[str, Any]) -> str:
    """How far other test images could move the errors, which is apart from the
    seeds and in no interval; "" where not known."""
    sampling = sampling_of_tests(trials, comparison, info)
    if sampling is None:
        return ""
    text = (
        f"Apart from the seeds, the test set of {sampling.images} images is itself a sample: on"
        f" others like it {comparison.reference}'s error could be {100 * sampling.low:.1f} to"
        f" {100 * sampling.high:.1f} %"
    )
    if sampling.gap is None:
        return f"{text}."
    return (
        f"{text}, and a gap between two arms could move by up to {points(sampling.gap)} points,"
        " less the more they miss the same images."
    )


def measure(trials: pd.DataFrame) -> str:
    """What the budget is stated in, in words: 'the FLOPs'."""
    measures = {str(by) for by in trials["by"].dropna().unique()}
    return MEASURES.get(measures.pop(), "the cost") if len(measures) == 1 else "the cost"


def _cost(trials: pd.DataFrame, differences: Sequence[Difference]) -> str:
    """The start of a sentence: 'At 0.99x to 1.01x the FLOPs, '."""
    ratios = [one.cost_ratio for one in differences if one.cost_ratio is not None]
    if not ratios:
        return ""
    ends = list(dict.fromkeys(f"{ratio:.2f}x" for ratio in (min(ratios), max(ratios))))
    return f"At {' to '.join(ends)} {measure(trials)}, "


def _at(trials: pd.DataFrame, differences: Sequence[Difference]) -> str:
    """The end of a title: 'at matched FLOPs', only where they are."""
    ratios = [one.cost_ratio for one in differences if one.cost_ratio is not None]
    what = measure(trials).removeprefix("the ")
    if ratios and all(abs(ratio - 1) <= LARGE_MISMATCH for ratio in ratios):
        return f" at matched {what}"
    return f" at {ratios[0]:.2f}x the {what}" if len(ratios) == 1 else ""


def _direction(difference: Difference) -> str:
    return "fewer" if difference.estimate < 0 else "more"


def _size(difference: Difference) -> str:
    """'0.42 points fewer errors'."""
    if points(difference.estimate) == "0.00":
        return "no more and no fewer errors"
    return f"{points(difference.estimate)} points {_direction(difference)} errors"


def _largest(comparison: Comparison) -> Difference:
    return max(comparison.differences, key=lambda one: abs(one.estimate))


def _gap(difference: Difference) -> str:
    """'0.42 (0.12 to 0.72)': size and interval in points, of a gap that is shown."""
    ends = sorted((abs(difference.low or 0.0), abs(difference.high or 0.0)))
    return f"{fine_points(difference.estimate)} ({fine_points(ends[0])} to {fine_points(ends[1])})"


def signed_points(fraction: float | None) -> str:
    text = f"{100 * (fraction or 0.0):+.2f}".replace("-", "−")
    return "0.00" if text in ("+0.00", "−0.00") else text


def _lower_first(text: str) -> str:
    # Only our own first word is lowered; an arm's label keeps its letters.
    first = text.split(" ", 1)[0]
    return (
        text[0].lower() + text[1:]
        if first in ("At", "No", "One", "Nothing", "There", "Every", "Too")
        else text
    )
