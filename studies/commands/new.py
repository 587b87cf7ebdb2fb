"""The command `study new`: five questions, and a study file that runs."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from explorer.commands.options import FORCE_OPTION
from explorer.commands.parsing import Number
from explorer.errors import UserError
from explorer.suggestions import command

if TYPE_CHECKING:
    from studies.config.study import Wanted

# What is asked, and how the space says it; `{reference}` of a scale space is suggested.
QUESTIONS = {
    "paths": (
        "At equal FLOPs, how many paths?",
        """\
  budget: {{flops: {flops}}}      # the reference is the best network at or under it
  match: {{solve: bottleneck_width, tolerance: 0.05}}   # d is solved: equal cost
  axes: {{cardinality: [1, 2, 4, 8]}}""",
    ),
    "scale": (
        "At twice the FLOPs, deeper, wider or more paths?",
        """\
  reference: {reference}      # at or under half of {flops} FLOPs
  scale: {{factor: 2, by: flops, depth_policy: longest}}""",
    ),
    "all": (
        "At equal FLOPs, which cardinality and depth together?",
        """\
  budget: {{flops: {flops}}}      # the reference is the best network at or under it
  match: {{solve: bottleneck_width, tolerance: 0.1}}   # d is solved: equal cost
  axes:
    cardinality: [1, 4, 8]
    depths: [1-1-1, 2-2-2, 3-3-3]""",
    ),
}
RESOLUTION = 32  # of a folder's images
TEMPLATE = """\
# A study file, by `{new}`. Change what you like; every key is explained in
# the README of the folder studies, and by an editor that is given `{schema}`.
name: {name}
question: {question}
space:
  name: {name}
{space}
{data}
recipe: {{name: quick, epochs: {epochs}, batch_size: 64}}   # other recipes: modern, resnext_cifar
seeds: [{seeds}]      # every arm is trained with each of them
margin: {margin}      # points of test error that do not matter to you
search: grid          # every arm; a search proposes designs instead: {{method: tpe, trials: 30}}
"""


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
    prompt="What do you ask? paths: how many; scale: deeper, wider or more; all: paths and depth",
    help="What the study asks.",
)
@click.option(
    "--seeds",
    type=click.IntRange(1, 1000),
    prompt="How many trainings of each network? 3 show a gap of a point, 10 one of half a point",
    help="How many seeds.",
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
    from explorer.files import check_output, write_atomic
    from search_spaces.documents import parse_document
    from studies.config.study import StudyFile

    check_output(file, (".yaml", ".yml"), b"", force=force)
    try:
        text = _written(file, data, budget, ask, seeds, margin)
        wanted = parse_document(StudyFile, text, source=str(file), path=file).wanted()
    except UserError as error:
        others = " or ".join(f"--ask {question}" for question in QUESTIONS if question != ask)
        raise UserError(
            f"{error} Here: another --budget, or {others}. Nothing is written."
        ) from None
    write_atomic(file, text)
    _show(wanted)
    click.echo(
        f"\nWrote {file}: {len(wanted.designs)} networks, {seeds} seeds,"
        f" {len(wanted.designs) * seeds} trainings."
        f"\nHow long do they take here? {command('study plan', file)}"
        f"\nTrain them: {command('study run', file)}"
    )


def _written(file: Path, data: str, budget: float, ask: str, seeds: int, margin: float) -> str:
    """The study's file as text."""
    import json

    from explorer.text import human_flops
    from studies.data import DATA_SETS

    flops = human_flops(budget).replace(" ", "")
    section, epochs = "", 15
    if data in DATA_SETS:
        test = "" if DATA_SETS[data].own_test else ", test: 0.2"
        section = f"data: {{name: {data}, validation: 0.1{test}}}"
    else:
        folder = Path(data).expanduser()
        if not folder.is_dir():
            known = ", ".join(DATA_SETS)
            raise UserError(
                f"{data} is neither a data set nor a folder of images that is there; the data sets:"
                f" {known}."
            )
        path = json.dumps(str(folder.absolute()))
        section = (
            f"data: {{name: folder, path: {path}, resolution: {RESOLUTION}, validation: 0.1,"
            " test: 0.2}   # images are resized to resolution"
        )
    question, space = QUESTIONS[ask]
    reference = ""
    if "{reference}" in space:
        reference = _reference(data, budget)
    return TEMPLATE.format(
        new=command("study new"),
        schema=command("schema", "study"),
        name=file.stem,
        question=question,
        space=space.format(flops=flops, reference=reference),
        data=section,
        epochs=epochs,
        seeds=", ".join(map(str, range(seeds))),
        margin=f"{margin:g}",
    )


def _reference(data: str, budget: float) -> str:
    """A network at or under half the budget, which can be made deeper, wider or of more paths."""
    from explorer.references import suggest
    from studies.data import DATA_SETS, DataShape

    shape = DATA_SETS[data].shape if data in DATA_SETS else DataShape(RESOLUTION, 3, 10)
    # Few blocks and some paths, of which each can grow.
    (best,) = suggest(
        budget / 2,
        tolerance=0.1,
        top=1,
        cardinality=[4],
        depths=[[1, 1, 1], [2, 2, 2]],
        **vars(shape),
    )
    return best.name


def _show(wanted: "Wanted") -> None:
    from explorer.commands.printing import print_designs

    print_designs(wanted.designs, {"arm": [design.arm for design in wanted.designs]})
