"""`check.sh`, the script for a machine with a GPU, tried out on the CPU at toy sizes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parent / "check.sh"


def check(out: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", str(SCRIPT), str(out), *arguments],
        env={**os.environ, "DEVICE": "cpu", "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )


@pytest.mark.heavy
def test_each_part_of_the_script_tells_its_result_in_the_summary(tmp_path: Path) -> None:
    result = check(tmp_path / "out", "", "machine", "groups", "steps")
    assert result.returncode == 0, result.stdout + result.stderr
    summary = (tmp_path / "out" / "summary.md").read_text()
    for part in ("machine", "groups", "steps"):
        assert f"## {part}" in summary
        assert f"{part}: exit 0" in summary
    assert "Settings by default" in summary
    assert "| 4x4d at 8x8 | 4: " in summary
    assert "| as trials did | " in summary
    assert "## tests" not in summary


@pytest.mark.slow
def test_a_part_that_fails_is_told_and_costs_no_other(tmp_path: Path) -> None:
    result = subprocess.run(
        ["bash", str(SCRIPT), str(tmp_path), "", "groups", "study"],
        env={**os.environ, "PYTHON": "/nowhere/python", "DEVICE": "cpu"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert result.returncode == 1
    summary = (tmp_path / "summary.md").read_text()
    assert "groups: exit 127" in summary
    assert "/nowhere/python" in summary
    assert "study: exit 127" in summary
