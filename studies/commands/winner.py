"""The command `study winner`: which design is best and why; the same
design trained fully, and exported with a card."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.errors import UserError
from explorer.output import say
from explorer.suggestions import command
from studies.commands.options import (
    GivenPath,
    artifacts_option,
    set_option,
    storage_option,
    stored_study,
    threads_option,
    where_option,
)
from studies.commands.shown_winner import show, show_by_recipe
from studies.pair import split_recipe

if TYPE_CHECKING:
    from studies.winner.retraining import Retrained


@click.command()
@click.argument("name_or_path", metavar="STUDY")
@where_option
@click.option(
    "--retrain",
    "is_retrained",
    is_flag=True,
    help="Train it fully, on train and validation images, and test it once.",
)
@click.option("--recipe", help="Retrain by this preset or YAML file (default: the study's recipe).")
@set_option
@click.option("--export", "folder", type=GivenPath(), help="Folder for weights, ONNX and a card.")
@click.option("--data-dir", type=GivenPath(), help="Folder with the data set's files.")
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    help="Of the retraining.",
)
@click.option("--device", default="auto", help="cpu, cuda, cuda:1, or auto.")
@threads_option
@artifacts_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
@storage_option
@click.pass_context
def winner(
    ctx: click.Context,
    name_or_path: str,
    where: tuple[str, ...],
    is_retrained: bool,
    recipe: str | None,
    changes: tuple[str, ...],
    folder: Path | None,
    data_dir: Path | None,
    seed: int,
    device: str,
    threads: int | None,
    artifacts: str | None,
    as_json: bool,
    storage: str | None,
) -> None:
    """Show the design of STUDY with the lowest validation error, with an
    interval for each other; train it fully to take along.

    Of a study with several recipes, that of each recipe, or of the one that STUDY:RECIPE names.

    A retraining that was stopped goes on where it was, by the same command. The ONNX file needs the
    extra [onnx]. Exit codes: 0 all written, 1 all but the ONNX file, 2 a mistake, 130 stopped.

    \b
    Examples:
      resnext-explorer study winner digits_cardinality
      resnext-explorer study winner my_study --where 'latency<=2ms' --where 'params<=500k'
      resnext-explorer study winner my_study --retrain --set recipe.epochs=30 --export best
      resnext-explorer study winner my_study --retrain --recipe resnext_cifar --data-dir ~/data
      resnext-explorer study winner my_recipes:modern --retrain --export best
    """
    from dataclasses import asdict

    from explorer.terminal import print_json
    from studies.artifacts import Artifacts
    from studies.judging.latency import latency_words
    from studies.results import Reader
    from studies.storage import Storage
    from studies.winner.retraining import by_itself, retrain
    from studies.winner.winner import choose_stored

    if is_retrained and folder is None:
        raise UserError("--retrain needs a folder for the model: --export DIR.")
    if not is_retrained and (folder or recipe or changes or artifacts):
        raise UserError(
            "--export, --artifacts, --recipe and --set are for the full training; give --retrain"
            " with them."
        )
    opened = Storage(storage)
    study, named = split_recipe(name_or_path)
    stored = stored_study(opened, study)
    trials = Reader(opened).tables(f"{stored.name}:{named}" if named else stored.name).trials
    if stored.recipes and not named:
        if folder is not None:
            raise UserError(
                f"{stored.name} has a winner by each of its recipes; name one with --retrain:"
                f" {command('study winner', f'{study}:{stored.recipes[0]}', retrain=True)} ..."
            )
        winners = {
            name: choose_stored(stored, trials[trials["recipe"] == name], opened.option, where)
            for name in stored.recipes
        }
        if as_json:
            print_json({name: {**asdict(won), "why": won.why} for name, won in winners.items()})
        else:
            show_by_recipe(winners)
        return
    chosen = choose_stored(stored, trials, opened.option, where)
    if not as_json:
        show(chosen, len(stored.designs) if stored.content.document.search else 0)
        if chosen.latency:
            settings = stored.content.origin.settings.model_dump()
            busy = chosen.latency.busy_words(is_of_now=bool(chosen.timed))
            # Nothing of it is stored: a training's latency is that of the training.
            timed = chosen.timed and f"{chosen.timed}, just now, and anew each time"
            near = " Near a limit, another time may choose another design." if timed else ""
            click.echo(f"Latency: {latency_words(settings, timed)}.{near}{busy}")
    trained: Retrained | None = None
    if folder is not None:
        try:
            trained = retrain(
                stored,
                chosen,
                folder,
                of_recipe=named,
                recipe=recipe,
                changes=changes,
                data_dir=data_dir,
                seed=seed,
                device=device,
                threads=threads,
                artifacts=Artifacts.given(artifacts),
                tell=(lambda text: None) if as_json else say,
            )
        except KeyboardInterrupt:
            click.echo("The same command goes on from the last finished epoch.", err=True)
            raise
    if as_json:
        written = _record(trained) if trained else {}
        print_json({**asdict(chosen), "where": list(where), "why": chosen.why, **written})
    elif trained:
        click.echo("\n" + "\n".join(f"{key}: {value}" for key, value in trained.errors.items()))
        click.echo(f"Written: {', '.join(map(str, trained.files))}")
    else:
        if chosen.unlearned:
            further = command("report", name_or_path, storage=opened.option)
        elif stored.content.origin.imported:
            further = by_itself(chosen)
        else:
            is_elsewhere = data_dir is None and stored.content.file.data.is_elsewhere
            further = command(
                "study winner",
                name_or_path,
                where=where,
                retrain=True,
                export="best",
                data_dir="DIR" if is_elsewhere else data_dir,
                storage=opened.option,
            )
        click.echo(f"Next: {further}")
    if trained and trained.onnx_error:
        click.echo(f"Error: {trained.onnx_error}", err=True)
        ctx.exit(1)


def _record(trained: "Retrained") -> dict[str, Any]:
    """What `--json` says of a retraining."""
    return {
        "test_error": trained.test_error,
        "test_balanced_error": trained.test_balanced_error,
        "test_errors_by_class": trained.test_errors_by_class,
        "epochs": trained.epochs,
        "folder": str(trained.files[0].parent),
        "onnx_error": trained.onnx_error,
    }
