"""The sentences, situation by situation: what is claimed, what is not, and why."""

import re

import pandas as pd
import pytest
from scipy import stats
from study_tables import make_info, make_mixed_trials, make_trials, without_results

from dashboards.analysis.findings import Findings
from dashboards.analysis.notes import sampling_sentence, trend_sentence
from dashboards.analysis.tables import arms_table, comparison_table
from dashboards.analysis.words import points, signed_interval
from dashboards.figures.comparison import errors_by_arm, gaps_by_arm
from dashboards.page.elements import to_html
from dashboards.page.study import method
from explorer.text import signed_points


def findings_on(trials, **info):
    return Findings(trials, {**make_info(), **info})


def verdict_on(trials, **info):
    return findings_on(trials, **info).verdict


def results(errors: dict[str, list[float | None]]) -> pd.DataFrame:
    """Trials of these arms with these test errors (in %) by seed; None failed."""
    seeds = max(map(len, errors.values()))
    trials = make_trials(seeds=seeds)
    trials = trials[trials["arm"].isin(list(errors))].reset_index(drop=True)
    wanted = [errors[row.arm][row.seed] for row in trials.itertuples()]
    failed = trials.index[[error is None for error in wanted]]
    trials["test_error"] = [0.0 if error is None else error / 100 for error in wanted]
    trials["validation_error"] = trials["test_error"]
    return without_results(trials, failed, "failed", "loss is NaN")


# Residuals of a few hundredths: one arm clearly better, one slightly, two not.
CLEAR = {
    "C=1": [2.60, 2.80, 2.50],
    "C=2": [2.62, 2.79, 2.47],
    "C=8": [1.61, 1.84, 1.50],
    "C=16": [2.45, 2.60, 2.48],
}


def test_1_a_difference_is_told_with_size_interval_levels_cost_and_seeds():
    findings = findings_on(results(CLEAR))
    gap = findings.comparison.difference("C=8")
    assert findings.verdict.sentence == (
        f"At 1.00x the FLOPs, C=8 has 0.98 ({points(gap.high)} to {points(gap.low)}) points less"
        " test error than C=1 (1.65 against 2.63 %), 3 seeds."
    )
    assert findings.verdict.title == "C=8 has 0.98 points less test error than C=1 at matched FLOPs"
    other = findings.comparison.difference("C=16")
    assert findings.verdict.more == (
        f"Open: C=2, −0.01 ({signed_points(findings.comparison.difference('C=2').low)} to"
        f" {signed_points(findings.comparison.difference('C=2').high)}); C=16, −0.12"
        f" ({signed_points(other.low)} to {signed_points(other.high)})."
    )


def test_1_with_a_margin_the_other_arms_are_equal_or_open_with_the_seeds_that_it_takes():
    verdict = verdict_on(results(CLEAR), margin=0.15)
    assert "C=2 is equal to C=1 within 0.15. Open: C=16, −0.12 (" in verdict.more
    assert re.search(
        r"To know every gap within 0\.15 points: about \d+ more seeds? an arm, or `until: \{margin:"
        r" 0\.15\}`, which stops arms as they are decided\.$",
        verdict.more,
    )


def test_simulated_studies_are_told_the_right_way_round():
    """C=8 errs 0.6 points less, seeds are lucky for all arms alike: most
    verdicts say so, none says the contrary."""
    verdicts = [verdict_on(make_trials({"C=8": -0.006}, seeds=4, random_seed=i)) for i in range(60)]
    texts = [verdict.text for verdict in verdicts]
    assert sum(bool(re.search(r"C=8 (has|by) [\d.]+ \(", text)) for text in texts) > 45
    assert not [text for text in texts if re.search(r"C=8 has [^%]* more test error", text)]


