"""What programs read is standard JSON."""

import ast
import json
from pathlib import Path

import pytest
from rich.console import Console

from explorer import terminal
from explorer.terminal import print_json, print_table, to_json
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


def test_a_narrow_terminal_keeps_cells_whole_and_names_what_it_leaves_out(monkeypatch, capsys):
    monkeypatch.setattr("explorer.terminal._console", lambda stream: Console(file=stream, width=40))
    columns = ("network", "validation error (%)", "FLOPs", "params", "design")
    rows = [("C=4, shortcut=projection", "2.50", "20.0 M", "1.98 M", "resnext_1-1-1_1x64d_w256")]
    print_table(columns, rows, left=("design",), spare=("design", "params", "FLOPs"))
    out = capsys.readouterr().out
    assert out.splitlines() == [
        "                          validation",
        "network                    error (%)",
        "C=4, shortcut=projection        2.50",
        "Left out for want of width: FLOPs,",
        "params, design.",
    ]
    print_table(columns[:3], [("C=1", "2.50", "20.0 M")], spare=("FLOPs",))
    assert capsys.readouterr().out.splitlines()[0] == "network  validation error (%)   FLOPs"


def test_a_first_cell_as_long_as_the_terminal_has_a_line_of_its_own(monkeypatch, capsys):
    monkeypatch.setattr("explorer.terminal._console", lambda stream: Console(file=stream, width=40))
    columns = ("arm", "design", "validation error", "95 % interval", "")
    arms = ("C=16, depths=3-4-6-3, order=pre, w=256", "C=1, depths=3-3-3, order=post, w=64")
    rows = [(arms[0], "resnext_a", "4.1 %", "", "chosen")]
    rows += [(arms[1], "resnext_b", "10.3 %", "-0.90 to +24.60", "tied")]
    print_table(columns, rows, left=("design", ""), spare=("design",))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 40
    assert [line for line in lines if "C=" in line] == list(arms)
    assert lines[-2].split() == ["10.3", "%", "-0.90", "to", "+24.60", "tied"]
    assert lines[-2].startswith("  ")
    assert lines[-1] == "Left out for want of width: design."
