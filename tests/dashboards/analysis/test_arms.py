"""Arms: their order, their reference, and each one's own interval."""

import pytest
from scipy import stats
from study_tables import MIXED, make_mixed_trials, make_trials

from dashboards.analysis.arms import arm_cardinalities, designs_of, groups_of
from dashboards.analysis.findings import Findings
from dashboards.analysis.words import template_label
from dashboards.figures.theme import arm_styles

ARMS = ["C=1", "C=2", "C=4", "C=8", "C=16"]


def test_the_reference_arm_is_the_studys_else_that_of_the_reference_design():
    trials = make_trials()
    assert Findings(trials, {"reference_arm": "C=4"}).reference == "C=4"
    assert Findings(trials.iloc[::-1]).reference == "C=1"
    assert Findings(trials.assign(reference="other")).reference == "C=1"
    assert Findings(trials.iloc[:0]).reference == ""


def test_an_arms_interval_is_the_t_interval_over_its_seeds():
    trials = make_trials(seeds=5)
    summary = Findings(trials).summary
    for arm, rows in trials.groupby("arm"):
        low, high = stats.t.interval(
            0.95, 4, rows["test_error"].mean(), stats.sem(rows["test_error"])
        )
        assert summary.loc[arm, ["n", "mean", "low", "high"]].tolist() == pytest.approx(
            [5, rows["test_error"].mean(), low, high]
        )


def test_one_seed_has_a_mean_but_no_interval():
    summary = Findings(make_trials(seeds=1)).summary
    assert summary["mean"].notna().all()
    assert summary[["sd", "low", "high"]].isna().all(axis=None)


def test_an_arm_of_the_same_error_in_every_seed_has_no_interval_of_no_width() -> None:
    trials = make_trials(seeds=3)
    arm = trials["arm"].iloc[0]
    trials.loc[trials["arm"] == arm, "test_error"] = 0.1 + 1e-17
    summary = Findings(trials).summary
    assert summary.loc[arm, "mean"] == pytest.approx(0.1)
    assert summary.loc[arm, ["low", "high"]].isna().all()
    assert summary.drop(index=arm)["low"].notna().all()


def test_arms_stand_in_the_order_of_their_cardinality():
    assert Findings(make_trials().sample(frac=1, random_state=1)).arms == ARMS


def test_arms_of_one_axis_stand_together_by_their_values():
    trials = make_mixed_trials()
    arms = Findings(trials).arms
    assert arms[:7] == [
        "C=1", "C=4", "C=16", "width=32", "width=384", "depths=1-2-1", "depths=2-2-2"
    ]  # fmt: skip
    assert sorted(arms) == sorted(MIXED)
    assert groups_of(["other", "shortcut=projection", "shortcut=none", "deeper"]) == [
        ["other", "deeper"], ["shortcut=projection", "shortcut=none"]
    ]  # fmt: skip


def test_unlike_paths_and_another_growth_have_no_place_on_the_axis_of_cardinality() -> None:
    trials = make_trials()
    assert arm_cardinalities(designs_of(trials)) == {f"C={c}": c for c in (1, 2, 4, 8, 16)}
    of_c_4 = trials["arm"] == "C=4"
    for column, word in (("kind", "inception"), ("growth", "root"), ("order", "pre")):
        other = trials.assign(**{column: trials[column].where(~of_c_4, word)})
        assert arm_cardinalities(designs_of(other)) == {}
        styles = arm_styles(Findings(other))
        assert len({(style.color, style.dash) for style in styles.values()}) == 5
    alike = trials.assign(order="pre")
    assert arm_cardinalities(designs_of(alike)) == arm_cardinalities(designs_of(trials))


def test_a_template_is_called_by_its_paths_and_channels() -> None:
    assert template_label(8, 14, 256, "bottleneck") == "8x14d"
    assert template_label(4, 25, 256, "inception") == "inception 25d"
    assert template_label(1, None, 64, "basic") == "w64"


def test_two_seeds_have_a_mean_but_no_interval_of_their_own():
    summary = Findings(make_trials(seeds=2)).summary
    assert summary["mean"].notna().all()
    assert summary[["low", "high"]].isna().all(axis=None)
