"""The group `study`, and its commands run, status, results, list and retry."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.commands.options import FORCE_OPTION, JSON_OPTION
from explorer.errors import UserError
from explorer.suggestions import command
from explorer.usage import Group
from studies.commands.engines import choose_engine, engine_options, hand_over
from studies.commands.importing import import_
from studies.commands.manage import delete, plan, show
from studies.commands.new import new
from studies.commands.options import (
    GivenPath,
    artifacts_option,
    set_option,
    storage_option,
    stored_study,
    training_options,
    wanted_study,
    with_stored_study,
)
from studies.commands.remarks import note, tag
from studies.commands.watching import stop, watch
from studies.commands.winner import winner

if TYPE_CHECKING:
    from studies.records.stored_study import StoredStudy
    from studies.storage import Storage


@click.group(cls=Group)
def study() -> None:
    """Run studies and follow their progress.

    A study is given by the name of a preset or of a stored one, or by the path of a YAML file.

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
@storage_option
@training_options
@click.option(
    "--log",
    "trackers",
    type=click.Choice(["tensorboard", "mlflow", "wandb"]),
    multiple=True,
    help="Show its trainings in a tracker as well, as `log` in a study file; may be repeated.",
)
@artifacts_option
@engine_options
@click.option("--quiet", is_flag=True, help="Show only what goes wrong.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for programs.")
@click.pass_context
def run(
    ctx: click.Context,
    name_or_path: str,
    changes: tuple[str, ...],
    storage: str | None,
    trackers: tuple[str, ...],
    artifacts: str | None,
    quiet: bool,
    as_json: bool,
    engine: str,
    address: str | None,
    gpus_per_worker: float | None,
    devices_per_worker: int | None,
    partition: str | None,
    time: str | None,
    detach: bool,
    **training: Any,
) -> None:
    """Train what is left of STUDY.

    A name means the stored study, if there is one, else the preset. Ctrl-C stops after the current
    step, and the same command goes on from there. A training that was cut off resumes from its last
    finished epoch, and ends with the numbers it would have had.
    Exit codes: 0 all complete (or handed over, with --detach), 1 some failed, 2 a mistake, 130
    stopped.

    \b
    Examples:
      resnext-explorer study run digits_cardinality --workers 2
      resnext-explorer study run ./my_study.yaml --data-dir ~/data --storage sqlite:///my.db
      resnext-explorer study run digits_cardinality --set name=longer --set recipe.epochs=20
      resnext-explorer study run ./small_networks.yaml --workers-per-gpu 4
      resnext-explorer study run digits_cardinality --log tensorboard
      resnext-explorer study run my_study --artifacts /shared/artifacts
      resnext-explorer study run my_study --engine slurm --partition gpu --time 4:00:00 --workers 16
      resnext-explorer study run ./my_study.yaml --engine ray --address 10.0.0.1:6379 --detach
    """
    from studies.artifacts import Artifacts
    from studies.running.bars import choose_view
    from studies.running.supervisor import RunStopped
    from studies.running.supervisor import run as run_study
    from studies.storage import Storage

    opened = Storage(storage)
    if trackers:
        changes = (*changes, f"log=[{','.join(trackers)}]")
    wanted = wanted_study(opened, name_or_path, changes)
    own = {
        "address": address,
        "gpus_per_worker": gpus_per_worker,
        "devices_per_worker": devices_per_worker,
        "partition": partition,
        "time": time,
        "detach": detach,
    }
    shown = {"engine": engine if engine != "local" else None, **own}
    opened_artifacts = Artifacts.given(artifacts)
    options = {
        "set": changes,
        **training,
        **shown,
        "artifacts": opened_artifacts and opened_artifacts.shown,
        "storage": opened.option,
    }
    workers, workers_per_gpu = training["workers"], training["workers_per_gpu"]
    chosen = choose_engine(engine, workers=workers, workers_per_gpu=workers_per_gpu, **own)
    if detach:
        hand_over(
            wanted, opened, chosen, training["threads"], training["data_dir"], opened_artifacts
        )
        return
    view = choose_view(quiet=quiet, as_json=as_json, study=name_or_path, options=options)
    try:
        counts = run_study(
            wanted, storage=opened, artifacts=opened_artifacts, view=view, engine=chosen, **training
        )
    except RunStopped:
        ctx.exit(130)
    ctx.exit(1 if counts.failed else 0)


@study.command()
@with_stored_study
@click.option("--watch", "is_watched", is_flag=True, help="Stay, and show what is trained where.")
@JSON_OPTION
def status(storage: "Storage", study: "StoredStudy", is_watched: bool, as_json: bool) -> None:
    """Count how the pairs (design, seed) of a stored STUDY stand.

    \b
    Examples:
      resnext-explorer study status digits_cardinality
      resnext-explorer study status digits_cardinality --watch
      resnext-explorer study status digits_cardinality --json
    """
    from dataclasses import asdict

    from explorer.terminal import print_json, print_table
    from studies.records.arm_standings import until_standings

    if is_watched:
        watch(storage, study, as_json=as_json)
        return
    counts, standings = asdict(study.counts(storage)), until_standings(study)
    if as_json:
        print_json({**counts, "until": standings.record()} if standings else counts)
        return
    wanted, *others = counts
    print_table([f"{wanted} at most" if standings else wanted, *others], [list(counts.values())])
    if standings:
        click.echo("\n".join(map(standings.line, standings.arms)))


