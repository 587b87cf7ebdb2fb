"""How many threads a worker trains with: what is told, else what a few timed steps say."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

import explorer.networks
from explorer.errors import UserError
from studies.machine import settings, threads
from studies.machine.cores import available_cores
from studies.machine.threads import VARIABLE, Step, fastest, given_threads, notes_on_stored

SHAPE = {"resolution": 8, "in_channels": 1, "classes": 10}
STEP = Step("resnext_1_1x8d_w16_small8", SHAPE, 64)


@pytest.fixture(autouse=True)
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (threads, settings):
        monkeypatch.setattr(module, "available_cores", lambda: 8)
    monkeypatch.delenv(VARIABLE, raising=False)


def test_where_nothing_is_told_steps_are_timed() -> None:
    assert given_threads(None, 1) is None


@pytest.mark.parametrize(("asked", "workers"), [(1, 1), (8, 1), (4, 2), (1, 100)])
def test_a_number_that_is_given_is_taken(asked: int, workers: int) -> None:
    chosen = given_threads(asked, workers)
    assert chosen == threads.Threads(asked)


@pytest.mark.parametrize(("asked", "workers", "most"), [(9, 1, 8), (5, 2, 4), (2, 100, 1)])
def test_more_threads_than_cores_are_refused(asked: int, workers: int, most: int) -> None:
    with pytest.raises(
        UserError,
        match=rf"--threads {asked} for .* than the 8 cores here\. Give --threads {most}( or|\.)",
    ):
        given_threads(asked, workers)


@pytest.mark.parametrize(
    ("value", "workers", "number"),
    [("1", 1, 1), ("3", 1, 3), ("3", 4, 2), ("64", 1, 8), ("2,4", 1, 2), (" 2 ", 1, 2)],
)
def test_omp_num_threads_is_followed_up_to_a_workers_share_of_the_cores(
    monkeypatch: pytest.MonkeyPatch, value: str, workers: int, number: int
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    chosen = given_threads(None, workers)
    assert chosen
    assert chosen.number == number
    assert VARIABLE in chosen.why
    assert given_threads(1, workers) == threads.Threads(1)  # what is given counts more


@pytest.mark.parametrize("value", ["", "0", "many", "-1"])
def test_omp_num_threads_that_says_nothing_is_not_followed_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(VARIABLE, value)
    assert given_threads(None, 1) is None
    note = f"OMP_NUM_THREADS is '{value}', no number of threads, and is not followed."
    notes = settings.resolve_here("cpu", "32").notes
    assert notes == ((note,) if value else ())
    assert settings.resolve_here("cpu", "32", threads=1).notes == ()


@pytest.mark.parametrize(
    ("one", "all_", "number", "why"),
    [
        (0.056, 1.0, 1, "Threads: 1, since a step took 56 ms with 1 and 1.0 s with 2."),
        (0.056, 0.030, 2, "Threads: 2, since a step took 56 ms with 1 and 30 ms with 2."),
        (0.056, 0.055, 1, "Threads: 1, since a step took 56 ms with 1 and only 55 ms with 2."),
        (0.056, None, 1, "Threads: 1, since a step took 56 ms with 1 and did not end with 2."),
    ],
)
def test_the_faster_is_taken_and_one_thread_on_a_near_tie(
    monkeypatch: pytest.MonkeyPatch, one: float, all_: float | None, number: int, why: str
) -> None:
    def timed(*_: object) -> Iterator[tuple[int, float]]:
        for _visit in range(2):
            yield 1, one
            if all_ is None:
                threading.Event().wait()  # as two threads that wait for each other
            else:
                yield 2, all_

    monkeypatch.setattr(explorer.networks, "time_threads", timed, raising=False)
    monkeypatch.setattr(threads, "MOST_SECONDS", 5.0 if all_ else 0.05)
    assert fastest(STEP, "32", 2) == threads.Threads(number, why)


def test_a_step_that_does_not_fit_the_memory_is_left_to_the_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def timed(*_: object) -> Iterator[tuple[int, float]]:
        raise MemoryError
        yield

    monkeypatch.setattr(explorer.networks, "time_threads", timed, raising=False)
    assert fastest(STEP, "32", 2) == threads.Threads(1)


def test_steps_are_timed_with_each_number_of_threads() -> None:
    code = (
        "import json, torch; from explorer.networks import Case, time_threads; from explorer import"
        f" Architecture; case = Case(Architecture.from_name({STEP.network!r}, **{SHAPE}),"
        " batch=4, mode='train_step'); print(json.dumps([(number, torch.get_num_threads(), seconds)"
        " for number, seconds in time_threads(case, '32', [1, 2, 1], 0.001)]))"
    )
    visits = json.loads(subprocess.check_output([sys.executable, "-c", code], text=True))
    assert [visit[:2] for visit in visits] == [[1, 1], [2, 2], [1, 1]]
    assert all(seconds > 0 for *_, seconds in visits)


RESOLVE = (
    "from studies.machine.settings import resolve; from studies.machine.threads import Step;"
    f" found = resolve('cpu', '32', step=Step({STEP.network!r}, {SHAPE}, 64));"
    " print(found.settings.threads, *found.notes)"
)


@pytest.mark.skipif(available_cores() < 2, reason="there is one core, and no choice")
def test_the_choice_is_told_in_a_sentence() -> None:
    environment = {name: value for name, value in os.environ.items() if name != VARIABLE}
    output = subprocess.check_output([sys.executable, "-c", RESOLVE], env=environment, text=True)
    number, _, why = output.strip().partition(" ")
    assert number in ("1", str(available_cores()))
    assert why.startswith(f"Threads: {number}, since a step took ")


def test_omp_num_threads_of_1_is_one_thread_without_timing() -> None:
    environment = {**os.environ, VARIABLE: "1"}
    output = subprocess.check_output([sys.executable, "-c", RESOLVE], env=environment, text=True)
    assert output == f"1 Threads: 1, as {VARIABLE} says.\n"


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="the system does not bind processes to cores"
)
def test_threads_are_no_more_than_the_cores_that_a_process_may_use() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); " + RESOLVE
    environment = {**os.environ, VARIABLE: "7"}
    output = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True)
    assert output == f"1 Threads: 1, the cores of a worker; {VARIABLE} says 7.\n"


def test_on_cuda_one_thread_is_enough_unless_told_otherwise(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings, "_check_device", lambda _: None)
    monkeypatch.setattr(settings, "_computes_bf16", lambda _: True)
    for asked, number in ((None, 1), (4, 4)):
        resolved = settings.resolve_here("cuda", threads=asked, step=STEP)
        assert (resolved.settings.threads, resolved.notes) == (number, ())


def test_what_differs_from_a_stored_number_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert notes_on_stored(4, 2) == []
    assert notes_on_stored(4, 3) == [
        "3 workers with 4 threads each share 8 cores, which may be many times slower than"
        " --workers 2."
    ]
    monkeypatch.setenv(VARIABLE, "1")
    (note,) = notes_on_stored(2, 1)
    assert note.startswith(f"{VARIABLE} is not followed: the study was created with 2 threads")
    assert notes_on_stored(1, 8) == []
    monkeypatch.setenv(VARIABLE, "8")
    assert notes_on_stored(2, 4) == []  # of eight, a worker's share
