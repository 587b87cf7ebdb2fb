"""A search that is killed or stopped and goes on ends as one that nothing
happened to: proposals, prunings, curves, finalists."""

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tiny_runs
import yaml
from searching import BASE, NOBODY, SPACE, claims_of, make

from studies.attempts.attempt import Attempt
from studies.records.stored_study import get
from studies.results import Reader, read
from studies.running.proposing import Proposer
from studies.running.pruning import Pruner, Pruning
from studies.storage import Storage

MEDIAN = {"method": "median", "startup_trials": 2, "warm_up_epochs": 1}
HALVING = {"method": "successive_halving"}
URL = "sqlite:///t.db"


@pytest.fixture
def write(workdir: Path) -> Callable[..., Path]:
    def write(method: str, prune: Any = None, **more: Any) -> Path:
        search = {
            "method": method,
            "trials": 10,
            "finalists": 2,
            **({"prune": prune} if prune else {}),
            **more,
        }
        (workdir / "tiny_space.yaml").write_text(SPACE)
        recipe = {"name": "quick", "epochs": 6, "batch_size": 64}
        (workdir / "tiny.yaml").write_text(
            yaml.safe_dump({**BASE, "recipe": recipe, "search": search})
        )
        return workdir / "tiny.yaml"

    return write


def history() -> tuple[list[str], pd.DataFrame, pd.DataFrame]:
    """The designs in the order in which they were proposed, and
    the tables of pairs and of epochs."""
    return ([record.name for record in get(Storage(URL), "tiny").designs], *tiny_runs.tables())


@pytest.mark.heavy
@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize(
    ("method", "prune"),
    [("tpe", HALVING), ("tpe", MEDIAN), ("nsga2", None)],
    ids=["tpe-halving", "tpe-median", "nsga2"],
)
def test_a_search_that_is_killed_and_stopped_ends_as_one_undisturbed(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, method: str, prune: Any
) -> None:
    monkeypatch.setenv("FAKE_EPOCH", "0.002")
    file = write(method, prune)
    tiny_runs.run(file, workers=1)
    names, trials, curves = history()
    assert (trials["status"] == "pruned").any() == bool(prune)
    for path in file.parent.glob("t.db*"):
        path.unlink()
    rng = random.Random(method)
    for way in ("kill", "stop"):
        process = tiny_runs.start(file, "--workers", "1", "--json", FAKE_EPOCH="0.03")
        tiny_runs.wait_for(process, "epoch", rng.randrange(4, 10))
        time.sleep(0.03 * rng.random())
        if way == "stop":
            process.send_signal(signal.SIGINT)
        else:
            process.kill()
            for attempt in tiny_runs.attempts():
                if attempt.running:
                    tiny_runs.kill(attempt.worker.pid)
        process.communicate()
    assert {"lost", "interrupted"} & set(tiny_runs.endings())
    tiny_runs.run(file, workers=1)
    resumed_names, resumed_trials, resumed_curves = history()
    assert resumed_names == names
    pd.testing.assert_frame_equal(resumed_trials, trials, check_exact=True)
    pd.testing.assert_frame_equal(resumed_curves, curves, check_exact=True)
    seen = Reader(Storage(URL)).curves("tiny").drop(columns="seconds")  # as the app reads them
    pd.testing.assert_frame_equal(seen, curves, check_exact=True)


class Told:
    """A search whose trials are told by hand."""

    def __init__(self, storage: Storage, file: Path, rule: Pruning) -> None:
        self.stored = make(storage, file)
        self.claims, self.proposer = claims_of(storage, self.stored), Proposer(self.stored)
        self.pruner = Pruner(storage, "tiny", rule, epochs=6)

    def claim(self) -> Attempt:
        attempt = self.claims.claim(NOBODY) or self.proposer.claim(self.claims, NOBODY)
        assert attempt
        return attempt

    def tell(self, attempt: Attempt, *errors: float) -> bool:
        """Tell errors from the first epoch on; whether the last was the
        end. The attempt goes on running."""
        *before, last = [
            self.pruner.is_hopeless(attempt, epoch, error) for epoch, error in enumerate(errors, 1)
        ]
        assert not any(before)
        return last


