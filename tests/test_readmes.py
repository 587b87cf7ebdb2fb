"""The READMEs' examples do what they show: `console` blocks are run
and compared, `pycon` blocks are doctests.

In expected output `...` stands for anything. Of the top README the `sh` blocks are run too, on
studies whose results are stored; those of the rooms, and other languages, are not.
"""

import doctest
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from big_study import add_attempts
from click.testing import CliRunner
from PIL import Image

from explorer.cli import cli
from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.data import DataSpec, load
from studies.records.creation import create_or_extend
from studies.records.same_data import about_data
from studies.records.stored_study import StoredStudy
from studies.storage import Storage

ROOT = Path(__file__).parent.parent
READMES = sorted([*ROOT.glob("README.md"), *ROOT.glob("[!.]*/README.md")])
CHECK = doctest.OutputChecker()
FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(path: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def steps(block: str) -> list[tuple[str, str]]:
    """The commands of a console block, each with the output shown under it."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    found = []
    for part in parts:
        command, _, output = re.sub(r"\\\n\s*", "", part).partition("\n")
        found.append((command.split("  #")[0].strip(), output))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_commands_print_what_the_readme_shows(
    path: Path, workdir: Path, here: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    for block in blocks(path, "console"):
        for command, expected in steps(block):
            program, *arguments = shlex.split(command)
            assert program == "resnext-explorer"
            result = here(*arguments)
            shown = result.stdout + result.stderr
            assert CHECK.check_output(expected, shown, FLAGS), (
                f"{command}\n--- expected\n{expected}\n--- printed\n{shown}"
            )


@pytest.mark.slow
@pytest.mark.parametrize("path", READMES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_python_examples_print_what_the_readme_shows(path: Path, workdir: Path) -> None:
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner(optionflags=FLAGS)
    names: dict[str, object] = {}  # a later block goes on where an earlier one ended
    for number, block in enumerate(blocks(path, "pycon")):
        report: list[str] = []
        test = parser.get_doctest(block, names, f"{path.name}, block {number}", str(path), 0)
        runner.run(test, out=report.append, clear_globs=False)
        names |= test.globs
        assert not report, "".join(report)


# What is not run: it serves until it is stopped.
ENDLESS = ("resnext-explorer dashboard",)
SETTINGS = {"device": "cpu", "precision": "32", "threads": 1}
MY_STUDY = {
    "name": "my_study",
    "space": {
        "name": "small",
        "reference": "resnext_1_1x8d_w16_small8",
        "match": {"solve": "bottleneck_width", "by": "flops"},
        "axes": {"cardinality": [1, 2]},
    },
    "recipe": {"name": "quick", "epochs": 1, "batch_size": 64},
    "seeds": [0, 1, 2],
    "search": {
        "method": "random", "trials": 2, "finalists": 1,
        "objectives": ["validation_error", "latency"],
    },
}  # fmt: skip


def stored(storage: Storage, study: Study) -> StoredStudy:
    """The study as a run on its true data would store it; nothing is trained."""
    known = {**about_data(load(study.data)), "settings": SETTINGS}
    return create_or_extend(storage, study, study.wanted(), lambda: known)


def search_to_its_end(storage: Storage, study: StoredStudy) -> None:
    claims = Claims(storage, study.id, study)
    while attempt := claims.claim(Worker("worker")):
        result = {"validation_error": 0.1, "test_error": 0.1, "latency": 0.001}
        claims.end(attempt, "complete", [0.1, 0.001], {"result": result})


@pytest.mark.heavy
def test_the_commands_of_the_top_readme_run(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("studies.machine.memory.keep_memory", lambda: None)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    digits = load(DataSpec(name="digits", test=0.2)).train
    few = digits.images[:200], digits.labels[:200]  # so that 30 epochs take a second
    storage = Storage()
    add_attempts(storage, stored(storage, Study.load("digits_cardinality")))
    search_to_its_end(storage, stored(storage, Study(**MY_STUDY, data=few)))
    storage.close()
    monkeypatch.setenv("HOME", str(workdir))
    for folder in ("new_photos", "photos/cats", "photos/dogs"):
        (workdir / folder).mkdir(parents=True)
        image = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
        for number in range(10):
            image.save(f"{folder}/{number}.png")
    lines = [
        line.partition("  #")[0].strip()
        for block in blocks(ROOT / "README.md", "sh")
        for line in block.splitlines()
        if line.startswith("resnext-explorer ") and not line.startswith(ENDLESS)
    ]
    assert len(lines) >= 9
    for line in lines:
        result = CliRunner().invoke(cli, shlex.split(line)[1:], catch_exceptions=False)
        assert result.exit_code == 0, f"{line}\n{result.output}"
    written = ("digits.html", "results.csv", "best/weights.safetensors", "best/network.onnx")
    assert all(Path(name).is_file() for name in written)
