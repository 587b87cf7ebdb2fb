"""Studies with a question of their own: where to spend a larger budget, which of many designs,
each arm at its own recipe."""

import re

from study_tables import make_info, make_trials

from dashboards.analysis.findings import Findings
from dashboards.analysis.words import points
from explorer.text import signed_points

NAMES = {"C=1": "reference", "C=2": "deeper", "C=4": "wider", "C=8": "more paths"}


def scaled(effects: dict[str, float], **options) -> Findings:
    """Errors of a study of `scale`, the ways at twice the reference's FLOPs."""
    arms = {name: arm for arm, name in NAMES.items()}
    trials = make_trials({arms[name]: effect for name, effect in effects.items()}, **options)
    trials = trials[trials["arm"].isin(list(NAMES))].reset_index(drop=True)
    trials["arm"] = trials["arm"].map(NAMES)
    trials.loc[trials["arm"] != "reference", "mismatch"] = 1.0
    trials["cardinality"] = [8 if arm == "more paths" else 1 for arm in trials["arm"]]
    return Findings(trials, {**make_info(), "reference_arm": "reference"})


def test_15_a_study_of_scale_answers_the_question_asked_first():
    effects = {"deeper": -0.01, "wider": -0.012, "more paths": -0.02}
    findings = scaled(effects, noise=0.001)
    gaps = {gap.arm: gap for gap in findings.contest.differences}
    parts = [
        f"{arm} by {points(gaps[arm].estimate)} ({points(gaps[arm].low)} to"
        f" {points(gaps[arm].high)})"
        for arm in ("deeper", "wider")
    ]
    assert findings.verdict.sentence == (
        f"More paths beat {parts[0]} and {parts[1]} points at 2.00x the FLOPs, 3 seeds."
    )
    assert findings.verdict.more == (
        "All of them have less test error than the reference at 1.00x, as a larger budget should"
        " give."
    )


def test_15_that_a_larger_budget_helps_is_no_answer_to_where_to_spend_it():
    findings = scaled({"deeper": -0.02, "wider": -0.02, "more paths": -0.02})
    gap = findings.contest.difference("deeper")
    assert findings.verdict.sentence == (
        "No difference between deeper, wider and more paths is shown at 2.00x the FLOPs, 3 seeds."
    )
    assert (
        f"Open: deeper minus more paths, {signed_points(gap.estimate)} (" in findings.verdict.more
    )
    assert findings.verdict.more.endswith("as a larger budget should give.")


def test_a_way_worse_than_the_cheaper_reference_has_not_trained_well_and_is_no_loser():
    """Deeper has 12.5 points more error than the reference at half its cost."""
    findings = scaled({"deeper": 0.125, "wider": -0.01, "more paths": -0.012}, noise=0.001)
    gap, verdict = findings.comparison.difference("deeper"), findings.verdict
    means = findings.comparison.means
    assert verdict.title.startswith(
        "Deeper has not trained well: worse than the reference at half the FLOPs; "
    )
    assert verdict.sentence == (
        f"Deeper has not trained well: it has {points(gap.estimate)} ({points(gap.low)} to"
        f" {points(gap.high)}) points more test error than the reference at half the FLOPs"
        f" ({100 * means['deeper']:.2f} against {100 * means['reference']:.2f} %). That says"
        " nothing of what depth, width or paths are worth: look at the learning curves."
    )
    assert "beat deeper" not in verdict.text
    assert "deeper minus" not in verdict.text
    assert "wider and more paths have less test error than the reference" in verdict.text.lower()


def test_where_more_paths_have_not_trained_well_nothing_is_compared_with_them():
    findings = scaled({"deeper": -0.01, "wider": -0.01, "more paths": 0.1}, noise=0.001)
    assert findings.verdict.sentence.startswith("More paths have not trained well: they have 9.")
    assert "lose to" not in findings.verdict.text
    assert "Open:" not in findings.verdict.text


def test_that_no_way_is_better_than_the_reference_is_said_first_with_the_seeds_it_takes():
    findings = scaled({"deeper": 0.0005, "wider": 0.0, "more paths": -0.0005}, noise=0.003)
    none = "None of the larger networks is shown to be better than the reference at half the FLOPs"
    assert findings.verdict.sentence == f"{none}."
    assert findings.verdict.title.startswith(f"{none}; no difference between deeper, wider and")
    assert "To know every gap" not in findings.verdict.more
    judged = Findings(findings.trials, {**findings.info, "margin": 0.5})
    assert re.search(
        r"Open: deeper minus more paths, .* To know every gap within 0\.5 points: about \d+ more"
        r" seeds an arm\.$",
        judged.verdict.more,
    )


def test_who_has_trained_well_alone_is_still_not_said_to_beat_the_cheaper_reference():
    findings = scaled({"deeper": 0.0049, "wider": 0.0049, "more paths": -0.0009}, noise=0.001)
    gaps = {gap.arm: gap.verdict for gap in findings.comparison.differences}
    assert gaps["more paths"] == "open"
    assert findings.verdict.title.startswith(
        "Deeper and wider have not trained well: worse than the reference at half the FLOPs; none"
        " of the larger networks is shown to be better"
    )


def search(
    effects: dict[str, float], finalists: list[str], method: str = "tpe", seeds: int = 3
) -> Findings:
    """A search that tried five designs on seed 0 and trained these arms on all seeds."""
    trials = make_trials(effects, seeds=seeds)
    trials = trials[(trials["seed"] == 0) | trials["arm"].isin(finalists)].reset_index(drop=True)
    about = {
        "method": method, "trials": 5, "trials_possible": 5, "trials_proposed": 5,
        "finalists_chosen": finalists,
    }  # fmt: skip
    return Findings(trials, {**make_info(), "seeds": list(range(seeds)), "search": about})


