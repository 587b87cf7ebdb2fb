"""The command `train`: one network, outside any study, with the code that trains a study's."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.commands.options import FORCE_OPTION
from explorer.errors import UserError
from explorer.output import say
from explorer.suggestions import command
from explorer.template import SIZES
from explorer.text import counted
from studies.commands.options import GivenPath, set_option, threads_option

if TYPE_CHECKING:
    from studies.training import Outcome

# The table of epochs: its columns and their widths.
COLUMNS = {
    "epoch": 5, "rate": 7, "train loss": 10, "train error": 11, "validation error": 16, "time": 6
}  # fmt: skip


@click.command()
@click.argument("name")
@click.option(
    "--data",
    required=True,
    help=(
        "digits, mnist, fashion_mnist, cifar10, cifar100, folder, npz, or package.module:function."
    ),
)
@click.option(
    "--data-dir",
    type=GivenPath(),
    help="Folder (npz: file) of the data; without it, official files are downloaded.",
)
@click.option("--recipe", default="quick", help="A preset's name or a YAML file.")
@set_option
@click.option(
    "--weights",
    type=GivenPath(),
    help="Start from these (.pth or .safetensors) and not from new ones, to fine-tune them.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0)
@click.option("--device", default="auto", help="cpu, cuda, cuda:1, or auto.")
@click.option("--precision", default="auto", help="32, bf16, or auto.")
@threads_option
@click.option(
    "--checkpoints",
    type=GivenPath(),
    help="Folder for a checkpoint after each epoch; the same command goes on from it.",
)
@click.option(
    "-o", "--output", type=GivenPath(), help="Write the weights into this file (safetensors)."
)
@FORCE_OPTION
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, for programs.")
@click.pass_context
def train(
    ctx: click.Context,
    name: str,
    data: str,
    data_dir: Path | None,
    recipe: str,
    changes: tuple[str, ...],
    weights: Path | None,
    seed: int,
    device: str,
    precision: str,
    threads: int | None,
    checkpoints: Path | None,
    output: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Train the network NAME, and test it once after the last epoch.

    Resolution, channels and classes are those of the data; images of a folder get those of
    --weights, unless --set gives others. Exit codes: 0 trained, 1 the training
    failed, 2 a mistake, 130 stopped.

    \b
    Examples:
      resnext-explorer train resnext11_8x16d_cifar --data digits --set recipe.epochs=20
      resnext-explorer train resnext29_8x64d_cifar --data cifar10 --recipe resnext_cifar \\
          --checkpoints run1
      resnext-explorer train resnext50_32x4d --data folder --data-dir ~/photos \\
          --recipe resnext_imagenet --set data.resolution=128 --set data.test=0.2 \\
          -o photos.safetensors
      resnext-explorer train resnext29_8x16d_cifar --weights best/weights.safetensors \\
          --data folder --data-dir ~/photos --set data.test=0.2 --set recipe.learning_rate=0.01
    """
    from explorer.terminal import to_json
    from studies.single_training import prepare, sections

    spec, chosen = sections(data, recipe, changes, weights)
    if output is not None:
        _check_writable(output)

        from explorer.networks import check_name

        check_name(output, "safetensors", force=force)
    prepared = prepare(
        name,
        spec,
        chosen,
        data_dir=data_dir,
        device=device,
        precision=precision,
        threads=threads,
        checkpoints=checkpoints,
        weights=weights,
    )
    architecture, splits, settings = prepared.architecture, prepared.splits, prepared.settings
    if as_json:
        about = {"splits": splits.sizes, "classes": splits.names, "notes": prepared.notes}
        say(to_json({"event": "begin", "design": architecture.name, **about}))
    else:
        sizes = ", ".join(f"{count} {part}" for part, count in splits.sizes.items())
        say(
            f"{architecture.name} on {spec.name} ({sizes}), {chosen.name},"
            f" {counted(chosen.epochs, 'epoch')}, {settings.device}, {settings.precision},"
            f" {counted(settings.threads, 'thread')}"
        )
        say("\n".join(prepared.notes) + "\n")
        say(_line(COLUMNS))

    from studies.machine import failures
    from studies.training import TrainingFailed

    def tell(row: dict[str, Any]) -> None:
        say(to_json({"event": "epoch", **row}) if as_json else _epoch(row))

    try:
        trained = prepared.train(seed, checkpoints, tell)
    except (TrainingFailed, MemoryError, RuntimeError) as error:
        if isinstance(error, TrainingFailed):
            reason = error.reason
        elif failures.is_out_of_memory(error):
            reason = failures.describe(error, failures.ALONE)
        else:
            raise
        click.echo(f"Error: the training failed: {reason}.", err=True)
        ctx.exit(1)
    except KeyboardInterrupt:
        if checkpoints:
            click.echo("The same command goes on from the last finished epoch.", err=True)
        raise
    if output is not None:
        trained.save(output, force=force)
    if as_json:
        figures = {**vars(trained.outcome)}
        del figures["curves"], figures["state_dict"], figures["missed"]
        click.echo(to_json({"event": "complete", "design": architecture.name, **figures}))
    else:
        _sum_up(trained.outcome, splits.names)
        if output is not None:
            click.echo(f"Weights: {output}")
        shape = {key: getattr(architecture, key) for key in SIZES}
        click.echo(f"Next: {command('describe', architecture.name, **shape)}")


def _check_writable(path: Path) -> None:
    """Raise `UserError` where a file of this name could not be written; leaves none."""
    import tempfile

    folder = path.absolute().parent
    try:
        if path.is_dir():
            raise UserError(
                f"cannot write {path}: it is a folder. Name a file in it, as"
                f" {path / 'weights.safetensors'}."
            )
        if not folder.is_dir():
            raise UserError(f"cannot write {path}: there is no folder {folder}.")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"cannot write {path}: {error.strerror}. Name a file in a folder that can be written."
        ) from None


def _line(cells: Iterable[str]) -> str:
    return "  ".join(
        f"{cell:>{width}}" for cell, width in zip(cells, COLUMNS.values(), strict=True)
    )


def _epoch(row: dict[str, Any]) -> str:
    from explorer.text import human_percent, human_time

    errors = (human_percent(row[f"{part}_error"]) for part in ("train", "validation"))
    numbers = (str(row["epoch"]), f"{row['learning_rate']:.2g}", f"{row['train_loss']:.3f}")
    return _line([*numbers, *errors, human_time(row["seconds"])])


def _sum_up(outcome: "Outcome", names: tuple[str, ...]) -> None:
    from explorer.text import human_count, human_percent, human_time
    from studies.training import errors_by_class

    click.echo(f"\nafter the last epoch, {outcome.epochs}:")
    for part in ("train", "validation", "test"):
        top5 = getattr(outcome, f"{part}_top5_error")
        more = f" (top-5 {human_percent(top5)})" if top5 is not None else ""
        click.echo(f"  {part} error {human_percent(getattr(outcome, f'{part}_error'))}{more}")
    if outcome.test_balanced_error is not None:
        click.echo(
            f"  balanced test error {human_percent(outcome.test_balanced_error)}, the mean of the"
            " errors by class:"
        )
        click.echo(f"    {errors_by_class(outcome.test_errors_by_class, names)}")
    peak = outcome.peak_memory
    memory = f", at most {human_count(peak)}B of memory" if peak else ""
    click.echo(
        f"  {human_time(outcome.seconds)}, {outcome.images_per_second:.0f} images a second{memory}"
    )
