"""What is printed is text, whoever prints it, and data for programs is exact."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from terminals import CONTROLS, run_on_terminal

from explorer.streams import PlainStream, printable, unfiltered

CODE = """
import sys
import click
from explorer.streams import let_only_text_through
from explorer.terminal import print_data, print_json, print_table

let_only_text_through()
EVIL = "a\\x1b[2Jb\\x1b]0;title\\x07\\u202ec\\r\\x9bd"
click.echo(EVIL)
print(EVIL)
sys.stderr.write(EVIL)
sys.stdout.writelines([EVIL, "\\n"])
print_table(["name", EVIL], [[EVIL, 1]])
print_json({EVIL: 1})
print_data("data " + EVIL)
"""
ROOT = Path(__file__).parent.parent.parent


def test_only_text_gets_through() -> None:
    stream = io.StringIO()
    plain = PlainStream(stream)
    text = "one\ttwo\r\nthree \x1b[31mred\x1b[0m\u202e\n"
    assert plain.write(text) == len(text)
    assert stream.getvalue() == "one\ttwo \nthree [31mred[0m\n"
    assert unfiltered(plain) is stream  # type: ignore[arg-type]
    assert printable("a\nb\u00a0c\udce9") == "a b c\ufffd"


def test_a_pipe_gets_text_and_exact_data() -> None:
    output = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, check=True, cwd=ROOT
    ).stdout
    text, data = output.decode().split("data ")
    assert not CONTROLS & set(text)
    assert data == "a\x1b[2Jb\x1b]0;title\x07\u202ec\r\x9bd"


def test_a_terminal_gets_text_only() -> None:
    text = run_on_terminal([sys.executable, "-c", CODE], cwd=ROOT)
    assert "data a[2Jb]0;titlec d" in text
    assert not CONTROLS & set(text)


def test_a_stream_that_is_closed_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from explorer.streams import let_only_text_through

    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    let_only_text_through()
    assert sys.stdout is None


BAR = """
import sys
from explorer import terminal

terminal.PATIENCE = float(sys.argv[1])
with terminal.progress_bar("storing") as progress:
    for done in range(3):
        progress(done, 3)
"""


def test_a_bar_appears_once_something_takes_long() -> None:
    command = [sys.executable, "-c", BAR]
    assert "storing" in run_on_terminal([*command, "-1"], cwd=ROOT, term="xterm")
    assert run_on_terminal([*command, "2"], cwd=ROOT, term="xterm") == ""
    assert subprocess.run([*command, "-1"], capture_output=True, check=True, cwd=ROOT).stderr == b""