def test_every_arm_that_differs_is_named_and_those_that_do_not():
    verdict = verdict_on(make_trials({"C=2": 0.01, "C=8": -0.008, "C=16": -0.012}))
    assert "C=16 has" in verdict.sentence
    assert "Also less test error: C=8 by" in verdict.more
    assert "But more test error: C=2 by" in verdict.more
    assert "Open: C=4, " in verdict.more


def test_of_several_better_arms_the_one_that_validation_chose_comes_first():
    trials = make_trials({"C=8": -0.008, "C=16": -0.0085})
    trials.loc[trials["arm"] == "C=8", "validation_error"] = 0.001
    assert "C=8 has" in verdict_on(trials).sentence


def test_2_without_a_difference_and_a_margin_the_largest_loss_is_told_and_no_number_of_seeds():
    findings = findings_on(make_trials())
    loss = points(findings.comparison.largest_loss)
    assert findings.verdict.sentence == (
        "At 0.99x to 1.00x the FLOPs, no cardinality differs from C=1 for sure, 3 seeds."
    )
    assert findings.verdict.more.startswith(
        f"Keeping C=1 costs at most {loss} points (95 %). Open: "
    )
    assert "more seed" not in findings.verdict.text
    assert findings.verdict.title == ("No cardinality differs from C=1 for sure at matched FLOPs")


def test_2_with_a_margin_the_number_of_seeds_follows_from_margin_and_noise_alone():
    """With a residual of 0.25 points and five arms, 10 seeds tell gaps of 0.5 points."""
    trials = make_trials(noise=0.0025)
    verdict = verdict_on(trials, margin=0.3)
    assert re.search(r"within 0\.3 points: about \d+ more seeds an arm, or `until:", verdict.more)
    shifted = trials.copy()
    shifted.loc[shifted["arm"] == "C=16", "test_error"] += 0.0005
    ask = re.compile(r"about (\d+) more seeds")
    assert ask.findall(verdict.more) == ask.findall(verdict_on(shifted, margin=0.3).more)


def test_2_all_arms_equal_within_the_margin_is_an_answer():
    findings = findings_on(make_trials(noise=0.0005), margin=0.5)
    largest = max(gap.within for gap in findings.comparison.differences)
    assert findings.verdict.sentence == (
        "At 0.99x to 1.00x the FLOPs, all arms are equal to C=1 within 0.5 points (95 %), 3 seeds:"
        f" the largest gap is at most {points(largest)}."
    )
    assert findings.verdict.title == "All arms are equal to C=1 within 0.5 points at matched FLOPs"
    table = comparison_table(findings)
    verdicts = [row[table.columns.index("Verdict")] for row in table.rows]
    assert verdicts == ["–", *["equal within 0.5"] * 4]


def test_an_interval_that_leaves_out_zero_does_not_end_at_it():
    assert signed_interval(-0.0196, -0.00002) == "−1.96 to −0.002"
    assert signed_interval(-0.0196, 0.00002) == "−1.96 to +0.002"
    assert signed_interval(0.0, 0.001) == "0.00 to +0.10"


def test_3_one_seed_claims_nothing_and_says_why():
    verdict = verdict_on(make_trials({"C=8": -0.02}, seeds=1), seeds=[0], planned_seeds=[0])
    assert verdict.sentence == "There is one seed only: no interval, nothing is claimed."
    assert "may be the luck of the seed. 2 more seeds would give intervals." in verdict.more


def test_arms_without_a_design_are_named():
    points = [{"arm": "C=64", "reason": "nearest d=3, +4.1 %."}, {"arm": "C=128", "reason": "x"}]
    assert "Left out, as no design fits: C=64 and C=128 (C=64: nearest d=3, +4.1 %)." in (
        verdict_on(make_trials(), left_out=points).notes
    )
    assert "Left out, as no design fits: C=64 (nearest d=3, +4.1 %)." in (
        verdict_on(make_trials(), left_out=points[:1]).notes
    )


