"""The studies in a storage, from Python: listed, imported, deleted."""

from pathlib import Path

import pytest

from explorer.errors import UserError
from studies import (
    Study,
    annotate_study,
    delete_study,
    import_study,
    list_studies,
    retry_study,
    stop_study,
    study_failures,
)
from studies.records.remarks import Remarks

URL = "sqlite:///some.db"


@pytest.fixture
def tiny_storage(done: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The default storage holds a finished study."""
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", "sqlite:///t.db")


def test_a_finished_study_is_listed_and_deleted(tiny_storage: None) -> None:
    (listed,) = list_studies()
    assert (listed.name, listed.counts.complete, listed.created[:2]) == ("tiny", 6, "20")
    assert study_failures("tiny") == []
    assert retry_study("tiny") == stop_study("tiny") == 0
    assert annotate_study("tiny", note="Cold.", add=["a", "b"]) == Remarks("Cold.", ("a", "b"))
    assert annotate_study("tiny", add=["c"], remove=["a"]) == Remarks("Cold.", ("b", "c"))
    assert annotate_study("tiny", note="") == Remarks("", ("b", "c"))
    assert delete_study("tiny") == listed.counts
    assert list_studies() == []
    for ask in (study_failures, stop_study, retry_study, delete_study):
        with pytest.raises(UserError, match="unknown study 'tiny'"):
            ask("tiny")


def test_no_storage_is_no_studies_and_creates_none(workdir: Path) -> None:
    assert list_studies(storage=URL) == []
    assert list(workdir.iterdir()) == []


def test_results_are_imported_by_name_or_file(tiny_storage: None) -> None:
    published = import_study("published:osmr_resnext20_cifar10", name="elsewhere", storage=URL)
    assert published.about
    Study.load("tiny").results().to_csv("tiny.csv", index=False)
    assert import_study("tiny.csv", storage=URL).name == "tiny"
    assert [study.name for study in list_studies(storage=URL)] == ["elsewhere", "tiny"]
    with pytest.raises(UserError, match="already"):
        import_study("tiny.csv", storage=URL)
