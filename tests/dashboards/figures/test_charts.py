"""What figures show, as numbers and plain text, before anything is drawn."""

import re

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from study_tables import make_curves, make_info, make_trials, without_results

from dashboards.analysis.findings import Findings
from dashboards.figures import error_distribution_functions, learning_curves
from dashboards.figures.comparison import errors_by_arm, gaps_by_arm
from dashboards.figures.learning import curves_by_arm
from dashboards.figures.running import mismatch_by_arm, progress_by_arm, speed_by_arm
from dashboards.figures.spaces import spaces_shown
from dashboards.figures.tradeoffs import costs_and_errors

EFFECTS = {"C=8": -0.008}


def test_errors_are_means_over_seeds_with_their_t_intervals_and_every_training():
    trials = make_trials(EFFECTS)
    chart = errors_by_arm(Findings(trials))
    for mark in chart.marks:
        errors = 100 * trials.loc[trials["arm"] == mark.arm, "test_error"]
        ends = stats.t.interval(0.95, 2, errors.mean(), stats.sem(errors))
        assert (mark.y, mark.low, mark.high) == pytest.approx((errors.mean(), *ends))
        assert sorted(chart.points[mark.arm].y) == pytest.approx(sorted(errors))
    assert [mark.x for mark in chart.marks] == [0, 1, 2, 3, 4]
    assert chart.axis.ticks[3].words == ("8",)
    assert chart.axis.ticks[3].below == ("8x13d",)


def test_gaps_are_filled_where_their_interval_excludes_zero():
    findings = Findings(make_trials(EFFECTS))
    chart = gaps_by_arm(findings)
    for mark in chart.marks[1:]:
        gap = findings.comparison.difference(mark.arm)
        expected = [100 * value for value in (gap.estimate, gap.low, gap.high)]
        assert [mark.y, mark.low, mark.high] == pytest.approx(expected)
    assert [mark.arm for mark in chart.marks if mark.filled] == ["C=1", "C=8"]
    assert gaps_by_arm(Findings(make_trials())).title == (
        "Every difference's interval includes zero"
    )


def test_curves_are_the_mean_the_lowest_and_the_highest_of_the_seeds():
    trials = make_trials()
    curves = make_curves(trials)
    own = 100 * curves[curves["arm"] == "C=4"].pivot(
        index="epoch", columns="seed", values="validation_error"
    )
    line = curves_by_arm(Findings(trials), curves).lines["C=4"]
    expected = pd.DataFrame({"mean": own.mean(axis=1), "low": own.min(axis=1)})
    assert line[["mean", "low"]].to_numpy() == pytest.approx(expected.to_numpy())
    assert set(line["n"]) == {3}


def test_curves_that_still_fall_and_networks_that_only_guess_are_said():
    trials = make_trials()
    curves = make_curves(trials)
    assert "still fall" not in curves_by_arm(Findings(trials), curves).title
    cut_off = curves[curves["epoch"] <= 5]
    assert curves_by_arm(Findings(trials), cut_off).title.endswith("; the curves still fall")
    assert curves_by_arm(Findings(trials), curves).chance == pytest.approx(90)
    figure = learning_curves(Findings(trials), curves)
    assert [shape.y0 for shape in figure.layout.shapes] == pytest.approx([90])
    assert "guessing, 90.0 %" in {note.text for note in figure.layout.annotations}


def test_the_name_of_guessing_stands_on_no_curve_that_ends_just_below():
    trials = make_trials()
    curves = make_curves(trials)
    poor = curves["arm"] == "C=4"
    curves.loc[poor, "validation_error"] = 0.84 + 0.1 / curves.loc[poor, "epoch"]
    figure = learning_curves(Findings(trials), curves)
    (note,) = [own for own in figure.layout.annotations if "guessing" in (own.text or "")]
    assert note.yanchor == "bottom"
    assert figure.layout.yaxis.range[1] > note.y + 0.05


def test_curves_of_data_on_which_nobody_errs_are_drawn_at_zero():
    trials = make_trials()
    curves = make_curves(trials).assign(validation_error=0.0)
    axis = learning_curves(Findings(trials), curves).layout.yaxis
    assert axis.ticktext == ("0",)
    assert axis.range[0] < np.log10(axis.tickvals[0]) < axis.range[1]


def test_where_curves_end_is_not_said_of_arms_that_failed():
    trials = make_trials({"C=4": 0.2})
    failed = without_results(trials, trials.index[trials["arm"] == "C=4"], "failed", "NaN")
    chart = curves_by_arm(Findings(failed), make_curves(trials))
    assert "C=4" in chart.lines
    assert "C=4" not in chart.title
    assert "C=4 stopped early" in chart.subtitle
    assert "(C=4)" in curves_by_arm(Findings(trials), make_curves(trials)).title


