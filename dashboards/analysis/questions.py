"""Studies that ask something else than which arm is best at the same cost: where to spend a larger
budget (`scale`), which of very many designs (a search), each arm at its own recipe (tuned)."""

from dashboards.analysis.claims import Verdict
from dashboards.analysis.comparison import Comparison, cost_ratio
from dashboards.analysis.evidence import WAYS, Evidence
from dashboards.analysis.words import (
    bare_points,
    fine_points,
    gap_text,
    listed,
    ratios_text,
    seeds_phrase,
    signed_interval,
)
from explorer.text import counted, signed_points

METHODS = {"random": "random search", "tpe": "TPE", "nsga2": "NSGA-II"}


def scaled(evidence: Evidence, comparison: Comparison, contest: Comparison) -> Verdict:
    """More paths against deeper and wider (`contest`); then that all should beat the reference
    (`comparison`), as they cost more."""
    ways = evidence.ways
    ratios = [cost_ratio(evidence.costs, way, evidence.reference) for way in ways]
    ends = ratios_text([ratio for ratio in ratios if ratio])
    at = f" at {ends} {evidence.budget}" if ends else ""
    seeds = f", {evidence.shared_seeds(*contest.differences)}"
    parts, short = [], []
    for verdict, words in (("worse", "beat"), ("better", "lose to")):
        gaps = [gap for gap in contest.differences if gap.verdict == verdict]
        if gaps:
            full = [f"{gap.arm} by {gap_text(gap.low, gap.high, gap.estimate)}" for gap in gaps]
            parts.append(f"{words} {listed(full)} points")
            brief = [f"{gap.arm} by {fine_points(gap.estimate)}" for gap in gaps]
            short.append(f"{words} {listed(brief)} points")
    if not parts:
        words = f"No difference between {listed(ways)} is shown{at}"
        return Verdict(words, f"{words}{seeds}.", _rest(ways, comparison, contest))
    return Verdict(
        f"More paths {' and '.join(short)}{at}",
        f"More paths {' and '.join(parts)}{at}{seeds}.",
        _rest(ways, comparison, contest),
    )


def _rest(ways: list[str], comparison: Comparison, contest: Comparison) -> str:
    """The ways that more paths neither beat nor lose to, and the reference."""
    sentences = []
    equal = [gap.arm for gap in contest.differences if gap.verdict == "equal"]
    if equal:
        within = bare_points(contest.margin or 0.0)
        sentences.append(f"More paths are equal to {listed(equal)} within {within}.")
    bounds = [
        f"{gap.arm} minus {WAYS[-1]}, {signed_points(gap.estimate)}"
        f" ({signed_interval(gap.low, gap.high)})"
        for gap in contest.differences
        if gap.verdict == "open"
    ]
    if bounds:
        sentences.append(f"Open: {'; '.join(bounds)}.")
    gaps = [gap for gap in comparison.differences if gap.arm in ways]
    better = [gap.arm for gap in gaps if gap.verdict == "better"]
    if better:
        who = "All of them" if len(better) == len(gaps) else listed(better).capitalize()
        verb = "has" if len(better) == 1 else "have"
        sentences.append(
            f"{who} {verb} less test error than the reference at 1.00x, as a larger budget"
            " should give."
        )
    return " ".join(sentences)


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
    if winner is None:
        return Verdict("Nothing to compare", f"No comparison: {comparison.problem}.")
    slow = (evidence.trials["status"] == "pruned") & evidence.trials["latency"].notna()
    trained = f"{tried - slow.sum()} of them trained, " if slow.any() else ""
    of = f"Of {counted(tried, 'design')} tried, {trained}"
    title = f"{of}{winner} has the lowest validation error"
    luck = f"The best of {tried} looks better than it is on the seed that chose it."
    gap = comparison.difference(winner)
    if winner == evidence.reference:
        more = f"The reference, {winner}, has the lowest validation error."
        return Verdict(title, f"{sentence} {more}")
    sentence += f" {winner} has the lowest validation error"
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
