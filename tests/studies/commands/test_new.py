"""`study new` asks five questions and writes a study file that runs; nothing where it would not."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from photos import CLASSES, photo

from studies.commands.new import QUESTIONS, new
from studies.config.study import StudyFile

Here = Callable[..., "subprocess.CompletedProcess[str]"]
ANSWERS = ("--data", "digits", "--budget", "3M", "--seeds", "2", "--margin", "0.5")


@pytest.mark.parametrize("ask", QUESTIONS)
def test_every_question_makes_a_study_within_the_budget(
    workdir: Path, here: Here, ask: str
) -> None:
    result = here("study", "new", "mine.yaml", *ANSWERS, "--ask", ask)
    assert result.returncode == 0, result.stderr
    study = StudyFile.load("mine.yaml")
    wanted = study.wanted()
    assert study.name == "mine"
    assert study.seeds == [0, 1]
    assert study.margin == 0.5
    assert len(wanted.designs) >= 3
    assert not wanted.left_out
    assert all(design.complexity.flops <= 1.1 * 3e6 for design in wanted.designs)
    assert f"{len(wanted.designs)} networks, 2 seeds" in result.stdout


def test_what_is_not_given_is_asked(workdir: Path) -> None:
    answers = "digits\n3M\npaths\n3\n0.25\n"
    result = CliRunner().invoke(new, ["mine.yaml"], input=answers, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    study = StudyFile.load("mine.yaml")
    assert (len(study.seeds), study.margin, study.data.name) == (3, 0.25, "digits")


def test_a_folder_of_photos_is_named_whole_and_read(workdir: Path, here: Here) -> None:
    for label, name in enumerate(CLASSES):
        folder = workdir / 'my "photos"' / name
        folder.mkdir(parents=True)
        for number in range(8):
            photo(number, label).save(folder / f"{number}.png")
    result = here(
        "study", "new", "mine.yaml", "--data", 'my "photos"', *ANSWERS[2:], "--ask", "paths"
    )
    assert result.returncode == 0, result.stderr
    study = StudyFile.load("mine.yaml")
    assert study.data.path == str(workdir / 'my "photos"')
    assert study.wanted().shape.classes == 3


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--data", "digit"), "neither a data set nor a folder"),
        (("--budget", "10"), "no reference costs at most"),
        (("--margin", "-1"), "above 0"),
        (("--budget", "300k", "--ask", "scale"), "or --ask all. Nothing is written."),
        (("--budget", "1M", "--ask", "all"), "or --ask paths or --ask scale. Nothing is written."),
    ],
)
def test_a_mistake_writes_no_file(
    workdir: Path, here: Here, changes: tuple[str, ...], words: str
) -> None:
    result = here("study", "new", "mine.yaml", *ANSWERS, "--ask", "paths", *changes)
    assert result.returncode == 2
    assert words in result.stderr
    assert not list(workdir.iterdir())


def test_a_file_that_is_there_is_not_replaced(workdir: Path, here: Here) -> None:
    Path("mine.yaml").write_text("name: other\n")
    arguments = ("study", "new", "mine.yaml", *ANSWERS, "--ask", "paths")
    assert here(*arguments).returncode == 2
    assert Path("mine.yaml").read_text() == "name: other\n"
    assert here(*arguments, "--force").returncode == 0
