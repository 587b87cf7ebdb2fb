"""Names in the code are nouns that say what they hold."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ROOMS = ("explorer", "search_spaces", "studies", "dashboards")
# Still to be cleaned.
LEFT_OUT = (
    "studies/winner/winner.py",
    "studies/commands/winner.py",
    "dashboards/analysis/verdict.py",
)
PRONOUNS = frozenset({"one", "found", "place", "kept", "told"})


def bound_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and name of each variable, parameter, attribute, function and class made in a module."""
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield node.lineno, name
            case ast.arg(arg=name) | ast.alias(asname=str(name)):
                yield node.lineno, name
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield node.lineno, name
            case ast.ClassDef(name=name) | ast.ExceptHandler(name=str(name)):
                yield node.lineno, name
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield node.lineno, name
            case ast.MatchMapping(rest=str(name)):
                yield node.lineno, name


@pytest.mark.parametrize("room", ROOMS)
def test_no_name_is_a_pronoun(room: str) -> None:
    pronouns = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted((ROOT / room).rglob("*.py"))
        if not path.relative_to(ROOT).as_posix().startswith(LEFT_OUT)
        for line, name in bound_names(ast.parse(path.read_text()))
        if name in PRONOUNS
    ]
    assert not pronouns, "these names do not say what they hold:\n" + "\n".join(pronouns)


@pytest.mark.parametrize(
    "code",
    [
        "one = 1",
        "for one in []: pass",
        "[one for one in []]",
        "def f(one): pass",
        "lambda *, one: 0",
        "def one(): pass",
        "class A:\n    one: int",
        "self.one = 1",
        "(one := 1)",
        "with f() as one: pass",
        "import a as one",
        "try: pass\nexcept A as one: pass",
        "match a:\n    case [*one]: pass",
        "match a:\n    case {**one}: pass",
    ],
)
def test_a_pronoun_is_seen_wherever_a_name_is_made(code: str) -> None:
    assert [name for _, name in bound_names(ast.parse(code)) if name in PRONOUNS] == ["one"]