def test_14_a_search_says_how_many_were_tried_on_which_seed_and_how_many_went_on():
    findings = search({"C=8": -0.002}, ["C=1", "C=8"], seeds=4)
    gap = findings.comparison.difference("C=8")
    assert findings.verdict.sentence == (
        "Of 5 designs tried on one seed (seed 0, TPE), 2 were trained on 4 seeds. C=8 has the"
        f" lowest validation error; against the reference {signed_points(gap.estimate)}"
        f" ({signed_points(gap.low)} to {signed_points(gap.high)}) points of test error on the 3"
        " seeds that did not choose it, not shown."
    )
    assert search({"C=8": -0.002}, ["C=1", "C=8"]).verdict.sentence.endswith(
        "points of test error, without an interval: two seeds are too few beside the one that"
        " chose."
    )
    assert findings.verdict.more == (
        "The best of 5 looks better than it is on the seed that chose it."
    )
    assert findings.verdict.title == "Of 5 designs tried, C=8 has the lowest validation error"


def test_14_a_search_judges_its_finalists_alone_and_not_by_the_seed_that_chose_them():
    findings = search({"C=8": -0.02}, ["C=1", "C=8"])
    gap = findings.comparison.difference("C=8")
    assert [other.arm for other in findings.comparison.differences] == ["C=8"]
    fresh = findings.errors[[1, 2]].mean(axis=1)
    assert gap.estimate - (fresh["C=8"] - fresh["C=1"]) < 1e-12
    assert findings.verdict.sentence.endswith("that did not choose it, shown.")
    assert not any("have no result" in note for note in findings.verdict.notes)


def test_14_a_search_on_two_seeds_claims_nothing():
    """One of them chose the finalists, and the other by itself shows no noise."""
    findings = search({"C=8": -0.02}, ["C=1", "C=8"], seeds=2)
    assert not any(gap.shown for gap in findings.comparison.differences)
    assert re.search(
        r"against the reference −[\d.]+ points of test error, without an interval: there is one"
        r" seed only beside the one that chose\.$",
        findings.verdict.sentence,
    )


def test_a_searchs_limits_hold_for_what_its_report_calls_the_best():
    """As for `study winner`; only the reference is trained without being within them."""
    best = search({"C=1": -0.02, "C=8": -0.002}, ["C=1", "C=8"], seeds=4)
    assert best.winner == "C=1"
    most = int(best.trials["params"][best.trials["arm"] == "C=1"].iloc[0]) - 1
    limits = [f"params<={most}", "latency<=2ms"]
    trials = best.trials.assign(latency=0.001)

    def limited(*limits: str) -> Findings:
        return Findings(trials, {**best.info, "search": {**best.search, "limits": [*limits]}})

    of = trials["design"][trials["params"] <= most].nunique()
    assert limited(*limits).winner == "C=8"
    assert limited(*limits).verdict.title == (
        f"Of 5 designs tried, C=8 has the lowest validation error of the {of} of 5 designs with"
        f" params<={most} and latency<=2ms"
    )
    assert limited("latency<=0.5ms").winner is None
    assert limited("latency<=0.5ms").verdict.title == (
        "Of 5 designs tried, none that was trained has latency<=0.5ms"
    )


def test_14_of_a_search_without_finalists_nothing_is_claimed():
    sentence = search({"C=8": -0.02}, [], "random").verdict.sentence
    assert sentence == (
        "Of 5 designs tried on one seed (seed 0, random search), none was trained on more. C=8 has"
        " the lowest validation error; on one seed nothing is claimed."
    )


def tuned(edges: list[str]) -> dict[str, dict]:
    own = {"recipe": {"learning_rate": 0.1}, "errors": [0.1] * 5, "at_edge": []}
    return {"C=1": own, "C=16": {**own, "at_edge": edges}}


def test_16_a_tuned_study_says_so_and_warns_of_the_edge():
    verdict = Findings(make_trials(), {**make_info(), "tuned": tuned(["learning_rate"])}).verdict
    assert verdict.more.endswith("Each arm at its own learning rate, the best of 5.")
    assert (
        "C=16's learning rate came out at an end of the range that was tried: a wider one may do"
        " better." in verdict.notes
    )
    plain = Findings(make_trials(), {**make_info(), "tuned": tuned([])}).verdict
    assert not [note for note in plain.notes if re.search("range", note)]


def test_a_study_whose_seeds_end_with_the_verdict_is_judged_by_its_decisions_alone():
    """Arms that stopped at different seeds are no table for one look."""
    # A name of one's own may hold a point and a space.
    sentence = "C=8 better, decided at seed 3; net no. 2 equal within 0.5, at 3."
    title = "C=8 is better than C=1; net no. 2 is equal to C=1 within 0.5"
    sentences = [sentence, "15 trainings instead of 100.", "1 result came after the decision."]
    until = {"sentences": sentences, "title": title}
    findings = Findings(make_trials({"C=16": -0.02}), {**make_info(), "until": until})
    assert findings.verdict.sentence == sentence
    assert findings.verdict.more == " ".join(sentences[1:])
    assert findings.verdict.title == title
    assert not any(gap.shown for gap in findings.comparison.differences)
    assert findings.comparison.problem == "each arm is decided seed by seed"
