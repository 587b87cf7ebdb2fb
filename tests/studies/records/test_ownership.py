"""Whose a study is: those of other programs in the same database are
neither taken over, nor read, nor deleted."""

import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
import tiny_runs
from click.testing import CliRunner
from optuna.study import StudyDirection

from explorer.cli import cli
from explorer.errors import UserError
from studies.api import Study
from studies.records.stored_study import get, stored_alone, stored_studies
from studies.results import delete
from studies.storage import Storage
from studies.storage.schema import IMPORTING, METRICS

CSV = "design,seed,validation_error,test_error\nresnet50,0,0.25,0.25\n"


def of_a_stranger(url: str, *, trials: int = 0, **attributes: object) -> None:
    """A study `tiny` that another program keeps, with Optuna alone."""
    study = optuna.create_study(storage=url, study_name="tiny")
    for key, value in attributes.items():
        study.set_user_attr(key, value)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=trials)


def everything(storage: Storage) -> list[list[dict[str, object]]]:
    tables = (
        "studies",
        "study_user_attributes",
        "study_system_attributes",
        "trials",
        "trial_params",
    )
    return [storage.rows(f"SELECT * FROM {table}") for table in tables]


COMMANDS = [
    ("study", "run", "./tiny.yaml"),
    ("study", "plan", "./tiny.yaml"),
    *(("study", name, "tiny") for name in ("status", "show", "retry", "results", "winner")),
    ("study", "delete", "tiny", "--yes", "--force"),
    ("study", "import", "results.csv", "--name", "tiny"),
    ("report", "tiny"),
]


@pytest.mark.parametrize(
    "attributes", [{}, {"owner": "me"}, {"explorer": "bayes"}, {"explorer": {"uid": 3}}]
)
@pytest.mark.parametrize("trials", [0, 2])
def test_no_command_touches_a_study_of_another_program(
    fake: None, storage: Storage, tiny: Path, trials: int, attributes: dict[str, object]
) -> None:
    of_a_stranger(storage.url, trials=trials, **attributes)
    Path("results.csv").write_text(CSV)
    before = everything(storage)
    for command in COMMANDS:
        result = CliRunner().invoke(cli, [*command, "--storage", storage.url])
        assert isinstance(result.exception, UserError), (command, result.output)
        assert "tiny in sqlite:///" in str(result.exception), command
        assert "is a study of another program; it was left as it was." in str(result.exception), (
            command
        )
    assert everything(storage) == before
    assert not Path("tiny.html").exists()
    assert stored_studies(storage) == []


def test_its_neighbours_are_used_as_ever(fake: None, storage: Storage, tiny: Path) -> None:
    of_a_stranger(storage.url, trials=1)
    study = Study.load(tiny).changed(["name=ours"])
    assert study.run(storage=storage, workers=1).complete == 6
    delete(storage, get(storage, "ours"))
    assert [row["study_name"] for row in storage.rows("SELECT study_name FROM studies")] == ["tiny"]
    assert len(storage.rows("SELECT * FROM trials")) == 1


def killed_before_the_mark(storage: Storage) -> None:
    """What the version before left of a `study run` that was killed between its writes."""
    writer = storage.open()
    study = writer.create_new_study([StudyDirection.MINIMIZE], "tiny")
    writer.set_study_system_attr(study, METRICS, ["validation_error"])


def killed_import(storage: Storage) -> None:
    """What the version before left of a `study import` that was killed between its writes."""
    killed_before_the_mark(storage)
    writer = storage.open()
    study = writer.get_study_id_from_name("tiny")
    writer.set_study_user_attr(study, IMPORTING, "results.csv")
    writer.create_new_trial(study)


@pytest.mark.parametrize("leave", [killed_before_the_mark, killed_import])
def test_what_an_earlier_version_left_is_made_anew(
    fake: None, storage: Storage, tiny: Path, leave: Callable[[Storage], None]
) -> None:
    leave(storage)
    with pytest.raises(UserError):
        get(storage, "tiny")
    assert Study.load(tiny).run(storage=storage, workers=1) == tiny_runs.DONE


def test_a_creation_that_is_cut_off_leaves_nothing(
    fake: None, storage: Storage, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = storage.open()
    usual = writer.set_study_user_attr

    def cut_off(*arguments: object) -> None:
        assert len(writer.get_all_studies()) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, "set_study_user_attr", cut_off)
    with pytest.raises(KeyboardInterrupt):
        Study.load(tiny).run(storage=storage, workers=1)
    assert storage.rows("SELECT * FROM studies") == []
    monkeypatch.setattr(writer, "set_study_user_attr", usual)
    assert Study.load(tiny).run(storage=storage, workers=1) == tiny_runs.DONE


def test_our_mark_is_what_tells(storage: Storage) -> None:
    writer = storage.open()
    study = writer.create_new_study([StudyDirection.MINIMIZE], "tiny")
    writer.set_study_user_attr(study, "explorer", {"uid": "1", "document": {"search": "grid"}})
    assert [study.name for study in stored_alone(storage)] == ["tiny"]
    assert (
        json.loads(storage.rows("SELECT value_json FROM study_user_attributes")[0]["value_json"])[
            "uid"
        ]
        == "1"
    )
