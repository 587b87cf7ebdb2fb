"""Which share of a network's FLOPs goes to paths, width and depth."""

from itertools import permutations
from math import log

import pytest
from many_designs import INPUT, make_grid, make_many
from study_tables import make_trials

from dashboards.analysis.findings import Findings
from dashboards.analysis.spending import MEANING, WAYS, spending
from dashboards.figures import ways_to_spend
from dashboards.figures.parallel import lines_by_design
from dashboards.figures.triangle import has_triangle, shares_by_design
from explorer import Architecture
from explorer.complexity import layer_flops
from explorer.layers import iter_layers


@pytest.fixture(scope="module")
def grid():
    return Findings(make_grid(seeds=2))


def flops(c, d, depths):
    """Of the layers, counted one by one."""
    text = "-".join(map(str, depths))
    network = Architecture.from_name(f"resnext_{text}_{c}x{d}d_w256_small", **INPUT)
    return sum(layer_flops(layer) for layer in iter_layers(network))


def test_a_share_is_its_part_of_the_growth_in_log_flops_over_the_six_orders(grid):
    designs = grid.designs.set_index(["cardinality", "depths"])
    least = {"paths": 1, "width": int(designs["bottleneck_width"].min()), "depth": (1, 1, 1)}
    design = {"paths": 8, "width": int(designs.loc[(8, "1-2-1"), "bottleneck_width"])}
    design["depth"] = (1, 2, 1)
    expected = dict.fromkeys(WAYS, 0.0)
    for order in permutations(WAYS):
        numbers, before = dict(least), log(flops(*least.values()))
        for way in order:
            numbers[way] = design[way]
            after = log(flops(*numbers.values()))
            expected[way] += (after - before) / 6
            before = after
    whole = sum(expected.values())
    assert whole == pytest.approx(log(flops(*design.values())) - log(flops(*least.values())))
    shares = spending(grid.designs).set_index(designs.index)
    row = shares.loc[(8, "1-2-1")]
    assert row.to_dict() == pytest.approx({way: expected[way] / whole for way in WAYS})


def test_shares_sum_to_one_and_one_that_is_not_raised_has_none(grid):
    shares = spending(grid.designs)
    assert shares.sum(axis=1).tolist() == pytest.approx([1.0] * 15)
    one_path = (grid.designs["cardinality"] == 1).to_numpy()
    assert (shares.loc[one_path, "paths"] == 0).all()
    flat = (grid.designs["depths"] == "1-1-1").to_numpy()
    assert (shares.loc[flat, "depth"] == 0).all()


@pytest.mark.heavy
def test_the_smallest_network_itself_has_spent_nothing():
    designs = Findings(make_many(300, 1)).designs
    smallest = (designs[["cardinality", "bottleneck_width", "width"]] == [1, 4, 64]).all(axis=1)
    smallest &= designs["depths"] == "1-1-1"
    shares = spending(designs)
    assert shares[smallest].isna().all(axis=None)
    assert shares[~smallest].notna().all(axis=None)


def test_there_is_no_triangle_where_one_of_the_three_is_fixed_or_stages_differ(grid):
    assert has_triangle(grid)
    assert not has_triangle(Findings(make_trials()))
    other = grid.designs.copy()
    other.loc[other.index[0], "depths"] = "1-1-1-1"
    assert spending(other) is None
    assert spending(grid.designs.assign(stem=["small"] * 14 + ["imagenet"])) is None
    assert spending(grid.designs.assign(design="no network")) is None


def test_a_choice_of_no_training_has_the_quantities_of_its_study_and_no_triangle(grid):
    nothing = grid.choice(grid.trials.iloc[:0])
    assert spending(nothing.designs) is None
    assert set(grid.quantities) <= set(nothing.by_design)
    assert lines_by_design(nothing).designs.empty


def test_the_figure_says_what_the_best_spend_and_what_a_share_means(grid):
    chart = shares_by_design(grid)
    assert chart.title.startswith("The 3 designs with the lowest validation error spend")
    assert "all 15 designs" in chart.title
    assert chart.subtitle.endswith(MEANING)
    (trace,) = ways_to_spend(grid).data
    assert [sum(point) for point in zip(trace.a, trace.b, trace.c, strict=True)] == pytest.approx(
        [100] * 15, abs=0.02
    )
    assert list(trace.marker.symbol).count("diamond") == 3
