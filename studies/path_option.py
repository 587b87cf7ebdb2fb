"""Paths on the command line, as every option for one takes them."""

from pathlib import Path
from typing import Any

import click

from explorer.errors import UserError
from explorer.files import expanded


class GivenPath(click.Path):
    """A path with `~` for the home folder. An empty one, as a variable that is not set gives it, would be the current folder: it is
    refused."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            option = param.opts[-1] if param else "the path"
            raise UserError(
                f"{option} is empty, perhaps from a variable that is not set. Name a path; . is the current folder."
            )
        return super().convert(expanded(value), param, ctx)
