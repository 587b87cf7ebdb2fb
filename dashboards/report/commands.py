"""The dashboards' commands: report."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from explorer.errors import check_known
from explorer.published import STUDIES
from explorer.suggestions import Secret, command
from studies.commands.options import storage_option
from studies.config.study import to_run

if TYPE_CHECKING:
    from dashboards.analysis.findings import Findings


@click.command()
@click.argument("studies", metavar="STUDY|FILE.csv...", nargs=-1, required=True)
@storage_option
@click.option(
    "-o",
    "--output",
    metavar="FILE.html",
    help=(
        "The page to write (default: named as the study, or as the CSV file given first; in the"
        " current folder)."
    ),
)
@click.option(
    "--paper",
    type=click.Choice(["ResNet-50", "ResNet-101"], case_sensitive=False),
    help=(
        "Lay the paper's values over: Table 3 at this network's FLOPs, or Table 4, as differences."
    ),
)
@click.option(
    "--published",
    metavar="NAME",
    help=(
        "Lay over what others got with more paths, as differences: a name that"
        " `study import published:` lists."
    ),
)
def report(
    studies: tuple[str, ...],
    storage: str | None,
    output: str | None,
    paper: str | None,
    published: str | None,
) -> None:
    """Write the results of studies as one HTML page that opens offline, and print them.

    It can be written at any time: the page of a running study says so and shows what is there.
    Several studies stand side by side. A CSV file of `study results`, or as `study import` takes
    it, needs no storage; one of `study results --curves` may stand beside it.

    \b
    Examples:
      resnext-explorer report digits_cardinality
      resnext-explorer report digits_cardinality -o digits.html
      resnext-explorer report ./my_study.yaml --storage sqlite:///my.db
      resnext-explorer report first second -o both.html
      resnext-explorer report digits_cardinality --paper ResNet-50
      resnext-explorer report digits_cardinality --published osmr_resnext20_cifar10
      resnext-explorer report trials.csv curves.csv
    """
    from dashboards.figures.paper import published_by_cardinality
    from dashboards.report.report import file_stem, write_report
    from dashboards.report.sources import load_sources
    from studies.storage import Storage

    if published is not None:
        check_known("published result", published, STUDIES)
    sources = load_sources(studies, storage)
    named = [name for name in studies if not name.lower().endswith(".csv")]
    # Files alone are named as the file: the study's own report, from its storage, is another.
    alone = file_stem(sources[0].name) if named else Path(studies[0]).stem
    path = write_report(
        output or f"{alone if len(sources) == 1 else 'report'}.html",
        sources,
        paper=paper,
        published=published,
    )
    option = Storage(storage).option
    for source in sources:
        if len(sources) > 1:
            print(f"{source.name}\n")
        print_results(source.findings)
        if published and not published_by_cardinality(source.findings, published):
            print(
                f"{published} is not laid over: it needs arms with a C of their own, and published"
                " networks of about equal FLOPs, one of them with the reference arm's C."
            )
        if len(sources) > 1:
            print()
    print(f"\nReport: {path}" if len(sources) == 1 else f"Report: {path}")
    if len(sources) == len(named) == 1:
        commands = next_commands(sources[0].findings, option, named[0])
    else:
        commands = [command("study status", name, storage=option) for name in named[:2]]
    if commands:
        print("Next:")
    for line in commands:
        print(f"  {line}")


def print_results(findings: "Findings") -> None:
    """The closing table and the verdict with its notes."""
    from dashboards.analysis.tables import closing_table
    from explorer.terminal import print_table

    table, verdict = closing_table(findings), findings.verdict
    print_table(table.columns, table.rows, left=table.words)
    print()
    for text in (verdict.text, *verdict.notes):
        print(text)


def next_commands(
    findings: "Findings", storage: str | Secret | None, name_or_path: str
) -> list[str]:
    """Two commands to try next: go on with what is unfinished or failed,
    or look closer at what validation chose.

    `storage` is the `Storage.option` that the study is in.
    """
    status = command("study status", name_or_path, storage=storage)
    results = command("study results", name_or_path, o="results.csv", storage=storage)
    if findings.is_training:
        return [command("study run", to_run(name_or_path), storage=storage), status]
    if findings.counts.get("failed"):
        return [command("study retry", name_or_path, storage=storage), results]
    if findings.winner is None:
        return [status, results]
    design = findings.by_arm[findings.winner].iloc[0]
    size = {key: int(design[key]) for key in ("resolution", "classes", "in_channels")}
    return [command("describe", design["design"], **size, verify=True), results]
