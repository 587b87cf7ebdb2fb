"""Is it the arm or the recipe? One sentence, from gaps within each seed."""

import re

import numpy as np
import pandas as pd
import pytest
from recipe_tables import QUICK, make_recipe_info, make_recipe_trials
from study_tables import make_mixed_trials, make_trials, without_results

from dashboards.analysis.recipes import ByRecipe, has_recipes
from dashboards.figures import errors_by_recipe
from dashboards.figures.recipes import recipes_shown


def study(*effects: dict[str, float], seeds: int = 6) -> ByRecipe:
    return ByRecipe(make_recipe_trials(*effects, seeds=seeds), make_recipe_info(seeds))


def test_a_gain_of_one_recipe_alone_is_told_with_both_gaps_and_their_change() -> None:
    both = study(QUICK)
    table = both.trials.pivot_table("test_error", ["recipe", "arm"], "seed").mean(axis=1)
    surest = both.changes[0]
    gaps = {name: table[name, surest.arm] - table[name, "C=1"] for name in ("quick", "modern")}
    assert (surest.first, surest.last) == pytest.approx((gaps["quick"], gaps["modern"]))
    assert surest.estimate == pytest.approx(gaps["modern"] - gaps["quick"])
    assert surest.shown
    told = re.fullmatch(
        r"The gap of (C=\d+) to C=1 depends on the recipe: (−[\d.]+) points by quick, ([−+][\d.]+)"
        r" by modern, a change of \+([\d.]+) \(\+[\d.]+ to \+[\d.]+; p < 0\.001\), 6 seeds\.",
        both.sentence,
    )
    assert told
    assert told[1] == surest.arm
    assert float(told[4]) == pytest.approx(100 * surest.estimate, abs=0.005)
    assert both.title.startswith("The recipe changes the gap of ")
    assert "The gap also changes of" in both.more


def test_the_same_gain_by_both_recipes_is_no_interaction_and_its_bound_is_told() -> None:
    both = study(QUICK, QUICK)
    most = max(max(abs(change.low), abs(change.high)) for change in both.changes)
    assert not any(change.shown for change in both.changes)
    assert both.title == "No gap to C=1 is shown to depend on the recipe"
    assert re.search(r"\(interaction arm x recipe, p = 0\.\d+\)", both.sentence)
    assert f"no gap changes by more than {100 * most:.2f} points (95 %)" in both.sentence
    # Both recipes' own verdicts stand: the gain is there by each.
    for findings in both.findings.values():
        assert "less test error than C=1" in findings.verdict.sentence


def test_nothing_is_claimed_before_the_last_seed_of_every_recipe() -> None:
    trials = make_recipe_trials(QUICK)
    waiting = (trials["recipe"] == "modern") & (trials["seed"] == 5)
    both = ByRecipe(without_results(trials, waiting, "waiting"), make_recipe_info())
    assert both.sentence.startswith("So far nothing is claimed")
    assert "comes with seed 6 of 6 of every recipe" in both.sentence
    assert not both.changes
    assert "less test error" in both.findings["quick"].verdict.sentence


def test_one_seed_makes_no_interval() -> None:
    both = study(QUICK, seeds=1)
    assert both.sentence.startswith("Nothing is claimed")


def test_a_failed_training_costs_its_seed_alone() -> None:
    trials = make_recipe_trials(QUICK)
    lost = (trials["recipe"] == "modern") & (trials["seed"] == 5) & (trials["arm"] == "C=8")
    both = ByRecipe(without_results(trials, lost, "failed", "nan"), make_recipe_info())
    assert {change.arm: change.seeds for change in both.changes} == {
        "C=2": 6,
        "C=4": 6,
        "C=8": 5,
        "C=16": 6,
    }


def test_a_training_out_of_line_does_not_silence_the_answer() -> None:
    trials = make_recipe_trials(QUICK)
    bad = (trials["recipe"] == "modern") & (trials["seed"] == 5) & (trials["arm"] == "C=4")
    trials.loc[bad, "test_error"] = 0.9
    both = ByRecipe(trials, make_recipe_info())
    assert "Without the trainings that are out of line: The gap of" in both.more


def test_an_extended_study_is_judged_more_strictly() -> None:
    both = study(QUICK)
    extended = ByRecipe(both.trials, {**both.info, "extended_from": [[0, 1, 2]]})
    assert (both.confidence, extended.confidence) == pytest.approx((0.95, 0.975))
    first, again = both.changes[0], extended.changes[0]
    assert again.high - again.low > first.high - first.low


def test_the_figure_has_one_line_a_recipe() -> None:
    both = study(QUICK)
    chart = recipes_shown(both)
    assert list(chart.lines) == ["quick", "modern"]
    for recipe, line in chart.lines.items():
        own = both.trials[both.trials["recipe"] == recipe].groupby("arm")["test_error"].mean()
        np.testing.assert_allclose(line["mean"], 100 * own[line["arm"]])
        assert list(line["arm"]) == ["C=1", "C=2", "C=4", "C=8", "C=16"]
    for theme in ("light", "dark"):
        figure = errors_by_recipe(both, theme=theme)
        lines = [trace for trace in figure.data if trace.mode == "lines+markers"]
        shown = [trace.name for trace in lines if trace.x[0] is not None]
        in_legend = [trace.name for trace in lines if trace.showlegend]
        assert shown == in_legend == ["quick", "modern"]


def test_marks_of_recipes_stand_apart_in_rows() -> None:
    trials = make_mixed_trials()
    parts = [trials.assign(recipe=recipe) for recipe in ("quick", "modern", "slow")]
    chart = recipes_shown(ByRecipe(pd.concat(parts, ignore_index=True), make_recipe_info()))
    places = [line["place"].iloc[1] for line in chart.lines.values()]
    apart = abs(places[1] - places[0])
    assert 0.2 <= apart / chart.axis.step <= 0.25
    assert 2 * apart < 0.5 * chart.axis.step  # the next row's are further away


def test_a_study_with_one_recipe_has_none_of_this() -> None:
    assert not has_recipes(make_trials())
    assert has_recipes(make_recipe_trials())
