"""`study new` asks five questions and writes a study file that runs; nothing where it would not."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from photos import CLASSES, photo

from explorer.errors import UserError
from explorer.text import FAR_OFF
from studies import Study, new_study
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


@pytest.mark.parametrize(
    ("ask", "budget"),
    [("all", "500k"), ("all", "1M"), ("scale", "600k"), ("paths", "300k")],
)
def test_no_network_is_too_far_off_to_compare(
    workdir: Path, here: Here, ask: str, budget: str
) -> None:
    result = here("study", "new", "mine.yaml", *ANSWERS, "--ask", ask, "--budget", budget)
    assert result.returncode == 0, result.stderr
    designs = StudyFile.load("mine.yaml").wanted().designs
    assert max(abs(design.mismatch) for design in designs) <= FAR_OFF
    assert len(designs) >= 3
    assert "! " not in result.stdout


def test_where_no_reference_has_near_arms_the_nearest_is_named(workdir: Path, here: Here) -> None:
    answers = (*ANSWERS, "--data", "mnist", "--ask", "scale", "--budget", "250k")
    result = here("study", "new", "mine.yaml", *answers)
    assert result.returncode == 2
    assert "within 5.0 % of twice its cost: the nearest is" in result.stderr
    assert "or --ask paths or --ask all. Nothing is written." in result.stderr


def test_the_help_explains_every_question() -> None:
    shown = CliRunner().invoke(new, ["--help"], terminal_width=200).output
    assert all(f"{question}: " in shown for question in QUESTIONS)


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
    # A tenth of 19 images would leave a class out; an epoch of 14 images has a step at least.
    assert (study.data.validation, study.recipe.batch_size) == (0.2, 8)
    for line in (
        "Images: 14 for training, 5 for validation, 5 for the test; one of the test is 20 points",
        "Warning: the margin of 0.5 points is less than one image of the test set.",
        f"{len(CLASSES)} classes: ",
    ):
        assert line in result.stdout


def test_a_folder_one_level_too_high_is_remarked(workdir: Path, here: Here) -> None:
    for part in ("photos/circles", "photos/squares", "new/circles"):
        Path("project", part).mkdir(parents=True)
        for number in range(10):
            photo(number, 0).save(Path("project", part, f"{number}.png"))
    result = here("study", "new", "mine.yaml", "--data", "project", *ANSWERS[2:], "--ask", "scale")
    assert result.returncode == 0, result.stderr
    assert "2 classes: 'new', 'photos'." in result.stdout
    assert "made of the folders circles, squares: if those are the classes" in result.stdout
    # Larger networks of few images: steps enough to learn, and all stages grow.
    recipe = StudyFile.load("mine.yaml").recipe
    assert recipe.epochs * (21 // recipe.batch_size) >= 1_000
    deeper = StudyFile.load("mine.yaml").wanted().designs[1].architecture.depths
    assert max(deeper) - min(deeper) <= 1 < max(deeper)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (("--data", "digit"), "Did you mean 'digits'? Known: digits,"),
        (("--budget", "10"), "Give another --budget, or --ask scale or --ask all. Nothing is"),
        (("--margin", "-1"), "above 0"),
        (("--budget", "20k", "--ask", "scale"), "or --ask all. Nothing is written."),
        (("--budget", "20k", "--ask", "all"), "or --ask paths or --ask scale. Nothing is written."),
        (("--seeds", "1,024"), "Write 1024, without commas: --seeds 1,024."),
        (("--seeds", "0,1,2"), "--seeds 3 trains each network with seeds 0 to 2 (given: 0,1,2)."),
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


def test_a_folder_that_is_not_there_or_is_a_file_is_told(workdir: Path, here: Here) -> None:
    Path("photos").mkdir()
    Path("photos.zip").touch()
    for given, says in (
        ("photo", "Nor is it a folder of images that is there; there is photos. Nothing is"),
        ("photos.zip", "photos.zip is a file, and a folder is needed (unpack an archive)"),
    ):
        result = here("study", "new", "a.yaml", "--data", given, *ANSWERS[2:], "--ask", "paths")
        assert (result.returncode, says in result.stderr) == (2, True), result.stderr


def test_of_few_images_no_option_is_advised_that_the_command_lacks(
    workdir: Path, here: Here
) -> None:
    for name in ("cats", "dogs"):
        Path("photos", name).mkdir(parents=True)
        for number in range(3):
            photo(number, 0).save(f"photos/{name}/{number}.png")
    result = here("study", "new", "a.yaml", "--data", "photos", *ANSWERS[2:], "--ask", "paths")
    assert result.returncode == 2
    assert "and there are 2 classes. Add images. Nothing is written." in result.stderr


def test_broken_images_are_counted_and_the_first_is_named(workdir: Path, here: Here) -> None:
    for name in ("cats", "dogs"):
        Path("photos", name).mkdir(parents=True)
        for number in range(12):
            photo(number, 0).save(f"photos/{name}/{number}.png")
        Path("photos", name, "5.png").write_bytes(b"" if name == "cats" else b"<html>")
    result = here("study", "new", "a.yaml", "--data", "photos", *ANSWERS[2:], "--ask", "paths")
    assert result.returncode == 0, result.stderr
    assert "Warning: 2 of 24 files are no images that can be read; the first is cats/5.png." in (
        result.stdout
    )


def test_a_file_name_with_spaces_names_a_study(workdir: Path, here: Here) -> None:
    result = here("study", "new", "my new study.yaml", *ANSWERS, "--ask", "paths")
    assert result.returncode == 0, result.stderr
    assert StudyFile.load(Path("my new study.yaml")).name == "my_new_study"
    assert "resnext-explorer study run 'my new study.yaml'" in result.stdout


def test_python_writes_the_same_file(workdir: Path, here: Here) -> None:
    assert here("study", "new", "mine.yaml", *ANSWERS, "--ask", "all").returncode == 0
    written = Path("mine.yaml").read_text()
    answers: dict[str, Any] = {"data": "digits", "budget": "3M", "seeds": 2, "margin": 0.5}
    draft = new_study("mine.yaml", **answers, ask="all", force=True)
    assert Path("mine.yaml").read_text() == draft.text == written
    assert Study.load("./mine.yaml").document() == draft.study.document()
    for mistake in (
        {"seeds": 0},
        {"ask": "path"},
        {"budget": "much"},
        {"data": "digts"},
        {"margin": None},
    ):
        with pytest.raises(UserError):
            new_study("other.yaml", **{**answers, **mistake})
    assert not Path("other.yaml").exists()
