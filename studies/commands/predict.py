"""The command `predict`: what a trained network makes of image files."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from explorer.commands.parsing import WholeNumber
from explorer.text import counted
from studies.commands.options import GivenPath

if TYPE_CHECKING:
    from studies.training import Prediction


@click.command()
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=GivenPath())
@click.option(
    "--weights",
    required=True,
    type=GivenPath(),
    help="The network: a .safetensors file that `study winner` or `train` wrote.",
)
@click.option("--top", type=WholeNumber(), default="3", help="How many classes to name.")
@click.option("--device", default="auto", help="cpu, cuda, cuda:1, or auto.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a file, a line each.")
@click.pass_context
def predict(
    ctx: click.Context, files: tuple[Path, ...], weights: Path, top: int, device: str, as_json: bool
) -> None:
    """Say which class each image FILE shows, and how likely that is; of a folder, each image in it.

    Images are prepared as those were that the network was trained on. Exit codes: 0 all predicted,
    1 all but those that are no images, 2 a mistake.

    \b
    Examples:
      resnext-explorer predict --weights best/weights.safetensors photo1.jpg photo2.png
      resnext-explorer predict --weights best/weights.safetensors ~/new_photos --top 1
      resnext-explorer predict --weights best/weights.safetensors ~/new_photos --json
    """
    from explorer.terminal import progress_bar
    from studies.data import find_photos

    paths, left_out = find_photos(files)  # a wrong name is said before torch is loaded
    if left_out and not as_json:
        click.echo(f"Left out: {left_out}.", err=True)
    from studies.training import Predictor

    predictor = Predictor.load(weights, device)
    with progress_bar("predicting") as progress:
        strange: list[str] = []
        problems = _show(predictor.predict(paths, top, progress, strange.append), as_json)
    for note in strange:
        click.echo(f"Note: {note}", err=True)
    if problems:
        read = (
            "1 file is no image that can be read"
            if problems == 1
            else (f"{problems} files are no images that can be read")
        )
        click.echo(f"Error: {read}; {counted(len(paths) - problems, 'image')} predicted.", err=True)
        ctx.exit(1)


def _show(predictions: Iterable["Prediction"], as_json: bool) -> int:
    """Print predictions as they come, and return how many files were no images."""
    from explorer.streams import printable
    from explorer.terminal import print_data, to_json
    from explorer.text import human_percent

    problems = 0
    for prediction in predictions:
        problems += bool(prediction.problem)
        name = printable(str(prediction.file))
        if as_json:
            classes = [
                {"class": label, "probability": value} for label, value in prediction.classes
            ]
            problem = {"problem": prediction.problem} if prediction.problem else {}
            print_data(
                to_json({"file": str(prediction.file), "classes": classes, **problem}) + "\n"
            )
        elif prediction.problem:
            click.echo(f"{name}: no image: {prediction.problem}", err=True)
        else:
            shown = ", ".join(
                f"{label} {human_percent(value)}" for label, value in prediction.classes
            )
            click.echo(f"{name}: {shown}")
    return problems
