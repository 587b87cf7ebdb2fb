"""The verdict on a study in plain words: the question it asks, answered first."""

from collections.abc import Sequence
from dataclasses import replace

from dashboards.analysis.claims import Verdict, judged
from dashboards.analysis.comparison import Comparison, OddTraining
from dashboards.analysis.evidence import Evidence
from dashboards.analysis.notes import learning_sentences, notes, who_has_not
from dashboards.analysis.questions import scaled, searched, tuned_sentence
from dashboards.analysis.words import lower_first, seeds_phrase
from explorer.text import counted, human_percent, listed, signed_points

MOST_NAMED = 4  # arms in a title


def judge(evidence: Evidence) -> Verdict:
    """The verdict on a study, its planned seeds all in. A difference is claimed only where its
    simultaneous interval excludes zero, equality only within the study's margin."""
    verdict = _with_unlearned(evidence, _answer(evidence))
    return replace(verdict, notes=tuple(notes(evidence)))


def _with_unlearned(evidence: Evidence, verdict: Verdict) -> Verdict:
    """The verdict, with the arms that have not learned before it: whatever it says of them is not
    said of their designs, and that they are equal, or not told apart, is not said at all."""
    learning, arms = learning_sentences(evidence), evidence.unlearned
    if not learning:
        return verdict
    everyone = len(arms) == len(evidence.measured)
    is_running = evidence.whole.is_unfinished and not evidence.until
    if is_running or (evidence.search and not everyone and evidence.winner not in arms):
        return replace(verdict, more=f"{learning} {verdict.more}".strip())
    few = len(arms) <= MOST_NAMED
    names = listed(arms) if few else f"{len(arms)} of {len(evidence.measured)} arms"
    title = f"{who_has_not(evidence, names)} learned much"
    if not evidence.shown and (everyone or evidence.are_equal):
        so = "Gaps between arms that have not learned say nothing of their designs."
        return Verdict(title, learning, so if len(evidence.measured) > 1 else "")
    return Verdict(f"{title}; {lower_first(verdict.title)}", learning, verdict.text)


def _answer(evidence: Evidence) -> Verdict:
    comparison = evidence.comparison
    if evidence.until:  # its decisions hold whenever one looks
        sentence, *others = evidence.until["sentences"]
        return Verdict(str(evidence.until["title"]), sentence, " ".join(others))
    if evidence.whole.is_unfinished and evidence.counts.get("complete"):
        return _so_far(evidence)
    if evidence.search:
        verdict = searched(evidence)
        odd = _out_of_line(comparison.odd) if comparison.odd else ""
        return replace(verdict, more=f"{verdict.more} {odd}".strip())
    if not comparison.differences:
        return _without_comparison(evidence)
    verdict = _judged(evidence, comparison)
    if comparison.without is None:
        return verdict
    return _with_and_without(comparison.odd, verdict, _judged(evidence, comparison.without))


def _judged(evidence: Evidence, comparison: Comparison) -> Verdict:
    verdict = judged(evidence, comparison)
    if evidence.ways and not comparison.problem:
        contest = evidence.contest
        if comparison is not evidence.comparison:
            contest = contest.without or contest
        if contest.differences and not contest.problem:
            verdict = scaled(evidence, comparison, contest)
    more = f"{verdict.more} {tuned_sentence(evidence)}"
    return replace(verdict, more=more.strip())


def _so_far(evidence: Evidence) -> Verdict:
    gaps = sorted(difference.estimate for difference in evidence.comparison.differences)
    words = "nothing to compare yet"
    if gaps:
        ends = dict.fromkeys((signed_points(gaps[0]), signed_points(gaps[-1])))
        words = f"{'a gap' if len(gaps) == 1 else 'gaps'} of {' to '.join(ends)} points"
        words += f" from {evidence.reference}"
    odd = _out_of_line(evidence.comparison.odd) if evidence.comparison.odd else ""
    complete = evidence.counts.get("complete", 0)
    return Verdict(
        f"So far: {words}",
        f"So far ({complete:,} of {counted(evidence.wanted, 'training')}): {words}; the verdict"
        f" comes with {evidence.last_seed}.",
        odd,
    )


def _with_and_without(odd: Sequence[OddTraining], with_them: Verdict, without: Verdict) -> Verdict:
    are, them = ("is", "it") if len(odd) == 1 else ("are", "them")
    names = listed([f"{training.arm}, seed {training.seed}" for training in odd])
    return Verdict(
        f"{with_them.title}; {names}, {are} out of line",
        _out_of_line(odd),
        f"With {them}: {lower_first(with_them.text)} Without {them}: {lower_first(without.text)}",
    )


def _out_of_line(odd: Sequence[OddTraining]) -> str:
    """'C=2, seed 1, is out of line: 90.0 % test error where 2.7 % was to be expected.'"""
    verb = "is" if len(odd) == 1 else "are"
    names = listed([f"{training.arm}, seed {training.seed}" for training in odd])
    errors = listed(
        [
            f"{human_percent(training.error)} test error where"
            f" {human_percent(max(0.0, training.expected))} was to be expected"
            for training in odd
        ]
    )
    lucky = list(dict.fromkeys(training.arm for training in odd if not training.diverged))
    perhaps = f"; perhaps the other seeds of {listed(lucky)} diverged" if lucky else ""
    return f"{names}, {verb} out of line: {errors}{perhaps}."


def _without_comparison(evidence: Evidence) -> Verdict:
    reference, problem = evidence.reference, evidence.comparison.problem
    alone = "only one arm" in problem
    title = f"One arm only: {reference}" if alone else "Nothing to compare"
    title += " yet" if not alone and evidence.is_training else ""
    more = ""
    if evidence.summary["n"].get(reference, 0):
        row = evidence.summary.loc[reference]
        more = (
            f"{reference} has a test error of {human_percent(float(row['mean']))}, mean of"
            f" {seeds_phrase(int(row['n']))}."
        )
    return Verdict(title, f"No comparison: {problem}.", more)
