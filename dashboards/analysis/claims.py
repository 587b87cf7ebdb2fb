"""What a comparison comes to, in words: a claim with its numbers, arms that are equal, arms that
are open, or why nothing can be said."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from dashboards.analysis.arms import SAME
from dashboards.analysis.comparison import Comparison, Difference
from dashboards.analysis.evidence import Evidence
from dashboards.analysis.notes import is_far
from dashboards.analysis.words import (
    bare_points,
    confidence_text,
    fine_points,
    gap_text,
    listed_by_axis,
    lower_first,
    margin_words,
    percent,
    points,
    ratios_text,
    signed_interval,
)
from explorer.text import counted, human_percent, listed, signed_points
from studies.judging.equivalence import seeds_for_margin
from studies.judging.grids import confidence_after

HUGE = 0.2  # a gap of 20 points is no architecture's
MOST_OPEN_LISTED = 4


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


def judged(evidence: Evidence, comparison: Comparison) -> Verdict:
    """The verdict by this comparison, or by the one without trainings that are out of line."""
    if comparison.problem:
        return _without_intervals(evidence, comparison)
    stands = {difference.verdict for difference in comparison.differences}
    if stands & {"better", "worse"}:
        return _claim(evidence, comparison)
    return _equal(evidence, comparison) if stands == {"equal"} else _open(evidence, comparison)


def _claim(evidence: Evidence, comparison: Comparison) -> Verdict:
    reference = evidence.reference
    shown = [difference for difference in comparison.differences if difference.shown]
    # Less error comes first, and of those the arm that validation chose,
    # since picking by test error would flatter it.
    first, *rest = sorted(
        shown, key=lambda gap: (gap.estimate > 0, gap.arm != evidence.winner, gap.estimate)
    )
    than = f"{'less' if first.estimate < 0 else 'more'} test error than {reference}"
    levels = [percent(comparison.means[arm]) for arm in (first.arm, reference)]
    sentence = (
        f"{_cost(evidence, [first])}{first.arm} has"
        f" {gap_text(first.low, first.high, first.estimate)} points {than}"
        f" ({levels[0]} against {levels[1]} %){_seeds(evidence, [first])}."
    )
    more = _others(evidence, first, rest) if rest else []
    if len(shown) == len(comparison.differences) > 1 and all(gap.estimate < 0 for gap in shown):
        more.append(f"So every other arm has less test error than {reference}.")
        more.append(_loss(comparison))
    if abs(first.estimate) > HUGE:
        failed = reference if first.estimate < 0 else first.arm
        more.append(
            f"A gap of {abs(100 * first.estimate):.0f} points is a failed training rather than an"
            f" architecture: look at {failed}'s curves."
        )
    small = [gap.arm for gap in shown if (gap.within or 0.0) < (comparison.margin or 0.0)]
    if small and comparison.margin:
        more.append(
            f"The gap of {listed(small)} is shown, but less than the margin of"
            f" {bare_points(comparison.margin)}."
        )
    more += _rest(comparison)
    title = f"{first.arm} has {fine_points(first.estimate)} points {than}"
    return Verdict(title + _at(evidence, [first]), sentence, " ".join(more))


def _others(evidence: Evidence, first: Difference, rest: Sequence[Difference]) -> list[str]:
    """The further arms that differ: 'Also less test error: C=4 by 0.50 (0.10 to 0.90).'"""
    sentences = []
    for verdict, word in (("better", "less"), ("worse", "more")):
        same = [
            f"{gap.arm} by {gap_text(gap.low, gap.high, gap.estimate)}"
            + ("" if gap.seeds == first.seeds else f" on {evidence.shared_seeds(gap)}")
            for gap in rest
            if gap.verdict == verdict
        ]
        if same:
            start = "Also" if verdict == first.verdict else "But"
            sentences.append(f"{start} {word} test error: {listed(same)}.")
    return sentences


def _equal(evidence: Evidence, comparison: Comparison) -> Verdict:
    gaps, reference = comparison.differences, evidence.reference
    margin, largest = margin_words(comparison.margin or 0.0), max(gap.within or 0.0 for gap in gaps)
    alone = len(gaps) == 1
    who = f"{gaps[0].arm} is" if alone else "all arms are"
    words = f"equal to {reference} within {margin}"
    cost = _cost(evidence, gaps)
    sentence = (
        f"{cost}{who} {words} ({confidence_text(comparison.confidence)}){_seeds(evidence, gaps)}:"
        f" the {'' if alone else 'largest '}gap is at most {points(largest)}."
    )
    who = who[0].upper() + who[1:]
    return Verdict(f"{who} {words}{_at(evidence, gaps)}", sentence[0].upper() + sentence[1:])


def _open(evidence: Evidence, comparison: Comparison) -> Verdict:
    gaps, reference = comparison.differences, evidence.reference
    kind = "cardinality" if evidence.cardinalities else "arm"
    differs = f"No {kind} differs" if len(gaps) > 1 else f"{gaps[0].arm} does not differ"
    words = f"{differs} from {reference} for sure"
    cost = _cost(evidence, gaps)
    sentence = f"{cost}{lower_first(words) if cost else words}{_seeds(evidence, gaps)}."
    more = [_loss(comparison), *_rest(comparison)]
    sd, images = comparison.residual_sd, evidence.images
    if images and sd is not None and sd < 1 / images:
        more.append(f"One image is {points(1 / images)} points.")
    return Verdict(words + _at(evidence, gaps), sentence, " ".join(more))


def _loss(comparison: Comparison) -> str:
    return (
        f"Keeping {comparison.reference} costs at most"
        f" {points(comparison.largest_loss or 0.0)} points"
        f" ({confidence_text(comparison.confidence)})."
    )


def _rest(comparison: Comparison) -> list[str]:
    """The arms without a difference: which equal the reference, which are open between what
    bounds, and the seeds that the margin takes."""
    equal = [gap.arm for gap in comparison.differences if gap.verdict == "equal"]
    open_gaps = [gap for gap in comparison.differences if gap.verdict == "open"]
    sentences = []
    if equal and comparison.margin:
        verb = "is" if len(equal) == 1 else "are"
        sentences.append(
            f"{listed_by_axis(equal)} {verb} equal to {comparison.reference} within"
            f" {bare_points(comparison.margin)}."
        )
    if open_gaps:
        bounds = [
            f"{gap.arm}, {signed_points(gap.estimate)} ({signed_interval(gap.low, gap.high)})"
            for gap in open_gaps
        ]
        few = len(bounds) <= MOST_OPEN_LISTED
        sentences.append(
            f"Open: {'; '.join(bounds) if few else listed_by_axis([gap.arm for gap in open_gaps])}."
        )
    if open_gaps and comparison.margin:
        until = f"`until: {{margin: {bare_points(comparison.margin)}}}`"
        alternative = f", or {until}, which stops arms as they are decided"
        sentences.append(seeds_to_come(comparison, comparison.margin, alternative))
    return sentences


def seeds_to_come(comparison: Comparison, margin: float, alternative: str = "") -> str:
    """How many seeds tell every gap within the margin: from the margin and the noise alone, since
    whoever plans on the gap that was seen ends without an answer."""
    wanted = f"To know every gap within {margin_words(margin)}"
    # What more seeds show is judged as an extension.
    confidence = confidence_after(comparison.looks + 1)
    sd = (comparison.without or comparison).residual_sd or 0.0
    needed = seeds_for_margin(margin, sd, comparison.arms, confidence)
    if needed is None:
        return f"{wanted}, no number of seeds is enough."
    more = max(1, needed - max(gap.seeds for gap in comparison.differences))
    return f"{wanted}: about {counted(more, 'more seed')} an arm{alternative}."


def _without_intervals(evidence: Evidence, comparison: Comparison) -> Verdict:
    reference, images = evidence.reference, evidence.images
    image = f"One image is {points(1 / images)} points; more" if images else "More"
    largest = max(comparison.differences, key=lambda gap: abs(gap.estimate))
    gap = f"{largest.arm}'s, {signed_points(largest.estimate)} points"
    errors = evidence.judged_errors.to_numpy(dtype=float)
    low, high = float(np.nanmin(errors)), float(np.nanmax(errors))
    single = max(gap.seeds for gap in comparison.differences) < 2
    so = "" if "for an interval" in comparison.problem else "no interval, "
    if high - low < SAME:
        return _same_errors(high, images, single)
    if abs(largest.estimate) < SAME:
        return Verdict(
            f"No interval for the gaps from {reference}",
            f"{_sentence(comparison.problem)}: {so}nothing is claimed.",
            f"In the mean over seeds no arm differs from {reference}. {image} seeds or more images"
            " would tell.",
        )
    if single and evidence.info.get("imported"):
        # What was published may be the mean of several trainings, and gets no more seeds here.
        return Verdict(
            f"One result an arm: too few to tell one from {reference}",
            "There is one result an arm: no interval, nothing is claimed.",
            f"The largest gap is {gap}, and may be luck.",
        )
    if single:
        return Verdict(
            f"One seed: too few to tell an arm from {reference}",
            f"{_sentence(comparison.problem)}: no interval, nothing is claimed.",
            f"The largest gap in this one run is {gap}, and may be the luck of the seed. 2 more"
            " seeds would give intervals.",
        )
    return Verdict(
        f"No interval for the gaps from {reference}",
        f"{_sentence(comparison.problem)}: {so}nothing is claimed.",
        f"The largest gap is {gap}, {evidence.shared_seeds(largest)}. {image} seeds or more images"
        " would tell.",
    )


def _same_errors(error: float, images: int | None, single: bool) -> Verdict:
    if error < SAME:
        wrong = f"With 0 of {images} images wrong" if images else "Without a single error"
        why = f"{wrong} this test set cannot tell them apart: take a harder one."
    elif single:
        why = f"{human_percent(error)} in one run each: 2 more seeds would give intervals."
    else:
        why = f"{human_percent(error)} in every seed tells nothing: look at the learning curves."
    words = "All arms make the same errors"
    return Verdict(words, f"{words}.", why)


def _sentence(words: str) -> str:
    return words[0].upper() + words[1:]


def _seeds(evidence: Evidence, differences: Sequence[Difference]) -> str:
    """The end of a sentence: ', 3 seeds', and what is amiss with them."""
    own, planned = int(evidence.summary["n"].get(evidence.reference, 0)), evidence.planned_seeds
    if own == 1 < planned:
        return (
            f", but {evidence.reference} is on 1 seed of {planned}: every comparison rests on that"
            " one training"
        )
    return f", {evidence.shared_seeds(*differences)}"


def _ratios(differences: Sequence[Difference]) -> list[float]:
    return [gap.cost_ratio for gap in differences if gap.cost_ratio is not None]


def _cost(evidence: Evidence, differences: Sequence[Difference]) -> str:
    """The start of a sentence: 'At 0.99x to 1.01x the FLOPs, '."""
    ratios = ratios_text(_ratios(differences))
    return f"At {ratios} {evidence.budget}, " if ratios else ""


def _at(evidence: Evidence, differences: Sequence[Difference]) -> str:
    """The end of a title: 'at matched FLOPs', only where they are."""
    ratios, what = _ratios(differences), evidence.budget.removeprefix("the ")
    if ratios and not any(map(is_far, ratios)):
        return f" at matched {what}"
    return f" at {ratios[0]:.2f}x the {what}" if len(ratios) == 1 else ""
