"""What several commands take: options, paths, and a study by its name or file."""

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.errors import UserError
from explorer.files import expanded

if TYPE_CHECKING:
    from studies.config.study import StudyFile
    from studies.records.stored_study import StoredStudy
    from studies.storage import Storage


class GivenPath(click.Path):
    """A path with `~` for the home folder.

    An empty one, as a variable that is not set gives it, would be the current folder: it is
    refused.
    """

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            option = param.opts[-1] if param else "the path"
            raise UserError(
                f"{option} is empty, perhaps from a variable that is not set. Name a path; . is the"
                " current folder."
            )
        return super().convert(expanded(value), param, ctx)


storage_option = click.option(
    "--storage",
    metavar="URL",
    help=(
        "Where studies are kept (default: RESNEXT_EXPLORER_STORAGE, else resnext-explorer.db in"
        " the current folder)."
    ),
)
where_option = click.option(
    "--where",
    multiple=True,
    metavar="LIMIT",
    help="Choose only among designs within a limit: 'latency<=2ms', 'params<=500k'.",
)
set_option = click.option(
    "--set",
    "changes",
    metavar="KEY=VALUE",
    multiple=True,
    help="Change one key, for example recipe.epochs=20 or data.validation=0.2; may be repeated.",
)


artifacts_option = click.option(
    "--artifacts",
    metavar="URL",
    help=(
        "A shared folder, or a URL such as s3://bucket/folder, for what other machines need:"
        " checkpoints, exported winners, decoded images."
    ),
)
threads_option = click.option(
    "--threads",
    type=int,
    help=(
        "Of torch, in each process that trains (default: what OMP_NUM_THREADS says; else 1, or on a"
        " CPU all its cores where a few timed steps are faster with them)."
    ),
)


def training_options(command: Callable[..., None]) -> Callable[..., None]:
    """How a study is trained here: `--workers`, `--threads`, `--data-dir` and so on."""
    for option in (
        click.option(
            "--data-dir",
            type=GivenPath(),
            help="Folder with the data set's files, where it is not built in.",
        ),
        threads_option,
        click.option(
            "--workers-per-gpu", type=int, help="On CUDA: workers that share each GPU (default: 1)."
        ),
        click.option(
            "--workers",
            type=int,
            help=(
                "Processes that train at the same time (default: 1; on CUDA, --workers-per-gpu for"
                " each GPU)."
            ),
        ),
    ):
        command = option(command)
    return command


def wanted_study(storage: "Storage", name_or_path: str, changes: tuple[str, ...]) -> "StudyFile":
    """The study that `study run` and `study plan` are given, with single keys changed."""
    from studies.config.study import StudyFile
    from studies.records.named import load_study

    study, sentence = load_study(StudyFile, name_or_path, storage)
    if sentence:
        click.echo(sentence, err=True)
    return study.changed(changes)


def stored_study(storage: "Storage", name_or_path: str) -> "StoredStudy":
    """The stored study of a name, or of the name in a study file."""
    from studies.config.study import name_of
    from studies.records.stored_study import get

    return get(storage, name_of(name_or_path))


def with_stored_study(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the argument STUDY and `--storage`.

    It is called with what they name: `storage`, opened, and the stored `study`.
    """

    @click.argument("name_or_path", metavar="STUDY")
    @storage_option
    @wraps(command)
    def opened(name_or_path: str, storage: str | None, **others: Any) -> None:
        from studies.storage import Storage

        opened_storage = Storage(storage)
        command(opened_storage, stored_study(opened_storage, name_or_path), **others)

    return opened
