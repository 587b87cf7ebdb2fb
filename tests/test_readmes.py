"""The READMEs' examples do what they show: `console` blocks are run
and compared, `pycon` blocks are doctests.

In expected output `...` stands for anything. Blocks in other
languages (`sh`, `yaml`, `python`) are not run.
"""

import doctest
import re
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

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
