"""The files beside the code say what is true of it: container, workflows, citation, metadata."""

import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def run(*command: object) -> str:
    result = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def test_the_container_follows_the_rules_for_containers() -> None:
    run(BIN / "hadolint", "Dockerfile")


def test_the_container_copies_what_is_installed() -> None:
    copied = {
        word
        for line in (ROOT / "Dockerfile").read_text().splitlines()
        if line.startswith("COPY")
        for word in line.split()[1:-1]
    }
    sent = {
        line[1:] for line in (ROOT / ".dockerignore").read_text().split() if line.startswith("!")
    }
    assert copied == sent
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert set(packages["targets"]["wheel"]["packages"]) <= copied
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.heavy
def test_the_container_matches_designs() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "info"], capture_output=True).returncode:
        pytest.skip("no Docker that answers")
    run(docker, "build", "--tag", "resnext-explorer-test", ".")
    shown = run(docker, "run", "--rm", "resnext-explorer-test", "match", "resnet50", "-C", "1,32")
    assert "resnext50_32x4d" in shown


@pytest.mark.parametrize("path", sorted((ROOT / ".github/workflows").glob("*.yml")), ids=str)
def test_workflows_are_as_github_reads_them(path: Path) -> None:
    run(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", path)


def test_make_targets_of_the_workflows_exist() -> None:
    targets = [
        line.split(":")[0]
        for line in (ROOT / "Makefile").read_text().splitlines()
        if ":" in line and line[0].isalpha()
    ]
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for step in job["steps"]:
                words = str(step.get("run", "")).split()
                if words[:1] == ["make"]:
                    assert words[1] in targets, path


def test_what_a_workflow_runs_as_root_gets_the_environment_of_its_step() -> None:
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        for job in yaml.safe_load(path.read_text())["jobs"].values():
            for step in job["steps"]:
                if "sudo" in (words := shlex.split(str(step.get("run", "")))):
                    names = {"PATH", *step.get("env", {})}
                    assert words[:2] == ["sudo", "env"], path
                    assert {f"{name}=${name}" for name in names} <= set(words), path


def test_citation_is_valid_and_of_this_version() -> None:
    run(
        BIN / "check-jsonschema",
        "--builtin-schema",
        "vendor.citation-file-format",
        "CITATION.cff",
    )
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["license"] == PROJECT["license"]


def test_the_changelog_has_this_version() -> None:
    assert f"\n## {PROJECT['version']}\n" in (ROOT / "CHANGELOG.md").read_text()


def test_every_package_says_that_it_is_typed() -> None:
    packages = ("explorer", "search_spaces", "studies", "dashboards")
    assert all((ROOT / package / "py.typed").exists() for package in packages)


def test_the_shell_completes_commands() -> None:
    words = {"COMP_WORDS": "resnext-explorer study ru", "COMP_CWORD": "2"}
    result = subprocess.run(
        [BIN / "resnext-explorer"],
        env={**os.environ, **words, "_RESNEXT_EXPLORER_COMPLETE": "bash_complete"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["plain,run"]
