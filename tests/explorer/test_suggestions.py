"""Commands to try next are read by a shell as they were meant."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from explorer.cli import cli
from explorer.suggestions import Secret, command

ODD = [
    "a b",
    "it's",
    '"',
    "$HOME",
    "`id`",
    "a;b",
    "-x",
    "--help",
    "a\nb",
    "tab\t",
    "\x1b[31m",
    "ü€",
    "\udcff.db",
    "\\x41\n'",
    "*",
]


def words(line: str) -> list[bytes]:
    """What bash makes of a command."""
    script = f"resnext-explorer() {{ printf '%s\\0' \"$@\"; }}; {line}"
    out = subprocess.run(
        ["bash", "-c", script.encode("utf-8", "surrogateescape")], capture_output=True, check=True
    )
    return out.stdout.split(b"\0")[:-1]


@pytest.mark.parametrize("odd", ODD)
def test_a_shell_reads_every_word_as_it_was(odd: str) -> None:
    line = command(
        "study run", odd, set=["seeds=[0]", odd], data_dir=Path(odd), quiet=True, workers=2
    )
    assert line.isprintable(), "no control character reaches the terminal"
    data = odd.encode("utf-8", "surrogateescape")
    options = [
        b"--set",
        b"seeds=[0]",
        b"--set",
        data,
        b"--data-dir",
        data,
        b"--quiet",
        b"--workers",
        b"2",
    ]
    named = [*options, b"--", data] if odd.startswith("-") else [data, *options]
    assert words(line) == [b"study", b"run", *named]


def test_what_was_not_given_is_left_out() -> None:
    assert (
        command("report", "a", "b", o=None, storage=None, json=False, set=[])
        == "resnext-explorer report a b"
    )
    assert (
        command("match", "resnet50", multiple_of=8)
        == "resnext-explorer match resnet50 --multiple-of 8"
    )


def test_a_password_is_in_no_command() -> None:
    line = command("study status", "s", storage=Secret("RESNEXT_EXPLORER_STORAGE"))
    assert words(line) == [b"study", b"status", b"s"]
    assert line.endswith("  # with the URL in RESNEXT_EXPLORER_STORAGE: its password is not shown")


def test_a_network_of_another_input_is_described_with_that() -> None:
    shown = CliRunner().invoke(
        cli, ["match", "resnet50", "--cardinality", "32", "--resolution", "64", "--classes", "7"]
    )
    line = shown.output.partition("Next: ")[2].strip()
    assert line == "resnext-explorer describe resnext50_32x4d --resolution 64 --classes 7"
    assert CliRunner().invoke(cli, line.split()[1:]).exit_code == 0
