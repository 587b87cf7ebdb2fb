"""Parallel coordinates of many designs, and the table that belongs to them."""

import numpy as np
import pandas as pd
import pytest
from many_designs import make_many

from dashboards.analysis.findings import Findings
from dashboards.figures.parallel import (
    MOST_LINES,
    lines_by_design,
    parallel_coordinates,
    table_of_lines,
)


@pytest.fixture(scope="module")
def findings():
    return Findings(make_many())


def test_an_axis_a_quantity_and_a_line_a_design_in_the_order_of_the_table(findings):
    (lines,) = parallel_coordinates(findings).data
    assert [axis.label for axis in lines.dimensions][:4] == ["C", "d", "width", "depth"]
    assert lines.dimensions[-1].label == "test<br>error (%)"
    table = table_of_lines(findings)
    assert [f"{value:.2f}" for value in lines.dimensions[-1]["values"]] == [
        row[-1] for row in table.rows
    ]
    first = lines_by_design(findings).designs.iloc[0]
    assert lines.dimensions[0]["values"][0] == pytest.approx(
        np.log2(first["cardinality"]), abs=1e-4
    )
    assert table.rows[0][0] == first["design"]


def test_the_title_says_what_the_best_have_in_common(findings):
    chart = lines_by_design(findings)
    depths = findings.by_design.nsmallest(6, "test_error")["depth"]
    within = findings.by_design["depth"].between(depths.min(), depths.max()).sum()
    assert chart.title == (
        f"The 6 designs with the lowest test error have depth (blocks) = {depths.min():.0f} to"
        f" {depths.max():.0f}, as have {within} of all 60"
    )


def test_of_very_many_designs_the_lowest_and_the_highest_are_among_those_drawn():
    trials = make_many(20, 1)
    parts = [trials.assign(design=trials["design"] + f"v{n}") for n in range(20)]
    findings = Findings(pd.concat(parts, ignore_index=True))
    chart = lines_by_design(findings)
    assert len(chart.designs) == MOST_LINES
    assert "100 designs between those drawn are left out" in chart.subtitle
    assert chart.designs["test_error"].min() == findings.by_design["test_error"].min()
    assert chart.designs["test_error"].max() == findings.by_design["test_error"].max()


def test_without_results_there_is_nothing_to_draw(findings):
    empty = Findings(findings.trials.assign(status="waiting"))
    assert not parallel_coordinates(empty).data
    assert table_of_lines(empty).rows == ()
