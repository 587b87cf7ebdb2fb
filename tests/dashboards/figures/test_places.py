"""Where arms stand, and that their names are whole."""

from html import unescape
from itertools import pairwise

import pytest
from figure_marks import marks_of
from study_tables import MIXED, make_info, make_mixed_trials, make_trials

from dashboards.analysis.evidence import MOST_ARMS
from dashboards.analysis.findings import Findings
from dashboards.figures import (
    differences_from_reference,
    error_against_cardinality,
    error_distribution_functions,
    learning_curves,
    mismatches,
    progress,
)
from dashboards.figures.arm_chart import share_scale, value_axis
from dashboards.figures.places import arm_axis, wrapped
from dashboards.figures.theme import (
    FURTHER_COLORS,
    arm_styles,
    blank_figure,
    own_height,
    set_title,
    texts_of,
)
from explorer.errors import UserError

GROUPED = [
    "C=1", "C=4", "C=16", "width=32", "width=384", "depths=1-2-1", "depths=2-2-2",
    "C=4, shortcut=projection", "C=4, depth policy=proportional",
]  # fmt: skip


def cardinalities(values: range | tuple[int, ...]) -> Findings:
    arms = {f"C={c}": (c, max(1, 64 // c), 256, "1-1-1") for c in values}
    return Findings(make_mixed_trials(arms), make_info())


def test_arms_whose_names_do_not_fit_side_by_side_stand_in_rows_by_axis():
    axis = arm_axis(Findings(make_mixed_trials(), make_info()))
    assert axis.in_rows
    assert sorted(axis.places, key=axis.places.__getitem__, reverse=True) == GROUPED
    gaps = [axis.places[one] - axis.places[other] for one, other in pairwise(GROUPED)]
    assert [gap > 1 for gap in gaps] == [False, False, True, False, True, False, True, True]


@pytest.mark.parametrize(
    ("values", "in_rows"), [((1, 2, 4, 8, 16), False), (tuple(2**i for i in range(9)), True),
                            (range(1, 8), True)]
)  # fmt: skip
def test_cardinalities_keep_their_log2_axis_where_it_has_room(values, in_rows):
    axis = arm_axis(cardinalities(values))
    assert (axis.in_rows, axis.is_log2) == (in_rows, not in_rows)


def test_every_row_has_its_arms_whole_name():
    figure = error_against_cardinality(Findings(make_mixed_trials(), make_info()))
    texts = [
        text.split("<br><span")[0].replace("<br>", " ") for text in figure.layout.yaxis.ticktext
    ]
    assert texts == GROUPED
    assert figure.layout.height > 440


@pytest.mark.parametrize(
    "text", ["C=4", "resnext_1-1-1_1x64d_w256_small C=4", "a" * 70, "a b " * 30]
)
def test_wrapping_a_name_loses_no_letter(text):
    lines = wrapped(text, 24)
    assert max(map(len, lines)) <= 24
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_of_very_many_arms_the_reference_and_the_lowest_errors_are_drawn():
    arms = {f"C={c}, width={w}": (c, 8, w, "1-1-1") for c in (1, 2, 4) for w in range(16, 56)}
    trials = make_mixed_trials(arms)
    findings = Findings(trials, {"reference_arm": "C=4, width=55"})
    axis = arm_axis(findings)
    means = trials.groupby("arm")["test_error"].mean().sort_values()
    assert set(axis.places) == {"C=4, width=55", *means.index[: MOST_ARMS - 1]}
    figure = error_against_cardinality(findings)
    assert "95 more arms are left out" in texts_of(figure)[1]
    # Single trainings, means, and the intervals of each colour.
    assert len(figure.data) <= 2 + len({*FURTHER_COLORS, "#000000"})


def test_values_stand_at_their_numbers_in_rows_too():
    trials = make_mixed_trials()
    findings = Findings(trials, make_info())
    figure, places = error_against_cardinality(findings), arm_axis(findings).places
    for arm, rows in trials.groupby("arm"):
        mark = next(mark for mark in marks_of(figure, 13) if mark.y == places[arm])
        assert mark.x == pytest.approx(100 * rows["test_error"].mean())


def test_figures_in_rows_and_side_by_side_share_one_scale():
    figures = [
        error_against_cardinality(Findings(trials, make_info()))
        for trials in (make_mixed_trials(), make_trials({"C=8": 0.05}))
    ]
    share_scale(figures)
    assert value_axis(figures[0]) is figures[0].layout.xaxis
    assert figures[0].layout.xaxis.range == figures[1].layout.yaxis.range


def test_figures_whose_errors_are_far_apart_keep_scales_of_their_own_and_say_so():
    figures = [
        error_against_cardinality(Findings(make_trials(base=base), make_info()))
        for base in (0.025, 0.23)
    ]
    waiting = make_trials().iloc[:0]
    empty = error_against_cardinality(Findings(waiting, make_info()))
    own = [tuple(figure.layout.yaxis.range) for figure in figures]
    share_scale([*figures, empty])
    assert "scale of its own" not in texts_of(empty)[1]
    assert [tuple(figure.layout.yaxis.range) for figure in figures] == own
    assert own[0][1] < 5 < 20 < own[1][0]
    for figure in figures:
        assert texts_of(figure)[1].endswith("10 epochs, on a scale of its own")


def test_no_two_of_many_arms_share_colour_and_dashes():
    for count in (9, 36):
        arms = {f"width={w}": (1, 8, w, "1-1-1") for w in range(16, 16 + count)}
        styles = arm_styles(Findings(make_mixed_trials({"C=1": MIXED["C=1"], **arms}))).values()
        assert len({(style.color, style.dash) for style in styles}) == count + 1


def test_a_wrong_split_theme_or_column_is_named_with_what_is_allowed():
    findings = Findings(make_trials(), make_info())
    for figure in (error_against_cardinality, differences_from_reference, mismatches, progress):
        with pytest.raises(UserError, match=r"unknown theme 'darkk'. Did you mean 'dark'\?"):
            figure(findings, theme="darkk")
    with pytest.raises(UserError, match=r"unknown split 'valid'.*Known: train, validation"):
        learning_curves(findings, findings.trials, split="valid")
    with pytest.raises(UserError, match=r"unknown column 'studdy'. Did you mean 'study'\?"):
        error_distribution_functions(findings.trials, by="studdy")
    with pytest.raises(UserError, match=r"unknown measure 'flop'. Did you mean 'flops'\?"):
        error_distribution_functions(findings.trials, measure="flop")


def test_a_long_title_goes_on_in_further_lines_and_is_whole_on_a_page():
    figure = blank_figure("light")
    title = "; ".join(f"resnext_1-1-1_{number}x64d_w256_small <b> is better" for number in range(4))
    set_title(figure, title, "short", "light")
    assert figure.layout.title.text.count("<br>") == 2
    lines = [unescape(line) for line in figure.layout.title.text.split("<br>")]
    assert max(map(len, lines)) <= 84  # more are cut in a picture of 960 pixels
    assert texts_of(figure) == (title, "short")
    assert own_height(figure) is None
    assert figure.layout.height - figure.layout.margin.t == 440 - 94
