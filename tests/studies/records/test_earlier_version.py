"""A storage that version 0.1.0 wrote is read, shown, extended and resumed.

`tests/fixtures/storage_0_1_0.tar.gz` holds that storage (a grid, a search, a study that tunes, one
whose trainings failed, an imported one, and one that was interrupted in the fifth of six epochs,
with its checkpoint), the study files, and what `study results` of that version wrote of each. It
was made on one core in 32 bits, so that any machine can go on with it.
"""

import tarfile
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

import studies.running.supervisor
from explorer.cli import cli
from studies import Study
from studies.attempts.standing import Attempts
from studies.machine.settings import Resolved
from studies.records.creation import create_or_extend
from studies.records.stored_study import get
from studies.results import TRIALS, read, study_info
from studies.storage import Storage

ARCHIVE = Path(__file__).parents[2] / "fixtures" / "storage_0_1_0.tar.gz"
STUDIES = ["old_grid", "old_search", "old_tuned", "old_failed", "old_imported", "old_interrupted"]
URL = "sqlite:///old.db"
FACTS = {"settings": {"device": "cpu"}, "splits": {"train": 1078, "validation": 359, "test": 360}}


@pytest.fixture
def old(workdir: Path) -> Path:
    """The current folder, with the storage, its files, the study
    files and what was read of them then."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(workdir, filter="data")
    return workdir


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--storage", URL])


@pytest.mark.parametrize("name", STUDIES)
def test_its_results_are_those_that_it_had(old: Path, name: str) -> None:
    result = run("study", "results", name, "-o", "now.csv")
    assert result.exit_code == 0, result.output
    before, now = pd.read_csv(f"results/{name}.csv"), pd.read_csv("now.csv")
    pd.testing.assert_frame_equal(now[before.columns], before)


def test_its_designs_are_of_the_blocks_and_the_order_that_there_were(old: Path) -> None:
    trials = read(URL, "old_grid")[0]
    assert set(trials["kind"]) == {"bottleneck"}
    assert set(trials["order"]) == {"post"}


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_is_shown_and_has_a_report(old: Path, name: str) -> None:
    for command in ("show", "status"):
        result = run("study", command, name)
        assert result.exit_code == 0, result.output
    result = run("report", name, "-o", "report.html")
    assert result.exit_code == 0, result.output
    assert name in (old / "report.html").read_text()


@pytest.mark.heavy
def test_a_grid_goes_on_with_more_seeds_and_arms(old: Path) -> None:
    before = read(URL, "old_grid")[0]
    (old / "space.yaml").write_text(
        (old / "space.yaml").read_text().replace("[1, 2, 4]", "[1, 2, 4, 8]")
    )
    file = old / "old_grid.yaml"
    file.write_text(file.read_text().replace("seeds: [0]", "seeds: [0, 1]"))
    counts = Study.load(file).run(storage=URL, quiet=True)
    assert (counts.wanted, counts.complete) == (8, 8)
    now = read(URL, "old_grid")[0]
    earlier = now.merge(before[["design", "seed"]], on=["design", "seed"])[list(TRIALS)]
    pd.testing.assert_frame_equal(earlier, before)


@pytest.mark.heavy
def test_a_search_and_a_study_that_tunes_go_on(old: Path) -> None:
    search = old / "old_search.yaml"
    search.write_text(search.read_text().replace("finalists: 1", "finalists: 2"))
    counts = Study.load(search).run(storage=URL, quiet=True)
    assert counts.left == 0
    assert counts.complete + counts.pruned == counts.wanted == 6
    tuned = old / "old_tuned.yaml"
    tuned.write_text(tuned.read_text().replace("seeds: [0]", "seeds: [0, 1]"))
    counts = Study.load(tuned).run(storage=URL, quiet=True)
    assert (counts.wanted, counts.complete) == (12, 12)


@pytest.mark.heavy
def test_an_interrupted_training_goes_on_from_its_checkpoint_to_the_same_end(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = Study.load(old / "old_interrupted.yaml")
    storage = Storage(URL)
    settings = get(storage, study.name).content.settings
    assert study.run(storage=storage, quiet=True).complete == 3
    resumed = Attempts(storage, get(storage, study.name).id).read()[1]
    assert resumed.progress == 5  # its first epoch: four were not trained again

    monkeypatch.setattr(studies.running.supervisor, "resolve", lambda **_: Resolved(settings))
    study.run(storage="sqlite:///undisturbed.db", quiet=True)
    # Four epochs were trained by another machine, whose last bits may differ.
    (trials, curves), (expected, undisturbed) = (
        read(URL, study.name),
        read("sqlite:///undisturbed.db", study.name),
    )
    errors = ["seed", "train_error", "validation_error", "test_error"]
    pd.testing.assert_frame_equal(trials[errors], expected[errors], atol=0.01)
    pd.testing.assert_frame_equal(
        curves.drop(columns="seconds"), undisturbed.drop(columns="seconds"), atol=0.01
    )


def test_it_knows_that_it_was_planned_with_earlier_rules(old: Path) -> None:
    told = {name: study_info(URL, name)["earlier_rules"] for name in STUDIES}
    assert told == {**dict.fromkeys(STUDIES, True), "old_imported": False}
    study = Study.load(old / "old_grid.yaml")
    create_or_extend(Storage(URL), study.changed(["name=new"]), study.wanted(), lambda: FACTS)
    assert not study_info(URL, "new")["earlier_rules"]
