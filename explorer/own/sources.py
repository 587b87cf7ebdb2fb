"""A digest of the user's code that makes a network, so that a changed function is noticed.

It covers the function and all that it uses of the user's own: other functions, classes and
constants, also from other modules; not libraries, comments, docstrings or the layout of the text.
The package that the function is in is the user's own, also where it is installed.
"""

import ast
import hashlib
import inspect
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import resolve_name
from pathlib import Path
from typing import Any

from explorer.installed import is_of_a_library

DIGITS = 16


def digest(target: str) -> str:
    """A digest of the function `package.module:function`, 16 hexadecimal digits.

    Its module is imported already. Without a source, as in an interactive session, it is that of
    the name.
    """
    module, _, function = target.partition(":")
    sources: dict[tuple[str, str], str] = {}
    _collect(module, function, module.partition(".")[0], sources)
    text = "\n".join(f"{key}: {sources[key]}" for key in sorted(sources)) or target
    return hashlib.blake2b(text.encode(), digest_size=DIGITS // 2).hexdigest()


def _collect(module: str, name: str, package: str, sources: dict[tuple[str, str], str]) -> None:
    """Note the definition of a name, and of every name of the user's own that it uses."""
    if (module, name) in sources or not _is_users(module, package):
        return
    definitions = _definitions(module)
    node = definitions.get(name)
    if node is None:
        return
    if isinstance(node, ast.Import | ast.ImportFrom):
        if origin := _origin(module, node, name):
            _collect(*origin, package, sources)
        return
    sources[module, name] = _text(_Bare().visit(node))
    for used, attribute in _used(node):
        imported = definitions.get(used)
        if attribute and isinstance(imported, ast.Import | ast.ImportFrom):
            origin = _origin(module, imported, used)
            _collect(".".join(filter(None, origin or ())), attribute, package, sources)
        _collect(module, used, package, sources)


def _text(node: Any) -> str:
    """A definition as text, whatever the version of Python: what is empty is left out.

    `ast.dump` writes the same source in other ways from Python 3.12 on, and again from 3.13 on.
    """
    if isinstance(node, list):
        return f"[{', '.join(map(_text, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = ((key, value) for key, value in ast.iter_fields(node) if value not in (None, []))
    inside = ", ".join(
        f"{key}={_text(value)}" for key, value in sorted(fields, key=lambda each: each[0])
    )
    return f"{type(node).__name__}({inside})"


def _used(node: ast.AST) -> Iterator[tuple[str, str]]:
    """The names in a definition, each alone, or with the attribute that is taken of it."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute) and isinstance(part.value, ast.Name):
            yield part.value.id, part.attr
        elif isinstance(part, ast.Name):
            yield part.id, ""


def _origin(module: str, node: ast.Import | ast.ImportFrom, name: str) -> tuple[str, str] | None:
    """Where an imported name is from: the module, and its name there ("" for a module itself)."""
    for alias in node.names:
        if name == (alias.asname or alias.name.partition(".")[0]):
            if isinstance(node, ast.Import):
                return (alias.name if alias.asname else name), ""
            package = getattr(sys.modules.get(module), "__package__", "") or ""
            source = "." * node.level + (node.module or "")
            try:
                return resolve_name(source, package) if node.level else source, alias.name
            except ImportError:
                return None
    return None


@cache
def _definitions(name: str) -> dict[str, ast.stmt]:
    """What an imported module defines at its top level; nothing where it has no source."""
    try:
        tree = ast.parse(inspect.getsource(sys.modules[name]))
    except (OSError, TypeError, SyntaxError):
        return {}
    return {name: node for node in _statements(tree) for name in _defined(node)}


def _statements(node: ast.AST) -> Iterator[ast.stmt]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            yield from _statements(child)
        elif isinstance(child, ast.stmt):
            yield child


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign | ast.AnnAssign):
        for part in ast.walk(node):
            if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                yield part.id


def _is_users(name: str, package: str) -> bool:
    """Whether an imported module is of this package, or neither of a library nor ours."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if not file or name.partition(".")[0] == package:
        return bool(file)
    return not is_of_a_library(Path(file))


class _Bare(ast.NodeTransformer):
    """Takes out docstrings, which change no network."""

    def visit(self, node: ast.AST) -> ast.AST:
        body = getattr(node, "body", None)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and body:
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = body[1:]
        return super().generic_visit(node)
