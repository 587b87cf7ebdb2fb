"""The dashboards' commands: report."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from studies.commands import storage_option

if TYPE_CHECKING:
    import pandas as pd


@click.command()
@click.argument("name_or_path", metavar="STUDY")
@storage_option
@click.option(
    "-o", "--output", metavar="FILE.html", help="The page to write (default: the study's name, in the current folder)."
)
def report(name_or_path: str, storage: str | None, output: str | None) -> None:
    """Write the results of STUDY as one HTML page that opens offline, and print them.

    It can be written at any time: the page of a running study says so and shows what is there.

    \b
    Examples:
      resnext-explorer report digits_cardinality
      resnext-explorer report digits_cardinality -o digits.html
      resnext-explorer report ./my_study.yaml --storage sqlite:///my.db
    """
    from dashboards.report import file_stem, write_report
    from studies.results import read, study_info
    from studies.storage import Storage
    from studies.study import Study

    place = Storage(storage)
    is_path = name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path
    name = Study.load(name_or_path).name if is_path else name_or_path
    info = study_info(place, name)
    trials, curves = read(place, name)
    path = write_report(output or f"{file_stem(name)}.html", trials, curves, info)
    print_results(trials, info, path, ["--storage", place.shown] if storage else [], name_or_path)


def print_results(
    trials: "pd.DataFrame", info: dict[str, Any], path: Path, options: list[str], name_or_path: str
) -> None:
    """The closing table, the verdict, the page's path and two commands to try next."""
    from dashboards.sampling import compare_study
    from dashboards.tables import closing_table
    from dashboards.verdict import judge
    from explorer.terminal import print_table

    verdict = judge(trials, compare_study(trials, info), info)
    table = closing_table(trials)
    rows = [[printable(cell) for cell in row] for row in table.rows]
    print_table([printable(column) for column in table.columns], rows, left=table.words)
    print()
    for text in (verdict.text, *verdict.notes):
        print(printable(text))
    print(f"\nReport: {path}")
    print("Next:")
    for command in next_commands(trials, options, name_or_path):
        print(f"  {printable(command)}")


def next_commands(trials: "pd.DataFrame", options: list[str], name_or_path: str) -> list[str]:
    """Two commands to try next: go on with what is unfinished or failed, or look closer at what validation chose."""
    from dashboards.verdict import chosen_by_validation

    chosen = chosen_by_validation(trials)
    results = ["study", "results", name_or_path, "-o", "results.csv", *options]
    if trials["status"].isin(["running", "waiting"]).any():
        commands = [["study", "run", name_or_path, *options], ["study", "status", name_or_path, *options]]
    elif (trials["status"] == "failed").any():
        commands = [["study", "retry", name_or_path, *options], results]
    elif chosen is not None:
        design = trials[trials["arm"].astype(str) == chosen].iloc[0]
        sizes = {"--resolution": "resolution", "--classes": "classes", "--in-channels": "in_channels"}
        given = [part for option, column in sizes.items() for part in (option, str(int(design[column])))]
        commands = [["describe", str(design["design"]), *given, "--verify"], results]
    else:
        commands = [["study", "status", name_or_path, *options], results]
    return [shlex.join(["resnext-explorer", *command]) for command in commands]


def printable(text: str) -> str:
    """Text of a study for a terminal: control characters, which could move the cursor or worse, are dropped."""
    return "".join(character for character in text if character.isprintable())
