"""Studies that ask something else than which arm is best at the same cost: where to spend a larger
budget (`scale`), which of very many designs (a search), each arm at its own recipe (tuned)."""

from collections.abc import Collection, Sequence

from dashboards.analysis.claims import Verdict, seeds_to_come
from dashboards.analysis.comparison import Comparison, Difference, cost_ratio
from dashboards.analysis.evidence import WAYS, Evidence
from dashboards.analysis.words import (
    agreeing,
    capital,
    fine_points,
    gap_text,
    margin_words,
    percent,
    ratios_text,
    seeds_phrase,
    signed_interval,
)
from explorer.text import counted, listed, signed_points
from studies.winner.limits import allowed, among

NEARLY_HALF = 0.03  # a share of the cost so near to 1/2 is called half
METHODS = {"random": "random search", "tpe": "TPE", "nsga2": "NSGA-II"}


def scaled(evidence: Evidence, comparison: Comparison, contest: Comparison) -> Verdict:
    """More paths against deeper and wider (`contest`), as far as they trained well. Before that
    comes what the cheaper reference (`comparison`) says: who has more error has not, and whoever
    has not less has not gained by its larger budget."""
    ways = [gap for gap in comparison.differences if gap.arm in evidence.ways]
    poor = [gap for gap in ways if gap.verdict == "worse"]
    better = [gap.arm for gap in ways if gap.verdict == "better"]
    trained = [gap for gap in contest.differences if gap.arm not in {bad.arm for bad in poor}]
    if WAYS[-1] in {bad.arm for bad in poor}:
        trained = []
    reference = _reference_at(evidence)
    titles, sentences = [], []
    if poor:
        titles.append(f"{_has_not_trained(poor)}: worse than {reference}")
        sentences.append(_poor_sentence(poor, comparison, reference))
    if unshown := _not_shown_better(trained, better, reference):
        titles.append(unshown)
        sentences.append(f"{unshown}.")
    if trained:
        ends = ratios_text([gap.cost_ratio for gap in ways if gap.cost_ratio])
        at = f" at {ends} {evidence.budget}" if ends else ""
        title, full = _contested(trained, contest.margin)
        titles.append(f"{title}{at}")
        sentences.append(f"{full}{at}, {evidence.shared_seeds(*contest.differences)}.")
    first, *more = sentences
    title = "; ".join(titles[:2])
    more += _rest(trained, contest)
    if better:
        who = "All of them" if len(better) == len(ways) else listed(better)
        more.append(
            f"{who} {_have(better)} less test error than the reference at 1.00x, as a larger"
            " budget should give."
        )
    return Verdict(capital(title), capital(first), " ".join(map(capital, more)))


def _not_shown_better(
    trained: Sequence[Difference], better: Collection[str], reference: str
) -> str:
    """That no way, or not the one that is best of those compared, has gained by its budget; ""
    where it has."""
    if not better:
        return f"none of the larger networks is shown to be better than {reference}"
    best = [gap.arm for gap in trained if gap.verdict == "better"]
    if not best and any(gap.verdict == "worse" for gap in trained):
        best = [WAYS[-1]]
    unshown = [arm for arm in best if arm not in better]
    are = "are" if _have(unshown) == "have" else "is"
    return f"{listed(unshown)} {are} not shown to be better than {reference}" if unshown else ""


def _contested(trained: Sequence[Difference], margin: float | None) -> tuple[str, str]:
    """Whom more paths beat, lose to or equal, with the gap in short and with its interval."""
    brief, full = [], []
    for verdict, words in (("worse", "beat"), ("better", "lose to")):
        gaps = [gap for gap in trained if gap.verdict == verdict]
        if gaps:
            texts = [f"{gap.arm} by {fine_points(gap.estimate)}" for gap in gaps]
            brief.append(f"{words} {listed(texts)} points")
            texts = [f"{gap.arm} by {gap_text(gap.low, gap.high, gap.estimate)}" for gap in gaps]
            full.append(f"{words} {listed(texts)} points")
    if full:
        return f"more paths {' and '.join(brief)}", f"more paths {' and '.join(full)}"
    names = [gap.arm for gap in trained]
    if margin and all(gap.verdict == "equal" for gap in trained):
        words = f"more paths are equal to {listed(names)} within {margin_words(margin)}"
    else:
        words = f"no difference between {listed([*names, WAYS[-1]])} is shown"
    return words, words


def _rest(trained: Sequence[Difference], contest: Comparison) -> list[str]:
    """The ways that more paths neither beat nor lose to, and how many more seeds would tell."""
    sentences, margin = [], contest.margin
    equal = [gap.arm for gap in trained if gap.verdict == "equal"]
    if margin and equal and len(equal) < len(trained):
        sentences.append(f"more paths are equal to {listed(equal)} within {margin_words(margin)}.")
    bounds = [
        f"{gap.arm} minus {WAYS[-1]}, {signed_points(gap.estimate)}"
        f" ({signed_interval(gap.low, gap.high)})"
        for gap in trained
        if gap.verdict == "open"
    ]
    if bounds:
        sentences.append(f"Open: {'; '.join(bounds)}.")
        if margin:
            sentences.append(seeds_to_come(contest, margin))
    return sentences


