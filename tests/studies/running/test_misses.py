"""Which images a training missed: what is stored of it, and when nothing is."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fake_training
import numpy as np
import pytest
import tiny_runs
import yaml

from studies import Study
from studies.api import Study as Api
from studies.config.study import StudyFile
from studies.data import DataSpec, Images, load
from studies.pair import Pair
from studies.records.same_data import about_data, check_data
from studies.records.stored_study import get
from studies.results import Reader, study_info
from studies.storage import Storage
from studies.storage.schema import MISSED

URL = "sqlite:///t.db"


@pytest.fixture
def change(tiny: Path) -> Callable[..., Path]:
    """Changes keys of the tiny study's file."""

    def write(**changes: Any) -> Path:
        tiny.write_text(yaml.safe_dump({**yaml.safe_load(tiny.read_text()), **changes}))
        return tiny

    return write


def written() -> dict[Pair, dict[str, Any]]:
    """What each complete attempt has stored of its misses."""
    from studies.attempts.standing import Attempts

    storage = Storage(URL)
    attempts = Attempts(storage, get(storage, "tiny").id, [MISSED]).read()
    return {
        attempt.pair: attempt.attributes.get(MISSED, {})
        for attempt in attempts
        if attempt.ended == "complete"
    }


def test_each_training_stores_what_it_missed_of_validation_and_test(done: None) -> None:
    assert {tuple(splits) for splits in written().values()} == {("validation", "test")}
    data = fake_training.load(DataSpec(name="digits", test=0.2), None)
    for split in ("validation", "test"):
        for missed in Reader(Storage(URL)).misses("tiny", split).values():
            labels = getattr(data, split).labels
            assert missed.actual.tolist() == labels[missed.numbers].tolist()
            assert missed.class_sizes == tuple(np.bincount(labels).tolist())
    assert study_info(URL, "tiny")["misses_left_out"] == ""


def test_it_is_turned_off_and_on_again_for_the_trainings_to_come(
    fake: None, change: Callable[..., Path]
) -> None:
    assert tiny_runs.run(change(keep_misses=False)).complete == 6
    assert not any(written().values())
    assert Reader(Storage(URL)).misses("tiny") == {}
    assert study_info(URL, "tiny")["misses_left_out"] == "switched off"
    assert tiny_runs.run(change(keep_misses=True, seeds=[0, 1, 2])).complete == 9
    assert {pair.seed for pair in Reader(Storage(URL)).misses("tiny")} == {2}
    assert study_info(URL, "tiny")["misses_left_out"] == ""


def test_a_tuning_trial_stores_nothing_of_the_test_images(
    fake: None, change: Callable[..., Path]
) -> None:
    tune = {"trials": 2, "learning_rate": [0.01, 1.0]}
    assert tiny_runs.run(change(tune=tune)).complete == 12
    splits = {bool(pair.variant): tuple(own) for pair, own in written().items()}
    assert splits == {True: ("validation",), False: ("validation", "test")}
    assert all(not pair.variant for pair in Reader(Storage(URL)).misses("tiny", "validation"))


def test_up_to_a_million_images_it_is_on(tiny: Path) -> None:
    study = StudyFile.load(tiny)
    assert study.keeps_misses(1_000_000)
    assert not study.keeps_misses(1_000_001)
    assert study.changed(["keep_misses=true"]).keeps_misses(10**8)
    assert not study.changed(["keep_misses=false"]).keeps_misses(10)


def test_of_a_large_study_it_is_told_that_they_are_too_many(tiny: Path) -> None:
    from studies.records.creation import create_or_extend

    study = Study.load(tiny)
    facts = {
        "settings": {"device": "cpu"},
        "splits": {"train": 10, "validation": 500_000, "test": 500_001},
    }
    create_or_extend(Storage(URL), study, study.wanted(), lambda: facts)
    assert study_info(URL, "tiny")["misses_left_out"] == "too many images"


def test_it_is_read_anew_only_where_a_training_has_ended(
    done: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the pages that do not show it never read it."""
    from studies.missed import Missed

    reads: list[int] = []
    original = Missed.read
    monkeypatch.setattr(Missed, "read", lambda record: reads.append(1) or original(record))
    reader = Reader(Storage(URL))
    reader.both("tiny")
    assert not reads
    reader.misses("tiny")
    assert len(reads) == 6
    tiny_runs.run(tiny)  # nothing is left to do
    assert len(reader.misses("tiny")) == 6
    assert len(reads) == 6
    reader.misses("tiny", "validation")
    assert len(reads) == 12


def test_images_in_another_order_are_other_data(tiny: Path, workdir: Path) -> None:
    """The number of an image in its split means the same image in every training."""
    from dataclasses import replace

    from explorer.errors import UserError
    from studies.records.creation import create_or_extend

    study = Api.load(tiny)
    data = load(study.data)
    facts = {"settings": {"device": "cpu"}, **about_data(data)}
    stored = create_or_extend(Storage(URL), study, study.wanted(), lambda: facts)
    again = load(study.data)
    assert (again.test.images == data.test.images).all()
    check_data(stored, again)
    backwards = Images(data.test.images[::-1].copy(), data.test.labels[::-1].copy())
    with pytest.raises(UserError, match=r"others, or with other labels, in test\."):
        check_data(stored, replace(data, test=backwards))
