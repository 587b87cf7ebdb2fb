"""The commands around a study's runs: plan, show, delete, import."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.errors import UserError
from explorer.suggestions import command
from studies.commands.options import GivenPath, set_option, storage_option, stored_study

if TYPE_CHECKING:
    from studies.results.history import Failure
    from studies.running.plan import Plan

MOST_NAMED = 12  # columns of an import that are ignored


@click.command()
@click.argument("name_or_path", metavar="STUDY")
@set_option
@click.option(
    "--workers",
    type=int,
    help=(
        "Processes that would train at the same time (default: 1; on CUDA, --workers-per-gpu for"
        " each GPU)."
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def plan(
    name_or_path: str,
    changes: tuple[str, ...],
    workers: int | None,
    workers_per_gpu: int | None,
    storage: str | None,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Show what STUDY would train, how many FLOPs that takes, and
    about how long it takes here. Stores nothing.

    Of a study that is stored already: what is left of it.

    A few steps of the cheapest and of the most expensive design are measured; the time
    is an estimate for a machine that does nothing else.

    \b
    Examples:
      resnext-explorer study plan digits_cardinality --workers 2
      resnext-explorer study plan ./my_study.yaml --data-dir ~/data --set recipe.epochs=100
    """
    from explorer.terminal import print_json
    from studies.config.study import StudyFile
    from studies.running.plan import plan as make_plan
    from studies.storage import Storage

    place = Storage(storage)
    study = StudyFile.load(name_or_path).changed(changes)
    if not as_json:
        click.echo(
            "Measuring some steps of the cheapest and of the most expensive design ...", err=True
        )
    made = make_plan(
        study, storage=place, workers=workers, workers_per_gpu=workers_per_gpu, data_dir=data_dir
    )
    if as_json:
        print_json(made.record())
        return
    start = command(
        "study run",
        name_or_path,
        set=changes,
        workers=workers,
        workers_per_gpu=workers_per_gpu,
        storage=place.option,
        data_dir=data_dir,
    )
    _print_plan(made, start)


def _print_plan(made: "Plan", start: str) -> None:
    from explorer.terminal import print_table
    from explorer.text import counted, human_count, human_flops, human_percent, human_time

    trials = {
        name: sum(pair.design == name for pair in made.pairs)
        for name in {pair.design for pair in made.pairs}
    }
    print_table(
        ["arm", "design", "FLOPs", "params", "mismatch", "trials", "time a trial"],
        [
            [
                design.arm,
                design.name,
                human_flops(design.complexity.flops),
                human_count(design.complexity.params),
                human_percent(design.mismatch, signed=True),
                trials.get(design.name, 0),
                human_time(seconds),
            ]
            for design, seconds in zip(made.designs, made.trial_seconds, strict=True)
        ],
        left=["design"],
    )
    for point in made.left_out:
        click.echo(f"Left out: {point.arm}: {point.reason}")
    settings, epochs = made.settings, counted(made.epochs, "epoch")
    steps = "; ".join(f"{one.design}: {human_time(one.step)}" for one in made.measured)
    click.echo(
        f"\n{made.study}: {made.trials} of {epochs}, {made.steps} steps of"
        f" {made.batch_size} images each, on {made.splits['train']} training images"
    )
    for note in made.notes:
        click.echo(note)
    if made.stored:
        others = [
            f"{count} {what}"
            for what in ("pruned", "failed")
            if (count := getattr(made.stored, what))
        ]
        click.echo(
            f"Stored: {', '.join([f'{made.stored.complete} complete', *others])}; {len(made.left)}"
            " left to train"
        )
    if not made.left:
        click.echo("Planning changed nothing, and nothing is left to train.")
        return
    about = "at most" if made.expected else "about"
    rest = "for the rest" if made.stored else "in all"
    click.echo(
        f"Training: {human_flops(made.flops)} FLOPs {rest} (multiply-adds; backward counts"
        f" twice)\nTime: {about} {human_time(made.seconds)} with {counted(made.workers, 'worker')} on"
        f" {settings.device} ({'32 bits' if settings.precision == '32' else settings.precision},"
        f" {counted(settings.threads, 'thread')} each); a measured step took, {steps}\nPlanning"
        f" changed nothing. {'Go on' if made.stored else 'Start it'} with: {start}"
    )