def test_an_interrupted_attempt_does_not_compete_beside_its_successor(
    write: Callable[..., Path], storage: Storage
) -> None:
    search = Told(
        storage, write("random"), Pruning(method="successive_halving", first_epoch=1, reduction=2)
    )
    first = search.claim()
    assert not search.tell(first, 0.5)
    search.claims.end(first, "complete", 0.5, {"result": {"validation_error": 0.5}})
    second = search.claim()
    assert not search.tell(second, 0.4, 0.3)
    search.claims.end(second, "lost")
    again = search.claim()
    assert again.pair == second.pair
    assert not search.pruner.resume(again, [second], [(1, 0.4), (2, 0.3)])
    rungs = storage.open().get_trial(again.id).system_attrs
    assert rungs == {"completed_rung_0": 0.4, "completed_rung_1": 0.3}
    search.claims.end(again, "complete", 0.3, {"result": {"validation_error": 0.3}})
    third = search.claim()
    assert search.tell(third, 0.45)  # of 0.5, 0.4 and 0.45 the best goes on
    search.claims.end(third, "pruned")
    # Of 0.5, 0.4, 0.45 and 0.41 the best two; counted twice, 0.4 would have taken both places.
    assert not search.tell(search.claim(), 0.41)


def test_a_verdict_that_was_not_carried_out_is_given_again(
    write: Callable[..., Path], storage: Storage
) -> None:
    """Killed between the verdict and its record, or between a checkpoint and the
    verdict: a resumed trial ends where it would have."""
    search = Told(
        storage, write("random"), Pruning(method="successive_halving", first_epoch=1, reduction=2)
    )
    first = search.claim()
    assert not search.tell(first, 0.1, 0.1)
    search.claims.end(first, "complete", 0.1, {"result": {"validation_error": 0.1}})
    judged = search.claim()
    assert search.tell(judged, 0.5)
    search.claims.end(judged, "lost")
    again = search.claim()
    assert search.pruner.resume(again, [judged], [(1, 0.5)])
    search.claims.end(again, "lost")
    untold = search.claim()
    assert search.pruner.resume(untold, [], [(1, 0.5)])


def test_what_a_trial_survived_is_not_judged_again_after_others_have_joined(
    write: Callable[..., Path], storage: Storage
) -> None:
    search = Told(
        storage, write("random"), Pruning(method="successive_halving", first_epoch=1, reduction=2)
    )
    early = search.claim()
    assert not search.tell(early, 0.5, 0.4, 0.3)
    better = search.claim()
    assert not search.tell(better, 0.1, 0.1, 0.1)
    search.claims.end(better, "complete", 0.1, {"result": {"validation_error": 0.1}})
    search.claims.end(early, "lost")
    again = search.claim()
    assert again.pair == early.pair
    assert not search.pruner.resume(again, [early], [(1, 0.5), (2, 0.4), (3, 0.3)])


def test_finalists_on_later_seeds_are_no_startup_trials(
    write: Callable[..., Path], storage: Storage
) -> None:
    search = Told(
        storage,
        write("random", trials=2),
        Pruning(method="median", startup_trials=3, warm_up_epochs=0),
    )
    for _ in range(4):  # two designs on two seeds
        attempt = search.claim()
        if attempt.pair.seed == 0:
            search.tell(attempt, 0.1, 0.1)
        search.claims.end(attempt, "complete", 0.1, {"result": {"validation_error": 0.1}})
    search = Told(
        storage,
        write("random", trials=5),
        Pruning(method="median", startup_trials=3, warm_up_epochs=0),
    )
    assert not search.tell(search.claim(), 0.9, 0.9)


@pytest.mark.heavy
@pytest.mark.usefixtures("fake")
def test_a_pruned_pair_keeps_the_epochs_of_an_attempt_that_was_killed_before_it_wrote_them(
    write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Curves are written every ten seconds: what a kill takes away is in the checkpoint."""
    monkeypatch.setenv("FAKE_EPOCH", "0.05")
    file, killed = write("tpe", HALVING), []

    def kill_at_the_second_epoch(worker: int, event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and event["epoch"] == 2:
            running = [attempt for attempt in tiny_runs.attempts() if attempt.running]
            for attempt in running:  # none, where it has come to its end meanwhile
                killed.append(attempt.pair)
                tiny_runs.kill(attempt.worker.pid)

    counts = tiny_runs.run(file, tiny_runs.Recorder(kill_at_the_second_epoch), workers=1)
    assert (counts.left, counts.failed) == (0, 0)
    trials, curves = read(URL, "tiny")
    pruned = trials[trials["status"] == "pruned"]["design"]
    assert set(pruned) & {pair.design for pair in killed}
    seen = Reader(Storage(URL)).curves("tiny")
    for table in (curves, seen):
        for (design, seed), epochs in table.groupby(["design", "seed"])["epoch"]:
            assert list(epochs) == list(range(1, len(epochs) + 1)), (design, seed)