def test_the_front_is_of_designs_that_none_beats_in_both():
    chart = costs_and_errors(Findings(make_trials(EFFECTS)), "params")
    means = chart.designs[["cost", "test_error"]].to_numpy()
    is_beaten = [
        any((other <= own).all() and (other < own).any() for other in means) for own in means
    ]
    assert chart.designs["front"].tolist() == [not beaten for beaten in is_beaten]


def test_progress_counts_trainings_by_arm_and_status():
    trials = without_results(make_trials(), [13, 14], "waiting")
    chart = progress_by_arm(Findings(trials))
    expected = pd.crosstab(trials["arm"], trials["status"]).loc[chart.counts.index]
    assert chart.counts[expected.columns].to_numpy().tolist() == expected.to_numpy().tolist()
    assert chart.title == "13 of 15 trainings complete"
    # Of a study with `until`, as its notes and its bar have it.
    until = {"to_come": 6, "until": {"margin": 0.3, "arms": []}}
    chart = progress_by_arm(Findings(trials, until))
    assert chart.title == "13 of 21 trainings complete"
    assert chart.subtitle.startswith("At most 8 left, none is running; ")


def test_speeds_and_mismatches_are_the_tables():
    trials = make_trials()
    means = trials.groupby("cardinality")["images_per_second"].mean()
    assert [mark.y for mark in speed_by_arm(Findings(trials)).marks] == pytest.approx(list(means))
    mismatches = mismatch_by_arm(Findings(trials)).designs["mismatch"]
    assert mismatches.tolist() == pytest.approx((100 * trials["mismatch"][:5]).tolist())


def test_half_of_a_spaces_designs_are_on_each_side_of_its_median():
    trials = make_trials(seeds=1).iloc[np.zeros(61, dtype=int)].reset_index(drop=True)
    errors = np.random.default_rng(0).uniform(0.1, 0.2, 61)
    trials = trials.assign(design=[f"design {i}" for i in range(61)], test_error=errors)
    chart = spaces_shown(trials, measure=None)
    assert chart.spaces["digits_cardinality"].quantile(0.5) == np.median(errors)
    assert f"{100 * np.median(errors):.2f} %" in chart.title


def test_what_a_figure_says_is_plain_text_and_escaped_only_where_it_is_drawn():
    info = {**make_info(), "data": {"name": "<b>&"}}
    assert "<b>&, 10 epochs" in errors_by_arm(Findings(make_trials(), info)).subtitle


def clouds(shift: float = 0.0, factor: float = 1.0) -> pd.DataFrame:
    """Two spaces of 40 designs; the second's errors are shifted, its costs larger by a factor."""
    random, parts = np.random.default_rng(0), []
    for number, name in enumerate(("a", "b")):
        trials = make_trials(seeds=1).iloc[np.zeros(40, dtype=int)].reset_index(drop=True)
        parts.append(
            trials.assign(
                study=name,
                design=[f"{name} {i}" for i in range(40)],
                flops=2e7 * random.uniform(1, 2, 40) * factor**number,
                test_error=random.normal(0.1 + number * shift, 0.01, 40),
            )
        )
    return pd.concat(parts, ignore_index=True)


def test_a_difference_between_spaces_is_claimed_by_a_test_only():
    same, other = spaces_shown(clouds()), spaces_shown(clouds(-0.02))
    assert re.fullmatch(
        r"No difference between a and b is shown at equal FLOPs \(p = 0\.\d+\)", same.title
    )
    assert other.title == "b has a lower test error than a at equal FLOPs (p < 0.001)"
    assert re.search(r"; a \d+ designs, worth \d+; b \d+ designs, worth \d+; ", same.subtitle)


def test_of_several_spaces_the_lowest_p_is_told_also_where_it_is_one():
    alike = clouds()
    first = alike[alike["study"] == "a"]
    trials = pd.concat([first.assign(study=name) for name in ("a", "b", "c")], ignore_index=True)
    title = spaces_shown(trials).title
    assert title == "No difference between a, b and c is shown at equal FLOPs (lowest p = 1.000)"
    axis = error_distribution_functions(trials).layout.yaxis
    assert list(axis.ticktext) == ["0 %", "20 %", "40 %", "60 %", "80 %", "100 %"]


def test_spaces_that_share_no_cost_say_so_in_place_of_an_empty_figure():
    chart = spaces_shown(clouds(factor=10))
    assert chart.title == "No comparison at equal FLOPs: no cost is shared"
    assert re.fullmatch(
        r"a costs \d\d\.\d M to \d\d\.\d M and b costs \d{3} M to \d{3} M FLOPs, so there is"
        r" nothing to compare",
        chart.subtitle,
    )
