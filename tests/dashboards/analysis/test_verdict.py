"""The sentences: claims only where the interval excludes zero,
with numbers, n and the cost ratio."""

import re

import pytest
from scipy import stats
from study_tables import make_info, make_trials, without_results

from dashboards.analysis.findings import Findings
from dashboards.analysis.tables import arms_table, comparison_table
from dashboards.analysis.verdict import sampling_sentence, trend_sentence
from dashboards.analysis.words import points
from dashboards.figures.comparison import errors_by_arm, gaps_by_arm
from dashboards.page.elements import to_html
from dashboards.page.study import method


def verdict_on(trials, **info):
    return Findings(trials, {**make_info(), **info}).verdict


def test_a_difference_is_told_with_size_interval_cost_and_seeds():
    trials = make_trials({"C=8": -0.008})
    gap = Findings(trials).comparison.difference("C=8")
    assert (
        verdict_on(trials).sentence
        == f"At 1.00x the FLOPs, C=8 makes {points(gap.estimate)} ({points(gap.high)} to"
        f" {points(gap.low)}) points fewer errors than C=1, 3 seeds."
    )
    assert (
        verdict_on(trials).title
        == f"C=8 makes {points(gap.estimate)} points fewer errors than C=1 at matched FLOPs"
    )


def test_simulated_studies_are_told_the_right_way_round():
    """C=8 errs 0.6 points less, seeds are lucky for all arms alike: most
    verdicts say so, none says the contrary."""
    verdicts = [
        verdict_on(make_trials({"C=8": -0.006}, seeds=4, random_seed=i)).text for i in range(60)
    ]
    claimed = [text for text in verdicts if re.search(r"C=8 (makes|by) [\d.]+ \(", text)]
    assert len(claimed) > 45
    assert not [
        text
        for text in verdicts
        if re.search(r"more errors.*C=8|C=8 makes [\d.]+ \([^)]*\) points more", text)
    ]


def test_every_arm_that_differs_is_named_and_those_that_do_not():
    verdict = verdict_on(make_trials({"C=2": 0.01, "C=8": -0.008, "C=16": -0.012}))
    assert "C=16 makes" in verdict.sentence
    assert "Also fewer errors: C=8 by" in verdict.more
    assert "But more errors: C=2 by" in verdict.more
    assert "For C=4 no difference from C=1 is shown." in verdict.more


def test_of_several_better_arms_the_one_that_validation_chose_comes_first():
    trials = make_trials({"C=8": -0.008, "C=16": -0.0085})
    trials.loc[trials["arm"] == "C=8", "validation_error"] = 0.001
    assert "C=8 makes" in verdict_on(trials).sentence


def test_no_difference_is_an_answer_with_its_interval_and_the_seeds_that_would_settle_it():
    verdict = verdict_on(make_trials())
    assert verdict.sentence.startswith(
        "At 0.99x to 1.00x the FLOPs, no difference from C=1 is shown, 3 seeds; "
    )
    assert re.search(
        r"the largest is C=\d+'s, −0\.16 \(−0\.\d\d to \+0\.\d\d\) points of test error\.$",
        verdict.sentence,
    )
    assert re.fullmatch(r"About \d+ more seeds would settle a gap of 0\.16 points\.", verdict.more)
    assert verdict.title == "No difference from C=1 is shown at matched FLOPs"


def test_a_gap_too_small_to_settle_says_what_ten_more_seeds_would():
    trials = make_trials(seeds=4)
    base = trials.loc[trials["arm"] == "C=1", "test_error"].to_numpy()
    for arm, noise in {"C=2": 1, "C=4": -1, "C=8": 0.5, "C=16": -0.6}.items():
        wave = noise * 0.001 * (-1.0) ** trials.loc[trials["arm"] == arm, "seed"]
        trials.loc[trials["arm"] == arm, "test_error"] = base + wave.to_numpy() + 0.00001
    assert re.fullmatch(
        r"10 more seeds would settle a gap of 0\.\d\d points\.", verdict_on(trials).more
    )


def test_one_seed_claims_nothing_and_says_why():
    verdict = verdict_on(make_trials({"C=8": -0.02}, seeds=1))
    assert (
        verdict.sentence
        == "There is one seed only: no interval can be given, and nothing is claimed."
    )
    assert "may be the luck of the seed" in verdict.more


def test_an_unfinished_study_says_so_first_and_advises_no_more_seeds():
    trials = make_trials()
    verdict = verdict_on(without_results(trials, trials.index[10:], "waiting"))
    assert verdict.sentence.startswith("So far, with 10 of 15 trainings complete: at ")
    assert verdict.title.startswith("So far: no difference")
    assert "more seed" not in verdict.text
    assert "10 of 15 trainings are complete (5 waiting)." in verdict.notes


