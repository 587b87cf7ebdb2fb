"""The figures beside the verdict's, with their numbers computed here again: scaling,
costs, distributions, mismatch, speed, progress."""

import io

import numpy as np
import pandas as pd
import pytest
from figure_marks import marks_of, points_of
from study_tables import make_info, make_mixed_trials, make_trials, without_results

from dashboards import figures
from dashboards.analysis.findings import Findings
from dashboards.figures import (
    deeper_wider_more_paths,
    differences_from_reference,
    error_against_cardinality,
    error_against_cost,
    error_against_quantity,
    error_distribution_functions,
    mismatches,
    network_drawing,
    progress,
    throughput,
)
from dashboards.figures.tradeoffs import COST_LABELS, costs_and_errors
from explorer.errors import UserError
from explorer.published import TABLES

ARMS = {
    "C=1": ("reference", "resnext11_1x64d_cifar", 1, 64, "1-1-1", 0.0, 19_970_048),
    "C=2": ("deeper", "resnext20_1x64d_cifar", 1, 64, "2-2-2", -0.165, 39_940_096),
    "C=4": ("wider", "resnext11_1x111d_cifar", 1, 111, "1-1-1", -0.0044, 39_940_096),
    "C=8": ("more paths", "resnext11_2x64d_cifar", 2, 64, "1-1-1", -0.132, 39_940_096),
}


def scaled_trials(effects: dict[str, float] | None = None, **options) -> pd.DataFrame:
    """A study of three ways to spend twice the FLOPs; effects by arm."""
    names = {own[0]: arm for arm, own in ARMS.items()}
    trials = make_trials({names[arm]: effect for arm, effect in (effects or {}).items()}, **options)
    trials = trials[trials["arm"] != "C=16"].reset_index(drop=True)
    columns = ["arm", "design", "cardinality", "bottleneck_width", "depths", "mismatch", "budget"]
    values = pd.DataFrame([ARMS[arm] for arm in trials["arm"]], columns=columns)
    return trials.assign(**values, flops=(values["budget"] * (1 + values["mismatch"])).astype(int))


def named(figure, name: str):
    return next(trace for trace in figure.data if trace.name == name)


def test_table_3_is_laid_over_as_differences_from_c_1():
    trials = make_trials()
    errors = [row.values[0] for row in TABLES["table3"].rows][:5]
    paper = named(
        differences_from_reference(Findings(trials), paper="ResNet-50"), "paper, ResNet-50"
    )
    assert list(paper.x) == [0, 1, 2, 3, 5]
    assert list(paper.y) == pytest.approx([error - errors[0] for error in errors])
    assert paper.line.dash is not None
    base = 100 * trials.loc[trials["arm"] == "C=1", "test_error"].mean()
    figure = error_against_cardinality(Findings(trials), paper="ResNet-50")
    over = named(figure, "paper, ResNet-50")
    assert list(over.y) == pytest.approx([base + error - errors[0] for error in errors])
    assert min(over.y) > figure.layout.yaxis.range[0]
    # From another reference the paper's differences are from its own value there.
    from_8 = named(
        differences_from_reference(Findings(trials, {"reference_arm": "C=8"}), paper="ResNet-101"),
        "paper, ResNet-101",
    )
    assert list(from_8.y) == pytest.approx([0.7, 0.4, 0.1, 0.0, -0.1])


def test_nothing_of_the_paper_is_drawn_where_it_has_no_value_and_unknown_families_are_refused():
    figure = differences_from_reference(
        Findings(make_trials(), {"reference_arm": "C=16"}), paper="ResNet-50"
    )
    assert not [trace for trace in figure.data if (trace.name or "").startswith("paper")]
    with pytest.raises(UserError, match="ResNet-50"):
        differences_from_reference(Findings(make_trials()), paper="ResNet-51")