def _reference_at(evidence: Evidence) -> str:
    """'the reference at half the FLOPs', where that is what it has."""
    ratios = [cost_ratio(evidence.costs, way, evidence.reference) for way in evidence.ways]
    if all(ratio and abs(1 / ratio - 0.5) < NEARLY_HALF for ratio in ratios):
        return f"the reference at half {evidence.budget}"
    return "the cheaper reference"


def _poor_sentence(poor: Sequence[Difference], comparison: Comparison, reference: str) -> str:
    """'Deeper has not trained well: it has 12.50 (6.00 to 19.00) points more test error than the
    reference at half the FLOPs (64.20 against 51.70 %).'"""
    gaps = listed([gap_text(gap.low, gap.high, gap.estimate) for gap in poor])
    levels = listed([percent(comparison.means[gap.arm]) for gap in poor])
    own = percent(comparison.means[comparison.reference])
    it = "it has" if _have([gap.arm for gap in poor]) == "has" else "they have"
    return (
        f"{_has_not_trained(poor)}: {it} {gaps} points more test error than {reference} ({levels}"
        f" against {own} %). That says nothing of what depth, width or paths are worth: look at"
        " the learning curves."
    )


def _has_not_trained(poor: Sequence[Difference]) -> str:
    names = [gap.arm for gap in poor]
    return f"{listed(names)} {_have(names)} not trained well"


def _have(ways: Sequence[str]) -> str:
    return agreeing(ways[0], "has") if len(ways) == 1 else "have"


def _slow(evidence: Evidence) -> int:
    """How many designs a limit of latency left untrained."""
    if "latency" not in evidence.trials:
        return 0
    pruned = evidence.trials[evidence.trials["status"] == "pruned"]
    return int(pruned["latency"].notna().sum())


def searched(evidence: Evidence) -> Verdict:
    """How many designs were tried and how; what validation chose of those that went on, and how
    that compares with the reference on the seeds that did not choose it."""
    search, comparison, winner = evidence.search, evidence.comparison, evidence.winner
    tried = int(search.get("trials_proposed") or len(evidence.designs))
    finalists = len(search.get("finalists_chosen") or [])
    method = METHODS.get(str(search.get("method")), str(search.get("method")))
    choosing = f"(seed {evidence.choosing_seed}, {method})"
    how = f"Of {counted(tried, 'design')} tried on one seed {choosing},"
    went_on = f" {finalists} {'was' if finalists == 1 else 'were'} trained on"
    seeds = seeds_phrase(len(evidence.info.get("seeds") or []))
    sentence = f"{how}{went_on} {seeds}." if finalists else f"{how} none was trained on more."
    limits = search.get("limits") or []
    slow = _slow(evidence)
    trained = f"{tried - slow} of them trained, " if slow else ""
    of = f"Of {counted(tried, 'design')} tried, {trained}"
    if winner is None and limits and evidence.counts.get("complete"):
        none = f"none that was trained has {listed(limits)}"
        return Verdict(of + none, f"{sentence} {capital(none)}.")
    if winner is None:
        return Verdict("Nothing to compare", f"No comparison: {comparison.problem}.")
    within = among(evidence.trials, allowed(evidence.trials, limits, evidence.info), limits)
    lowest = f"has the lowest validation error{f' of {within}' if within else ''}"
    title = f"{of}{winner} {lowest}"
    luck = f"The best of {tried} looks better than it is on the seed that chose it."
    gap = comparison.difference(winner)
    if winner == evidence.reference:
        more = f"The reference, {winner}, {lowest}."
        return Verdict(title, f"{sentence} {more}")
    sentence += f" {winner} {lowest}"
    if gap is None:
        return Verdict(title, f"{sentence}; on one seed nothing is claimed.", luck)
    against = f"against the reference {signed_points(gap.estimate)}"
    if comparison.problem:
        return Verdict(
            title,
            f"{sentence}; {against} points of test error, without an interval:"
            f" {comparison.problem.removesuffix(' for an interval')} beside the one that chose.",
            luck,
        )
    return Verdict(
        title,
        f"{sentence}; {against} ({signed_interval(gap.low, gap.high)}) points of test error on the"
        f" {seeds_phrase(gap.seeds)} that did not choose it, {'' if gap.shown else 'not '}shown.",
        luck,
    )


def tuned_sentence(evidence: Evidence) -> str:
    """'Each arm at its own learning rate, the best of 5.'; "" where nothing was tuned."""
    tuned = evidence.info.get("tuned") or {}
    if not tuned:
        return ""
    quantities = dict.fromkeys(name for own in tuned.values() for name in own["recipe"])
    tried = max(len(own["errors"]) for own in tuned.values())
    names = listed([name.replace("_", " ") for name in quantities])
    return f"Each arm at its own {names}, the best of {tried}."
