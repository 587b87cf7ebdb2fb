"""What several commands take: `--storage`, `--set`, paths, and a study by its name or file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from explorer.errors import UserError
from explorer.files import expanded

if TYPE_CHECKING:
    from studies.records.stored_study import StoredStudy
    from studies.storage import Storage


def storage_option(command: Any) -> Any:
    """`--storage`, as every command that reads or writes one takes it."""
    return click.option(
        "--storage",
        metavar="URL",
        help=(
            "Where studies are kept (default: RESNEXT_EXPLORER_STORAGE, else resnext-explorer.db in"
            " the current folder)."
        ),
    )(command)


def set_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """`--set KEY=VALUE`, any number of times, as every command that takes it has it."""
    return click.option(
        "--set",
        "changes",
        metavar="KEY=VALUE",
        multiple=True,
        help=(
            "Change one key, for example recipe.epochs=20 or data.validation=0.2; may be given"
            " again."
        ),
    )(function)


def stored_study(storage: "Storage", name_or_path: str) -> "StoredStudy":
    """The stored study of a name, or of the name in a study file."""
    from studies.config.study import name_of
    from studies.records.stored_study import get

    return get(storage, name_of(name_or_path))


class GivenPath(click.Path):
    """A path with `~` for the home folder. An empty one, as a variable that is not set
    gives it, would be the current folder: it is refused."""

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