def test_published_results_are_laid_over_as_differences_at_about_equal_cost():
    trials = make_trials()
    name = "osmr_resnext20_cifar10"
    figure = differences_from_reference(Findings(trials), published=name)
    theirs = named(figure, name)
    # 1x64d has 4.33 %; 2x32d and 4x16d cost a third less, 4x32d 1.4 times as much: left out.
    errors = {0: 4.33, 3: 4.04, 4: 3.94, 5: 4.2, 6: 4.38}
    assert list(theirs.x) == list(errors)
    assert list(theirs.y) == pytest.approx([error - 4.33 for error in errors.values()])
    assert theirs.line.dash is not None
    assert theirs.error_y.array is None
    assert "github.com/osmr/imgclsmob" in figure.layout.title.subtitle.text
    assert "one training each" in figure.layout.title.subtitle.text
    base = 100 * trials.loc[trials["arm"] == "C=1", "test_error"].mean()
    over = named(error_against_cardinality(Findings(trials), published=name), name)
    assert list(over.y) == pytest.approx([base + error - 4.33 for error in errors.values()])


def test_what_is_laid_over_twice_stands_side_by_side():
    name = "osmr_resnext20_cifar10"
    figure = error_against_cardinality(Findings(make_trials()), paper="ResNet-50", published=name)
    paper, theirs = named(figure, "paper, ResNet-50"), named(figure, name)
    gaps = [min(abs(x - other) for other in paper.x) for x in theirs.x]
    assert min(gaps) > 0.1


def test_published_results_without_the_reference_arms_cardinality_are_not_drawn():
    figure = differences_from_reference(Findings(make_trials()), published="table7_cifar10")
    assert not [trace for trace in figure.data if trace.name == "table7_cifar10"]
    assert "dashed" not in figure.layout.title.subtitle.text
    with pytest.raises(UserError, match="Did you mean 'table7_cifar10'"):
        differences_from_reference(Findings(make_trials()), published="table7_cifar")


def test_the_trend_drawn_is_the_regression_of_the_means_on_log2_c():
    trials = make_trials({"C=8": -0.004, "C=16": -0.006})
    line = named(error_against_cardinality(Findings(trials)), "trend")
    means = 100 * trials.groupby("cardinality")["test_error"].mean()
    slope, intercept = np.polyfit(np.log2(means.index), means, 1)
    assert list(line.y) == pytest.approx([intercept + slope * x for x in range(5)])


def test_three_ways_to_spend_twice_the_flops_stand_beside_the_reference():
    trials = scaled_trials({"more paths": -0.012, "deeper": -0.004})
    figure = deeper_wider_more_paths(Findings(trials))
    means = 100 * trials.groupby("arm")["test_error"].mean()
    drawn = marks_of(figure, 11)
    assert [mark.y for mark in drawn] == pytest.approx(
        [means[arm] for arm in ("reference", "deeper", "wider", "more paths")]
    )
    assert [mark.color for mark in drawn[1:]] == ["#0072B2", "#E69F00", "#009E73"]
    assert "1x64d<br>2-2-2<br>1.67x" in figure.layout.xaxis.ticktext[1]
    gap = means["deeper"] - means["more paths"]
    assert figure.layout.title.text.startswith(f"More paths beat deeper by {gap:.2f} and wider by ")
    assert figure.layout.title.text.endswith("at 1.67x to 1.99x the FLOPs")
    assert deeper_wider_more_paths(Findings(scaled_trials())).layout.title.text.startswith(
        "None of the larger networks is shown to be better than the cheaper reference;"
    )
    one_seed = deeper_wider_more_paths(Findings(scaled_trials({"more paths": -0.02}, seeds=1)))
    assert one_seed.layout.title.text.startswith("One seed")


def test_table_4_is_laid_over_as_differences_from_its_resnet_101():
    trials = scaled_trials()
    figure = deeper_wider_more_paths(Findings(trials), paper=True)
    base = 100 * trials.loc[trials["arm"] == "reference", "test_error"].mean()
    drawn = [list(trace.y) for trace in figure.data if trace.name == "paper"]
    assert drawn == [
        pytest.approx([base - gap for gap in gaps]) for gaps in ([0.3], [0.7], [1.3, 1.6])
    ]


