"""The command `study new`: five questions, and a study file that runs."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.commands.options import FORCE_OPTION
from explorer.commands.parsing import Number, WholeNumber
from explorer.errors import UserError
from explorer.suggestions import command
from explorer.text import counted
from studies.drafting import MOST_SEEDS, QUESTIONS, new_study, why_so_many

if TYPE_CHECKING:
    from studies.config.study import Wanted


class SeedCount(WholeNumber):
    """How many seeds: a number, not a list of them."""

    def parse(self, text: str, option: str) -> Any:
        if re.fullmatch(r"\d{1,3}(,\d{3})+", text, re.ASCII):
            raise UserError(f"Write {text.replace(',', '')}, without commas: {option} {text}.")
        if "," in text:
            count = len(text.strip(", ").split(","))
            raise UserError(
                f"{option} takes the number of seeds: {option} {count} trains each network with"
                f" seeds 0 to {count - 1} (given: {text})."
            )
        seeds = super().parse(text, option)
        if seeds > MOST_SEEDS:
            raise UserError(f"{option} takes at most {MOST_SEEDS:,} seeds; given: {text}.")
        return seeds


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--data",
    prompt="Which images? digits, mnist, fashion_mnist, cifar10, cifar100, or a folder's path",
    help="A data set's name, or the path of a folder of images, a folder a class.",
)
@click.option(
    "--budget",
    type=Number(),
    prompt="How many FLOPs (multiply-adds) may a network take for an image? such as 3M",
    help="FLOPs of a network for one image, such as 3M.",
)
@click.option(
    "--ask",
    type=click.Choice(list(QUESTIONS)),
    prompt=(
        "What do you ask? paths: how many; scale: deeper, wider or more paths, from a network of"
        " half the budget; all: paths and depth"
    ),
    help=(
        "What the study asks. paths: how many, at equal FLOPs; scale: deeper, wider or more paths,"
        " at twice the FLOPs of a network of half the budget; all: paths and depth together, at"
        " equal FLOPs."
    ),
)
@click.option(
    "--seeds",
    type=SeedCount(),
    prompt=(
        "How many trainings of each network? Of 10,000 test images 3 show a gap of a point, 10 one"
        " of half a point; fewer images need more"
    ),
    help="Trainings of each network, by seeds from 0 on.",
)
@click.option(
    "--margin",
    type=float,
    prompt="Which gap in test error would not matter to you, in points? such as 0.5",
    help="Points of test error that do not matter.",
)
@FORCE_OPTION
def new(
    file: Path, data: str, budget: float, ask: str, seeds: int, margin: float, force: bool
) -> None:
    """Ask five questions and write a study FILE (.yaml) that runs.

    What is given as an option is not asked.

    \b
    Examples:
      resnext-explorer study new my_study.yaml
      resnext-explorer study new my_study.yaml --data digits --budget 3M --ask paths
    """
    from explorer.files import check_output
    from studies.config.outlook import outlook

    check_output(file, (".yaml", ".yml"), b"", force=force)
    try:
        draft = new_study(
            file, data=data, budget=budget, ask=ask, seeds=seeds, margin=margin, force=force
        )
    except UserError as error:  # its advice names options that this command does not have
        raise UserError(f"{error.problem} Nothing is written.") from None
    study, wanted, sizes = draft.study, draft.wanted, draft.sizes
    _show(wanted)
    for line in ["", *outlook(study, sizes.splits, sizes.names), *sizes.notes]:
        click.echo(line)
    recipe = study.recipe
    steps = sizes.splits["train"] // recipe.batch_size
    networks = counted(len(wanted.designs), "network")
    click.echo(
        f"Each training: {counted(recipe.epochs, 'epoch')} of {counted(steps, 'step')} of"
        f" {counted(recipe.batch_size, 'image')}, {recipe.epochs * steps:,} steps in all"
        f"{why_so_many(recipe.epochs)}."
    )
    if ask == "scale":
        click.echo(
            f"The reference, {wanted.designs[0].reference}, costs half of the budget, and the other"
            " arms twice as much as it."
        )
    click.echo(
        f"\nWrote {file}: {networks}, {counted(seeds, 'seed')},"
        f" {counted(len(wanted.designs) * seeds, 'training')}."
        f"\nHow long do they take here? {command('study plan', file)}"
        f"\nTrain them: {command('study run', file)}"
    )


def _show(wanted: "Wanted") -> None:
    from explorer.commands.printing import print_designs

    print_designs(wanted.designs, {"arm": [design.arm for design in wanted.designs]})
