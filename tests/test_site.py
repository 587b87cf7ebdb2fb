"""The documentation's site is built of the READMEs and docstrings, and its reference is whole."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from pkgutil import resolve_name

import click
import pytest

import dashboards
import explorer
import search_spaces
import studies
from explorer.cli import COMMANDS, cli

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs/api.md").read_text()
ENTRIES = re.findall(r"^::: (\S+)$", REFERENCE, re.MULTILINE)


def test_every_public_name_is_in_the_reference() -> None:
    documented = {entry.rsplit(".", 1)[1] for entry in ENTRIES}
    faces = (explorer, search_spaces, studies, dashboards)
    public = {name for face in faces for name in face.__all__}
    assert public <= documented


def test_every_command_has_its_functions_in_the_reference() -> None:
    table = [line for line in REFERENCE.splitlines() if line.startswith("| `")]
    named = [word for line in table for word in re.findall(r"`([^`]+)`", line.split("|")[1])]
    context = click.Context(cli)
    commands = []
    for name in COMMANDS:
        command = cli.get_command(context, name)
        inner = command.list_commands(context) if isinstance(command, click.Group) else []
        commands += [f"{name} {word}" for word in inner] or [name]
    assert sorted(named) == sorted(commands)
    functions = {word for line in table for word in re.findall(r"\]\[([\w.]+)\]", line)}
    for function in functions:
        assert callable(resolve_name(function)) or function.endswith("TABLES"), function


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.targets: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.targets += [
            value for key, value in attrs if key in ("src", "href") and value and tag != "a"
        ]


@pytest.mark.heavy
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(
    tmp_path: Path,
) -> None:
    subprocess.run(
        [Path(sys.executable).parent / "mkdocs", "build", "--quiet", "--strict", "-d", tmp_path],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    assert "C=16 has 0.74" in (tmp_path / "index.html").read_text()
    reference = (tmp_path / "api/index.html").read_text()
    assert all(f'id="{entry}"' in reference for entry in ENTRIES)
    for page in tmp_path.rglob("*.html"):
        links = Links()
        links.feed(page.read_text())
        assert not [target for target in links.targets if target.startswith("http")], page
