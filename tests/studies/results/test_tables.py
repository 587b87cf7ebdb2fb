"""The two tables: fixed columns, a row for every wanted pair at any
moment, and curves that survive resumes."""

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_study import change

from explorer import Architecture, count
from explorer.errors import UserError
from studies import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.records.creation import create_or_extend
from studies.records.stored_study import StoredStudy
from studies.results import CURVES, TRIALS, read, study_info
from studies.results.table_text import as_csv, read_table
from studies.results.tables import own_columns
from studies.storage import Storage
from studies.storage.schema import METRICS

RESULT = {
    "train_error": 0.1,
    "validation_error": 0.2,
    "test_error": 0.3,
    "seconds": 8.0,
    "images_per_second": 50.0,
    "epochs": 4,
    "peak_memory": None,
    "device": "cpu",
}
Make = Callable[..., tuple[StoredStudy, Claims]]


def rows(*epochs: int, error: float = 0.5) -> dict[str, list[Any]]:
    """A chunk of a curve."""
    return {
        name: [epoch if name == "epoch" else error for epoch in epochs] for name in list(CURVES)[4:]
    }


@pytest.fixture
def make(storage: Storage, tiny: Path) -> Make:
    """Stores a study and gives it with a party that claims its pairs."""

    def make(path: Path = tiny) -> tuple[StoredStudy, Claims]:
        study = Study.load(path)
        settings = {
            "device": "cpu",
            "precision": "32",
            "threads": 1,
            "memory_format": "channels_last",
        }
        facts = {"splits": {"train": 1078, "validation": 359, "test": 360}, "settings": settings}
        stored = create_or_extend(storage, study, study.wanted(), lambda: facts)
        return stored, Claims(storage, stored.id, stored.pairs)

    return make


ME = Worker("me", host="here")


def claim(claims: Claims) -> Any:
    attempt = claims.claim(ME)
    assert attempt
    return attempt


ODD = [
    "\r",
    "a\rb",
    "\r\n",
    '"\r',
    "\n",
    "a,b",
    "NA",
    " x ",
    "\ufeff",
    "=1+1",
    "'=1+1",
    "''@x",
    "'x",
    "\t-2",
    "+3",
    "-4",
    "''",
]
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8) | st.sampled_from(
    ODD
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(TEXT, TEXT, st.floats(-1, 1)), min_size=1, max_size=4))
def test_a_csv_file_is_read_back_as_it_was(
    workdir: Path, rows: list[tuple[str, str, float]]
) -> None:
    from explorer.files import write_atomic

    table = pd.DataFrame(rows, columns=["arm", "reason", "mismatch"])
    table = table.astype({"arm": "str", "reason": "str", "mismatch": "float64"})
    write_atomic("table.csv", as_csv(table))
    read = read_table("table.csv", TRIALS).cells
    numbers = read["mismatch"].map(float)
    assert list(zip(read["arm"], read["reason"], numbers, strict=True)) == rows
    with open("table.csv", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, strict=True):
            # What a spreadsheet would compute begins with an apostrophe; numbers stay numbers.
            assert all(row[name][:1] not in set("=+-@\t\r") for name in ("arm", "reason"))
            assert -1 <= float(row["mismatch"]) <= 1


def check_columns(trials: pd.DataFrame, curves: pd.DataFrame) -> None:
    assert {name: str(kind) for name, kind in trials.dtypes.items()} == TRIALS
    assert {name: str(kind) for name, kind in curves.dtypes.items()} == CURVES


def test_a_study_that_nobody_has_begun_has_a_row_for_every_pair(
    make: Make, storage: Storage
) -> None:
    make()
    trials, curves = read(storage, "tiny")
    check_columns(trials, curves)
    assert len(trials) == 6
    assert set(trials["status"]) == {"waiting"}
    assert trials[["attempt", "test_error", "started"]].isna().all(axis=None)
    assert curves.empty


def test_rows_hold_the_design_and_what_came_out(make: Make, storage: Storage) -> None:
    _, claims = make()
    attempt = claim(claims)
    claims.end(attempt, "complete", 0.2, {"curve/1": rows(1, 2, 3, 4), "result": RESULT})
    trials, curves = read(storage, "tiny")
    check_columns(trials, curves)
    row = trials.iloc[0]
    network = Architecture.from_name(row["design"], resolution=8, in_channels=1, classes=10)
    assert (row["arm"], row["cardinality"], row["bottleneck_width"], row["depths"]) == (
        "C=1",
        1,
        8,
        "1",
    )
    assert (row["flops"], row["params"], row["activations"]) == tuple(vars(count(network)).values())
    assert (row["stem"], row["growth"], row["shortcut"], row["resolution"]) == (
        "small",
        "d",
        "projection",
        8,
    )
    assert (row["by"], row["budget"], row["mismatch"]) == ("flops", row["flops"], 0)
    assert (row["status"], row["reason"], row["attempt"], row["worker"]) == (
        "complete",
        "",
        0,
        "here-me",
    )
    assert (row["validation_error"], row["test_error"], row["seconds_per_epoch"]) == (0.2, 0.3, 2.0)
    assert row["peak_memory"] is pd.NA
    assert abs(row["finished"] - pd.Timestamp.now(tz="UTC")) < pd.Timedelta(minutes=1)
    assert row["started"] <= row["finished"]
    assert curves["epoch"].tolist() == [1, 2, 3, 4]
    assert set(curves["design"]) == {row["design"]}