def test_failures_are_told_arm_by_arm():
    trials = without_results(make_trials(), [4, 9], "failed", "loss is NaN")
    notes = verdict_on(trials).notes
    assert "13 of 15 trainings are complete (2 failed)." in notes
    assert "C=16 lost 2 of 3 trainings: its numbers are of those that survived." in notes
    assert any("least squares" in note for note in notes)
    assert "Every training of C=16 failed: it is missing from all comparisons." in (
        verdict_on(without_results(trials, [14], "failed", "loss is NaN")).notes
    )


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


def test_large_mismatches_are_told():
    trials = make_trials({"C=8": -0.008})
    trials.loc[trials["arm"] == "C=8", "mismatch"] = 0.31
    verdict = verdict_on(trials)
    assert verdict.sentence.startswith("At 1.31x the FLOPs, C=8 makes")
    assert verdict.title.endswith("than C=1 at 1.31x the FLOPs")
    assert (
        "Costs differ: C=8 costs 1.31x as much as C=1. Part of a gap may come from that."
        in verdict.notes
    )


def test_an_extension_after_the_plan_is_told_and_judged_more_strictly():
    trials = make_trials()
    notes = verdict_on(trials, planned_seeds=[0, 1], seeds=[0, 1, 2]).notes
    assert (
        "Planned with 2 seeds, extended to 3: as an extension may follow a look at the results,"
        " differences are judged at 97.5 % confidence instead of 95 %." in notes
    )
    again = verdict_on(
        trials, planned_seeds=[0], extended_from=[[0], [0, 1]], seeds=[0, 1, 2]
    ).notes
    assert any(
        note.startswith("Planned with 1 seed, extended to 2 and to 3:") and "99.2 %" in note
        for note in again
    )
    assert not any("Planned" in note for note in verdict_on(trials).notes)


def test_a_gap_that_only_an_uncorrected_look_would_show_is_not_claimed():
    trials = make_trials({"C=8": -0.0035})
    p_value = Findings(trials).comparison.difference("C=8").p_value
    assert 0.025 < p_value < 0.05
    assert "C=8 makes" in verdict_on(trials).sentence
    assert "no difference" in verdict_on(trials, planned_seeds=[0, 1]).sentence


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


def test_a_difference_that_is_shown_is_never_nothing():
    trials = make_trials({"C=16": -0.00002}, noise=1e-7, seed_effect=0.0)
    verdict = Findings(trials).verdict
    assert "C=16 makes 0.002 (0.00" in verdict.sentence
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
    for effects, words in (
        ({"C=8": -0.01}, "points fewer errors than C=1, "),
        ({}, "no difference from C=1 is shown, "),
    ):
        assert f"{words}5 seeds" in verdict_on(lacking([], effects), seeds=[0, 1, 2, 3, 4]).sentence
        for rows in (EVERY_OTHER, [("C=1", 4)]):
            sentence = verdict_on(lacking(rows, effects), seeds=[0, 1, 2, 3, 4]).sentence
            assert f"{words}4 of 5 seeds" in sentence
        waiting = verdict_on(lacking(EVERY_OTHER, effects, status="waiting")).sentence
        assert "So far, with 21 of 25 trainings complete: " in waiting
        assert f"{words}4 of 5 seeds" in waiting


def test_differences_on_different_seeds_say_so():
    assert "no difference from C=1 is shown, 3 to 5 of 5 seeds; " in (
        verdict_on(lacking([("C=4", 0), ("C=4", 2), ("C=8", 1)])).sentence
    )
    verdict = verdict_on(
        lacking([("C=4", 0), ("C=4", 2)], {"C=4": -0.01, "C=8": -0.02, "C=16": -0.02})
    )
    assert re.search(r"than C=1, 5 seeds\.$", verdict.sentence)
    assert re.search(r"C=4 by [\d.]+ \([\d.]+ to [\d.]+\) on 3 of 5 seeds", verdict.more)
    alone = verdict_on(lacking([("C=4", 0), ("C=4", 2)], {"C=4": -0.02}))
    assert re.search(r"C=4 makes .* than C=1, 3 of 5 seeds\.$", alone.sentence)


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


def test_an_arm_without_a_result_is_in_no_n():
    trials = lacking([("C=16", seed) for seed in range(5)])
    assert "mean of 5 seeds" in errors_by_arm(Findings(trials)).subtitle