@pytest.mark.parametrize("cost", ["flops", "params", "activations", "seconds_per_epoch"])
def test_the_front_is_of_designs_that_none_beats_in_both(cost):
    trials = make_trials({"C=2": 0.004, "C=8": -0.008})
    figure = error_against_cost(Findings(trials), cost=cost)
    means = trials.groupby("arm", sort=False)[[cost, "test_error"]].mean()
    front = [
        arm
        for arm, own in means.iterrows()
        if not any(
            (other <= own).all() and (other < own).any()
            for name, other in means.iterrows() if name != arm
        )
    ]  # fmt: skip
    line = named(figure, "Pareto front")
    expected = means.loc[front].sort_values(cost)
    # The axis is in the unit that the tables' heading names, "19.4" under "FLOPs (M)".
    unit, heading = {
        "flops": (1e6, "FLOPs (M)"),
        "params": (1e6, "Parameters (M)"),
        "activations": (1e3, "Activations (k)"),
        "seconds_per_epoch": (1, "Measured seconds per epoch"),
    }[cost]
    assert figure.layout.xaxis.title.text == heading
    assert list(line.x) == pytest.approx((expected[cost] / unit).tolist())
    assert list(line.y) == pytest.approx((100 * expected["test_error"]).tolist())
    filled = [mark for mark in marks_of(figure, 11) if mark.color != "#ffffff"]
    assert len(filled) == len(front)
    assert {note.text for note in figure.layout.annotations} == set(front)


