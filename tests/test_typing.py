"""What a type checker makes of the packages, seen from a project that uses them."""

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from typing import assert_type

import numpy as np

from dashboards import Findings, findings, write_report
from explorer import Architecture, Complexity, Design, Suggestion, build, count, match, scale
from explorer import suggest
from search_spaces import BoundSpace, Resolved, SearchSpace
from studies import Predictor, Recipe, SlurmEngine, Study, Trained, list_studies, new_study, train

assert_type(match("resnet50", cardinality=[1, 32]), list[Design])
assert_type(match("resnet50", cardinality=[1, 32])[0], Design)
assert_type(scale("resnet50", 2)[0].mismatch, float)
assert_type(suggest("5M", resolution=32, cardinality=[1, 2])[0].arms, list[Design])
network = Architecture.from_name("resnet50")
assert_type(count(network), Complexity)
assert_type(count(network).flops, int)
build(network).eval()

space = SearchSpace(name="two", reference="resnet50", axes={"cardinality": [1, 2]})
assert_type(space.bind(resolution=32), BoundSpace)
assert_type(space.resolve(resolution=32), Resolved)
images, labels = np.zeros((9, 8, 8), np.uint8), np.arange(9)
Study(name="arrays", space="digits_cardinality", data=(images, labels), seeds=range(3))
quick = Recipe(name="quick", epochs=3)
study = Study(name="mine", space=space, data={"name": "digits"}, recipe=quick, seeds=[0])
assert_type(Study.load("digits_cardinality"), Study)
assert_type(study.run(workers=2).complete, int)
assert_type(study.run(engine=SlurmEngine(16, partition="gpu")).complete, int)
assert_type(study.changed(["recipe.epochs=3"]), Study)
new_study("new.yaml", data="digits", budget="3M").study.seeds
assert_type(study.verdict(), str)
assert_type(study.winner().design, str)
assert_type(study.plan().seconds, float)
assert_type([listed.name for listed in list_studies()], list[str])
assert_type(train("resnet20_cifar", data="digits"), Trained)
assert_type(train("resnet20_cifar", data="digits").outcome.test_error, float)
assert_type(findings("mine"), Findings)
assert_type(findings("mine").verdict.text, str)
write_report(["mine"], "mine.html").read_text()
"""
MISTAKES = {
    "from explorer import biuld": 'has no attribute "biuld"',
    "from studies import Stduy": 'has no attribute "Stduy"',
    "from dashboards import finding": 'has no attribute "finding"',
    "import explorer; explorer.scale('resnet50', '2')": "incompatible type",
    "import explorer; explorer.match('resnet50', tolerance='2%')": "incompatible type",
    "from search_spaces import SearchSpace; SearchSpace(nmae='a')": '"nmae"',
    "from studies import Study; Study(nmae='a', space='b', data={}, seeds=[0])": '"nmae"',
    "from studies import Study; Study.load('a').run(wrokers=2)": 'argument "wrokers"',
}


@pytest.fixture(scope="module")
def checked(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy prints of the program, with the mistakes in files of their own."""
    project = tmp_path_factory.mktemp("project")
    files = {"program.py": PROGRAM} | {
        f"mistake{number}.py": line for number, line in enumerate(MISTAKES)
    }
    for name, text in files.items():
        (project / name).write_text(text + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir=cache", *files]
    return subprocess.run(command, cwd=project, capture_output=True, text=True).stdout


@pytest.mark.heavy
def test_a_program_has_the_types_that_it_expects(checked: str) -> None:
    assert [line for line in checked.splitlines() if line.startswith("program.py")] == []
    assert f"checked {len(MISTAKES) + 1} source files" in checked.splitlines()[-1]


@pytest.mark.heavy
def test_mistakes_are_seen(checked: str) -> None:
    for number, words in enumerate(MISTAKES.values()):
        lines = [line for line in checked.splitlines() if line.startswith(f"mistake{number}.py")]
        assert any(words in line for line in lines), (words, lines)


def test_all_packages_say_that_they_are_typed() -> None:
    root = Path(__file__).parent.parent
    for package in ("explorer", "search_spaces", "studies", "dashboards"):
        assert (root / package / "py.typed").is_file()
