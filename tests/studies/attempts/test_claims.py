"""Claims, leases and fences: no pair is completed twice, none is
lost, and who comes late records nothing."""

import json
import math
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import optuna
import pytest
from claiming import PROCESSES, work

from explorer.errors import UserError
from studies.attempts.attempt import Attempt, how_it_ended, status_of
from studies.attempts.claims import Claims
from studies.attempts.standing import Counts
from studies.attempts.workers import Lease, Worker
from studies.pair import Pair
from studies.storage import Storage

Party = Callable[..., Claims]
NOBODY = Worker("nobody", host="elsewhere", machine="elsewhere")
SOMEBODY = Worker("somebody", host="elsewhere", machine="elsewhere")


def attempts(*endings: str) -> list[Attempt]:
    """Attempts at one pair that ended so, in order; "" is one that runs."""
    states = {"": "RUNNING", "complete": "COMPLETE", "pruned": "PRUNED"}
    return [
        Attempt(number, number, Pair("a", 0), states.get(ended, "FAIL"), ended, 0, NOBODY)
        for number, ended in enumerate(endings)
    ]


@pytest.mark.parametrize(
    ("endings", "expected"),
    [
        ((), "waiting"),
        (("",), "running"),
        (("complete",), "complete"),
        (("lost", "complete"), "complete"),
        (("pruned",), "pruned"),
        (("superseded", "interrupted", "lost"), "waiting"),
        (("failed",), "failed"),
        (("lost", "lost"), "waiting"),
        (("lost", "superseded", "lost", "lost"), "failed"),
        (("lost", "lost", "interrupted", "lost"), "waiting"),
    ],
)
def test_a_pair_stands_as_its_attempts_ended(endings: tuple[str, ...], expected: str) -> None:
    assert status_of(attempts(*endings)) == expected


def test_losses_count_only_where_nothing_was_gained() -> None:
    def lost(*progress: int) -> list[Attempt]:
        return [
            replace(attempt, progress=p)
            for attempt, p in zip(attempts(*["lost"] * len(progress)), progress, strict=True)
        ]

    assert status_of(lost(1, 3, 4, 7, 8)) == "waiting"  # each went on from the one before
    assert status_of(lost(1, 1, 1)) == "waiting"
    assert status_of(lost(1, 1, 1, 1)) == "failed"  # always from the start: something kills it
    assert status_of(lost(0, 0, 2, 0, 0)) == "waiting"
    assert status_of(lost(2, 0, 0, 0)) == "failed"


def test_a_retry_forgives_earlier_failures_but_not_three() -> None:
    assert status_of(attempts("failed"), retried_from=1) == "waiting"
    assert status_of(attempts("failed", "failed"), retried_from=1) == "failed"
    assert status_of(attempts("failed", "failed"), retried_from=2) == "waiting"
    assert status_of(attempts("failed", "failed", "failed"), retried_from=3) == "failed"


def test_the_state_decides_how_an_attempt_ended() -> None:
    # One process marked it lost at the moment its worker reported success, or the other way round.
    assert how_it_ended("COMPLETE", "lost") == "complete"
    assert how_it_ended("FAIL", "complete") == "lost"
    assert how_it_ended("FAIL", None) == "lost"
    assert how_it_ended("RUNNING", "complete") == ""


def test_pairs_are_claimed_in_order_and_each_once(party: Party, pairs: list[Pair]) -> None:
    first, second = party(), party()
    claimed = [(first if turn % 2 else second).claim(NOBODY) for turn in range(len(pairs))]
    assert [attempt.pair for attempt in claimed if attempt] == pairs
    assert first.claim(NOBODY) is None
    assert Counts.of(second.look()) == Counts(6, 0, 6, 0, 0, 0)


@pytest.mark.parametrize("ended", ["", "complete", "failed"])
def test_of_two_claims_at_one_moment_the_later_takes_the_next_pair(
    party: Party, pairs: list[Pair], ended: str
) -> None:
    early, late = party(), party()
    assert late.look()[pairs[0]] == "waiting"
    first = early.claim(NOBODY)
    assert first
    if ended:
        assert early.end(first, ended)
    second = late._claim(SOMEBODY, late._standing.waiting)  # it has not looked again before
    assert second
    assert (first.pair, second.pair) == (pairs[0], pairs[1])
    assert late.look()[pairs[0]] == (ended or "running")
    assert [attempt.ended for attempt in late.tried()] == [ended, ""]


def test_of_a_study_that_was_deleted_nothing_is_claimed(party: Party, storage: Storage) -> None:
    claims, writer = party(), storage.open()
    writer.delete_study(writer.get_study_id_from_name("study"))
    with pytest.raises(UserError, match="was deleted while it was trained"):
        claims.claim(NOBODY)


def test_optuna_reads_what_claims_write(party: Party, storage: Storage, pairs: list[Pair]) -> None:
    claims = party()
    endings = [("complete", 0.25), ("pruned", None), ("failed", None), ("complete", math.inf)]
    before = datetime.now()
    for ended, value in endings:
        attempt = claims.claim(NOBODY)
        assert attempt
        assert claims.end(attempt, ended, value, {"result": {"by": "me"}})
    theirs = optuna.load_study(storage=storage.open(), study_name="study")
    theirs.tell(theirs.ask(), 0.5)  # its own trial in between
    assert claims.claim(NOBODY)
    trials = theirs.trials
    assert [trial.number for trial in trials] == [0, 1, 2, 3, 4, 5]
    assert [trial.state.name for trial in trials] == [
        *("COMPLETE", "PRUNED", "FAIL", "COMPLETE", "COMPLETE", "RUNNING")
    ]
    assert [trial.value for trial in trials] == [0.25, None, None, math.inf, 0.5, None]
    assert trials[1].user_attrs["claim"]["design"] == pairs[1].design
    assert all(before <= trial.datetime_start <= datetime.now() for trial in trials)
    assert all(trial.datetime_complete for trial in trials[:5])