def test_the_deciding_attempt_speaks_for_its_pair(make: Make, storage: Storage) -> None:
    _, claims = make()
    first = claim(claims)
    claims.end(first, "interrupted", attributes={"curve/1": rows(1, 2)})
    trials, curves = read(storage, "tiny")
    assert trials.loc[0, ["status", "attempt"]].tolist() == ["waiting", 0]
    assert curves["epoch"].tolist() == [1, 2]
    second = claim(claims)
    assert second.pair == first.pair
    claims.write(second, {"curve/3": rows(3)})
    trials, curves = read(storage, "tiny")
    assert trials.loc[0, ["status", "attempt"]].tolist() == ["running", 1]
    assert curves["epoch"].tolist() == [1, 2, 3]
    claims.end(second, "failed", attributes={"failure": {"reason": "out of memory", "log": []}})
    trials, _ = read(storage, "tiny")
    assert trials.loc[0, ["status", "reason", "attempt"]].tolist() == ["failed", "out of memory", 1]


def test_what_a_later_attempt_trained_again_counts(make: Make, storage: Storage) -> None:
    _, claims = make()
    claims.end(claim(claims), "lost", attributes={"curve/1": rows(1, 2, error=0.9)})
    claims.end(
        claim(claims),
        "complete",
        0.2,
        {"curve/2": rows(2, 3, 4), "curve/1": rows(1), "result": RESULT},
    )
    _, curves = read(storage, "tiny")
    assert curves["epoch"].tolist() == [1, 2, 3, 4]
    assert set(curves["validation_error"]) == {0.5}


def test_all_studies_of_a_storage_are_read_together(
    make: Make, storage: Storage, tiny: Path
) -> None:
    make()
    change(tiny, "name: tiny", "name: other")
    _, claims = make()
    claims.end(claim(claims), "complete", 0.2, {"curve/1": rows(1), "result": RESULT})
    trials, curves = read(storage)
    check_columns(trials, curves)
    assert trials["study"].value_counts().to_dict() == {"tiny": 6, "other": 6}
    assert set(curves["study"]) == {"other"}
    assert len(read(storage, "tiny")[1]) == 0


def test_an_unknown_study_names_the_nearest(make: Make, storage: Storage) -> None:
    make()
    with pytest.raises(UserError, match=r"unknown study 'tinny'\. Did you mean 'tiny'"):
        read(storage, "tinny")


def test_what_a_study_was_run_with(make: Make, storage: Storage, tiny: Path) -> None:
    make()
    info = study_info(storage.url, "tiny")
    assert yaml.safe_load(info["document"]) == Study.load(tiny).document()
    assert info["reference_arm"] == "C=1"
    assert info["data"] == {"name": "digits", "train": 1078, "validation": 359, "test": 360}
    assert (info["seeds"], info["planned_seeds"], info["wanted"]) == ([0, 1], [0, 1], 6)
    assert {"torch", "optuna", "python", "resnext-explorer"} <= set(info["versions"])
    assert info["settings"]["threads"] == 1
    assert info["device"] == "cpu"
    assert "cores" in info["machine"]
    assert pd.Timestamp(info["created"]).tzinfo


def test_a_creation_that_was_cut_off_is_taken_up(storage: Storage, make: Make) -> None:
    from optuna.study import StudyDirection

    study_id = storage.open().create_new_study([StudyDirection.MINIMIZE], "tiny")
    storage.open().set_study_system_attr(study_id, METRICS, ["validation_error"])
    stored, _ = make()
    assert stored.name == "tiny"
    assert len(read(storage, "tiny")[0]) == 6


def test_a_new_arm_keeps_the_old_ones_as_they_were(
    make: Make, storage: Storage, tiny: Path
) -> None:
    before, claims = make()
    claims.end(claim(claims), "complete", 0.2, {"result": RESULT})
    change(tiny.parent / "tiny_space.yaml", "[1, 2, 4]", "[1, 2, 3, 4]")
    after, _ = make()
    assert after.uid == before.uid
    assert [design.arm for design in after.designs] == ["C=1", "C=2", "C=3", "C=4"]
    assert read(storage, "tiny")[0]["status"].value_counts().to_dict() == {
        "waiting": 7,
        "complete": 1,
    }


def test_quantities_that_are_called_like_columns_get_a_name_each(make: Make) -> None:
    values = (("seed", 1), ("quantity_seed", 2), ("kernel", 3))
    stored, _ = make()
    design = replace(stored.designs[0], values=values)
    assert own_columns([design]) == {
        "quantity_quantity_seed": "seed",
        "quantity_seed": "quantity_seed",
        "kernel": "kernel",
    }