def cloud(name: str, count: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """A design space of `count` designs, one seed each, whose error falls with FLOPs."""
    random = np.random.default_rng(seed)
    flops = 10 ** random.uniform(7, 8.5, count)
    trials = make_trials(seeds=1).iloc[np.zeros(count, dtype=int)].reset_index(drop=True)
    errors = 0.2 * (flops / 1e7) ** -0.35 + shift + random.normal(0, 0.01, count)
    names = [f"{name} {i}" for i in range(count)]
    return trials.assign(
        study=name, arm=names, design=names, flops=flops.astype(int), test_error=errors
    )


def test_of_many_arms_with_marks_of_their_own_the_front_and_the_reference_are_named():
    findings = Findings(cloud("a", 40, 1))
    figure = error_against_cost(findings)
    legend = {trace.name for trace in figure.data if trace.showlegend}
    assert legend == {findings.reference, *costs_and_errors(findings).front["arm"]}
    assert len(legend) < len(findings.arms) == 40
    assert "which is named with the reference" in figure.layout.title.subtitle.text


def test_designs_of_one_cost_stand_in_the_middle():
    trials = make_trials().assign(seconds_per_epoch=1.9)
    trials.loc[3, "seconds_per_epoch"] = np.nextafter(1.9, 2)
    figure = error_against_cost(Findings(trials), cost="seconds_per_epoch")
    assert list(figure.layout.xaxis.range) == pytest.approx([1.71, 2.09])


def test_names_at_designs_give_way_to_a_legend_where_a_training_stands_on_one():
    trials = make_trials()
    place = trials["cardinality"].map({1: 5, 2: 4, 4: 3, 8: 2, 16: 1}).astype(float)
    trials = trials.assign(seconds_per_epoch=place, test_error=0.02)
    trials.loc[0, "test_error"] = 0.03
    own = trials.index[trials["arm"] == "C=16"]
    trials.loc[own, "test_error"] = [0.02, 0.0194, 0.0206]
    figure = error_against_cost(Findings(trials), cost="seconds_per_epoch")
    assert [note.text for note in figure.layout.annotations] == ["C=16"]
    trials.loc[own, "seconds_per_epoch"] = [0.9, 0.9, 1.2]  # the last stands where the name would
    figure = error_against_cost(Findings(trials), cost="seconds_per_epoch")
    assert not figure.layout.annotations
    assert "C=16" in {trace.name for trace in figure.data if trace.showlegend}


def test_names_at_designs_give_way_to_a_legend_where_another_designs_mark_stands_on_one():
    """A mean may stand where none of its trainings does."""
    trials = make_trials()
    own, other = (trials.index[trials["arm"] == arm] for arm in ("C=16", "C=8"))
    place = trials["cardinality"].map({1: 5, 2: 4, 4: 3, 8: 4.5, 16: 1}).astype(float)
    trials = trials.assign(seconds_per_epoch=place, test_error=0.03)
    trials.loc[own, "test_error"] = 0.02
    figure = error_against_cost(Findings(trials), cost="seconds_per_epoch")
    assert [note.text for note in figure.layout.annotations] == ["C=16"]
    # The mean of these three is just beside C=16, where its name would stand.
    trials.loc[other, "seconds_per_epoch"] = 1.3
    trials.loc[other, "test_error"] = [0.0200, 0.0200, 0.0220]
    figure = error_against_cost(Findings(trials), cost="seconds_per_epoch")
    assert not figure.layout.annotations


def test_a_legend_of_one_column_has_one_at_every_width():
    """On a phone, for which its room is reckoned, and on a wide page."""
    figure = error_against_cost(Findings(cloud("a space with a long name", 12, 1)))
    assert figure.layout.legend.orientation == "v"
    assert figure.layout.margin.b > 12 * 20


def test_many_designs_are_two_traces_and_the_title_counts_the_front():
    figure = error_against_cost(Findings(cloud("a", 300, 1)))
    assert len(figure.data) == 2
    assert figure.layout.title.text.startswith(
        f"{len(figure.data[0].x)} of 300 designs are on the Pareto front"
    )
    assert figure.layout.xaxis.type == "log"


def test_where_every_design_is_on_the_front_the_title_says_all():
    trials = cloud("a", 8, 1)
    costs = trials["design"].rank(method="dense")
    trials = trials.assign(flops=1e6 * costs, test_error=0.5 - 0.01 * costs)
    title = error_against_cost(Findings(trials)).layout.title.text
    assert title.startswith("All 8 designs are on the Pareto front")


def test_an_unknown_cost_is_named_with_those_there_are():
    with pytest.raises(UserError, match="flops"):
        error_against_cost(Findings(make_trials()), cost="flop")


def test_distributions_are_shares_of_designs():
    trials = cloud("a", 60, 1)
    line = error_distribution_functions(trials).data[0]
    errors = 100 * trials["test_error"]
    for x, y in zip(line.x[1::2], line.y[1::2], strict=True):
        assert y == pytest.approx((errors <= x + 1e-9).mean())
    assert f"{np.sort(errors)[29]:.2f} %" in error_distribution_functions(trials).layout.title.text


def test_mismatches_stand_at_the_tables_numbers():
    trials = make_trials()
    figure = mismatches(Findings(trials))
    heights = [mark.y for mark in marks_of(figure, 11)]
    assert heights == pytest.approx((100 * trials.drop_duplicates("design")["mismatch"]).tolist())
    assert figure.layout.title.text == "All costs are within 0.8 % of the budget"
    far = trials.assign(mismatch=np.where(trials["arm"] == "C=2", 3.5, -0.5))
    title = mismatches(Findings(far)).layout.title.text
    assert title == "Costs are 0.50x to 4.50x the budget"  # not within 350 %


def test_speed_is_the_mean_of_images_per_second():
    trials = make_trials()
    figure = throughput(Findings(trials))
    means = trials.groupby("cardinality")["images_per_second"].mean()
    assert [mark.y for mark in marks_of(figure, 11)] == pytest.approx(means.tolist())
    slowest = means.idxmin()
    title = f"C={slowest} trains {means[slowest] / means[1]:.2f}x as many images per second as C=1"
    assert figure.layout.title.text == title


def test_progress_counts_every_pair_by_arm():
    trials = without_results(make_trials(), [13, 14], "waiting")
    trials = without_results(without_results(trials, [12], "running"), [4], "failed", "NaN")
    figure = progress(Findings(trials))
    counts = pd.crosstab(trials["arm"], trials["status"])
    for bar in figure.data:
        arms = [arm for (arm,) in bar.customdata]
        assert list(figure.layout.yaxis.ticktext) == arms
        assert dict(zip(arms, bar.x, strict=True)) == counts[bar.name].to_dict()
    assert figure.layout.title.text == "11 of 15 trainings complete, 1 running, 1 failed"
    assert figure.layout.title.subtitle.text.startswith("3 left: about")
    many = progress(Findings(cloud("a", 100, 1)))
    assert [list(bar.x) for bar in many.data] == [[100]]


def test_the_drawing_is_of_the_rows_network():
    picture = network_drawing(make_trials().iloc[3])
    assert picture.startswith("<svg")
    assert "8 paths" in picture or "8x13d" in picture
    with pytest.raises(UserError):
        network_drawing({**make_trials().iloc[3], "design": "<b>x</b>"})


def every_figure(trials: pd.DataFrame, reference: str, theme: str) -> list:
    findings = Findings(trials, {"reference_arm": reference})
    return [
        *(error_against_cost(findings, cost=cost, theme=theme) for cost in COST_LABELS),
        error_distribution_functions(trials, theme=theme),
        error_distribution_functions(trials, by="arm", theme=theme),
        mismatches(findings, theme=theme),
        throughput(findings, theme=theme),
        progress(findings, theme=theme),
        differences_from_reference(findings, paper="ResNet-50", theme=theme),
        error_against_cardinality(findings, paper="ResNet-50", theme=theme),
        deeper_wider_more_paths(findings, paper=True, theme=theme),
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(
    ("trials", "reference"),
    [
        (make_trials(seeds=1), "C=1"),
        (make_trials().iloc[:0], "C=1"),
        (make_trials().iloc[:1], "C=1"),
        (without_results(make_trials(), range(15), "waiting"), "C=1"),
        (without_results(make_trials(), range(0, 15, 5), "failed", "NaN"), "C=1"),
        (make_trials().assign(test_error=0.0, mismatch=0.0), "C=1"),
        (make_trials().assign(arm="C=1<i>x</i>", design="<a href='x'>y</a>%{x}"), "C=1<i>x</i>"),
        (scaled_trials(), "reference"),
        (without_results(make_trials(), range(8, 15), "pruned"), "C=1"),
        (make_trials().assign(bottleneck_width=np.nan), "C=1"),
    ],
    ids=[
        "one seed",
        "empty",
        "one trial",
        "waiting",
        "no reference",
        "no errors",
        "markup",
        "scaled",
        "pruned",
        "basic",
    ],
)
def test_every_figure_draws_what_there_is_and_escapes_it(trials, reference, theme):
    for figure in every_figure(trials, reference, theme):
        text = figure.to_json()
        assert not [tag for tag in ("<i>", "<a ", "\\u003ci", "\\u003ca ") if tag in text]
        assert figure.layout.title.text


def test_every_figure_works_on_the_tables_read_back_from_csv():
    trials = scaled_trials()
    read = pd.read_csv(io.StringIO(trials.to_csv(index=False)))
    for mine, again in zip(
        every_figure(trials, "reference", "light"),
        every_figure(read, "reference", "light"),
        strict=True,
    ):
        assert mine == again


def test_points_of_trainings_say_which_and_the_whole_name_its_costs_and_the_seed_are_in_the_hover():
    trials = make_trials()
    for figure in (
        error_against_cardinality(Findings(trials)),
        error_against_cost(Findings(trials)),
    ):
        points = points_of(figure)
        assert {tuple(point.about[:2]) for point in points} == set(
            zip(trials["design"], trials["seed"], strict=True)
        )
        assert all("20.0 M FLOPs" in point.about[2] or "19." in point.about[2] for point in points)
        (hover,) = (
            trace.hovertemplate
            for trace in figure.data
            if trace.customdata is not None and len(trace.customdata[0]) > 1
        )
        assert all(f"%{{customdata[{number}]}}" in hover for number in range(4))


def test_ten_thousand_trials_stay_a_small_figure():
    trials = make_trials(seeds=2000)
    assert len(error_against_cardinality(Findings(trials)).to_json()) < 1_000_000
    assert len(error_against_cost(Findings(trials)).to_json()) < 1_000_000


def test_every_figure_is_public():
    assert {"progress", "mismatches", "throughput", "network_drawing"} < set(figures.__all__)
    assert all(name in (figures.__doc__ or "") for name in figures.__all__ if name != "spread")


def test_where_error_is_lowest_is_told_of_a_quantity_in_millions():
    """Its axis is no log axis."""
    trials = make_mixed_trials()
    away = trials["params"] / trials["params"].median() - 1  # of 1.75 M
    findings = Findings(trials.assign(test_error=0.02 + 2 * away**2), make_info())
    title = error_against_quantity(findings, quantity="params").layout.title.text
    assert title.startswith("Test error is lowest near params = 1.75 M: 1.9")