def test_4_failures_are_told_arm_by_arm():
    trials = without_results(make_trials(), [4, 9], "failed", "loss is NaN")
    notes = verdict_on(trials).notes
    assert "13 of 15 trainings are complete (2 failed)." in notes
    assert (
        "C=16 lost 2 of 3 trainings: its numbers are of the one that survived, and it is left out"
        " of the trend." in notes
    )
    assert any("least squares" in note for note in notes)
    assert "Every training of C=16 failed: it is missing from all comparisons." in (
        verdict_on(without_results(trials, [14], "failed", "loss is NaN")).notes
    )


def test_5_a_reference_on_one_seed_is_named_as_what_every_comparison_rests_on():
    rest = "but C=1 is on 1 seed of 3: every comparison rests on that one training."
    better = {**CLEAR, "C=1": [None, 2.80, None]}
    sentence = verdict_on(results(better)).sentence
    assert sentence.startswith("At 1.00x the FLOPs, C=8 has ")
    assert sentence.endswith(f"%), {rest}")
    equal = {"C=1": [None, 2.6, None], "C=2": [2.5, 2.7, 2.4], "C=4": [2.4, 2.6, 2.6]}
    assert verdict_on(results(equal)).sentence.endswith(f"for sure, {rest}")


def test_6_where_noise_is_less_than_an_image_the_size_of_one_is_told():
    image = 100 / 360
    ties = {
        "C=1": [2.5, 2.5, 2.5 + image],
        "C=2": [2.5, 2.5 + image, 2.5 + image],
        "C=4": [2.5, 2.5, 2.5],
    }
    assert verdict_on(results(ties)).more.endswith("One image is 0.28 points.")
    assert "One image" not in verdict_on(make_trials(noise=0.004)).more


def test_6_the_same_gaps_in_every_seed_give_no_interval():
    same = {"C=1": [2.5, 3.0, 2.6], "C=2": [2.0, 2.5, 2.1], "C=4": [2.6, 3.1, 2.7]}
    verdict = verdict_on(results(same))
    assert verdict.sentence == (
        "Every seed shows exactly the same gaps: no interval, nothing is claimed."
    )
    assert verdict.more == (
        "The largest gap is C=2's, −0.50 points, 3 seeds. One image is 0.28 points; more seeds or"
        " more images would tell."
    )


def test_7_without_any_error_the_test_set_is_too_easy():
    verdict = verdict_on(results({"C=1": [0.0] * 3, "C=2": [0.0] * 3}))
    assert verdict.text == (
        "All arms make the same errors. With 0 of 360 images wrong this test set cannot tell them"
        " apart: take a harder one."
    )
    same = verdict_on(results({"C=1": [60.0] * 3, "C=2": [60.0] * 3}))
    assert same.text == (
        "All arms make the same errors. 60.0 % in every seed tells nothing: look at"
        " the learning curves."
    )


def test_no_gap_at_all_is_not_called_the_largest():
    single = verdict_on(results({"C=1": [52.0], "C=2": [52.0]}))
    assert single.text == (
        "All arms make the same errors. 52.0 % in one run each: 2 more seeds would give intervals."
    )
    by_seed = verdict_on(results({"C=1": [50.0, 60.0, 55.0], "C=2": [50.0, 60.0, 55.0]}))
    assert "In the mean over seeds no arm differs from C=1." in by_seed.more
    assert "largest" not in by_seed.text


def test_8_two_arms_on_few_seeds_are_compared_without_pairing_and_that_is_said():
    two = {arm: CLEAR[arm] for arm in ("C=1", "C=16")}
    verdict = verdict_on(results(two))
    assert (
        verdict.sentence == "At 1.00x the FLOPs, C=16 does not differ from C=1 for sure, 3 seeds."
    )
    note = "Two arms on fewer than 6 seeds: compared without pairing the seeds."
    assert note in verdict.notes
    six = {arm: [*errors, *errors[::-1]] for arm, errors in two.items()}
    assert note not in verdict_on(results(six)).notes


