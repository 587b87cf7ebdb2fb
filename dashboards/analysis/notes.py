"""What stands beside a verdict, a sentence each: what limits it, the trend, the test set's own
sampling."""

from dashboards.analysis.comparison import Comparison
from dashboards.analysis.earlier_rules import change_of_rules
from dashboards.analysis.evidence import Evidence
from dashboards.analysis.looks import stages
from dashboards.analysis.words import (
    agreeing,
    confidence_text,
    listed_by_axis,
    named,
    p_text,
    points,
    ratios_text,
    seeds_phrase,
    signed_interval,
)
from explorer.text import listed, signed_points
from studies.judging.dunnett import CONFIDENCE
from studies.judging.guessing import unlearned_sentences
from studies.judging.residuals import FEW_SEEDS

LARGE_MISMATCH = 0.02
MOST_COSTS = 4  # arms of other cost that are named, each with its own


def notes(evidence: Evidence) -> list[str]:
    """What limits the verdict, a sentence each."""
    return [
        *(evidence.info.get("about") or []),
        *_notes_on_trainings(evidence),
        *_notes_on_pairs(evidence),
        *_notes_on_intervals(evidence),
        *filter(None, [change_of_rules(evidence)]),
    ]


def _notes_on_trainings(evidence: Evidence) -> list[str]:
    sentences, counts, info = [], evidence.counts, evidence.info
    complete = counts.get("complete", 0)
    if complete < evidence.wanted:
        parts = [
            f"{counts[status]} {status}"
            for status in ("failed", "running", "waiting")
            if counts.get(status)
        ]
        if to_come := info.get("to_come"):
            # Where seeds end with the verdict, arms that are decided get no more.
            is_open = info.get("until")
            parts.append(
                f"at most {to_come} to come" if is_open else f"{to_come} without a design yet"
            )
        sentences.append(
            f"{complete} of {evidence.wanted} trainings are complete ({', '.join(parts)})."
        )
    statuses = evidence.statuses
    for arm, survived, failed in statuses[statuses["failed"] > 0].itertuples():
        planned = len(evidence.by_arm[arm])
        if failed == planned:
            sentences.append(f"Every training of {arm} failed: it is missing from all comparisons.")
        elif survived:
            those = "the one that" if survived == 1 else "those that"
            trend = ", and it is left out of the trend" if evidence.cardinalities else ""
            sentences.append(
                f"{arm} lost {failed} of {planned} trainings: its numbers are of {those}"
                f" survived{trend}."
            )
    if left_out := info.get("left_out"):
        arms, first = [str(point["arm"]) for point in left_out], left_out[0]
        names = listed_by_axis(arms)
        which = f"{first['arm']}: " if len(arms) > 1 else ""
        reason = str(first["reason"]).rstrip(".")
        sentences.append(f"Left out, as no design fits: {names} ({which}{reason}).")
    for arm, tuned in (info.get("tuned") or {}).items():
        if lost := tuned["errors"].count(None):
            tried = len(tuned["errors"])
            sentences.append(
                f"{arm} was tuned on {tried - lost} of {tried} trials; the others have no result."
            )
        if tuned["at_edge"]:
            edges = listed([name.replace("_", " ") for name in tuned["at_edge"]])
            sentences.append(
                f"{arm}'s {edges} came out at an end of the range that was tried: a wider one may"
                " do better."
            )
    if pruned := counts.get("pruned"):
        were = "training was pruned and is" if pruned == 1 else "trainings were pruned and are"
        sentences.append(f"{pruned} {were} left out of all comparisons.")
    return sentences


def _notes_on_pairs(evidence: Evidence) -> list[str]:
    sentences, table, comparison = [], evidence.judged_errors, evidence.comparison
    if table.dropna(how="all").isna().to_numpy().any() and not comparison.problem:
        sentences.append(
            "Some pairs of arm and seed have no result; the comparison is by least squares on those"
            " that have."
        )
    apart = [arm for arm in comparison.incomparable if table.loc[arm].notna().any()]
    if apart:
        share = "shares" if len(apart) == 1 else "share"
        sentences.append(
            f"{listed(apart)} {share} no seed with {comparison.reference}, so that there is no"
            " comparison."
        )
    return sentences


