"""The results in `studies/evidence` are what the study files beside them made."""

from pathlib import Path

import pandas as pd
import pytest
import yaml

import studies
from explorer import Architecture, UserError, count
from studies import Study
from studies.records.creation import compared
from studies.results import (
    Reader,
    evidence_reader,
    evidence_storage,
    read_published,
    store_imported,
)
from studies.results.continuing import read_exported
from studies.storage import Storage

ROOM = Path(studies.__file__).parent / "evidence"
FOLDERS = sorted(path.parent for path in ROOM.glob("*/trials.csv"))


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_there_is_evidence_and_it_is_small() -> None:
    assert FOLDERS
    assert sum(path.stat().st_size for path in ROOM.rglob("*") if path.is_file()) < 1_000_000


def test_designs_seeds_and_counts_are_those_of_the_study(folder: Path) -> None:
    study = Study.load(folder / "study.yaml")
    designs = {design.name: design for design in study.wanted().designs}
    trials = pd.read_csv(folder / "trials.csv")
    trained = {name: set(rows["seed"]) for name, rows in trials.groupby("design")}
    assert trained.keys() == designs.keys()
    # Where verdicts decide how many seeds there are, an arm ends at its own.
    for seeds in trained.values():
        assert seeds == set(study.seeds[: len(seeds)])
        assert study.until or len(seeds) == len(study.seeds)
    for row in trials.drop_duplicates("design").itertuples():
        network = Architecture.from_name(
            row.design, resolution=row.resolution, in_channels=row.in_channels, classes=row.classes
        )
        costs = count(network)
        assert (costs.flops, costs.params, costs.activations) == (
            row.flops,
            row.params,
            row.activations,
        )
        assert row.arm == designs[row.design].arm


def test_curves_end_in_the_errors_of_the_table(folder: Path) -> None:
    trials, curves = pd.read_csv(folder / "trials.csv"), pd.read_csv(folder / "curves.csv")
    complete = trials[trials["status"] == "complete"]
    last = curves.groupby(["design", "seed"])[["epoch", "validation_error"]].last()
    for row in complete.itertuples():
        end = last.loc[(row.design, row.seed)]
        assert end["epoch"] == row.epochs
        assert end["validation_error"] == pytest.approx(row.validation_error, abs=1e-9)


def test_the_study_file_is_the_one_that_was_trained_on_those_images(folder: Path) -> None:
    exported = read_exported(folder / "trials.csv", folder / "curves.csv")
    content = exported.study.content
    _, changed = compared(content, Study.load(folder / "study.yaml"))
    assert changed == []
    # The official parts; a tenth of the first is for validation.
    splits = {
        "fashion_mnist": {"train": 54_000, "validation": 6_000, "test": 10_000},
        "cifar10": {"train": 45_000, "validation": 5_000, "test": 10_000},
    }
    assert content.origin.splits == splits[content.document.data.name]


def test_what_the_note_on_the_gpu_says_of_its_study_is_in_the_table() -> None:
    text = " ".join((ROOM / "h100" / "README.md").read_text().split())
    trials = pd.read_csv(ROOM / "h100" / "trials.csv")
    complete = int((trials["status"] == "complete").sum())
    assert f"{complete} trainings" in text
    assert f"of {len(trials)} planned" in text


def test_every_folder_is_read_as_a_study_of_its_name(folder: Path) -> None:
    reader = evidence_reader()
    assert {study.name for study in reader.studies()} == {path.name for path in FOLDERS}
    tables, curves = reader.both(folder.name)
    there = pd.read_csv(folder / "trials.csv").set_index(["design", "seed"])
    here = tables.trials.set_index(["design", "seed"])
    complete = there[there["status"] == "complete"].sort_index()
    assert here["status"].eq("complete").sum() == len(complete)
    for column in ("test_error", "validation_error", "seconds_per_epoch"):
        found = here[here["status"] == "complete"].sort_index()[column]
        assert found.tolist() == pytest.approx(complete[column].tolist(), abs=1e-12)
    assert len(curves) == complete["epochs"].sum()


def test_a_study_says_on_which_machine_it_was_measured_and_by_what(folder: Path) -> None:
    info = evidence_reader().tables(folder.name).info
    origin = yaml.safe_load((folder / "trials.origin.yaml").read_text())
    (note,) = [sentence for sentence in info["about"] if sentence.startswith("Measured for")]
    for fact in (origin["machine"], origin["git_commit"][:7], origin["versions"]["torch"]):
        assert fact in note
    assert "All times are of that machine" in note


def test_trainings_that_shared_the_machine_are_told() -> None:
    # tests/gpu/check.sh: six workers on the GPU.
    (note,) = evidence_reader().tables("h100").info["about"]
    assert note.endswith("on which up to 6 trainings ran at the same time.")


def test_an_unknown_name_gives_the_nearest() -> None:
    with pytest.raises(UserError, match=r"unknown evidence 'h10'. Did you mean 'h100'"):
        evidence_storage(["h10"])


def test_a_storage_hides_what_was_measured_under_the_same_name_and_nothing_else(
    workdir: Path,
) -> None:
    url = "sqlite:///t.db"
    reader = Reader(Storage(url), beside=evidence_reader)
    assert reader.studies() == []
    assert reader.tables("h100").counts.complete == 12
    assert not Path("t.db").exists()
    store_imported(url, read_published("published:table3", name="h100"))
    assert [study.name for study in reader.studies()] == ["h100"]
    assert reader.tables("h100").info["data"]["name"] == "ImageNet-1K"
    with pytest.raises(UserError, match="unknown study 'h101'"):
        reader.tables("h101")


def test_a_storage_that_cannot_be_read_is_not_taken_for_an_empty_one(workdir: Path) -> None:
    Path("t.db").write_text("no database")
    with pytest.raises(UserError, match=r"t\.db"):
        Reader(Storage("sqlite:///t.db"), beside=evidence_reader).tables("h100")
