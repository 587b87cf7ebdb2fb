"""The documentation's site is built of the READMEs and docstrings, and its reference is whole."""

import ast
import inspect
import os
import re
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from pkgutil import resolve_name
from types import FunctionType

import click
import pytest

import dashboards
import explorer
import search_spaces
import studies
from explorer.cli import COMMANDS, cli

ROOT = Path(__file__).parent.parent
REFERENCE = (ROOT / "docs/api.md").read_text()
ROOMS = ("explorer", "search_spaces", "studies", "dashboards")
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
        found = resolve_name(function)
        assert callable(found) or isinstance(found, dict), function  # published results are named


def _functions(listed: object) -> list[FunctionType]:
    """The function itself, or a class's public methods and properties that its entry shows."""
    if not isinstance(listed, type):
        return [listed] if isinstance(listed, FunctionType) else []
    members = [value for name, value in vars(listed).items() if not name.startswith("_")]
    inner = [
        next(
            (getattr(each, key) for key in ("fget", "__func__", "func") if hasattr(each, key)), each
        )
        for each in members
    ]
    return [each for each in inner if isinstance(each, FunctionType)]


@cache
def _imported(module: str) -> dict[str, tuple[str, str]]:
    """Where the names come from that a module imports, also those for type checkers alone."""
    return {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module])))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def _returned(function: FunctionType) -> list[type]:
    """The classes of our packages that a function's annotation says it returns."""
    annotation = function.__annotations__.get("return")
    text = annotation.__name__ if type(annotation) is type else str(annotation)
    classes = []
    for name in re.findall(r"(?<![\w.])[A-Za-z]\w*(?![\w.])", text.replace("'", "")):
        value = getattr(sys.modules[function.__module__], name, None)
        if value is None and name in (imported := _imported(function.__module__)):
            value = resolve_name(":".join(imported[name]))
        classes.append(value)
    paths = re.findall(r"\w+(?:\.\w+)+", text)  # of an annotation that is no text
    classes += [resolve_name(path) for path in paths if path.split(".")[0] in ROOMS]
    return [each for each in classes if isinstance(each, type) and _is_ours(each)]


def _is_ours(thing: type | FunctionType) -> bool:
    return thing.__module__.split(".")[0] in ROOMS


def test_what_listed_functions_return_is_in_the_reference() -> None:
    listed = [resolve_name(entry) for entry in ENTRIES]
    bare = re.findall(r"^::: (\S+)\n    options: {members: false}$", REFERENCE, re.MULTILINE)
    shown = [resolve_name(entry) for entry in ENTRIES if entry not in bare]
    functions = [inspect.unwrap(each) for entry in shown for each in _functions(entry)]
    missing = {
        f"{returned.__module__}.{returned.__qualname__}, by {function.__qualname__}"
        for function in filter(_is_ours, functions)
        for returned in _returned(function)
        if returned not in listed
    }
    assert not missing


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
