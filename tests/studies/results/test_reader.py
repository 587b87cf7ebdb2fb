"""Looking again and again gives what reading everything anew
gives, and both give what was written."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import searching
import tiny_study
import yaml
from big_study import START, add_attempts, finish, make_study

from explorer.errors import UserError
from studies.attempts.claims import Claims
from studies.attempts.standing import Counts
from studies.records.stored_study import StoredStudy, get
from studies.results import CURVES, TRIALS, Reader, read, study_info
from studies.results.history import delete
from studies.running.proposing import Proposer
from studies.storage import Storage


@pytest.fixture
def running(storage: Storage) -> StoredStudy:
    """Three seeds of five arms: one failed, two running, one not begun."""
    stored = make_study(storage, "running")
    add_attempts(storage, stored, states={3: "failed", 12: "running", 13: "running", 14: "waiting"})
    return stored


def assert_as_anew(reader: Reader, storage: Storage, name: str) -> None:
    trials, curves = read(storage, name)
    tables, epochs = reader.both(name)
    pd.testing.assert_frame_equal(tables.trials, trials)
    pd.testing.assert_frame_equal(epochs, curves)
    assert tables.info == study_info(storage, name)
    assert tables.counts == get(storage, name).counts(storage)


def test_the_tables_hold_what_was_written(storage: Storage, running: StoredStudy) -> None:
    tables, curves = Reader(storage).both("running")
    trials = tables.trials
    assert {name: str(kind) for name, kind in trials.dtypes.items()} == TRIALS
    assert {name: str(kind) for name, kind in curves.dtypes.items()} == CURVES
    ended = ["complete"] * 3 + ["failed"] + ["complete"] * 8
    assert trials["status"].tolist() == [*ended, "running", "running", "waiting"]
    assert tables.counts == Counts(wanted=15, complete=11, running=2, waiting=1, failed=1, pruned=0)
    assert trials["arm"].tolist() == ["C=1", "C=2", "C=4", "C=8", "C=16"] * 3
    assert trials["seed"].tolist() == [0] * 5 + [1] * 5 + [2] * 5
    told = {place: reason for place, reason in enumerate(trials["reason"]) if reason}
    assert told == {3: "the loss is not a number after step 12"}
    assert trials["attempt"].tolist() == [*range(14), pd.NA]
    assert trials["worker"].tolist() == [*(f"node-worker{place % 4}" for place in range(14)), ""]
    is_complete = trials["status"] == "complete"
    of_complete = trials.loc[is_complete, ["epochs", "seconds", "seconds_per_epoch", "device"]]
    assert set(of_complete.itertuples(index=False, name=None)) == {(20, 38.0, 1.9, "cpu")}
    errors = ["train_error", "validation_error", "test_error", "epochs"]
    assert trials.loc[~is_complete, errors].isna().all(axis=None)
    begun = [pd.Timestamp(START, tz="UTC") + pd.Timedelta(seconds=3 * place) for place in range(14)]
    assert trials["started"].tolist()[:14] == begun
    took = (trials["finished"] - trials["started"]).dt.total_seconds()
    assert took[:12].tolist() == [40] * 12
    assert trials.loc[12:, "finished"].isna().all()
    # Failed and running ones wrote a third of their 20 epochs.
    epochs = [range(1, 7) if place in (3, 12, 13) else range(1, 21) for place in range(14)]
    assert curves["epoch"].tolist() == [epoch for own in epochs for epoch in own]
    assert curves.loc[:1, "learning_rate"].tolist() == [0.095, 0.09]


def test_a_training_of_unknown_length_has_no_time_an_epoch(storage: Storage) -> None:
    stored = make_study(storage, "odd", seeds=1)
    claims = Claims(storage, stored.id, stored)
    for told in ({"seconds": 0.0, "epochs": 4}, {"seconds": 3.0, "epochs": 0}, {"seconds": 3.0}):
        attempt = claims.claim(searching.NOBODY)
        assert attempt
        claims.end(attempt, "complete", 0.1, {"result": {"validation_error": 0.1, **told}})
    assert read(storage, "odd")[0]["seconds_per_epoch"].isna().all()


def test_a_later_look_has_what_happened_since(storage: Storage, running: StoredStudy) -> None:
    reader = Reader(storage)
    before = reader.tables("running")
    assert reader.tables("running") is before
    finish(storage, running)
    assert reader.stamp("running") != before.stamp
    assert reader.tables("running").counts.complete == before.counts.complete + 2
    assert_as_anew(reader, storage, "running")
    add_attempts(storage, running, first=14)
    assert_as_anew(reader, storage, "running")
    make_study(storage, "running", seeds=4)
    assert reader.tables("running").counts.wanted == 20
    assert_as_anew(reader, storage, "running")


@pytest.mark.parametrize(
    "more",
    [
        {"tune": {"trials": 2, "learning_rate": [0.01, 1.0]}},
        {"search": {"method": "random", "trials": 3, "finalists": 2}},
        {"search": {"method": "tpe", "trials": 4, "finalists": 2}},
    ],
)
def test_tuned_and_searched_studies_are_followed_step_by_step(
    storage: Storage, workdir: Path, more: dict[str, Any]
) -> None:
    (workdir / "tiny_space.yaml").write_text(tiny_study.SPACE)
    (workdir / "tiny.yaml").write_text(yaml.safe_dump({**yaml.safe_load(tiny_study.STUDY), **more}))
    stored = searching.make(storage, workdir / "tiny.yaml")
    claims = Claims(storage, stored.id, stored)
    proposer = Proposer(stored) if stored.content.document.search else None
    reader, worker = Reader(storage), searching.NOBODY
    hopeless = stored.designs[-1].name
    written = {}
    for step in range(30):
        assert_as_anew(reader, storage, "tiny")
        attempt = claims.claim(worker) or (proposer and proposer.claim(claims, worker))
        if attempt is None:
            break
        assert_as_anew(reader, storage, "tiny")
        if attempt.pair.design == hopeless and "tune" in more:
            failure = {"reason": "the loss became nan", "log": []}
            claims.end(attempt, "failed", attributes={"failure": failure})
            continue
        error = 0.1 + 0.01 * step
        result = {"validation_error": error, "test_error": error}
        claims.end(attempt, "complete", error, {"result": result})
        if not attempt.pair.variant:
            written[attempt.pair.design, attempt.pair.seed] = error
    assert step > 5
    trials = reader.tables("tiny").trials.set_index(["design", "seed"])
    assert trials["validation_error"].dropna().to_dict() == written
    failed = trials.loc[trials["status"] == "failed", "reason"]
    if "tune" in more:
        assert failed.to_dict() == {
            (hopeless, seed): "all tuning trials of its arm failed" for seed in (0, 1)
        }
    else:
        assert failed.empty


def test_one_pairs_curve_is_its_part_of_the_table(storage: Storage, running: StoredStudy) -> None:
    reader = Reader(storage)
    tables, curves = reader.both("running")
    for row in tables.trials.to_dict("records"):
        is_own = (curves["design"] == row["design"]) & (curves["seed"] == row["seed"])
        own = curves[is_own].reset_index(drop=True)
        pd.testing.assert_frame_equal(reader.curve("running", row["design"], row["seed"]), own)


def test_a_storage_that_was_replaced_or_deleted_is_read_anew(
    storage: Storage, running: StoredStudy, workdir: Path
) -> None:
    reader = Reader(storage)
    assert [study.name for study in reader.studies()] == ["running"]
    reader.tables("running")
    for file in workdir.glob("studies.db*"):  # with SQLite's own files beside it
        file.unlink()
    other = Storage(f"sqlite:///{workdir}/studies.db")
    assert reader.studies() == []
    make_study(other, "new")
    assert [study.name for study in reader.studies()] == ["new"]
    with pytest.raises(UserError, match="running"):
        reader.tables("running")


def test_an_older_copy_that_is_put_back_is_read_anew(
    storage: Storage, running: StoredStudy, workdir: Path
) -> None:
    storage.close()
    before = (workdir / "studies.db").read_bytes()
    reader = Reader(storage)
    finish(storage, running)
    assert reader.tables("running").counts.complete == 13
    storage.close()
    (workdir / "studies.db").write_bytes(before)
    assert reader.tables("running").counts.complete == 11
    assert_as_anew(reader, storage, "running")


def test_another_study_of_the_same_name_is_read_anew(
    storage: Storage, running: StoredStudy
) -> None:
    reader = Reader(storage)
    assert len(reader.both("running")[1]) == 238  # 11 of 20 epochs, 3 of 6
    delete(storage, running, force=True)
    with pytest.raises(UserError, match="unknown study 'running'"):
        reader.tables("running")
    make_study(storage, "running", seeds=2)
    tables, curves = reader.both("running")
    assert (set(tables.trials["status"]), len(tables.trials), len(curves)) == ({"waiting"}, 10, 0)


def test_another_study_in_the_storage_moves_nothing(storage: Storage, running: StoredStudy) -> None:
    finish(storage, running)
    reader = Reader(storage)
    before = reader.tables("running")
    add_attempts(storage, make_study(storage, "other"))
    assert reader.tables("running") is before


def test_reading_once_changes_nothing_of_what_another_reader_keeps(
    storage: Storage, running: StoredStudy
) -> None:
    reader = Reader(storage)
    tables, curves = reader.both("running")
    for table in read(storage, "running"):
        table["design"] = "mine"
    again, curves_again = reader.both("running")
    assert again is tables
    assert curves_again is curves
    assert "mine" not in {*tables.trials["design"], *curves["design"]}


def test_threads_that_ask_at_once_share_one_reading(storage: Storage, running: StoredStudy) -> None:
    reader = Reader(storage)
    asks: list[Callable[[str], Any]] = [reader.tables, reader.curves] * 8
    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda ask: ask("running"), asks))
    assert (
        len({id(table) for table in given[::2]}) == len({id(table) for table in given[1::2]}) == 1
    )


def test_the_tables_of_all_studies_are_those_of_each_one_after_the_other(
    storage: Storage, running: StoredStudy
) -> None:
    make_study(storage, "later", seeds=1)
    for whole, *parts in zip(
        read(storage), read(storage, "running"), read(storage, "later"), strict=True
    ):
        pd.testing.assert_frame_equal(whole, pd.concat(parts, ignore_index=True))


def test_an_empty_storage_has_empty_tables_of_the_same_columns(storage: Storage) -> None:
    storage.open()
    for table, columns in zip(read(storage), (TRIALS, CURVES), strict=True):
        assert table.empty
        assert {name: str(kind) for name, kind in table.dtypes.items()} == columns
