"""The command `study winner`: which design is best and why; the same
design trained fully, and exported with a card."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.errors import UserError
from explorer.output import say
from explorer.suggestions import command
from explorer.text import counted
from studies.commands.options import GivenPath, set_option, storage_option, stored_study
from studies.config.study import to_run

if TYPE_CHECKING:
    from studies.winner.retraining import Retrained
    from studies.winner.winner import Winner


@click.command()
@click.argument("name_or_path", metavar="STUDY")
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
@click.option("--json", "as_json", is_flag=True, help="Print JSON only.")
@storage_option
@click.pass_context
def winner(
    ctx: click.Context,
    name_or_path: str,
    is_retrained: bool,
    recipe: str | None,
    changes: tuple[str, ...],
    folder: Path | None,
    data_dir: Path | None,
    seed: int,
    device: str,
    as_json: bool,
    storage: str | None,
) -> None:
    """Show the design of STUDY with the lowest validation error, with an
    interval for each other; train it fully to take along.

    A retraining that was stopped goes on where it was, by the same command. Exit codes: 0 all
    written, 1 all but the ONNX file, 2 a mistake, 130 stopped.

    \b
    Examples:
      resnext-explorer study winner digits_cardinality
      resnext-explorer study winner my_study --retrain --set recipe.epochs=30 --export best
      resnext-explorer study winner my_study --retrain --recipe resnext_cifar --data-dir ~/data
    """
    from dataclasses import asdict

    from explorer.terminal import print_json
    from studies.results import Reader
    from studies.storage import Storage
    from studies.winner.retraining import by_itself, retrain
    from studies.winner.winner import choose

    if is_retrained and folder is None:
        raise UserError("--retrain needs a folder for the model: --export DIR.")
    if not is_retrained and (folder or recipe or changes):
        raise UserError(
            "--export, --recipe and --set are for the full training; give --retrain with them."
        )
    opened = Storage(storage)
    stored = stored_study(opened, name_or_path)
    chosen = choose(Reader(opened).tables(stored.name).trials, to_run(name_or_path), opened.option)
    if not as_json:
        _show(chosen, len(stored.designs) if stored.content.document.search else 0)
    trained: Retrained | None = None
    if folder is not None:
        try:
            trained = retrain(
                stored,
                chosen,
                folder,
                recipe=recipe,
                changes=changes,
                data_dir=data_dir,
                seed=seed,
                device=device,
                tell=(lambda text: None) if as_json else say,
            )
        except KeyboardInterrupt:
            click.echo("The same command goes on from the last finished epoch.", err=True)
            raise
    if as_json:
        print_json({**asdict(chosen), "why": chosen.why, **(_record(trained) if trained else {})})
    elif trained:
        click.echo("\n" + "\n".join(f"{key}: {value}" for key, value in trained.errors.items()))
        click.echo(f"Written: {', '.join(map(str, trained.files))}")
    else:
        further = command(
            "study winner", name_or_path, retrain=True, export="best", storage=opened.option
        )
        is_imported = stored.content.origin.imported
        click.echo(f"Next: {by_itself(chosen) if is_imported else further}")
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


def _show(chosen: "Winner", tried: int) -> None:
    """The winner beside its rivals. `tried` is the number of designs of a search, else 0."""
    from explorer.terminal import print_table
    from explorer.text import human_percent

    def points(value: float | None) -> str:
        return "" if value is None else f"{100 * value:+.2f}"

    rows = [[chosen.arm, chosen.design, human_percent(chosen.validation_error), "", "", "chosen"]]
    for rival in chosen.rivals:
        interval = f"{points(rival.low)} to {points(rival.high)}" if rival.low is not None else ""
        error = human_percent(rival.validation_error)
        rows.append([rival.arm, rival.design, error, points(rival.worse), interval, rival.stands])
    columns = ["arm", "design", "validation error", "worse by (points)", "95 % interval", ""]
    print_table(columns, rows, left=["design", ""])
    click.echo(f"\n{chosen.why}")
    if tried:
        click.echo(
            f"Of {counted(tried, 'design')} that a search tried on its first seed: on that one the"
            " best looks better than it is."
        )
    elif chosen.fewer_seeds:
        click.echo(f"With too few seeds, and not compared: {', '.join(chosen.fewer_seeds)}.")
