"""The published tables against our counts of the same networks."""

import pytest

from explorer import Architecture, count
from explorer.published import ELSEWHERE, PAPER, TABLES


def named(table: str) -> dict[str, Architecture]:
    return {
        row.label: Architecture.from_name(
            row.architecture, resolution=row.resolution, classes=row.classes
        )
        for row in TABLES[table].rows
        if row.architecture
    }


def test_every_table_of_the_paper_is_there() -> None:
    assert list(PAPER) == [*(f"table{n}" for n in range(1, 8)), "residual"]
    assert TABLES == PAPER | ELSEWHERE
    for table in TABLES.values():
        assert all(len(row.values) == len(table.columns) for row in table.rows)


@pytest.mark.parametrize(("table", "caption"), [("table3", (4.1, 7.8))])
def test_table_3_rows_cost_what_the_caption_says(table: str, caption: tuple[float, float]) -> None:
    for label, architecture in named(table).items():
        billions = count(architecture).flops / 1e9
        assert billions == pytest.approx(caption["101" in label], rel=0.05)


def test_table_4_doubles_cost_about_15_billion() -> None:
    for label, architecture in list(named("table4").items())[2:]:
        assert count(architecture).flops / 1e9 == pytest.approx(15, rel=0.04), label


def test_tables_1_and_7_give_our_parameter_counts_truncated() -> None:
    for table in ("table1", "table7"):
        for row in TABLES[table].rows:
            if row.architecture:
                params = count(named(table)[row.label]).params
                assert f"{params // 100_000 / 10} M" == row.values[0]


def test_every_number_from_elsewhere_says_where_it_is_from_and_what_is_not_known() -> None:
    for name, table in ELSEWHERE.items():
        assert "github.com/" in table.source, name
        assert "read in November 2026" in table.source, name
        assert "training" in table.note or "checkpoint" in table.note, name


def test_parameters_of_all_published_designs_are_ours_to_the_unit() -> None:
    table = ELSEWHERE["osmr_resnext20_cifar"]
    assert len(table.rows) == 13
    for row in table.rows:
        assert row.network is not None
        assert count(row.network).params == row.values[0], row.label


def test_costs_of_the_zoo_are_ours_but_for_the_max_pool_that_it_counts_as_an_activation() -> None:
    for row in ELSEWHERE["pycls_zoo"].rows:
        assert row.network is not None
        ours = count(row.network)
        assert isinstance(row.values[0], float)
        # Printed to one digit behind the point, in part cut off.
        assert row.values[0] == pytest.approx(ours.flops / 1e9, abs=0.1), row.label
        assert row.values[1] == round((ours.activations + 64 * 56 * 56) / 1e6, 1), row.label


def test_the_gain_of_32_paths_shrinks_with_the_recipe() -> None:
    errors: dict[tuple[object, int], list[float]] = {}
    for row in ELSEWHERE["imagenet_by_recipe"].rows:
        recipe, error = row.values
        assert isinstance(error, float)
        errors.setdefault((recipe, row.resolution), []).append(error)
    gains = {key: round(before - after, 3) for key, (before, after) in errors.items()}
    assert gains["paper, 100 epochs", 224] == 1.7
    assert gains["a1_in1k", 224] == 0.144
