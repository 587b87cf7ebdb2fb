"""What others published, as plain data for JSON, and as tables on the terminal."""

from typing import Any

import click

from explorer.architecture import Architecture
from explorer.designs import cost
from explorer.errors import check_known
from explorer.names import usual_input
from explorer.published import PAPER, TABLES
from explorer.suggestions import command
from explorer.text import human_flops


def print_paper_picks(architecture: Architecture, factor: float, by: str) -> None:
    """Print the paper's Table 4, where reference and factor are those of the table."""
    if architecture.name not in ("resnet101", "resnext101_32x4d") or factor != 2:
        return
    from explorer.terminal import print_table

    own, usual = cost(architecture, by), usual_input(architecture.name)
    sizes = {field: getattr(architecture, field) for field in usual}
    arms = ("reference", "reference", "deeper", "wider", "more paths", "more paths")
    rows = []
    for arm, row in zip(arms, TABLES["table4"].rows, strict=True):
        spent = cost(Architecture.from_name(str(row.architecture), **sizes), by)
        rows.append((arm, row.label, human_flops(spent), f"{spent / own:.2f}x", *row.values[1:]))
    click.echo(
        f"\nThe paper's own networks (Table 4), their true cost relative to {architecture.name},"
        " and their published errors:"
    )
    print_table(
        ("arm", "network", by, "ratio", "top-1 error %", "top-5 error %"), rows, left=("network",)
    )


def print_tables(as_json: bool) -> None:
    """Print the names of the published tables, with titles and sources."""
    from explorer.terminal import print_json, print_table

    if as_json:
        print_json(
            [
                {"table": name, "title": table.title, "source": table.source}
                for name, table in TABLES.items()
            ]
        )
        return
    rows = [(name, table.title) for name, table in TABLES.items()]
    print_table(("table", "what it shows"), rows, left=("what it shows",))
    click.echo(f"\nNext: {command('published', 'table3')}")


def print_published(name: str, as_json: bool) -> None:
    """Print a published table, with our counts for the networks that have a name here."""
    from explorer.terminal import print_json, print_table

    check_known("table", name, TABLES)
    table, theirs = TABLES[name], "paper" if name in PAPER else "published"
    records: list[dict[str, Any]] = []
    for row in table.rows:
        network = row.network
        counts = [cost(network, measure) if network else None for measure in table.measures]
        records.append(
            {
                "network": row.label,
                "name": row.architecture,
                theirs: dict(zip(table.columns, row.values, strict=True)),
                "ours": dict(zip(table.measures, counts, strict=True)),
            }
        )
    if as_json:
        facts = {"title": table.title, "note": table.note, "source": table.source}
        print_json({"table": name, **facts, "trainings": table.trainings, "rows": records})
        return
    click.echo(table.title + "\n")
    columns = (
        "network",
        *(f"{column} ({theirs})" for column in table.columns),
        "name here",
        *(f"{measure} (ours)" for measure in table.measures),
    )
    rows = []
    for record in records:
        counted = ["" if value is None else f"{value:,}" for value in record["ours"].values()]
        values = [f"{v:,}" if isinstance(v, int) else v for v in record[theirs].values()]
        rows.append((record["network"], *values, record["name"] or "", *counted))
    print_table(columns, rows, left=("name here",))
    if table.note:
        click.echo(f"\n{table.note}")
    if theirs != "paper":
        click.echo(f"Source: {table.source}.")
