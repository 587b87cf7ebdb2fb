"""The results in `studies/evidence` are what the study files beside them made."""

from pathlib import Path

import pandas as pd
import pytest

import studies
from explorer import Architecture, count
from studies import Study

ROOM = Path(studies.__file__).parent / "evidence"
FOLDERS = sorted(path.parent for path in ROOM.glob("*/study.yaml"))


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
    pairs = {(name, seed) for name in designs for seed in study.seeds}
    assert set(zip(trials["design"], trials["seed"], strict=True)) == pairs
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


def test_what_a_readme_says_of_its_study_is_in_the_table(folder: Path) -> None:
    text = " ".join((folder / "README.md").read_text().split())
    trials = pd.read_csv(folder / "trials.csv")
    complete = int((trials["status"] == "complete").sum())
    assert f"{complete} trainings" in text
    assert f"of {len(trials)} planned" in text
