"""The commands of studies: run, status, results, list, retry; and, from
`upkeep_commands`, plan, show, delete, import."""

from pathlib import Path

import click

from explorer.errors import UserError
from explorer.suggestions import command
from studies.commands.manage import add_to
from studies.commands.options import GivenPath, set_option, storage_option, stored_study
from studies.commands.winner import winner
from studies.config.study import to_run


@click.group()
def study() -> None:
    """Run studies and see how they stand. A study is a preset's name or a YAML file.

    \b
    Examples:
      resnext-explorer study plan digits_cardinality --workers 2
      resnext-explorer study run digits_cardinality --workers 2
      resnext-explorer study status digits_cardinality
      resnext-explorer study results digits_cardinality -o results.csv
    """


@study.command()
@click.argument("name_or_path", metavar="STUDY")
@set_option
@click.option(
    "--workers",
    type=int,
    help=(
        "Processes that train at the same time (default: 1; on CUDA, --workers-per-gpu for each"
        " GPU)."
    ),
)
@click.option(
    "--workers-per-gpu", type=int, help="On CUDA: workers that share each GPU (default: 1)."
)
@storage_option
@click.option(
    "--data-dir",
    type=GivenPath(),
    help="Folder with the data set's files, where it is not built in.",
)
@click.option("--quiet", is_flag=True, help="Show only what goes wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for programs.")
@click.pass_context
def run(
    ctx: click.Context,
    name_or_path: str,
    changes: tuple[str, ...],
    workers: int | None,
    workers_per_gpu: int | None,
    storage: str | None,
    data_dir: Path | None,
    quiet: bool,
    as_json: bool,
) -> None:
    """Train what STUDY still wants. Ctrl-C stops after the current step,
    and the same command goes on from there.

    A training that was cut off resumes from its last finished epoch, and ends with the numbers it
    would have had. Exit codes: 0 all complete, 1 some failed, 2 a mistake, 130 stopped.

    \b
    Examples:
      resnext-explorer study run digits_cardinality --workers 2
      resnext-explorer study run ./my_study.yaml --data-dir ~/data --storage sqlite:///my.db
      resnext-explorer study run digits_cardinality --set name=longer --set recipe.epochs=20
      resnext-explorer study run ./my_study.yaml --workers-per-gpu 4    # small networks: four train on each GPU
    """
    from studies.api import Study
    from studies.running.progress import choose_view
    from studies.running.supervisor import RunStopped
    from studies.running.supervisor import run as run_study
    from studies.storage import Storage

    wanted = Study.load(name_or_path).changed(changes)
    place = Storage(storage)
    options = {
        "set": changes,
        "workers": workers,
        "workers_per_gpu": workers_per_gpu,
        "storage": place.option,
        "data_dir": data_dir,
    }
    view = choose_view(quiet=quiet, as_json=as_json, study=name_or_path, options=options)
    try:
        counts = run_study(
            wanted,
            storage=place,
            workers=workers,
            workers_per_gpu=workers_per_gpu,
            data_dir=data_dir,
            view=view,
        )
    except RunStopped:
        ctx.exit(130)
    ctx.exit(1 if counts.failed else 0)


@study.command()
@click.argument("name_or_path", metavar="STUDY")
@storage_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def status(name_or_path: str, storage: str | None, as_json: bool) -> None:
    """Count how the pairs (design, seed) of a stored STUDY stand.

    \b
    Examples:
      resnext-explorer study status digits_cardinality
      resnext-explorer study status digits_cardinality --json
    """
    from dataclasses import asdict

    from explorer.terminal import print_json, print_table
    from studies.records.arm_standings import until_standings
    from studies.storage import Storage

    place = Storage(storage)
    stored = stored_study(place, name_or_path)
    counts, standings = asdict(stored.counts(place)), until_standings(stored)
    if as_json:
        print_json({**counts, "until": standings.record()} if standings else counts)
        return
    wanted, *others = counts
    print_table([f"{wanted} at most" if standings else wanted, *others], [list(counts.values())])
    if standings:
        click.echo("\n".join(map(standings.line, standings.arms)))


@study.command()
@click.argument("name_or_path", metavar="STUDY")
@storage_option
@click.option("--curves", is_flag=True, help="A row an epoch instead of a row a pair.")
@click.option("-o", "--output", type=GivenPath(), help="Write a CSV file instead of printing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of CSV.")
def results(
    name_or_path: str, storage: str | None, curves: bool, output: Path | None, as_json: bool
) -> None:
    """Print what came out of STUDY as CSV: a row a pair, with its design,
    costs, seed, errors and times, and what was tuned.

    \b
    Examples:
      resnext-explorer study results digits_cardinality -o results.csv
      resnext-explorer study results digits_cardinality --curves -o curves.csv
    """
    from explorer.files import write_atomic
    from explorer.terminal import print_data
    from studies.results import Reader, with_tuned
    from studies.results.table_text import as_csv
    from studies.storage import Storage

    if as_json and output:
        raise UserError(
            "--json prints to the terminal and -o writes a CSV file; give one of the two."
        )
    place = Storage(storage)
    stored = stored_study(place, name_or_path)
    reader = Reader(place)
    if curves:
        table = reader.curves(stored.name)
    else:
        tables = reader.tables(stored.name)
        table = with_tuned(tables.trials, tables.study)
    if as_json:
        click.echo(table.to_json(orient="records", date_format="iso", indent=2))
    elif output:
        write_atomic(output, as_csv(table))
        click.echo(f"Wrote {len(table)} rows to {output}")
    else:
        print_data(as_csv(table))


@study.command("list")
@storage_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def list_(storage: str | None, as_json: bool) -> None:
    """List the studies in the storage and the presets.

    \b
    Example:
      resnext-explorer study list
    """
    from dataclasses import asdict

    from explorer.terminal import print_json, print_table
    from search_spaces.documents import preset_names
    from studies.records.stored_study import stored_studies
    from studies.storage import Storage

    place = Storage(storage)
    there = stored_studies(place) if place.exists() else []
    records = [
        {
            "study": stored.name,
            **asdict(stored.counts(place)),
            "created": stored.content.origin.created,
        }
        for stored in there
    ]
    names = {stored.name for stored in there}
    presets = [name for name in preset_names("study") if name not in names]
    if as_json:
        print_json({"studies": records, "presets": preset_names("study")})
        return
    if records:
        print_table(list(records[0]), [list(record.values()) for record in records])
    else:
        click.echo(f"No studies in {place.shown} yet.")
    if presets:
        click.echo(f"\nPresets: {', '.join(presets)}")
        click.echo(f"Start one: {command('study run', presets[0], storage=place.option)}")


@study.command()
@click.argument("name_or_path", metavar="STUDY")
@storage_option
def retry(name_or_path: str, storage: str | None) -> None:
    """Let the failed pairs of STUDY be trained again by the next
    run. What failed three times stays failed.

    \b
    Example:
      resnext-explorer study retry digits_cardinality
    """
    from studies.records.stored_study import retry as forgive
    from studies.storage import Storage

    place = Storage(storage)
    found = stored_study(place, name_or_path)
    count = forgive(place, found)
    if not count:
        failed = found.counts(place).failed
        why = (
            f"all {failed} failed pairs have failed three times" if failed else "no pair has failed"
        )
        click.echo(f"{found.name}: nothing to try again, {why}.")
        return
    again = command("study run", to_run(name_or_path), storage=place.option)
    click.echo(f"{found.name}: {count} failed pairs will be trained again by: {again}")


add_to(study)
study.add_command(winner)
