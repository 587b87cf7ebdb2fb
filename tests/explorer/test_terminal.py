"""What programs read is standard JSON."""

import ast
import json
from pathlib import Path

import pytest

from explorer import terminal
from explorer.terminal import print_json, to_json
from studies.running.progress import JsonView

NAN, INFINITY = float("nan"), float("inf")


def strict(text: str) -> object:
    def refuse(constant: str) -> object:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def test_what_is_no_number_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    value = {
        "a": [1, NAN, (-INFINITY, {"b": INFINITY})],
        "c": 0.1,
        "d": "NaN",
        "e": None,
        "f": True,
    }
    expected = {"a": [1, None, [None, {"b": None}]], "c": 0.1, "d": "NaN", "e": None, "f": True}
    assert strict(to_json(value)) == expected
    print_json(value)
    assert strict(capsys.readouterr().out) == expected
    JsonView().event(0, {"event": "epoch", "train_loss": NAN})
    assert strict(capsys.readouterr().out) == {"worker": 0, "event": "epoch", "train_loss": None}


def test_nothing_prints_json_but_this() -> None:
    """`json.dumps` inside a `print` or `echo` would let NaN through."""
    root = Path(terminal.__file__).parent.parent
    calls = []
    for room in ("explorer", "search_spaces", "studies", "dashboards"):
        for path in (root / room).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "click.echo"):
                    calls += [
                        f"{path.name}:{node.lineno}"
                        for part in node.args
                        if "json.dumps" in ast.unparse(part)
                    ]
    # What a child process tells its parent, which reads it with Python's own reader.
    assert [call for call in calls if not call.startswith(("settings.py", "plan.py"))] == []
