"""`study stop` reaches every worker through the storage; `study status --watch` follows them."""

import json
import platform
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import fake_training
import pandas as pd
import pytest
from tiny_runs import DONE, assert_undisturbed, endings, run, start, wait_for
from tiny_study import change

from studies import Study
from studies.records.creation import create_or_extend
from studies.storage import Storage

Here = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.heavy
def test_a_stopped_study_goes_on_with_the_next_run(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, here: Here
) -> None:
    # Three of four epochs are left: the stop comes before a pair is complete, however slow it is.
    process = start(tiny, "--workers", "2", "--json", FAKE_EPOCH="3")
    wait_for(process, "epoch", 1)
    stopped = here("study", "stop", "tiny", "--storage", "sqlite:///t.db")
    assert "Go on with: resnext-explorer study run tiny --storage sqlite:///t.db" in stopped.stdout
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    assert json.loads(out.splitlines()[-1])["event"] == "stopped"
    assert "interrupted" in endings()
    assert run(tiny, workers=2) == DONE
    assert_undisturbed(undisturbed)


def test_a_watcher_sees_what_is_trained_where_until_all_have_stopped(
    tiny: Path, here: Here
) -> None:
    process = start(tiny, "--json", FAKE_EPOCH="1")
    wait_for(process, "epoch", 1)
    watching = ("study", "status", "tiny", "--watch", "--json", "--storage", "sqlite:///t.db")
    with subprocess.Popen(
        [sys.executable, fake_training.__file__, *watching], stdout=subprocess.PIPE, text=True
    ) as watcher:
        assert watcher.stdout
        looks = (json.loads(line)["trainings"] for line in watcher.stdout)
        (training,) = next(filter(None, looks))  # between two trainings there is none
        assert training["seed"] in (0, 1)  # the next may have begun
        assert training["host"] == platform.node()
        here("study", "stop", "tiny", "--storage", "sqlite:///t.db")
        out, _ = watcher.communicate(timeout=60)
    process.communicate(timeout=60)
    assert not json.loads(out.splitlines()[-1])["trainings"]


def test_watching_a_finished_study_ends_at_once(done: None, here: Here) -> None:
    watched = here("study", "status", "tiny", "--watch", "--storage", "sqlite:///t.db")
    assert watched.stdout == "tiny: 6 of 6 pairs complete\n"
    as_json = here("study", "status", "tiny", "--watch", "--json", "--storage", "sqlite:///t.db")
    assert json.loads(as_json.stdout) == {**asdict(DONE), "trainings": []}


def test_stopping_a_study_that_nobody_trains_says_so(done: None, tiny: Path, here: Here) -> None:
    stopping = ("study", "stop", "tiny", "--storage", "sqlite:///t.db")
    assert here(*stopping).stdout == (
        "tiny is complete: nothing to stop. See what came out: resnext-explorer report tiny"
        " --storage sqlite:///t.db\n"
    )
    change(tiny, "seeds: [0, 1]", "seeds: [0, 1, 2]")
    study = Study.load(tiny)
    with Storage.visit("sqlite:///t.db") as storage:
        create_or_extend(storage, study, study.wanted(), dict)
    assert here(*stopping).stdout.startswith("tiny: nothing is trained just now. Go on with: ")