def test_9_a_huge_gap_is_a_failed_training_rather_than_an_architecture():
    failed = {**CLEAR, "C=1": [30.2, 31.5, 29.9]}
    assert (
        "A gap of 29 points is a failed training rather than an architecture: look at C=1's"
        " curves." in verdict_on(results(failed)).more
    )


def test_9_where_every_arm_is_better_that_is_said_with_what_the_reference_costs():
    findings = findings_on(make_trials({f"C={c}": -0.011 for c in (2, 4, 8, 16)}))
    loss = points(findings.comparison.largest_loss)
    assert findings.verdict.more.endswith(
        f"So every other arm has less test error than C=1. Keeping C=1 costs at most {loss} points"
        " (95 %)."
    )


def test_10_an_extension_after_the_plan_is_told_and_judged_more_strictly():
    trials = make_trials()
    notes = verdict_on(trials, planned_seeds=[0, 1], seeds=[0, 1, 2]).notes
    assert (
        "Planned with 2 seeds, extended to 3: judged at 97.5 % instead of 95 %, p adjusted"
        " likewise." in notes
    )
    twice = {"planned_seeds": [0, 1], "extended_from": [[0, 1], [0, 1, 2]]}
    again = verdict_on(make_trials(seeds=4), **twice, seeds=[0, 1, 2, 3]).notes
    assert any(
        note.startswith("Planned with 2 seeds, extended to 3 and to 4: judged at 99.2 %")
        for note in again
    )
    assert not any("Planned" in note for note in verdict_on(trials).notes)


def test_10_a_plan_of_one_seed_is_no_look_and_a_change_of_arms_is_one():
    trials = make_trials()
    assert not any("judged at" in note for note in verdict_on(trials, planned_seeds=[0]).notes)
    added = {"extended_from": [[0, 1, 2]], "arms_before": [["C=1", "C=2"]]}
    assert (
        "Arms were added after a first look: judged at 97.5 % instead of 95 %, p adjusted"
        " likewise." in verdict_on(trials, **added).notes
    )


def test_10_a_gap_that_only_an_uncorrected_look_would_show_is_not_claimed():
    trials = make_trials({"C=8": -0.0035})
    assert 0.025 < findings_on(trials).comparison.p_values["C=8"] < 0.05
    assert "C=8 has" in verdict_on(trials).sentence
    assert "no cardinality differs" in verdict_on(trials, planned_seeds=[0, 1]).sentence


DIVERGED = {
    "C=1": [2.60, 2.80, 2.50, 2.70, 2.65],
    "C=2": [2.62, 90.0, 2.47, 2.72, 2.60],
    "C=4": [2.58, 2.83, 2.55, 2.66, 2.64],
    "C=8": [1.61, 1.84, 1.50, 1.71, 1.68],
    "C=16": [2.45, 2.60, 2.48, 2.71, 2.60],
}


def test_11_a_diverged_training_is_named_and_the_verdict_given_with_and_without_it():
    verdict = verdict_on(results(DIVERGED), seeds=[0, 1, 2, 3, 4], planned_seeds=[0, 1, 2, 3, 4])
    assert re.fullmatch(
        r"C=2, seed 1, is out of line: 90\.0 % test error where 2\.\d % was to be expected\.",
        verdict.sentence,
    )
    assert "With it: at 1.00x the FLOPs, no cardinality differs from C=1 for sure, 5 seeds." in (
        verdict.more.replace("0.99x to 1.00x", "1.00x")
    )
    assert re.search(
        r"Without it: at 1\.00x the FLOPs, C=8 has 0\.98 \(0\.\d\d to 1\.\d\d\) points less test",
        verdict.more,
    )
    assert verdict.title.endswith("; C=2, seed 1, is out of line")


