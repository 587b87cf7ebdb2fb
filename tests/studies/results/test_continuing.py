"""A study that moves between machines as files: what is taken, what is refused, and the rest."""

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import fake_training
import pandas as pd
import pytest
import tiny_runs
import tiny_study
import yaml
from tiny_study import change

import studies.results.continuing
import studies.running.supervisor
from dashboards.analysis.findings import Findings
from explorer.errors import UserError
from studies import Study
from studies.records.stored_study import get
from studies.results import read, study_info
from studies.results.continuing import continue_study
from studies.storage import Storage

Here = Callable[..., CompletedProcess[str]]
URL = "sqlite:///t.db"
ORIGIN = "results.origin.yaml"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny study, trained whole on "another machine" and written as files."""
    from click.testing import CliRunner

    from explorer.cli import cli

    folder = tmp_path_factory.mktemp("finished")
    (folder / "tiny_space.yaml").write_text(tiny_study.SPACE)
    (folder / "tiny.yaml").write_text(tiny_study.STUDY)
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        for name, value in fake_training.SUPERVISED.items():
            patched.setattr(studies.running.supervisor, name, value)
        tiny_runs.run(folder / "tiny.yaml")
        for options in (["-o", "results.csv"], ["--curves", "-o", "curves.csv"]):
            call = ["study", "results", "tiny", "--storage", URL, *options]
            assert CliRunner().invoke(cli, call).exit_code == 0
        (folder / "there.db").write_bytes((folder / "t.db").read_bytes())
    return folder


@pytest.fixture
def files(finished: Path, workdir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files on this machine, of which two trainings were never done; returns the study file."""
    for name in ("load", "resolve"):
        monkeypatch.setattr(studies.results.continuing, name, fake_training.SUPERVISED[name])
    for name in ("tiny.yaml", "tiny_space.yaml", "curves.csv", ORIGIN):
        shutil.copy(finished / name, workdir)
    lines = (finished / "results.csv").read_text().splitlines()
    (workdir / "results.csv").write_text("\n".join(lines[:5]))  # the header and four pairs
    return workdir / "tiny.yaml"


def go_on(study: Path, curves: Path | None = None) -> list[str]:
    return continue_study(Storage(URL), Study.load(study), Path("results.csv"), curves).about


@pytest.mark.heavy
def test_the_rest_is_trained_and_all_is_as_if_undisturbed(
    files: Path, fake: None, finished: Path, here: Here
) -> None:
    call = ["results.csv", "--curves", "curves.csv", "--continue", "./tiny.yaml"]
    told = here("study", "import", *call, "--storage", URL)
    assert told.returncode == 0, told.stderr
    assert "tiny: took 4 complete pairs from results.csv." in told.stdout
    assert f"Train the rest: resnext-explorer study run ./tiny.yaml --storage {URL}" in told.stdout
    counts = get(Storage(URL), "tiny").counts(Storage(URL))
    assert (counts.complete, counts.left) == (4, 2)

    assert tiny_runs.run(files) == tiny_runs.DONE
    assert tiny_runs.endings().count("complete") == 6  # nothing was trained twice
    for found, wanted in zip(
        read(URL, "tiny"), read(f"sqlite:///{finished}/there.db", "tiny"), strict=True
    ):
        left_out = [name for name in tiny_runs.INCIDENTAL if name in found]
        pd.testing.assert_frame_equal(found.drop(columns=left_out), wanted.drop(columns=left_out))


def test_on_the_same_kind_of_machine_nothing_is_noted(files: Path) -> None:
    assert go_on(files) == []


