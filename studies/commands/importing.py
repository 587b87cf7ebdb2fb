"""The command `study import`: results that were trained elsewhere."""

from pathlib import Path
from typing import Any, Literal

import click

from explorer.errors import UserError
from explorer.suggestions import command
from studies.commands.options import GivenPath, storage_option, training_options

MOST_NAMED = 12  # ignored columns of an import


@click.command("import")
@click.argument("path", metavar="FILE|published:NAME", type=GivenPath())
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "nds"]),
    default="csv",
    help="What the file is: CSV (default), or JSON of the networks of NDS, github.com/"
    "facebookresearch/nds.",
)
@click.option(
    "--name",
    help="What to call the study (default: what the column study says, else the file's name).",
)
@click.option(
    "--reference-arm", metavar="ARM", help="The arm the others are compared with, for example C=1."
)
@click.option(
    "--continue",
    "study_file",
    metavar="STUDY",
    help="The study that the results are of, a file or a preset: the rest can be trained here.",
)
@click.option(
    "--curves", type=GivenPath(), help="With --continue: the file of `study results --curves`."
)
@storage_option
@training_options
def import_(
    path: Path,
    form: Literal["csv", "nds"],
    name: str | None,
    reference_arm: str | None,
    study_file: str | None,
    curves: Path | None,
    storage: str | None,
    **training: Any,
) -> None:
    """Store results that were trained elsewhere as a study.

    A row is one design and seed, as `study results` writes it. Needed columns: design, seed,
    validation_error, test_error (fractions). Each design must be a name that the explorer knows,
    and what the file says about it (flops, params, activations, cardinality, ...) must be what the
    explorer counts. `published:NAME` is one of the published results that the explorer knows;
    `published:` alone lists them. Of a file of NDS, the networks that keep the two rules of the
    template are taken.

    With --continue, the results are of a study that was begun on another machine: the complete
    pairs are taken, and `study run` trains the rest. The study and the data must be the same ones;
    another kind of machine is noted in the report. --data-dir and --workers are as for
    `study run`.

    \b
    Examples:
      resnext-explorer study import results.csv
      resnext-explorer study import cluster.csv --name cluster --reference-arm C=1
      resnext-explorer study import published:osmr_resnext20_cifar10
      resnext-explorer study import --format nds ResNeXt-A.json
      resnext-explorer study import results.csv --curves curves.csv --continue study.yaml
    """
    if study_file is not None:
        if form != "csv" or name or reference_arm:
            raise UserError(
                "--continue takes a study as it is: leave out --format, --name and --reference-arm."
            )
        _continue(path, study_file, curves, storage, training)
        return
    if curves or any(value is not None for value in training.values()):
        raise UserError(
            "--curves, --data-dir, --workers, --workers-per-gpu and --threads are for --continue"
            " STUDY; leave them out, or give that with them."
        )
    from explorer.file_kinds import PUBLISHED
    from explorer.text import counted
    from studies.storage import Storage
    from studies.stored import import_study

    if str(path) == PUBLISHED:
        _list_published()
        return
    opened = Storage(storage)
    study = import_study(path, form=form, name=name, reference_arm=reference_arm, storage=opened)
    click.echo(
        f"Imported {counted(len(study.trials), 'result')} of"
        f" {counted(len(study.designs), 'design')} into {study.name}."
    )
    for sentence in study.about:
        click.echo(sentence)
    if study.skipped:
        click.echo(f"Skipped: {counted(study.skipped, 'row')} of trainings that are not complete.")
    if study.ignored:
        columns = ", ".join(column[:60] for column in study.ignored[:MOST_NAMED])
        more = ", ..." if len(study.ignored) > MOST_NAMED else ""
        click.echo(f"Ignored {counted(len(study.ignored), 'column')}: {columns}{more}")
    click.echo(f"See what came out: {command('report', study.name, storage=opened.option)}")


def _list_published() -> None:
    from explorer.file_kinds import PUBLISHED
    from explorer.published import STUDIES
    from explorer.terminal import print_table

    print_table(
        ("name", "networks", "data", "of"),
        [
            (
                name,
                len(study.trainings),
                study.data,
                ", ".join(filter(None, (study.table.title, study.part))),
            )
            for name, study in STUDIES.items()
        ],
        left=("data", "of"),
    )
    click.echo(f"\nNext: {command('study import', PUBLISHED + next(iter(STUDIES)))}")


def _continue(
    path: Path, study_file: str, curves: Path | None, storage: str | None, training: dict[str, Any]
) -> None:
    from explorer.text import counted
    from studies.config.study import StudyFile
    from studies.records.stored_study import get
    from studies.storage import Storage
    from studies.stored import import_results

    opened = Storage(storage)
    study = StudyFile.load(study_file)
    taken = import_results(
        study,
        path,
        curves,
        data_dir=training["data_dir"],
        workers=training["workers"] or 1,
        threads=training["threads"],
        storage=opened,
    )
    click.echo(f"{study.name}: took {counted(taken.pairs, 'complete pair')} from {path}.")
    for sentence in taken.about:
        click.echo(sentence)
    counts = get(opened, study.name).counts(opened)
    if counts.complete == counts.wanted:
        report = command("report", study.name, storage=opened.option)
        click.echo(f"Nothing is left to train. See what came out: {report}")
        return
    click.echo(
        f"Train the rest: {command('study run', study_file, **training, storage=opened.option)}"
    )