def test_11_a_training_that_is_too_good_may_mean_that_its_arm_diverged():
    lucky = {**DIVERGED, "C=2": [88.9, 90.0, 2.6, 89.5, 90.0]}
    sentence = verdict_on(results(lucky)).sentence
    assert sentence.startswith("C=2, seed 2, is out of line: 2.6 % test error where 89.")
    assert sentence.endswith("was to be expected; perhaps the other seeds of C=2 diverged.")


def test_12_nothing_is_claimed_before_the_planned_seeds_are_in():
    trials = without_results(make_trials({"C=8": -0.02}), range(10, 15), "waiting")
    findings = findings_on(trials)
    verdict = findings.verdict
    gaps = [gap.estimate for gap in findings.comparison.differences]
    ends = f"{signed_points(min(gaps))} to {signed_points(max(gaps))}"
    assert verdict.sentence == (
        f"So far (10 of 15 trainings): gaps of {ends} points from C=1; the verdict comes with seed"
        " 3 of 3."
    )
    assert verdict.title == f"So far: gaps of {ends} points from C=1"
    assert verdict.more == ""
    assert "10 of 15 trainings are complete (5 waiting)." in verdict.notes
    assert gaps_by_arm(findings).title == "Gaps so far: the verdict comes with seed 3 of 3"
    assert all(mark.low is None for mark in gaps_by_arm(findings).marks)
    table = comparison_table(findings)
    for column in ("p", "Verdict", "Simultaneous 95 % interval"):
        assert {row[table.columns.index(column)] for row in table.rows} == {"–"}
    assert trend_sentence(findings.comparison) == ""
    # A choice of its finished trainings is no way around.
    chosen = findings.choice(trials[trials["status"] == "complete"])
    assert chosen.verdict.title == verdict.title


def test_a_table_of_one_seed_has_no_columns_for_what_one_seed_cannot_tell():
    told_by_more = {"95 % interval", "Simultaneous 95 % interval", "p", "Verdict"}
    assert not told_by_more & set(comparison_table(Findings(make_trials(seeds=1))).columns)
    assert told_by_more < set(comparison_table(Findings(make_trials(seeds=2))).columns)
    # More seeds are to come.
    one_of_two = Findings(make_trials(seeds=1), {"seeds": [0, 1]})
    assert told_by_more < set(comparison_table(one_of_two).columns)


def test_13_many_seeds_and_a_tiny_gap_are_an_answer():
    seeds = list(range(60))

    def verdict_at(gap):
        two = make_trials({"C=2": gap}, seeds=60)
        two = two[two["arm"].isin(["C=1", "C=2"])]
        return verdict_on(two, seeds=seeds, planned_seeds=seeds, margin=0.5)

    verdict = verdict_at(0.0)
    assert re.search(
        r"C=2 is equal to C=1 within 0\.5 points \(95 %\), 60 seeds: the gap is at most 0\.\d\d\.$",
        verdict.sentence,
    )
    assert verdict.more == ""
    shown = verdict_at(-0.0015)
    assert "C=2 has 0.19 (" in shown.sentence
    assert shown.more == "The gap of C=2 is shown, but less than the margin of 0.5."


def test_nothing_complete_and_a_missing_reference_are_honest():
    trials = make_trials()
    assert (
        verdict_on(without_results(trials, trials.index, "waiting")).sentence
        == "No comparison: no training is complete yet."
    )
    assert (
        verdict_on(without_results(trials, trials.index[::5], "failed")).sentence
        == "No comparison: the reference arm C=1 has no complete training."
    )


def test_a_difference_that_is_shown_is_never_nothing():
    trials = make_trials({"C=16": -0.00002}, noise=1e-7, seed_effect=0.0)
    verdict = Findings(trials).verdict
    assert "C=16 has 0.002 (0.00" in verdict.sentence
    assert "0.00 points" not in verdict.title


def lacking(rows, effects=None, seeds=5, status="failed"):
    trials = make_trials(effects, seeds=seeds)
    chosen = [
        trials.index[(trials["arm"] == arm) & (trials["seed"] == seed)][0] for arm, seed in rows
    ]
    return without_results(trials, chosen, status)


