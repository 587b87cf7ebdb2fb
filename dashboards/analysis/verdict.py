"""The comparison in plain words: one honest sentence with its numbers, a title for
the figure, and what a reader must know beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.analysis.arms import CONFIDENCE
from dashboards.analysis.comparison import Comparison, Difference
from dashboards.analysis.dunnett import gap_settled_by, seeds_to_settle
from dashboards.analysis.evidence import Evidence
from dashboards.analysis.looks import confidence_after
from dashboards.analysis.words import (
    confidence_text,
    fine_points,
    listed,
    lower_first,
    p_text,
    points,
    ratios_text,
    seeds_phrase,
    signed_interval,
    signed_points,
)
from explorer.text import human_percent

MANY_SEEDS = 99  # a study that needs more is told instead what ten more would settle
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


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a study. A difference is claimed only where its
    simultaneous interval excludes zero."""
    complete = evidence.counts.get("complete", 0)
    title, sentence, more, advice = _answer(evidence)
    if evidence.is_unfinished and complete:
        title = f"So far: {lower_first(title)}"
        sentence = (
            f"So far, with {complete} of {evidence.wanted} trainings complete:"
            f" {lower_first(sentence)}"
        )
        advice = ""  # The rest of the study is the advice.
    return Verdict(title, sentence, f"{more} {advice}".strip(), tuple(_notes(evidence)))


def headline(evidence: Evidence) -> str:
    """The verdict's title alone, for a figure of these trials."""
    title = _answer(evidence)[0]
    if evidence.is_training and evidence.counts.get("complete"):
        return f"So far: {lower_first(title)}"
    return title


def _answer(evidence: Evidence) -> tuple[str, str, str, str]:
    """Title, sentence, what follows it, and advice."""
    comparison = evidence.comparison
    if not comparison.differences:
        return _without_comparison(evidence)
    if comparison.problem:
        return _without_intervals(evidence)
    if any(difference.shown for difference in comparison.differences):
        return _claim(evidence)
    return _no_claim(evidence)


def _claim(evidence: Evidence) -> tuple[str, str, str, str]:
    comparison, reference = evidence.comparison, evidence.reference
    shown = [difference for difference in comparison.differences if difference.shown]
    # Fewer errors come first, and of those the arm that validation chose,
    # since picking by test error would flatter it.
    first, *rest = sorted(
        shown, key=lambda gap: (gap.estimate > 0, gap.arm != evidence.winner, gap.estimate)
    )
    what = _direction(first)
    title = (
        f"{first.arm} makes {fine_points(first.estimate)} points {what} errors than"
        f" {reference}{_at(evidence, [first])}"
    )
    sentence = (
        f"{_cost(evidence, [first])}{first.arm} makes {_gap(first)} points {what} errors than"
        f" {reference}, {evidence.shared_seeds(first)}."
    )
    more = []
    for direction in ("fewer", "more"):
        same = [
            f"{gap.arm} by {_gap(gap)}"
            + ("" if gap.seeds == first.seeds else f" on {evidence.shared_seeds(gap)}")
            for gap in rest
            if _direction(gap) == direction
        ]
        if same:
            more.append(
                f"{'Also ' if direction == what else 'But '}{direction} errors: {listed(same)}."
            )
    undecided = [gap.arm for gap in comparison.differences if not gap.shown]
    if undecided:
        more.append(f"For {listed(undecided)} no difference from {reference} is shown.")
    return title, sentence, " ".join(more), ""


def _no_claim(evidence: Evidence) -> tuple[str, str, str, str]:
    comparison, reference = evidence.comparison, evidence.reference
    seeds = evidence.shared_seeds(*comparison.differences)
    largest = _largest(comparison)
    nothing = f"No difference from {reference} is shown"
    cost = _cost(evidence, comparison.differences)
    gap = (
        f"{signed_points(largest.estimate)} ({signed_interval(largest.low, largest.high)})"
        " points of test error"
    )
    which = "it is" if len(comparison.differences) == 1 else f"the largest is {largest.arm}'s,"
    sentence = f"{cost}{lower_first(nothing) if cost else nothing}, {seeds}; {which} {gap}."
    title = f"{nothing}{_at(evidence, comparison.differences)}"
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


def _without_comparison(evidence: Evidence) -> tuple[str, str, str, str]:
    reference, problem, summary = (
        evidence.reference,
        evidence.comparison.problem,
        evidence.summary,
    )
    alone = "only one arm" in problem
    title = f"One arm only: {reference}" if alone else "Nothing to compare"
    title += " yet" if not alone and evidence.is_training else ""
    more = ""
    if reference in summary.index and summary.loc[reference, "n"]:
        row = summary.loc[reference]
        more = (
            f"{reference} makes {human_percent(float(row['mean']))} test error, mean of"
            f" {seeds_phrase(int(row['n']))}."
        )
    return title, f"No comparison: {problem}.", more, ""


def _without_intervals(evidence: Evidence) -> tuple[str, str, str, str]:
    comparison, reference = evidence.comparison, evidence.reference
    problem = comparison.problem
    largest = _largest(comparison)
    sentence = (
        f"{problem[0].upper()}{problem[1:]}: no interval can be given, and nothing is claimed."
    )
    gap = f"{largest.arm} with {_size(largest)} than {reference}"
    if max(gap.seeds for gap in comparison.differences) < 2:
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
        f"The largest gap is {gap}, {evidence.shared_seeds(largest)}.",
        "More seeds would tell.",
    )