@click.command()
@click.argument("name_or_path", metavar="STUDY")
@storage_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
def show(name_or_path: str, storage: str | None, as_json: bool) -> None:
    """Show a stored STUDY: how its arms stand, what failed and
    why, what it was run with, and its file.

    \b
    Examples:
      resnext-explorer study show digits_cardinality
      resnext-explorer study show digits_cardinality --json
    """
    from dataclasses import asdict

    from explorer.terminal import print_json, print_table
    from explorer.text import human_count, human_flops, human_percent
    from studies.results import Reader
    from studies.results.history import failures
    from studies.storage import Storage

    place = Storage(storage)
    stored = stored_study(place, name_or_path)
    tables, failed = Reader(place).tables(stored.name), failures(place, stored)
    info, trials = tables.info, tables.trials
    if as_json:
        print_json(
            {**info, "counts": asdict(tables.counts), "failures": [asdict(one) for one in failed]}
        )
        return
    click.echo(f"{stored.name}: {info['question']}" if info["question"] else stored.name)
    rows = []
    for arm, group in trials.groupby("arm", sort=False):
        first, errors = group.iloc[0], group["validation_error"].dropna()
        rows.append(
            [
                arm,
                first["design"],
                human_flops(first["flops"]),
                human_count(first["params"]),
                human_percent(first["mismatch"], signed=True),
                len(group),
                *(
                    (group["status"] == status).sum()
                    for status in ("complete", "running", "failed")
                ),
                human_percent(errors.mean()) if len(errors) else "",
            ]
        )
    columns = [
        "arm",
        "design",
        "FLOPs",
        "params",
        "mismatch",
        "pairs",
        "complete",
        "running",
        "failed",
    ]
    print_table([*columns, "validation error"], rows, left=["design"])
    facts = {
        "Reference arm": info["reference_arm"],
        "Created": info["created"],
        "Data": ", ".join(f"{key} {value}" for key, value in info["data"].items()),
        "Settings": ", ".join(f"{key} {value}" for key, value in info["settings"].items()),
        "Machine": info["machine"],
        "Versions": ", ".join(f"{key} {value}" for key, value in info["versions"].items()),
        "Commit": info["git commit"] or "unknown",
        "Seeds": f"{info['seeds']}, planned {info['planned_seeds']}",
    }
    if info["until"]:
        facts["Until"] = info["until"]["text"]
    if info["search"]:
        facts["Search"] = _shown_search(info["search"])
    for arm, one in info["tuned"].items():
        facts[f"Tuned {arm}"] = _shown_tuning(one)
    click.echo("\n" + "\n".join(f"{name}: {value}" for name, value in facts.items()))
    _print_failures(failed)
    click.echo(f"\n{info['document'].rstrip()}")
    click.echo(f"\nNext: {command('report', stored.name, storage=place.option)}")


def _shown_search(search: dict[str, Any]) -> str:
    asked, possible = search["trials"], search["trials_possible"]
    trials = f"{search['trials_proposed']} of {min(asked, possible)} trials proposed"
    if possible < asked:
        trials += f" (the space holds no more; {asked} were asked for)"
    chosen = "; ".join(search["finalists_chosen"]) or "none yet"
    return (
        f"{search['method']} on {' and '.join(search['objectives'])}, {trials}; on all seeds:"
        f" {chosen}"
    )


def _shown_tuning(tuned: dict[str, Any]) -> str:
    """An arm's recipe and where among its tuning trials it comes from; a
    value at the end of its range is flagged."""
    from explorer.text import counted, human_percent

    values = ", ".join(
        f"{key} {value:g}"
        + (
            " (at the edge of its range: a wider one might do better)"
            if key in tuned["at_edge"]
            else ""
        )
        for key, value in tuned["recipe"].items()
    )
    errors = [error for error in tuned["errors"] if error is not None]
    trials = counted(len(errors), "tuning trial")
    lost = (
        f" ({len(tuned['errors']) - len(errors)} more without a result)"
        if len(errors) < len(tuned["errors"])
        else ""
    )
    return f"{values}; validation error {human_percent(min(errors))}, best of {trials}{lost}"


def _print_failures(failed: "list[Failure]") -> None:
    for one in failed:
        click.echo(f"\nFailed: {one.what} (attempt {one.attempt}): {one.reason}")
        for line in one.log:
            click.echo(f"  | {line}")


@click.command()
@click.argument("name_or_path", metavar="STUDY")
@storage_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Also while it is being trained.")
def delete(name_or_path: str, storage: str | None, yes: bool, force: bool) -> None:
    """Delete a stored STUDY with its results, logs and checkpoints. This cannot be undone.

    \b
    Example:
      resnext-explorer study delete digits_cardinality
    """
    from studies.results.history import delete as delete_study
    from studies.storage import Storage

    place = Storage(storage)
    stored = stored_study(place, name_or_path)
    counts = stored.counts(place)
    what = f"{stored.name} with {counts.complete} results from {place.shown}"
    if not yes and not click.confirm(f"Delete {what}? This cannot be undone"):
        raise UserError(f"{stored.name} was not deleted; --yes deletes it without asking.")
    delete_study(place, stored, force=force)
    click.echo(f"Deleted {what}.")


@click.command("import")
@click.argument("path", metavar="FILE.csv", type=GivenPath())
@click.option(
    "--name",
    help="What to call the study (default: what the column study says, else the file's name).",
)
@click.option(
    "--reference-arm", metavar="ARM", help="The arm the others are compared with, for example C=1."
)
@storage_option
def import_(path: Path, name: str | None, reference_arm: str | None, storage: str | None) -> None:
    """Bring in results that were trained elsewhere: one row a design
    and seed, as `study results` writes them.

    Needed columns: design, seed, validation_error, test_error (fractions). Each design must be a
    name that the explorer knows, and what the file says about it (flops, params, activations,
    cardinality, ...) must be what the explorer counts.

    \b
    Examples:
      resnext-explorer study import results.csv
      resnext-explorer study import cluster.csv --name cluster --reference-arm C=1
    """
    from explorer.text import counted
    from studies.results.importing import import_csv
    from studies.storage import Storage

    place = Storage(storage)
    found = import_csv(place, path, name=name, reference_arm=reference_arm)
    click.echo(
        f"Imported {counted(len(found.trials), 'result')} of"
        f" {counted(len(found.designs), 'design')} into {found.name}."
    )
    if found.skipped:
        click.echo(f"Skipped: {counted(found.skipped, 'row')} of trainings that are not complete.")
    if found.ignored:
        more = ["..."] if len(found.ignored) > MOST_NAMED else []
        shown = ", ".join([*(name[:60] for name in found.ignored[:MOST_NAMED]), *more])
        click.echo(f"Ignored {counted(len(found.ignored), 'column')}: {shown}")
    click.echo(f"See what came out: {command('report', found.name, storage=place.option)}")


def add_to(group: Any) -> None:
    """Put these commands into a group."""
    for one in (plan, show, delete, import_):
        group.add_command(one)