@study.command()
@with_stored_study
@click.option("--curves", is_flag=True, help="A row an epoch instead of a row a pair.")
@click.option("-o", "--output", type=GivenPath(), help="Write a CSV file instead of printing.")
@FORCE_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of CSV.")
def results(
    storage: "Storage",
    study: "StoredStudy",
    curves: bool,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Print the results of a stored STUDY as CSV.

    A row a pair holds its design, costs, seed, errors and times, and what was tuned. With -o, a
    file FILE.origin.yaml beside it says what they are of: with both, `study import --continue`
    goes on with the study on another machine.

    \b
    Examples:
      resnext-explorer study results digits_cardinality -o results.csv
      resnext-explorer study results digits_cardinality --curves -o curves.csv
    """
    from explorer.terminal import print_data
    from studies.results import Reader, as_csv, save_tables

    if as_json and output:
        raise UserError(
            "--json prints to the terminal and -o writes a CSV file; give one of the two."
        )
    if output:
        saved = save_tables(storage, study, output, curves=curves, force=force)
        click.echo(f"Wrote {saved.rows:,} rows to {output}")
        if saved.origin:
            click.echo(f"Wrote what they are of to {saved.origin}")
        return
    reader = Reader(storage)
    table = reader.curves(study.name) if curves else reader.results(study.name)
    if as_json:
        click.echo(table.to_json(orient="records", date_format="iso", indent=2))
    else:
        print_data(as_csv(table))


@study.command()
@with_stored_study
@click.option(
    "--to",
    "trackers",
    type=click.Choice(["tensorboard", "mlflow", "wandb"]),
    multiple=True,
    required=True,
    help="The tracker; may be repeated.",
)
def log(storage: "Storage", study: "StoredStudy", trackers: tuple[str, ...]) -> None:
    """Log a stored STUDY to a tracker: all trainings that it does not show yet.

    Each attempt at a training is a run, with its configuration, curve and final errors. `study run
    --log` does it while the study runs.

    \b
    Examples:
      resnext-explorer study log digits_cardinality --to tensorboard
      MLFLOW_TRACKING_URI=http://host:5000 resnext-explorer study log digits_cardinality --to mlflow
    """
    from explorer.text import counted
    from studies.running.tracking import log_to

    for tracker in trackers:
        logged = log_to(study.name, tracker, storage)
        before = f"; {logged.before} were there (as {logged.record} says)" if logged.before else ""
        click.echo(f"{tracker}: {counted(logged.runs, 'run')} logged to {logged.where}{before}")


@study.command("list")
@storage_option
@JSON_OPTION
def list_(storage: str | None, as_json: bool) -> None:
    """List the studies in the storage and the presets.

    \b
    Example:
      resnext-explorer study list
    """
    from dataclasses import asdict

    from explorer.terminal import print_json, print_table
    from search_spaces.documents import preset_names
    from studies.storage import Storage
    from studies.stored import list_studies

    opened = Storage(storage)
    studies = {
        study.name: {**asdict(study.counts), "created": study.created}
        for study in list_studies(storage=opened)
    }
    records = [{"study": name, **record} for name, record in studies.items()]
    if as_json:
        print_json({"studies": records, "presets": preset_names("study")})
        return
    if records:
        print_table(list(records[0]), [list(record.values()) for record in records])
    else:
        click.echo(f"No studies in {opened.shown} yet.")
    presets = [name for name in preset_names("study") if name not in studies]
    if presets:
        click.echo(f"\nPresets: {', '.join(presets)}")
        click.echo(f"Start one: {command('study run', presets[0], storage=opened.option)}")


@study.command()
@click.argument("name_or_path", metavar="STUDY")
@storage_option
def retry(name_or_path: str, storage: str | None) -> None:
    """Let the next run train the failed pairs of STUDY again.

    Designs that a search did not train, since they were above its latency limit, are measured
    again. A pair that has failed three times stays failed.

    \b
    Example:
      resnext-explorer study retry digits_cardinality
    """
    from explorer.text import counted
    from studies.records.stored_study import retry as forgive
    from studies.storage import Storage

    opened = Storage(storage)
    stored = stored_study(opened, name_or_path)
    if count := forgive(opened, stored):
        pairs = counted(count, "pair")
        again = command("study run", name_or_path, storage=opened.option)
        click.echo(f"{stored.name}: {pairs} will be tried again by: {again}")
        return
    failed = stored.counts(opened).failed
    why = f"{failed} failed three times, which is final" if failed else "no pair has failed"
    why += "" if failed else ", and none was too slow for a limit"
    click.echo(f"{stored.name}: nothing to try again, {why}.")


for subcommand in (new, plan, show, stop, delete, import_, winner, note, tag):
    study.add_command(subcommand)
