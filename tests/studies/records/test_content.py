"""What is stored of a study keeps its form, and is read as values, whoever wrote it."""

import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from searching import make
from tiny_study import change

from explorer import Budget, Design
from explorer.cli import cli
from explorer.errors import UserError
from studies import Study
from studies.attempts.standing import Attempts
from studies.config.design import StoredDesign
from studies.config.study import StudyFile
from studies.records.creation import create_or_extend
from studies.records.stored_study import get
from studies.storage import Storage
from studies.storage.schema import CONTENT, PROPOSAL

ARCHIVE = Path(__file__).parents[2] / "fixtures" / "storage_0_1_0.tar.gz"
NAMES = ["old_grid", "old_search", "old_tuned", "old_failed", "old_imported", "old_interrupted"]


@pytest.fixture
def old(workdir: Path) -> Storage:
    """A storage that version 0.1.0 wrote, in the current folder with its study files."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(workdir, filter="data")
    return Storage(f"sqlite:///{workdir}/old.db")


@pytest.mark.parametrize("name", NAMES)
def test_designs_are_stored_as_they_were_read(old: Storage, name: str) -> None:
    stored = get(old, name)
    attempts = Attempts(old, stored.id, (PROPOSAL,)).read()
    proposed = [
        attempt.attributes[PROPOSAL] for attempt in attempts if PROPOSAL in attempt.attributes
    ]
    for record in [*stored.content.plain["designs"], *proposed]:
        read = StoredDesign.read(record, stored.content.origin.shape)
        assert json.dumps(read.record()) == json.dumps(record)
        assert StoredDesign.of(_resolved(read)) == read
        assert read.architecture is read.architecture


def _resolved(design: StoredDesign) -> Design:
    budget = Budget(design.by, design.budget)
    return Design(design.architecture, budget, design.reference or "", design.arm)


def test_a_study_is_stored_in_the_form_that_earlier_versions_read(
    old: Storage, storage: Storage, workdir: Path
) -> None:
    before = get(old, "old_grid").content.plain
    study = Study.load(workdir / "old_grid.yaml")
    known = {key: before[key] for key in ("splits", "digests", "settings")}
    now = create_or_extend(storage, study, study.wanted(), lambda: known).content.plain
    assert list(now) == list(before)
    same = [key for key in before if key not in ("uid", "document", "versions", "git_commit")]
    same = [key for key in same if key not in ("machine", "created")]
    assert [json.dumps(now[key]) for key in same] == [json.dumps(before[key]) for key in same]


def test_a_study_is_validated_once(
    storage: Storage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(storage, tiny)
    validated = []
    usual = StudyFile.model_validate.__func__  # type: ignore[attr-defined]

    def validate(cls, data, **options):  # type: ignore[no-untyped-def]
        validated.append(data)
        return usual(cls, data, **options)

    monkeypatch.setattr(StudyFile, "model_validate", classmethod(validate))
    stored = get(storage, "tiny")
    stored.counts(storage)
    later = stored.seen(Attempts(storage, stored.id).read())
    file = later.content.file
    assert (file.recipe.epochs, file.data.name, file.search) == (4, "digits", None)
    assert (later.content.reference_arm, len(later.pairs), later.seeds) == ("C=1", 6, [0, 1])
    assert len(validated) == 1


def test_a_study_whose_file_this_version_refuses_is_still_read(
    storage: Storage, tiny: Path
) -> None:
    stored = make(storage, tiny)
    document = stored.content.plain["document"]
    document = {**document, "recipe": {**document["recipe"], "epochs": 0}}
    content = {**stored.content.plain, "document": document}
    storage.open().set_study_user_attr(stored.id, CONTENT, content)
    stored = get(storage, "tiny")
    assert (len(stored.pairs), stored.content.reference_arm) == (6, "C=1")
    for command in ("show", "status", "results"):
        result = CliRunner().invoke(cli, ["study", command, "tiny", "--storage", storage.url])
        assert result.exit_code == 0, result.output
    with pytest.raises(UserError, match="epochs"):
        _ = stored.content.file
    with pytest.raises(UserError, match=r"recipe\.epochs: 0 -> 4"):
        make(storage, tiny)


def test_an_imported_study_has_no_file_to_train_by(old: Storage) -> None:
    stored = get(old, "old_imported")
    assert (stored.content.document.data.name, stored.seeds, stored.content.document.search) == (
        "imported",
        [0, 1],
        None,
    )
    with pytest.raises(UserError, match=r"was imported from elsewhere\.csv"):
        _ = stored.content.file
    with pytest.raises(UserError, match="settings of this study are not known"):
        _ = stored.content.settings


def test_a_limit_of_latency_that_was_stored_as_seconds_is_read_and_extended(
    storage: Storage, tiny: Path
) -> None:
    search = "search: {method: random, trials: 2, finalists: 1, constraints: {latency: 2 s}}"
    change(tiny, "seeds: [0, 1]", f"seeds: [0, 1]\n{search}")
    stored = make(storage, tiny)
    document = stored.content.plain["document"]
    earlier = {**document, "search": {**document["search"], "constraints": {"latency": 2.0}}}
    content = {**stored.content.plain, "document": earlier}
    storage.open().set_study_user_attr(stored.id, CONTENT, content)
    stored = get(storage, "tiny")
    assert stored.content.file.search is not None
    assert stored.content.file.search.constraints == {"latency": 2.0}
    change(tiny, "trials: 2", "trials: 3")
    assert make(storage, tiny).content.origin.trials == 3
