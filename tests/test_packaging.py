"""The wheel holds what a user needs: presets included, tests not."""

import json
import os
import re
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_an_installed_wheel_matches_and_shows_spaces_from_an_empty_folder(tmp_path: Path) -> None:
    subprocess.run(
        [
            sys.executable,
            "-m",
            "build",
            "--wheel",
            "--no-isolation",
            "--outdir",
            tmp_path / "dist",
            ROOT,
        ],
        check=True,
        capture_output=True,
    )
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    tops = {name.split("/")[0] for name in names}
    assert {"explorer", "search_spaces", "studies", "dashboards"} <= tops
    assert "tests" not in tops
    measured = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("studies/evidence/*/*.*")}
    pictures = {name for name in measured if "/pictures/" in name}
    assert measured - pictures <= set(names)
    assert not pictures & set(names)
    about = zipfile.ZipFile(wheel).read("resnext_explorer-0.1.0.dist-info/METADATA").decode()
    assert set(re.findall(r"^Provides-Extra: (.+)", about, re.MULTILINE)) == {
        "cpu",
        "dev",
        "mlflow",
        "onnx",
        "postgres",
        "ray",
        "s3",
        "slurm",
        "tensorboard",
        "wandb",
    }
    assert re.findall(r"^Requires-Dist: (numba.*)", about, re.MULTILINE) == [
        "numba>=0.63; extra == 'cpu'"
    ]

    # A clean environment with the wheel alone; third-party libraries come from
    # this one, our own (editable) code does not.
    environment = tmp_path / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
    (site,) = environment.glob("lib/python3*/site-packages")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", site, wheel],
        check=True,
    )
    libraries = tmp_path / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_paths()["purelib"]).iterdir():
        if "resnext_explorer" not in entry.name and not entry.name.endswith(".pth"):
            (libraries / entry.name).symlink_to(entry)
    empty = tmp_path / "empty"
    empty.mkdir()

    def run(*arguments: str) -> str:
        result = subprocess.run(
            [environment / "bin" / "python", "-P", "-m", "explorer", *arguments],
            cwd=empty,
            env={**os.environ, "PYTHONPATH": str(libraries)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert result.returncode == 0, result.stderr
        return result.stdout

    designs = json.loads(run("match", "resnet50", "--cardinality", "1,32", "--json"))
    assert [design["name"] for design in designs] == ["resnet50", "resnext50_32x4d"]
    assert "resnext50_8x14d" in run("space", "show", "paper_table3")
    where = subprocess.run(
        [environment / "bin" / "python", "-P", "-c", "import explorer; print(explorer.__file__)"],
        cwd=empty,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert str(environment) in where, "the wheel's code ran, not the checkout's"