def _notes_on_intervals(evidence: Evidence) -> list[str]:
    sentences, comparison = [], evidence.comparison
    far = [gap for gap in comparison.differences if is_far(gap.cost_ratio or 1.0)]
    if far:
        costs = listed(
            [f"{gap.arm} {agreeing(gap.arm, 'costs')} {gap.cost_ratio:.2f}x" for gap in far]
        )
        if len(far) > MOST_COSTS:
            ratios = ratios_text([gap.cost_ratio or 1.0 for gap in far])
            costs = f"{len(far)} arms cost {ratios}"
        sentences.append(
            f"Costs differ: {costs} as much as {named(comparison.reference)}. Part of a gap may"
            " come from that."
        )
    if comparison.unpaired and not comparison.problem:
        sentences.append(
            f"Two arms on fewer than {FEW_SEEDS} seeds: compared without pairing the seeds."
        )
    if comparison.looks > 1:
        sentences.append(
            f"{_changes(evidence)}: judged at {confidence_text(comparison.confidence)} instead of"
            f" {confidence_text(CONFIDENCE)}, p adjusted likewise."
        )
    return sentences


def _changes(evidence: Evidence) -> str:
    """'Planned with 3 seeds, extended to 5 and to 8'; 'Arms were added after a first look'."""
    history = stages(evidence.info, evidence.arms)
    counts = list(dict.fromkeys(seeds for _, seeds in history))
    words = [f"Planned with {seeds_phrase(counts[0])}"]
    if len(counts) > 1:
        words.append(f"extended to {listed(counts[1:], 'and to')}")
    if len({frozenset(arms) for arms, _ in history}) > 1:
        if len(counts) == 1:
            return "Arms were added after a first look"
        words.append("arms added after a first look")
    return ", ".join(words)


def is_far(ratio: float) -> bool:
    """Whether a cost is so far from the reference's that it may explain a gap."""
    return abs(ratio - 1) > LARGE_MISMATCH


def learning_sentences(evidence: Evidence) -> str:
    """Which arms have learned next to nothing, which tells nothing of their designs, and what to
    do; "" where all have learned."""
    arms, guess, of_train = evidence.unlearned, evidence.guess(), evidence.guess("train")
    if not arms or guess is None or of_train is None:
        return ""
    errors = evidence.mean_errors.loc[arms]
    subject = who_has_not(evidence, listed_by_axis(arms))
    train = errors["train"].dropna().tolist()
    return unlearned_sentences(subject, errors["test"].tolist(), guess, train, of_train)


def who_has_not(evidence: Evidence, arms: str) -> str:
    """'No arm has', 'C=1 has not': who has not learned, of whom `arms` is the list."""
    count = len(evidence.unlearned)
    if count == len(evidence.measured) > 1:
        return "No arm has"
    return f"{arms} {'has' if count == 1 else 'have'} not"


def trend_sentence(comparison: Comparison) -> str:
    """The trend on log2 C, with its interval; "" where there is none.
    It is a test of its own, and says so."""
    trend = comparison.trend
    if trend is None:
        return ""
    p_value = p_text(comparison.adjusted(trend.p_value))
    change = (
        f"error changes by {signed_points(trend.slope)} points"
        f" ({signed_interval(trend.low, trend.high)}, {p_value}) for each doubling of C"
    )
    clear = "" if trend.low > 0 or trend.high < 0 else ", so no trend is shown"
    return f"Trend over all arms, a test of its own: {change}{clear}."


def sampling_sentence(evidence: Evidence) -> str:
    """How far other test images could move the errors, which is apart from the
    seeds and in no interval; "" where not known."""
    sampling = evidence.sampling
    if sampling is None:
        return ""
    text = (
        f"Apart from the seeds, the test set of {sampling.images:,} images is itself a sample: on"
        f" others like it {named(evidence.reference)}'s error could be {100 * sampling.low:.1f} to"
        f" {100 * sampling.high:.1f} %"
    )
    if sampling.gap is None:
        return f"{text}."
    if sampling.measured:
        return (
            f"{text}, and a gap between two arms could move by up to {points(sampling.gap)} points,"
            " judged by which images each training missed."
        )
    return (
        f"{text}, and a gap between two arms could move by up to {points(sampling.gap)} points,"
        " less the more they miss the same images (of which too little is known here)."
    )
