"""The figures show the table's numbers, computed here again, and look as agreed."""

import io
import re

import numpy as np
import pandas as pd
import pytest
from figure_marks import intervals_of, marks_of, points_of
from scipy import stats
from study_tables import make_curves, make_info, make_trials, without_results

from dashboards.analysis.findings import Findings
from dashboards.analysis.words import points
from dashboards.figures import (
    differences_from_reference,
    error_against_cardinality,
    error_against_cost,
    learning_curves,
    progress,
    spread,
)
from dashboards.figures.common import over_seeds
from dashboards.figures.comparison import errors_by_arm, gaps_by_arm
from dashboards.figures.theme import THEMES, arm_styles, blank_figure, texts_of


def traces(figure, **wanted):
    return [
        trace
        for trace in figure.data
        if all(getattr(trace, key) == value for key, value in wanted.items())
    ]


def mark_at(figure, x, size=13):
    return next(mark for mark in marks_of(figure, size) if mark.x == x)


def interval_at(figure, x):
    return next([y for _, y in ends] for ends in intervals_of(figure) if ends[0][0] == x)


def test_every_trial_mean_and_interval_stands_at_its_number():
    trials = make_trials({"C=8": -0.008})
    figure = error_against_cardinality(Findings(trials))
    points = [point.y for point in points_of(figure)]
    assert sorted(points) == pytest.approx(sorted(100 * trials["test_error"]))
    for x, (_, rows) in enumerate(trials.groupby("cardinality")):
        errors = 100 * rows["test_error"]
        assert mark_at(figure, x).y == pytest.approx(errors.mean())
        assert interval_at(figure, x) == pytest.approx(
            stats.t.interval(0.95, 2, errors.mean(), stats.sem(errors))
        )


def test_of_a_crowd_the_lowest_the_highest_and_evenly_many_between_are_drawn():
    trials = make_trials({"C=8": -0.008}, seeds=1000)
    errors = 100 * trials.loc[trials["arm"] == "C=8", "test_error"]
    for figure in (
        error_against_cardinality(Findings(trials)),
        error_against_cost(Findings(trials)),
    ):
        shown = points_of(figure)
        arms = list(dict.fromkeys(trials["arm"]))
        assert [point.about[3] for point in shown] == [arm for arm in arms for _ in range(100)]
        own = [point for point in shown if point.about[3] == "C=8"]
        drawn = [point.y for point in own]
        assert min(drawn) == pytest.approx(errors.min())
        assert max(drawn) == pytest.approx(errors.max())
        assert np.median(drawn) == pytest.approx(errors.median(), abs=0.01)
        assert "4,500 single trials between those drawn are left out" in texts_of(figure)[1]
        # Each drawn mark still says which training it is.
        seeds = {
            round(error, 9): seed
            for error, seed in zip(errors, trials.loc[errors.index, "seed"], strict=True)
        }
        assert [seeds[round(y, 9)] for y in drawn] == [point.about[1] for point in own]


def test_cardinality_stands_on_a_log2_axis_with_the_template_below():
    figure = error_against_cardinality(Findings(make_trials()))
    assert list(figure.layout.xaxis.tickvals) == [0, 1, 2, 3, 4]
    assert figure.layout.xaxis.ticktext[3].startswith("8<br>")
    assert "8x13d" in figure.layout.xaxis.ticktext[3]


def test_the_title_is_the_finding_and_the_subtitle_says_what_is_shown():
    figure = error_against_cardinality(Findings(make_trials({"C=8": -0.008}), make_info()))
    assert figure.layout.title.text.startswith("C=8 has 0.95 points less test error than C=1")
    assert (
        figure.layout.title.subtitle.text
        == "Test error in %: mean of 3 seeds, 95 % t interval, each trial a light mark, dotted: the"
        " trend on log2 C, digits, 10 epochs"
    )
    assert error_against_cardinality(Findings(make_trials())).layout.title.text.startswith(
        "No cardinality differs"
    )


def test_no_interval_is_promised_where_every_seed_makes_the_same_error():
    trials = make_trials()
    trials["test_error"] = 0.1
    figure = error_against_cardinality(Findings(trials))
    assert figure.layout.title.subtitle.text.startswith(
        "Test error in %: mean of 3 seeds, each trial a light mark"
    )


