"""A path on the command line: `~` is the home folder also behind `=`,
and a variable that is not set is no folder."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from explorer.errors import UserError
from studies.commands.options import GivenPath


@click.command()
@click.option("--data-dir", type=GivenPath())
def show(data_dir: Path | None) -> None:
    click.echo(repr(data_dir))


@pytest.mark.parametrize(
    ("arguments", "path"),
    [
        (["--data-dir=~/x"], Path("/home/me/x")),
        (["--data-dir", "a/../b"], Path("a/../b")),
        ([], None),
    ],
)
def test_a_path_is_taken_as_written_with_the_home_folder_for_its_tilde(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], path: Path | None
) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert CliRunner().invoke(show, arguments).output == f"{path!r}\n"


def test_an_empty_path_is_refused() -> None:
    error = CliRunner().invoke(show, ["--data-dir", ""]).exception
    assert isinstance(error, UserError)
    assert (
        "--data-dir is empty, perhaps from a variable that is not set. Name a path; . is the"
        " current folder." in str(error)
    )