def test_a_silent_lease_is_given_up_by_the_observers_own_clock(party: Party) -> None:
    now = [0.0]
    owner, observer = party(), party(clock=lambda: now[0])
    attempt = owner.claim(NOBODY)
    assert attempt
    for now[0] in (1000.0, 1059.0):
        assert observer.look()[attempt.pair] == "running"
    assert owner.write(attempt, {"lease": 1})  # a sign of life: the clock starts anew
    for now[0] in (1075.0, 1134.0):
        assert observer.look()[attempt.pair] == "running"
    now[0] = 1150.0
    assert observer.look()[attempt.pair] == "waiting"


def test_an_observer_that_slept_blames_nobody_at_once(party: Party) -> None:
    now = [0.0]
    owner, observer = party(), party(clock=lambda: now[0])
    attempt = owner.claim(NOBODY)
    assert attempt
    assert observer.look()[attempt.pair] == "running"
    assert owner.write(attempt, {"lease": 7})
    now[0] = 5000.0
    assert observer.look()[attempt.pair] == "running"


def test_a_late_worker_records_nothing(party: Party, storage: Storage) -> None:
    late, other = party(), party()
    attempt = late.claim(NOBODY)
    assert attempt
    assert other.end(attempt, "lost")
    again = other.claim(NOBODY)
    assert again
    assert again.pair == attempt.pair
    assert not late.write(attempt, {"curve/1": [1]})
    assert not late.end(attempt, "complete", 0.5, {"result": {"test_error": 0.5}})
    assert other.end(again, "complete", 0.25, {"result": {"test_error": 0.25}})
    written = storage.rows(
        "SELECT trial_id, key FROM trial_user_attributes WHERE key IN ('result', 'curve/1')"
    )
    assert [(row["trial_id"], row["key"]) for row in written] == [(again.id, "result")]
    assert late.look()[attempt.pair] == "complete"


def test_keeping_a_lease_shows_life_and_learns_of_its_loss(party: Party) -> None:
    owner, observer = party(), party()
    owner._lease = Lease(every=0.02)
    attempt = owner.claim(NOBODY)
    assert attempt
    with owner.keep(attempt) as gone:
        deadline = time.monotonic() + 10
        while observer._attempts.read(leases=True)[0].lease < 2 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert observer._attempts.read(leases=True)[0].lease >= 2
        assert not gone.is_set()
        assert observer.end(attempt, "lost")
        assert gone.wait(10)
    assert not any(thread.name == "lease" for thread in threading.enumerate())


def test_a_held_lock_tells_a_living_worker_from_a_dead_one(tmp_path: Path) -> None:
    with Worker.hold(tmp_path) as worker:
        assert Path(worker.lock).exists()
        assert not worker.is_dead()
    assert not Path(worker.lock).exists()
    assert not worker.is_dead()  # a lock that is gone tells nothing; the lease decides
    Path(worker.lock).touch()
    assert worker.is_dead()
    assert not Worker(worker.id, worker.lock, machine="another").is_dead()


def test_trials_of_other_programs_are_left_alone(
    party: Party, storage: Storage, pairs: list[Pair]
) -> None:
    owner = party()
    writer = storage.open()
    writer.create_new_trial(writer.get_study_id_from_name("study"))
    attempt = owner.claim(NOBODY)
    assert attempt
    assert attempt.pair == pairs[0]
    assert Counts.of(owner.look()).wanted == len(pairs)


def _completions(storage: Storage) -> Counter[str]:
    return Counter(
        row["value_json"]
        for row in storage.rows(
            "SELECT a.value_json FROM trials t JOIN trial_user_attributes a ON a.trial_id ="
            " t.trial_id AND a.key = 'claim' WHERE t.state = 'COMPLETE'"
        )
    )


def _processes(storage: Storage, count: int, wanted: list[Pair], *arguments: Any) -> list[Any]:
    started = [
        PROCESSES.Process(target=work, args=(storage.url, wanted, *arguments)) for _ in range(count)
    ]
    for process in started:
        process.start()
    return started


def test_four_processes_complete_every_pair_once(party: Party, storage: Storage) -> None:
    party()
    wanted = [Pair(f"design{number}", seed) for seed in (0, 1) for number in range(60)]
    for process in _processes(storage, 4, wanted, 0.0, False):
        process.join(120)
        assert process.exitcode == 0
    completed = Counter(_pair(claim) for claim in _completions(storage).elements())
    assert completed == Counter(wanted)


@pytest.mark.slow
def test_killed_processes_lose_nothing(party: Party, storage: Storage) -> None:
    party()
    wanted = [Pair(f"design{number}", 0) for number in range(40)]
    rng = random.Random(0)
    processes = _processes(storage, 3, wanted, 0.05, True)
    for _ in range(4):
        time.sleep(0.5 + rng.random())
        victim = rng.choice(processes)
        if victim.is_alive():
            os.kill(victim.pid, signal.SIGKILL)
        processes += _processes(storage, 1, wanted, 0.05, True)
    for process in processes:
        process.join(120)
    completed = Counter(_pair(claim) for claim in _completions(storage).elements())
    assert completed == Counter(wanted)


def _pair(claim: str) -> Pair:
    fields = json.loads(claim)
    return Pair(fields["design"], fields["seed"])
