"""What is written ends as its kind does, and replaces nothing that is not from here."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from explorer.cli import cli
from explorer.errors import UserError
from explorer.files import check_output, nearest_path

MARK = b"study,arm,design"


@pytest.mark.parametrize("name", ["a.yaml", "a", "a.csv.gz", ".csv"])
def test_a_file_must_end_as_its_kind_does(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=r"cannot write .*: name a file that ends in \.csv\."):
        check_output(tmp_path / name, (".csv",), MARK, force=True)


@pytest.mark.parametrize("held", [b"", MARK + b",seed\n1,2,3,4\n", b"\xef\xbb\xbf" + MARK])
def test_a_file_of_ours_is_replaced(tmp_path: Path, held: bytes) -> None:
    path = tmp_path / "a.CSV"
    check_output(path, (".csv",), MARK)
    path.write_bytes(held)
    check_output(path, (".csv",), MARK)


@pytest.mark.parametrize("held", [b"x", b"study;arm;design", b"\0" * 70_000 + MARK])
def test_any_other_file_is_replaced_by_force_alone(tmp_path: Path, held: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(held)
    with pytest.raises(UserError, match=r"is there already.*Name another file, or .* --force"):
        check_output(path, (".csv",), MARK)
    check_output(path, (".csv",), MARK, force=True)


def test_where_no_file_can_be_known_to_be_ours_none_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    check_output(path, (".pth",), b"")
    path.write_bytes(b"PK")
    with pytest.raises(UserError, match="--force"):
        check_output(path, (".pth",), b"")


SMALL = ("resnext_1-1_2x4d_w16_small8", "--resolution", "8", "--classes", "5")
WRITERS = {
    "diagram.svg": ("describe", *SMALL, "--diagram"),
    "diagram.html": ("describe", *SMALL, "--diagram"),
    "grid.csv": ("enumerate", "resnet50", "--cardinality", "1,2", "-o"),
    "weights.safetensors": ("export", *SMALL, "--format", "safetensors", "-o"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_keeps_a_foreign_file_and_replaces_its_own(
    workdir: Path, here: Callable[..., "subprocess.CompletedProcess[str]"], name: str
) -> None:
    write, path = WRITERS[name], Path(name)
    path.write_text("mine: resnext-explorer\n")
    refused = here(*write, name)
    assert refused.returncode == 2
    assert f"{name} is there already" in refused.stderr
    assert path.read_text() == "mine: resnext-explorer\n"
    for options in (["--force"], []):  # the second time the file is ours
        assert here(*write, name, *options).returncode == 0
    other = path.with_suffix(".yaml")
    assert here(*write, str(other), "--force").returncode == 2
    assert not other.exists()


def test_every_command_that_writes_a_file_has_force() -> None:
    def commands(group: click.Group) -> list[click.Command]:
        context = click.Context(group)
        found: list[click.Command] = []
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command
            found += commands(command) if isinstance(command, click.Group) else [command]
        return found

    for command in commands(cli):
        options = {option for parameter in command.params for option in parameter.opts}
        if options & {"-o", "--output", "--diagram"}:
            assert "--force" in options, command.name


def test_of_a_path_that_leads_nowhere_the_nearest_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip, a lost ending, a slip in a folder, and what a shell makes of a space."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    (tmp_path / "my best" / "one").mkdir(parents=True)
    for name in ("photos/cat.png", "photos/cat.txt"):
        (tmp_path / name).touch()
    for given, nearest in (
        ("photo", "; there is photos"),
        ("photos/cat", "; there is photos/cat.png"),
        ("phtos/cat.png", "; there is photos"),
        ("my", "; there is 'my best' (a path with spaces stands in quotes)"),
        ("best/one", "; there is 'my best' (a path with spaces stands in quotes)"),
        ("other", ""),
        ("a\0b", ""),
        ("x" * 5000, ""),
    ):
        assert nearest_path(Path(given)) == nearest
    assert nearest_path(Path("photos/cat"), (".txt",)) == "; there is photos/cat.txt"
