"""A study on a Slurm cluster of two nodes: whatever Slurm does to its jobs, the results are those
of one machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import fake_training
import pandas as pd
import pytest
from postgres_server import Server
from slurm_cluster import NODES, Slurm, cluster
from tiny_runs import assert_undisturbed, attempts

pytestmark = pytest.mark.heavy

FAKE = [sys.executable, fake_training.__file__]
Tables = tuple[pd.DataFrame, pd.DataFrame]
# Every wait of these tests ends after so many seconds at the latest.
LONGEST = 120
T = TypeVar("T")


@pytest.fixture(scope="module")
def slurm(slurm_programs: None, server: Server) -> Iterator[Slurm]:
    with cluster() as running:
        yield running


@pytest.fixture
def url(server: Server, slurm: Slurm, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database, which commands find in the environment."""
    url = server.create()
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", url)
    monkeypatch.setenv("FAKE_EPOCH", "0.3")  # Slurm hands it on to the workers
    return url


class Run:
    """`study run --engine slurm --json` as a process of its own, and what it tells."""

    def __init__(self, tiny: Path, *options: str) -> None:
        words = ["study", "run", str(tiny), "--engine", "slurm", "--workers", "2", "--json"]
        self.process = subprocess.Popen(
            [*FAKE, *words, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.heard: list[str] = []  # what it has told so far, for a failure's message

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        """Read on until there were so many events of a kind; the last of them."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.heard.append(f"{time.monotonic():.1f} {line[:200].strip()}")
            latest: dict[str, Any] = json.loads(line)
            count -= latest["event"] == event
            if count <= 0:
                return latest
        assert self.process.stderr
        heard = "\n".join(self.heard)
        pytest.fail(f"the run ended before {event}: {self.process.stderr.read()}\n{heard}")

    def __enter__(self) -> "Run":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def end(self) -> int:
        out, err = self.process.communicate(timeout=LONGEST)
        assert self.process.returncode in (0, 130), out + err
        for line in out.splitlines():
            json.loads(line)  # nothing else is printed among them
        return self.process.returncode


def job_of(slurm: Slurm, worker: int) -> str:
    """The job of a worker that runs."""
    return next(job for job in slurm.jobs() if job.endswith(f"_{worker}"))


def running_worker(url: str) -> int:
    """The process of a worker that is training, once there is one."""
    return until(lambda: [attempt.worker.pid for attempt in attempts(url) if attempt.running])[0]


def until(function: Callable[[], T]) -> T:
    """What a function returns, once that is something."""
    deadline = time.monotonic() + LONGEST
    while not (result := function()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return result


def test_whatever_slurm_does_to_its_jobs_the_results_are_those_of_one_machine(
    slurm: Slurm, undisturbed: Tables, url: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Slow enough that the jobs that are queued again come back before all is trained.
    monkeypatch.setenv("FAKE_EPOCH", "1")
    with Run(tiny) as run:
        run.wait_for("epoch", 2)
        # A worker does not learn that it is in a job: Lightning would take it for a task.
        environment = Path(f"/proc/{running_worker(url)}/environ").read_text()
        names = {word.split("=")[0] for word in environment.split("\0")}
        assert "FAKE_EPOCH" in names
        assert not [name for name in names if name.startswith(("SLURM", "SUBMITIT", "PMI"))]
        # As at the end of a job's time.
        slurm.call("scancel", "--signal=USR2", job_of(slurm, 0))
        assert "stopped before its job's end" in run.wait_for("note")["text"]
        os.kill(running_worker(url), signal.SIGKILL)
        run.wait_for("died")
        until(lambda: sum(attempt.running for attempt in attempts(url)) == 2)
        for node in NODES:  # they come back by themselves
            slurm.call("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        # One comes back, the other waits for ever, and for it nobody waits.
        slurm.call("scontrol", "hold", next(iter(slurm.jobs())))
        taken: set[int] = set()
        while taken != {0, 1}:  # whatever else is said, of the held job when Slurm is asked next
            note = run.wait_for("note")
            if "off its node, and queued it again" in note["text"]:
                taken.add(note["worker"])
        assert run.end() == 0
    assert_undisturbed(undisturbed, url)
    until(lambda: not slurm.jobs())


def test_a_stopped_study_leaves_no_job_and_a_cancelled_job_no_pair_behind(
    slurm: Slurm, undisturbed: Tables, url: str, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slurm.call("scontrol", "update", "nodename=n2", "state=drain", "reason=test")
    for how in ("study stop", "Ctrl-C"):
        with Run(tiny) as run:
            run.wait_for("epoch")
            assert sorted(slurm.jobs().values()) == ["", "n1"]  # one waits for room
            if how == "Ctrl-C":
                os.killpg(run.process.pid, signal.SIGINT)
            else:
                subprocess.run([*FAKE, "study", "stop", "tiny"], check=True, capture_output=True)
            assert run.end() == 130
        until(lambda: not slurm.jobs())
        assert not any(attempt.running for attempt in attempts(url))
    slurm.call("scontrol", "update", "nodename=n2", "state=resume")
    # Slurm is asked every five seconds, and a job that comes late still finds pairs to train.
    monkeypatch.setenv("FAKE_EPOCH", "2")
    with Run(tiny) as run:
        until(lambda: sorted(slurm.jobs().values()) == list(NODES))
        run.wait_for("epoch")
        slurm.call("scancel", job_of(slurm, 1))
        assert "was cancelled" in run.wait_for("note")["text"]
        slurm.stop("slurmctld")  # what runs goes on without it
        try:
            assert run.end() == 0
        finally:
            slurm.start_controller()
            slurm.wait_for_nodes()
    assert_undisturbed(undisturbed, url)


def test_what_slurm_cannot_take_is_one_message(
    slurm: Slurm, url: str, tiny: Path, here: Callable[..., "subprocess.CompletedProcess[str]"]
) -> None:
    def message(*options: str) -> str:
        done = here("study", "run", str(tiny), "--engine", "slurm", *options)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith("Error: ")
        assert done.stderr.count("\n") == 1
        return done.stderr

    assert "unknown partition 'mian'. Did you mean 'main'?" in message("--partition", "mian")
    assert "--time 2:00:00 is more than partition main allows: 1:00:00" in message(
        "--time", "2:00:00"
    )
    with slurm.frozen_controller():
        assert "controller cannot be reached" in message()
    slurm.stop("slurmctld")
    try:
        assert "controller cannot be reached" in message("--partition", "main")
    finally:
        slurm.start_controller()
        slurm.wait_for_nodes()