EVERY_OTHER = [(f"C={c}", 4) for c in (2, 4, 8, 16)]


def test_a_comparison_says_how_many_of_the_planned_seeds_it_rests_on():
    """Five seeds are planned and carry results, but the arms share only four:
    both where a gap is shown and where none is."""
    for effects, words in (({"C=8": -0.01}, "%), "), ({}, "for sure, ")):
        assert f"{words}5 seeds" in verdict_on(lacking([], effects), seeds=[0, 1, 2, 3, 4]).sentence
        for rows in (EVERY_OTHER, [("C=1", 4)]):
            sentence = verdict_on(lacking(rows, effects), seeds=[0, 1, 2, 3, 4]).sentence
            assert f"{words}4 of 5 seeds" in sentence


def test_differences_on_different_seeds_say_so():
    assert "differs from C=1 for sure, 3 to 5 of 5 seeds." in (
        verdict_on(lacking([("C=4", 0), ("C=4", 2), ("C=8", 1)])).sentence
    )
    verdict = verdict_on(
        lacking([("C=4", 0), ("C=4", 2)], {"C=4": -0.01, "C=8": -0.02, "C=16": -0.02})
    )
    assert verdict.sentence.endswith("%), 5 seeds.")
    assert re.search(r"C=4 by [\d.]+ \([\d.]+ to [\d.]+\) on 3 of 5 seeds", verdict.more)


def test_large_mismatches_are_told():
    trials = make_trials({"C=8": -0.008})
    trials.loc[trials["arm"] == "C=8", "mismatch"] = 0.31
    verdict = verdict_on(trials)
    assert verdict.sentence.startswith("At 1.31x the FLOPs, C=8 has")
    assert verdict.title.endswith("than C=1 at 1.31x the FLOPs")
    assert (
        "Costs differ: C=8 costs 1.31x as much as C=1. Part of a gap may come from that."
        in verdict.notes
    )


def test_of_many_costs_the_range_is_told():
    trials = make_mixed_trials()
    place = trials["arm"].map({arm: place for place, arm in enumerate(trials["arm"].unique())})
    trials["mismatch"] = 0.1 * place
    (told,) = (note for note in verdict_on(trials).notes if note.startswith("Costs differ"))
    assert told.startswith("Costs differ: 8 arms cost 1.10x to 1.80x as much as C=1.")


def test_the_test_sets_own_sampling_is_told_apart_from_the_seeds():
    trials = make_trials({"C=8": -0.008})
    sentence = sampling_sentence(Findings(trials, make_info()))
    errors = trials.groupby("arm")["test_error"].mean()
    interval = stats.binomtest(round(360 * errors["C=1"]), 360).proportion_ci(0.95, "wilson")
    assert f"{100 * interval.low:.1f} to {100 * interval.high:.1f} %" in sentence
    assert "the test set of 360 images is itself a sample" in sentence
    assert sampling_sentence(Findings(trials, {"name": "x"})) == ""


@pytest.mark.parametrize(
    ("slope", "words"), [(0.0, "so no trend is shown"), (-0.003, "for each doubling of C.")]
)
def test_the_trend_is_told_as_a_test_of_its_own(slope, words):
    effects = {f"C={c}": slope * i for i, c in enumerate((1, 2, 4, 8, 16))}
    sentence = trend_sentence(Findings(make_trials(effects)).comparison)
    assert sentence.startswith("Trend over all arms, a test of its own: error changes by")
    assert words in sentence


def test_an_arm_that_survived_on_its_luckiest_seed_alone_is_not_chosen():
    trials = make_trials({"C=16": 0.01})
    lucky = (trials["arm"] == "C=16") & (trials["seed"] == 0)
    trials.loc[lucky, "validation_error"] = 0.0
    trials.loc[(trials["arm"] == "C=16") & ~lucky, "status"] = "failed"
    assert Findings(trials).winner not in (None, "C=16")