def test_another_kind_of_machine_is_noted_in_the_report_and_gives_its_own_settings(
    files: Path,
) -> None:
    origin = yaml.safe_load(Path(ORIGIN).read_text())
    origin["settings"] = {"device": "cuda:7", "precision": "bf16", "threads": 16}
    origin["machine"] = "Linux x86_64, NVIDIA H100"
    Path(ORIGIN).write_text(yaml.safe_dump(origin))
    (note,) = go_on(files)
    assert note.startswith(
        "4 trainings were done on another machine and taken from results.csv: cuda:7, bf16, 16"
        " threads, torch "
    )
    assert "NVIDIA H100" in note
    assert "the others are done with cpu" in note
    trials, _ = read(URL, "tiny")
    info = study_info(URL, "tiny")
    assert note in Findings(trials, info).verdict.notes
    assert info["device"] == "cpu"


def test_more_seeds_are_an_extension_of_the_same_study(files: Path) -> None:
    change(files, "seeds: [0, 1]", "seeds: [0, 1, 2]")
    go_on(files)
    # What was wanted first is stored: the run that extends it counts another look.
    assert get(Storage(URL), "tiny").seeds == [0, 1]


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("tiny.yaml", "epochs: 4", "epochs: 5", r"recipe\.epochs: 4 -> 5"),
        ("tiny.yaml", "name: tiny\n", "name: other\n", r"name: tiny -> other"),
        ("tiny.yaml", "split_seed: 0", "split_seed: 1", r"data\.split_seed: 0 -> 1"),
        ("tiny_space.yaml", "_w16_small8", "_w32_small8", r"space\.reference"),
        (ORIGIN, "  validation: 100", "  validation: 99", "the data of tiny has changed"),
        ("results.csv", "\ntiny,", "\nother,", "holds results of other, not of tiny"),
        ("curves.csv", ",0,4,", ",0,5,", r"curves\.csv does not hold all 4 epochs"),
    ],
)
def test_another_study_is_refused_with_what_differs_and_nothing_is_stored(
    files: Path, file: str, old: str, new: str, words: str
) -> None:
    text = Path(file).read_text()
    assert old in text
    Path(file).write_text(text.replace(old, new))
    with pytest.raises(UserError, match=words):
        go_on(files, Path("curves.csv"))
    assert not Path("t.db").exists()


def test_other_images_of_the_same_number_are_refused(files: Path) -> None:
    origin = yaml.safe_load(Path(ORIGIN).read_text())
    origin["digests"]["test"] = "00" * 16
    Path(ORIGIN).write_text(yaml.safe_dump(origin))
    with pytest.raises(UserError, match="others, or with other labels, in test"):
        go_on(files)


def test_results_without_their_origin_are_refused(files: Path) -> None:
    Path(ORIGIN).unlink()
    with pytest.raises(UserError, match=r"no file results\.origin\.yaml.*Bring it along"):
        go_on(files)
    Path(ORIGIN).write_text("name: mine\n")
    with pytest.raises(UserError, match=r"is not what `study results -o` writes"):
        go_on(files)


def test_a_pair_that_the_study_never_wanted_is_refused(files: Path) -> None:
    text = Path("results.csv").read_text()
    rows = pd.read_csv("results.csv", dtype=str, keep_default_na=False)
    rows.loc[0, "seed"] = "7"
    rows.to_csv("results.csv", index=False)
    with pytest.raises(UserError, match=r"seed 7 .* is no pair of the study"):
        go_on(files)
    rows.loc[0, "seed"], rows.loc[0, "epochs"] = "0", "3"
    rows.to_csv("results.csv", index=False)
    with pytest.raises(UserError, match="was trained for 3 epochs; the study wants 4"):
        go_on(files)
    Path("results.csv").write_text(text)
    go_on(files)
    with pytest.raises(UserError, match="there is a study tiny in"):
        go_on(files)


def test_options_that_do_not_go_together_are_refused(files: Path, here: Here) -> None:
    given = here("study", "import", "results.csv", "--continue", "tiny.yaml", "--name", "x")
    assert given.returncode == 2
    assert "--continue takes a study as it is" in given.stderr
    given = here("study", "import", "results.csv", "--curves", "curves.csv")
    assert given.returncode == 2
    assert "are for --continue" in given.stderr
