"""The command line: `space show` prints designs, and what is left out."""

import json
from pathlib import Path

from click.testing import CliRunner
from space_files import TEXT

from search_spaces.commands import space


def test_space_show_prints_designs_and_what_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT + "match: {tolerance: 0.02}\n")
    shown = CliRunner().invoke(space, ["show", str(path)]).output
    assert "resnet50" in shown
    assert "Left out: C=8" in shown
    record = json.loads(CliRunner().invoke(space, ["show", str(path), "--json"]).output)
    assert [design["arm"] for design in record["designs"]] == ["C=1"]
    assert record["left_out"][0]["arm"] == "C=8"