def test_a_difference_is_filled_only_where_it_is_shown():
    trials = make_trials({"C=8": -0.008})
    findings = Findings(trials)
    comparison, figure = findings.comparison, differences_from_reference(findings)
    for x, arm in enumerate(["C=2", "C=4", "C=8", "C=16"], start=1):
        gap = comparison.difference(arm)
        mark = mark_at(figure, x)
        assert mark.y == pytest.approx(100 * gap.estimate)
        assert (mark.color != THEMES["light"].ground) == gap.shown == (arm == "C=8")
        assert interval_at(figure, x) == pytest.approx([100 * gap.low, 100 * gap.high])
    gap = findings.comparison.difference("C=8")
    assert figure.layout.title.text == (
        f"C=8 has {points(gap.estimate)} points less test error than C=1"
    )


def test_the_title_of_gaps_says_their_direction_and_size():
    def title_of(effects):
        return gaps_by_arm(Findings(make_trials(effects, noise=0.0005), make_info())).title

    assert re.fullmatch(
        r"C=4 has 1\.\d\d and C=8 2\.\d\d points less, C=2 has 3\.\d\d points more test error than"
        " C=1",
        title_of({"C=2": 0.032, "C=4": -0.012, "C=8": -0.022}),
    )


def test_curves_are_means_over_seeds_in_a_band_of_lowest_to_highest():
    trials = make_trials()
    curves = make_curves(trials)
    figure = learning_curves(Findings(trials), curves)
    line = next(trace for trace in figure.data if trace.name == "C=4")
    mine = 100 * curves[curves["arm"] == "C=4"].pivot(
        index="epoch", columns="seed", values="validation_error"
    )
    assert list(line.y) == pytest.approx(mine.mean(axis=1).tolist())
    band = figure.data[2]
    assert list(band.y) == pytest.approx([*mine.max(axis=1), *mine.min(axis=1)[::-1]])
    names = {"C=1", "C=2", "C=4", "C=8", "C=16"}
    assert {note.text for note in figure.layout.annotations} == {*names, "guessing, 90.0 %"}


def test_a_running_trial_does_not_bend_its_arms_line():
    trials = make_trials()
    curves = make_curves(trials)
    running = without_results(trials, [14], "running")
    cut = curves[~((curves["arm"] == "C=16") & (curves["seed"] == 2) & (curves["epoch"] > 3))]
    line = next(
        trace for trace in learning_curves(Findings(running), cut).data if trace.name == "C=16"
    )
    two = (
        curves[(curves["arm"] == "C=16") & (curves["seed"] < 2)]
        .groupby("epoch")["validation_error"]
        .mean()
    )
    assert list(line.y) == pytest.approx((100 * two).tolist())


def test_an_error_of_zero_has_a_place_on_the_log_axis():
    trials = make_trials()
    curves = make_curves(trials)
    curves.loc[curves["epoch"] == 10, "train_error"] = 0.0
    figure = learning_curves(Findings(trials), curves, split="train")
    assert figure.layout.yaxis.ticktext[0] == "0"
    assert all(min(trace.y) > 0 for trace in figure.data)


def test_arms_keep_hue_and_mark_and_the_reference_is_black_or_white():
    light, dark = (arm_styles(Findings(make_trials()), theme) for theme in ("light", "dark"))
    assert (light["C=1"].color, dark["C=1"].color) == ("#000000", "#ffffff")
    assert [style.symbol for style in light.values()] == [style.symbol for style in dark.values()]
    assert len({style.symbol for style in light.values()}) == 5

    def brightness(color):
        return sum(int(color[i : i + 2], 16) for i in (1, 3, 5))

    greens = [brightness(light[f"C={c}"].color) for c in (2, 4, 8, 16)]
    assert greens == sorted(greens, reverse=True)


def test_arms_without_cardinalities_of_their_own_have_the_agreed_colours():
    trials = make_trials()
    names = {
        "C=1": "reference",
        "C=2": "deeper",
        "C=4": "wider",
        "C=8": "more paths",
        "C=16": "other",
    }
    trials = trials.assign(arm=trials["arm"].map(names), cardinality=32)
    styles = arm_styles(Findings(trials))
    assert [styles[arm].color for arm in ("deeper", "wider", "more paths")] == [
        "#0072B2",
        "#E69F00",
        "#009E73",
    ]
    figure = error_against_cardinality(Findings(trials))
    # Lines join only what has an order: those that there are stand at one arm each.
    lines = traces(figure, mode="lines")
    assert len(intervals_of(figure)) == 5 == sum(list(line.x).count(None) for line in lines)
    assert all(first == last for (_, first), (_, last) in intervals_of(figure)), "arms in rows"