def test_arms_that_only_other_arms_connect_share_no_seed_and_that_is_said():
    """C=1 has seeds 0 and 1, C=2 has 1 and 2, C=4 has 2 and 3."""
    trials = make_trials(seeds=4)
    trials = trials[trials["arm"].isin(["C=1", "C=2", "C=4"])].reset_index(drop=True)
    have = {"C=1": (0, 1), "C=2": (1, 2), "C=4": (2, 3)}
    gone = [row.Index for row in trials.itertuples() if row.seed not in have[row.arm]]
    findings = Findings(without_results(trials, gone, "failed"))
    gaps = findings.comparison.differences
    assert {gap.arm: gap.seeds for gap in gaps} == {"C=2": 1, "C=4": 0}
    words = findings.shared_seeds(findings.comparison.difference("C=4"))
    assert words == "by way of other arms, with no seed in common"
    assert findings.shared_seeds(*gaps) == "0 to 1 of 4 seeds"


def test_one_common_seed_of_several_is_no_ground_for_an_interval():
    trials = lacking([(f"C={c}", seed) for c in (2, 4, 8, 16) for seed in (1, 2)], seeds=3)
    verdict = verdict_on(trials)
    assert verdict.title == "No interval for the gaps from C=1" or verdict.title.startswith(
        "One seed"
    )


def test_the_other_places_that_tell_an_n_tell_the_same():
    trials = lacking([("C=1", 4)])
    findings = Findings(trials, make_info())
    gaps = gaps_by_arm(findings)
    assert "Points of test error minus C=1's, 4 of 5 seeds, " in gaps.subtitle
    assert all("points, 4 of 5 seeds" in mark.lines[0] for mark in gaps.marks[1:])
    assert "mean of 4 to 5 seeds" in errors_by_arm(findings).subtitle
    table = comparison_table(findings)
    column = table.columns.index("Seeds shared")
    assert [row[column] for row in table.rows] == ["–", "4", "4", "4", "4"]
    assert [row[table.columns.index("n")] for row in table.rows] == ["4", "5", "5", "5", "5"]
    assert "Seeds shared" not in comparison_table(Findings(make_trials())).columns
    assert "Here: 4 of 5 seeds, 5 arms;" in to_html(method(findings))
    rows = arms_table([("study", findings)]).rows
    assert [row[5].partition(" ")[2] for row in rows] == ["", *["(4 shared)"] * 4]


def test_a_gap_says_its_seeds_also_where_the_reference_alone_has_more():
    """The means are then of other seeds, and may differ by another sign."""
    findings = Findings(lacking([("C=8", 4)]), make_info())
    table = comparison_table(findings)
    assert [row[table.columns.index("Seeds shared")] for row in table.rows][3] == "4"
    assert arms_table([("study", findings)]).rows[3][5].endswith(" (4 shared)")


def test_a_study_that_looks_for_the_best_tells_in_its_table_who_was_dropped():
    arms = [
        {"arm": "C=1", "verdict": "dropped", "decided_at": 3, "by": "C=8"},
        {"arm": "C=8", "verdict": "best", "decided_at": 5, "by": ""},
        {"arm": "C=2", "verdict": "open", "decided_at": None, "by": ""},
    ]
    table = comparison_table(Findings(make_trials(), {"until": {"margin": None, "arms": arms}}))
    stand = {row[0]: row[table.columns.index("Verdict")] for row in table.rows}
    assert stand == {
        "C=1": "dropped at seed 3, worse than C=8",
        "C=2": "left",
        "C=4": "–",
        "C=8": "the best",
        "C=16": "–",
    }
    assert not {"p", "Simultaneous 95 % interval"} & set(table.columns)


def test_an_arm_without_a_result_is_in_no_n():
    trials = lacking([("C=16", seed) for seed in range(5)])
    assert "mean of 5 seeds" in errors_by_arm(Findings(trials)).subtitle
