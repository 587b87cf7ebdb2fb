"""A module of the user's own that hides one of ours is told in a sentence."""

import subprocess
import sys
from pathlib import Path

import pytest

import explorer

HOUSE = Path(explorer.__file__).parents[1]


def python(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("name", ["search_spaces.py", "studies.py", "dashboards/__init__.py"])
def test_the_command_line_names_the_file_that_hides_ours(tmp_path: Path, name: str) -> None:
    hiding = tmp_path / name
    hiding.parent.mkdir(exist_ok=True)
    hiding.write_text("mine = 1\n")
    module = name.split("/")[0].removesuffix(".py")
    # Python looks in the current folder first.
    result = python(tmp_path, "-m", "explorer", "study", "list")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == (
        f"Error: {hiding} hides the module {module} of resnext-explorer. Rename it, or start from"
        " another folder.\n"
    )


def test_a_folder_without_modules_and_a_file_that_is_not_looked_at_are_in_nobodys_way(
    tmp_path: Path,
) -> None:
    (tmp_path / "studies").mkdir()
    (tmp_path / "dashboards.yaml").write_text("")
    result = python(tmp_path, "-m", "explorer", "--version")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize(
    "line", ["from studies import Study", "from search_spaces import SearchSpace"]
)
def test_in_python_an_explorer_py_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / "explorer.py").write_text("mine = 1\n")
    code = f"import sys; sys.path.append({str(HOUSE)!r}); {line}"
    result = python(tmp_path, "-c", code)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        f"ImportError: {tmp_path / 'explorer.py'} hides the module explorer of resnext-explorer."
        " Rename it, or start from another folder."
    )
