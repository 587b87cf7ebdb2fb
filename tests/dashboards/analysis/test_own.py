"""Networks of one's own in figures: their quantities are axes, and tell designs apart."""

from typing import Any

import pandas as pd
import pytest
from study_tables import make_trials

from dashboards.analysis.cells import cells, pairs_of_axes
from dashboards.analysis.findings import Findings
from dashboards.analysis.quantities import template_words
from dashboards.analysis.tables import comparison_table, design_table
from dashboards.figures.cells import errors_by_cell
from dashboards.figures.places import arm_axis

WORDS = ("growth", "shortcut", "stem", "kind", "order")


def made_up(arms: dict[str, dict[str, Any]]) -> Findings:
    """Three seeds of each arm; a network's quantities are columns, as `study results` has them."""
    usual = make_trials().iloc[0].to_dict()
    rows = []
    for place, (arm, quantities) in enumerate(arms.items()):
        inside = ",".join(f"{key}={value}" for key, value in sorted(quantities.items()))
        none = dict.fromkeys(("cardinality", "bottleneck_width", "width", "depths"))
        rows += [
            {**usual, **none, **dict.fromkeys(WORDS, ""), **quantities, "arm": arm, "seed": seed}
            | {"design": f"nets:net({inside})", "test_error": 0.1 + 0.01 * place + 0.001 * seed}
            for seed in range(3)
        ]
    return Findings(pd.DataFrame(rows).assign(reference="", status="complete"), {})


@pytest.fixture(scope="module")
def grid() -> Findings:
    return made_up(
        {
            f"kernel={kernel}, depths={depths}": {
                "kernel": kernel,
                "depths": depths,
                "planes": 14,
                "width": 60 // kernel - len(depths),
            }
            for kernel in (1, 2, 4)
            for depths in ("1-1", "2-1-1")
        }
    )


def test_two_quantities_are_the_axes_of_a_map(grid: Findings) -> None:
    assert pairs_of_axes(grid.designs) == {"depths,kernel": "depths and kernel"}
    found = cells(grid, "depths,kernel")
    assert (found.across, found.down) == ("kernel", "depths")
    cell = found.table.set_index(["kernel", "depths"]).loc["2", "2-1-1"]
    # What is equal in all designs, and what the axes say, is left out.
    assert (cell["template"], cell["n"]) == ("width=25", 3)
    assert errors_by_cell(grid).title.startswith("kernel=1, depths=1-1 has the lowest test error")


def test_error_goes_with_any_quantity_that_is_a_number(grid: Findings) -> None:
    known = grid.quantities
    assert {"own_kernel", "width", "depth"} <= set(known)
    assert next(iter(known.values())).name == "kernel"
    assert known["own_kernel"].is_power
    assert "own_planes" not in known
    row = grid.by_design.iloc[0]
    # Where a reader chooses trainings of one value, the columns are the same.
    some = grid.choice(grid.trials[grid.trials["kernel"] == 2])
    assert set(some.quantities) <= set(some.by_design)
    assert template_words(row) == "depths=1-1, kernel=1, planes=14, width=57"


def test_what_all_designs_share_does_not_tell_them_apart() -> None:
    arms = {f"scale={s}": {"scale": s, "planes": 14, "width": 100 // s} for s in (1, 2, 4, 8)}
    findings = made_up(arms)
    axis = arm_axis(findings)
    assert (axis.title, list(axis.ticks)) == ("scale (log2)", [0, 1, 2, 3])
    assert axis.ticks[1.0].below == ("width=50",)
    assert design_table(findings).rows[0][2] == "width=100"


def test_values_that_are_no_number_are_categories() -> None:
    shapes = ("1-1", "1-2", "2-1")
    findings = made_up({f"depths={depths}": {"depths": depths, "width": 8} for depths in shapes})
    axis = arm_axis(findings)
    assert [tick.words for tick in axis.ticks.values()] == [
        (f"depths={depths}",) for depths in shapes
    ]


def test_tables_have_no_column_of_templates_where_the_arms_names_say_all() -> None:
    named = made_up({f"width={width}": {"width": width} for width in (8, 16)})
    assert not any(named.templates.values())
    for table in (comparison_table(named), design_table(named)):
        assert "Template" not in table.columns
        assert {len(row) for row in table.rows} == {len(table.columns)}