def test_two_seeds_are_too_few_for_an_arms_own_interval():
    chart = errors_by_arm(Findings(make_trials(seeds=2)))
    assert {(mark.low, mark.high) for mark in chart.marks} == {(None, None)}
    assert all("too few seeds for an interval" in mark.lines for mark in chart.marks)
    assert "interval" not in chart.subtitle


def test_an_interval_ends_where_errors_end():
    trials = make_trials()
    trials.loc[trials["arm"] == "C=8", "test_error"] = [0.2, 0.9, 0.95]
    trials.loc[trials["arm"] == "C=2", "test_error"] = [0.02, 0.05, 0.9]
    ends = {mark.arm: (mark.low, mark.high) for mark in errors_by_arm(Findings(trials)).marks}
    assert ends["C=8"][1] == 100
    assert ends["C=2"][0] == 0
    assert all(
        mark.low >= -100 and mark.high <= 100
        for mark in gaps_by_arm(Findings(trials)).marks
        if mark.low is not None
    )


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    "trials",
    [
        make_trials(seeds=1),
        make_trials().iloc[:0],
        make_trials().iloc[:1],
        without_results(make_trials(), range(15), "waiting"),
        without_results(make_trials(), range(5, 15), "failed", "NaN"),
        make_trials().assign(test_error=0.0, train_error=0.0),
    ],
    ids=["one seed", "empty", "one trial", "waiting", "half failed", "no errors"],
)
def test_every_figure_draws_what_there_is(trials, theme):
    curves = make_curves(trials)
    for figure in (
        error_against_cardinality(Findings(trials), theme=theme),
        differences_from_reference(Findings(trials), theme=theme),
        learning_curves(Findings(trials), curves, theme=theme),
        learning_curves(Findings(trials), curves, split="train", theme=theme),
    ):
        assert figure.to_json()
        assert figure.layout.paper_bgcolor == THEMES[theme].ground


def test_figures_work_on_the_tables_read_back_from_csv():
    trials = make_trials({"C=8": -0.008})
    read = pd.read_csv(io.StringIO(trials.to_csv(index=False)))
    assert error_against_cardinality(Findings(read)) == error_against_cardinality(Findings(trials))


def test_labels_are_moved_apart_and_no_further():
    assert spread([0.1, 0.5, 0.9], 0.05) == [0.1, 0.5, 0.9]
    close = spread([0.5, 0.5, 0.51], 0.05)
    assert np.diff(close) == pytest.approx([0.05, 0.05])
    assert np.mean(close) == pytest.approx(0.5033, abs=1e-3)
    low = spread([0.0, 0.0, 0.0, 0.9], 0.05)
    assert low == pytest.approx([0.0, 0.05, 0.1, 0.9])


def test_errors_that_are_no_numbers_are_in_no_figure():
    trials = make_trials()
    trials.loc[trials["seed"] == 2, ["test_error", "seconds"]] = np.inf
    figure = error_against_cardinality(Findings(trials))
    drawn = [y for trace in figure.data if trace.mode == "markers" for y in trace.y]
    assert np.isfinite(drawn).all()
    assert "of training" in progress(Findings(trials)).layout.title.subtitle.text


def test_arms_whose_names_begin_alike_have_bars_of_their_own():
    trials = make_trials()
    trials["arm"] = "C=1, width=256, a name that is long, " + trials["arm"]
    figure = progress(Findings(trials))
    assert [list(trace.y) for trace in figure.data] == [[0, 1, 2, 3, 4]]
    assert len({hover[0] for hover in figure.data[0].customdata}) == 5


def test_curves_of_a_running_study_do_not_end():
    trials = make_trials()
    curves = make_curves(trials)
    assert "error ends at" in learning_curves(Findings(trials), curves).layout.title.text
    trials.loc[0, "status"] = "running"
    assert "error so far:" in learning_curves(Findings(trials), curves).layout.title.text


def test_what_has_no_result_says_so_and_axes_write_large_numbers_as_pages_do():
    assert over_seeds([0, 0], "") == "no results"
    axis = blank_figure("light").layout.xaxis
    assert (axis.exponentformat, axis.separatethousands) == ("none", True)  # 30,000, not 30k
    assert blank_figure("light").layout.separators == ".,"
