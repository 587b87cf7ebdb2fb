"""A name means the stored study, else a preset; a path a file; what else there is, is told."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from tiny_study import change

from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.config.study import StudyFile
from studies.records.creation import create_or_extend
from studies.records.named import load_study
from studies.storage import Storage

HERE = ["--storage", "sqlite:///t.db"]
KNOWN = {
    "splits": {"train": 1079, "validation": 359, "test": 359},
    "settings": {"device": "cpu", "precision": "32", "threads": 1},
}


def store(storage: Storage, study: StudyFile) -> None:
    create_or_extend(storage, study, study.wanted(), lambda: KNOWN)


def test_a_finished_study_is_run_and_extended_by_its_name_alone(done: None, tiny: Path) -> None:
    tiny.unlink()
    (tiny.parent / "tiny_space.yaml").unlink()
    again = CliRunner().invoke(cli, ["study", "run", "tiny", *HERE])
    assert again.exit_code == 0
    assert "all 6 pairs are complete, nothing to train" in again.output
    more = CliRunner().invoke(cli, ["study", "run", "tiny", "--set", "seeds=[0, 1, 2]", *HERE])
    assert more.exit_code == 0, more.output
    assert "9 of 9 pairs complete" in more.output
    planned = CliRunner().invoke(cli, ["study", "plan", "nearly_tiny", *HERE])
    assert isinstance(planned.exception, UserError)
    assert "Did you mean 'tiny'?" in str(planned.exception)


def test_study_load_reads_a_stored_study(storage: Storage, tiny: Path) -> None:
    study = Study.load(tiny)
    store(storage, study)
    tiny.unlink()
    loaded = Study.load("tiny", storage=storage)
    assert type(loaded) is Study
    assert loaded == study
    assert loaded.document() == study.document()


def test_the_stored_study_is_taken_and_a_file_beside_it_is_named(
    storage: Storage, tiny: Path
) -> None:
    store(storage, Study.load(tiny))
    change(tiny, "seeds: [0, 1]", "seeds: [0, 1, 2]")
    study, said = load_study(StudyFile, "tiny", storage)
    assert study.seeds == [0, 1]
    assert said == f"tiny: as it is stored in {storage.shown}, not ./tiny.yaml."
    study, said = load_study(StudyFile, "./tiny.yaml", storage)
    assert (study.seeds, said) == ([0, 1, 2], "")
    with pytest.warns(UserWarning, match=r"tiny: as it is stored in .*, not \./tiny\.yaml\."):
        assert Study.load("tiny", storage=storage).seeds == [0, 1]


def test_of_a_preset_and_a_stored_study_the_stored_one_is_taken_and_it_is_told(
    storage: Storage,
) -> None:
    preset = StudyFile.load("digits_cardinality")
    assert load_study(StudyFile, "digits_cardinality", storage) == (preset, "")
    store(storage, preset)
    assert load_study(StudyFile, "digits_cardinality", storage) == (preset, "")  # they are the same
    fewer = preset.changed(["seeds=[0]", "name=fewer"])
    store(storage, fewer.changed(["name=paper_ablation"]))
    study, said = load_study(StudyFile, "paper_ablation", storage)
    assert study.seeds == [0]
    assert said.endswith(", not the preset, which differs.")


@pytest.mark.parametrize(
    ("name", "nearest"), [("tinny", "tiny"), ("digits_cardinalty", "digits_cardinality")]
)
def test_an_unknown_name_is_told_with_the_nearest_of_presets_and_stored_studies(
    storage: Storage, tiny: Path, name: str, nearest: str
) -> None:
    store(storage, Study.load(tiny))
    with pytest.raises(UserError, match=rf"Did you mean '{nearest}'\?.*for example \./{name}.yaml"):
        load_study(StudyFile, name, storage)


def test_results_from_elsewhere_cannot_be_run(workdir: Path) -> None:
    Path("elsewhere.csv").write_text(
        "design,seed,validation_error,test_error\nresnet50,0,0.239,0.241\n"
    )
    assert CliRunner().invoke(cli, ["study", "import", "elsewhere.csv", *HERE]).exit_code == 0
    error = CliRunner().invoke(cli, ["study", "run", "elsewhere", *HERE]).exception
    assert isinstance(error, UserError)
    assert "imported from elsewhere.csv, so nothing is known of how it was trained" in str(error)
