"""The dashboards' commands: report."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from explorer.commands.options import FORCE_OPTION
from explorer.errors import UserError, check_known, cut
from explorer.published import STUDIES
from explorer.suggestions import Secret, command
from explorer.template import SIZES
from studies.commands.options import storage_option
from studies.pair import split_recipe

# Columns of the closing table that a narrow terminal does without, the first of these first.
SPARE = (
    "Quartiles",
    "Seconds per epoch",
    "Params",
    "FLOPs",
    "Mismatch",
    "Design",
    "Validation error",
)

if TYPE_CHECKING:
    from dashboards.analysis.findings import Findings


@click.command()
@click.argument("studies", metavar="STUDY|evidence:NAME|FILE.csv...", nargs=-1, required=True)
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
@FORCE_OPTION
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
    force: bool,
    paper: str | None,
    published: str | None,
) -> None:
    """Write the results of studies as one HTML page that opens offline, and print them.

    It can be written at any time: the page of a running study says so and shows what is there.
    Several studies stand side by side. A CSV file of `study results`, or as `study import` takes
    it, needs no storage; one of `study results --curves` may stand beside it. `evidence:NAME` is
    what was measured for this project; `evidence:` alone lists the names.

    \b
    Examples:
      resnext-explorer report digits_cardinality
      resnext-explorer report digits_cardinality -o digits.html
      resnext-explorer report ./my_study.yaml --storage sqlite:///my.db
      resnext-explorer report first second -o both.html
      resnext-explorer report digits_cardinality --paper ResNet-50
      resnext-explorer report digits_cardinality --published osmr_resnext20_cifar10
      resnext-explorer report trials.csv curves.csv
      resnext-explorer report evidence:h100
    """
    from dashboards.figures.paper import can_lay_over
    from dashboards.report.report import file_stem, write_report
    from dashboards.report.sources import load_sources
    from explorer.file_kinds import EVIDENCE
    from studies.storage import Storage

    if studies == (EVIDENCE,):
        _list_evidence()
        return
    if published is not None:
        check_known("published result", published, STUDIES)
    _refuse_pages(studies)
    sources = load_sources(studies, storage)
    tables = [name for name in studies if name.lower().endswith(".csv")]
    named = [name for name in studies if name not in tables and not name.startswith(EVIDENCE)]
    # Files alone are named as the file: the study's own report, from its storage, is another.
    all_tables = len(tables) == len(studies)
    alone = Path(studies[0]).stem if all_tables else file_stem(sources[0].name)
    path = write_report(
        output or f"{alone if len(sources) == 1 else 'report'}.html",
        sources,
        paper=paper,
        published=published,
        force=force,
    )
    option = Storage(storage).option
    for source in sources:
        for part in source.parts:
            if len(sources) > 1 or len(source.parts) > 1:
                print(f"{part.name}\n")
            print_results(part.findings)
            if published and not can_lay_over(part.findings, published):
                print(
                    f"{published} is not laid over: it needs arms with a C of their own, and"
                    " published networks of about equal FLOPs, one of them with the reference"
                    " arm's C."
                )
            if len(sources) > 1 or len(source.parts) > 1:
                print()
        if source.by_recipe:
            print(f"{source.by_recipe.text}\n" if len(sources) > 1 else source.by_recipe.text)
    print(f"\nReport: {path}" if len(sources) == 1 else f"Report: {path}")
    if len(sources) == len(named) == 1:
        several = sources[0].by_recipe is not None
        study, _ = split_recipe(named[0])
        commands = next_commands(sources[0].findings, option, study, recipes=several)
    else:
        commands = [command("study status", name, storage=option) for name in named[:2]]
    if any(name.startswith(EVIDENCE) for name in studies):
        commands.append(command("dashboard", evidence=True))
    if commands:
        print("Next:")
    for line in commands:
        print(f"  {line}")


def _list_evidence() -> None:
    from explorer.file_kinds import EVIDENCE
    from explorer.terminal import print_table
    from studies.results import evidence_questions

    questions = evidence_questions()
    rows = [(EVIDENCE + name, *words) for name, words in questions.items()]
    print_table(("name", "data", "question"), rows, left=("data", "question"))
    print(f"\nNext: {command('report', rows[0][0])}")


def _refuse_pages(studies: Sequence[str]) -> None:
    """Raise `UserError` where a page is given in the place of a study: it is named behind `-o`."""
    pages = [name for name in studies if name.lower().endswith((".html", ".htm"))]
    if pages:
        shown = [name for name in studies if name not in pages] or ["STUDY"]
        raise UserError(
            f"{cut(pages[0])} is a page, and report takes the studies that it shows:"
            f" `{command('report', *shown, o=pages[0])}` writes it."
        )


def print_results(findings: "Findings") -> None:
    """The closing table and the verdict with its notes."""
    from dashboards.analysis.tables import closing_table
    from explorer.terminal import print_table

    table, verdict = closing_table(findings), findings.verdict
    spare = [column for name in SPARE for column in table.columns if column.startswith(name)]
    print_table(table.columns, table.rows, left=table.words, spare=spare)
    print()
    for text in (verdict.text, *verdict.notes):
        print(text)


def next_commands(
    findings: "Findings",
    storage: str | Secret | None,
    name_or_path: str,
    *,
    recipes: bool = False,
) -> list[str]:
    """Two commands to try next: go on with what is unfinished or failed,
    or look closer at what validation chose.

    `storage` is the `Storage.option` that the study is in; with several `recipes` it has a winner
    by each.
    """
    status = command("study status", name_or_path, storage=storage)
    results = command("study results", name_or_path, o="results.csv", storage=storage)
    if findings.is_training:
        return [command("study run", name_or_path, storage=storage), status]
    if findings.counts.get("failed"):
        return [command("study retry", name_or_path, storage=storage), results]
    if findings.winner is None:
        return [status, results]
    if recipes:
        return [command("study winner", name_or_path, storage=storage), results]
    design = findings.by_arm[findings.winner].iloc[0]
    size = {key: int(design[key]) for key in SIZES}
    return [command("describe", design["design"], **size, verify=True), results]