def trend_sentence(comparison: Comparison) -> str:
    """The trend on log2 C, with its interval; "" where there is none.
    It is a test of its own, and says so."""
    trend = comparison.trend
    if trend is None:
        return ""
    interval = f"({signed_interval(trend.low, trend.high)}, {p_text(trend.p_value)})"
    change = (
        f"error changes by {signed_points(trend.slope)} points {interval} for each doubling of C"
    )
    clear = "" if trend.low > 0 or trend.high < 0 else ", so no trend is shown"
    return f"Trend over all arms, a test of its own: {change}{clear}."


def _notes(evidence: Evidence) -> list[str]:
    """What limits the verdict, a sentence each."""
    return [
        *_notes_on_trainings(evidence),
        *_notes_on_pairs(evidence),
        *_notes_on_intervals(evidence),
    ]


def _notes_on_trainings(evidence: Evidence) -> list[str]:
    notes, counts, info = [], evidence.counts, evidence.info
    complete = counts.get("complete", 0)
    if complete < evidence.wanted:
        parts = [
            f"{counts[status]} {status}"
            for status in ("failed", "running", "waiting")
            if counts.get(status)
        ]
        parts += [f"{info['to_come']} without a design yet"] if info.get("to_come") else []
        notes.append(
            f"{complete} of {evidence.wanted} trainings are complete ({', '.join(parts)})."
        )
    for arm, rows in evidence.by_arm.items():
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
    if pruned := counts.get("pruned"):
        were = "training was pruned and is" if pruned == 1 else "trainings were pruned and are"
        notes.append(f"{pruned} {were} left out of all comparisons.")
    return notes


def _notes_on_pairs(evidence: Evidence) -> list[str]:
    notes, table, comparison = [], evidence.errors, evidence.comparison
    if table.dropna(how="all").isna().to_numpy().any() and not comparison.problem:
        notes.append(
            "Some pairs of arm and seed have no result; the comparison is by least squares on those"
            " that have."
        )
    apart = [arm for arm in comparison.incomparable if table.loc[arm].notna().any()]
    if apart:
        share = "shares" if len(apart) == 1 else "share"
        notes.append(
            f"{listed(apart)} {share} no seed with {comparison.reference}, so that there is no"
            " comparison."
        )
    return notes


def _notes_on_intervals(evidence: Evidence) -> list[str]:
    notes, comparison = [], evidence.comparison
    far = [gap for gap in comparison.differences if _is_far(gap.cost_ratio or 1.0)]
    if far:
        costs = listed([f"{gap.arm} costs {gap.cost_ratio:.2f}x" for gap in far])
        notes.append(
            f"Costs differ: {costs} as much as {comparison.reference}. Part of a gap may come from"
            " that."
        )
    if comparison.looks > 1:
        notes.append(
            f"{_stages(evidence.info)}: as an extension may follow a look at the results,"
            f" differences are judged at {confidence_text(comparison.confidence)} confidence"
            f" instead of {confidence_text(CONFIDENCE)}."
        )
    return notes


def _stages(info: Mapping[str, Any]) -> str:
    """'Planned with 3 seeds, extended to 5 and to 8'."""
    stages = [
        len(stage)
        for stage in [*(info.get("extended_from") or [info["planned_seeds"]])[1:], info["seeds"]]
    ]
    return (
        f"Planned with {seeds_phrase(len(info['planned_seeds']))}, extended to"
        f" {listed(stages, 'and to')}"
    )


def sampling_sentence(evidence: Evidence) -> str:
    """How far other test images could move the errors, which is apart from the
    seeds and in no interval; "" where not known."""
    sampling = evidence.sampling
    if sampling is None:
        return ""
    text = (
        f"Apart from the seeds, the test set of {sampling.images} images is itself a sample: on"
        f" others like it {evidence.reference}'s error could be {100 * sampling.low:.1f} to"
        f" {100 * sampling.high:.1f} %"
    )
    if sampling.gap is None:
        return f"{text}."
    return (
        f"{text}, and a gap between two arms could move by up to {points(sampling.gap)} points,"
        " less the more they miss the same images."
    )


def _ratios(differences: Sequence[Difference]) -> list[float]:
    return [gap.cost_ratio for gap in differences if gap.cost_ratio is not None]


def _is_far(ratio: float) -> bool:
    return abs(ratio - 1) > LARGE_MISMATCH


def _cost(evidence: Evidence, differences: Sequence[Difference]) -> str:
    """The start of a sentence: 'At 0.99x to 1.01x the FLOPs, '."""
    ratios = ratios_text(_ratios(differences))
    return f"At {ratios} {evidence.budget}, " if ratios else ""


def _at(evidence: Evidence, differences: Sequence[Difference]) -> str:
    """The end of a title: 'at matched FLOPs', only where they are."""
    ratios, what = _ratios(differences), evidence.budget.removeprefix("the ")
    if ratios and not any(map(_is_far, ratios)):
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
    return max(comparison.differences, key=lambda gap: abs(gap.estimate))


def _gap(difference: Difference) -> str:
    """'0.42 (0.12 to 0.72)': size and interval in points, of a gap that is shown."""
    ends = sorted((abs(difference.low or 0.0), abs(difference.high or 0.0)))
    return f"{fine_points(difference.estimate)} ({fine_points(ends[0])} to {fine_points(ends[1])})"
