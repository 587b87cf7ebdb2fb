"""The published tables against our counts of the same networks."""

import pytest

from explorer import Architecture, count
from explorer.published import TABLES


def named(table: str) -> dict[str, Architecture]:
    return {
        row.label: Architecture.from_name(
            row.architecture, resolution=row.resolution, classes=row.classes
        )
        for row in TABLES[table].rows
        if row.architecture
    }


def test_every_table_of_the_paper_is_there() -> None:
    assert list(TABLES) == [*(f"table{n}" for n in range(1, 8)), "residual"]
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
