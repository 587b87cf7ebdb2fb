"""Grids: each row is the design that the solver finds for it alone, with the same counts."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import Architecture, UserError, count
from explorer.budget import match
from explorer.designs import ImpossibleBudget
from explorer.enumeration import COLUMNS, architecture_of, enumerate_designs, sort_designs

RESNET50 = Architecture.from_name("resnet50")


@settings(max_examples=20)
@given(
    st.sampled_from(["flops", "params", "activations", "block"]),
    st.sampled_from(["bottleneck_width", "cardinality"]),
    st.lists(st.integers(1, 64), min_size=1, max_size=4, unique=True),
    st.lists(st.sampled_from([16, 64, 128, 512]), min_size=1, max_size=3, unique=True),
    st.lists(
        st.sampled_from([(3, 4, 6, 3), (1, 1), (2, 5), (3, 4, 23, 3)]),
        min_size=1,
        max_size=3,
        unique=True,
    ),
)
def test_a_grid_is_what_the_solver_finds_row_by_row(
    by: str, solve: str, numbers: list[int], widths: list[int], depths: list[tuple[int, ...]]
) -> None:
    other = "cardinality" if solve == "bottleneck_width" else "bottleneck_width"
    table = enumerate_designs(
        RESNET50, solve=solve, by=by, **{other: numbers}, width=widths, depths=depths
    )
    rows = iter(table.itertuples())
    expected = 0
    # Networks of unlike numbers of stages are counted in groups,
    # in the order in which they are given.
    for choice in depths:
        for number in numbers:
            for width in widths:
                given_values = {other: number, "width": width, "depths": [choice]}
                try:
                    (design,) = match(RESNET50, solve=solve, by=by, **given_values)
                except ImpossibleBudget:
                    continue
                expected += 1
                row = next(rows)
                assert architecture_of(RESNET50, row) == design.architecture
                complexity = count(design.architecture)
                assert (row.flops, row.params, row.activations) == tuple(vars(complexity).values())
                assert row.mismatch == pytest.approx(design.mismatch)
    assert expected == len(table)


def test_more_designs_than_a_chunk_come_out_complete_and_in_order() -> None:
    table = enumerate_designs(RESNET50, cardinality=range(1, 101), width=range(64, 264))
    assert list(table.columns) == list(COLUMNS)
    assert len(table) == 20_000
    places = table["cardinality"] * 1000 + table["width"]
    assert places.is_monotonic_increasing
    some = table.sample(20, random_state=0)
    for row in some.itertuples():
        assert count(architecture_of(RESNET50, row)).params == row.params


def test_filters_tolerance_and_sorting_keep_what_they_say() -> None:
    everything = enumerate_designs(RESNET50, cardinality=range(1, 65))
    filtered = enumerate_designs(
        RESNET50,
        cardinality=range(1, 65),
        tolerance=0.02,
        where=["params<=25M", "bottleneck_width>2"],
    )
    expected = everything[
        (everything["mismatch"].abs() <= 0.02)
        & (everything["params"] <= 25e6)
        & (everything["bottleneck_width"] > 2)
    ]
    pd.testing.assert_frame_equal(filtered, expected.reset_index(drop=True))
    by_size = sort_designs(everything, "mismatch")["mismatch"].abs()
    assert np.all(np.diff(by_size) >= 0)


def test_basic_blocks_are_enumerated_by_width() -> None:
    basic = Architecture.from_name("resnet18")
    table = enumerate_designs(basic, solve="width", depths=[(2, 2, 2, 2), (3, 4, 6, 3)])
    assert table["width"].tolist() == [
        64,
        match(basic, solve="width", depths=[(3, 4, 6, 3)])[0].architecture.template.width,
    ]
    assert architecture_of(basic, next(table.itertuples())) == basic


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cardinality": []}, "lists no values"),
        ({"cardinality": [1, 1]}, "lists a value twice"),
        ({"cardinality": [0]}, "whole number of at least 1"),
        ({"where": ["params<=25Q"]}, "cannot read '25Q'"),
        ({"where": ["parms<=25M"]}, "Did you mean 'params'"),
        ({"where": ["__import__('os')"]}, "a filter is a column"),
        ({"solve": "depths"}, "cannot be solved over a grid"),
    ],
)
def test_mistakes_are_named(options: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        enumerate_designs(RESNET50, **options)  # type: ignore[arg-type]


def test_a_grid_of_too_many_designs_is_refused_before_any_is_counted() -> None:
    many = range(1, 1_000_001)
    with pytest.raises(
        UserError, match=r"1,000,000,000,000 combinations .*, and at most 20,000,000"
    ):
        enumerate_designs(RESNET50, cardinality=many, width=many)
