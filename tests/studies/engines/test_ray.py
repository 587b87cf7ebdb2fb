"""A study on a Ray cluster of three nodes: what is lost there is made good, and the results are
those of one machine."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import fake_training
import pandas as pd
import pytest
from postgres_server import Server
from ray_cluster import Nodes, cluster
from tiny_runs import assert_undisturbed, attempts, tables
from tiny_study import change

from studies import stop_study

pytestmark = pytest.mark.heavy

PROGRAM = [str(Path(sys.executable).with_name("resnext-explorer"))]
FAKE = [sys.executable, fake_training.__file__]
Tables = tuple[pd.DataFrame, pd.DataFrame]
# Every wait of these tests ends after so many seconds at the latest.
LONGEST = 120


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FAKE_EPOCH", "0.3")  # nodes hand it on to the workers
        with cluster() as running:
            yield running


@pytest.fixture
def url(server: Server, nodes: Nodes, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty database, which commands find in the environment; the cluster is whole."""
    nodes.complete()
    url = server.create()
    monkeypatch.setenv("RESNEXT_EXPLORER_STORAGE", url)
    return url


class Run:
    """`study run --engine ray --json` as a process of its own, and the events that it tells."""

    def __init__(self, nodes: Nodes, tiny: Path, program: list[str], *options: str) -> None:
        words = ["study", "run", str(tiny), "--engine", "ray", "--address", nodes.address, "--json"]
        self.process = subprocess.Popen(
            [*program, *words, *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def wait_for(self, event: str, count: int = 1) -> None:
        """Read on until there were so many events of a kind."""
        assert self.process.stdout
        for line in self.process.stdout:
            count -= json.loads(line)["event"] == event
            if count <= 0:
                return
        assert self.process.stderr
        pytest.fail(f"the run ended before {event}: {self.process.stderr.read()}")

    def end(self) -> int:
        out, err = self.process.communicate(timeout=LONGEST)
        assert self.process.returncode in (0, 130), out + err
        return self.process.returncode


def running_worker(url: str) -> int:
    """The process of a worker that is training."""
    return next(attempt.worker.pid for attempt in attempts(url) if attempt.running)


def test_whatever_is_killed_the_results_are_those_of_one_machine(
    nodes: Nodes, url: str, server: Server, tiny: Path
) -> None:
    change(tiny, "epochs: 4", "epochs: 200")  # long enough for all that is killed
    local = [*PROGRAM, "study", "run", str(tiny), "--workers", "2", "--storage", "sqlite:///t.db"]
    subprocess.run(local, check=True, capture_output=True, timeout=LONGEST)
    run = Run(nodes, tiny, PROGRAM)
    run.wait_for("epoch", 3)
    os.kill(running_worker(url), signal.SIGKILL)
    run.wait_for("died")
    server.stop()
    server.start()
    run.wait_for("epoch", 2)
    nodes.kill()
    run.wait_for("died")
    nodes.join()
    run.wait_for("epoch", 2)
    run.process.kill()
    run.process.communicate()
    words = ["study", "run", str(tiny), "--engine", "ray", "--address", nodes.address, "--detach"]
    subprocess.run([*PROGRAM, *words], check=True, capture_output=True, timeout=LONGEST)
    watch = [*PROGRAM, "study", "status", "tiny", "--watch"]
    seen = subprocess.run(watch, check=True, capture_output=True, text=True, timeout=LONGEST)
    assert seen.stdout.endswith("tiny: 6 of 6 pairs complete\n")
    assert_undisturbed(tables(), url)


def test_a_node_that_leaves_gives_its_pairs_back_and_one_that_joins_gets_a_worker(
    nodes: Nodes, url: str, undisturbed: Tables, tiny: Path
) -> None:
    run = Run(nodes, tiny, FAKE)
    run.wait_for("epoch", 3)
    nodes.kill()
    run.wait_for("died")
    nodes.join()
    assert run.end() == 0
    assert_undisturbed(undisturbed, url)
    # Nothing is held against a pair whose node left. Where its worker is seen to die before the
    # node itself, the attempt is lost, which counts at the third time in a row.
    endings = [attempt.ended for attempt in attempts(url)]
    assert set(endings) <= {"complete", "interrupted", "superseded", "lost"}
    assert endings.count("lost") <= 1


def test_a_lost_driver_loses_nothing(
    nodes: Nodes, url: str, undisturbed: Tables, tiny: Path
) -> None:
    run = Run(nodes, tiny, FAKE)
    run.wait_for("epoch", 2)
    run.process.kill()
    run.process.communicate()
    assert Run(nodes, tiny, FAKE).end() == 0
    assert_undisturbed(undisturbed, url)


def test_a_study_is_stopped_from_elsewhere_and_goes_on(
    nodes: Nodes, url: str, undisturbed: Tables, tiny: Path
) -> None:
    run = Run(nodes, tiny, FAKE)
    run.wait_for("epoch")
    stop_study("tiny")
    assert run.end() == 130
    assert Run(nodes, tiny, FAKE).end() == 0
    assert_undisturbed(undisturbed, url)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ("--gpus-per-worker", "0.5"),
            "--gpus-per-worker asks for GPUs, and no node of the Ray cluster has one. The nodes"
            " have: 1 CPU; 1 CPU; 1 CPU. Leave it out to train on CPUs.",
        ),
        (
            ("--devices-per-worker", "2"),
            "no node of the Ray cluster holds a worker, which needs 2 CPU. The nodes have: 1 CPU;"
            " 1 CPU; 1 CPU.",
        ),
    ],
)
def test_a_worker_that_no_node_holds_is_a_mistake(
    nodes: Nodes, url: str, tiny: Path, options: tuple[str, ...], message: str
) -> None:
    words = ["study", "run", str(tiny), "--engine", "ray", "--address", nodes.address]
    refused = [*FAKE, *words, *options]
    done = subprocess.run(refused, capture_output=True, text=True, timeout=LONGEST)
    assert (done.returncode, done.stderr) == (2, f"Error: {message}\n")


def test_only_who_has_connected_a_process_disconnects_it(nodes: Nodes) -> None:
    code = f"""
import ray
from studies.engines.ray import RayEngine
for opened in (True, False):
    if opened:
        ray.init(address="{nodes.address}", log_to_driver=False)
    engine = RayEngine("{nodes.address}")
    engine.reach()
    assert ray.is_initialized()
    engine.close()
    assert ray.is_initialized() == opened
    ray.shutdown()
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=LONGEST)


def test_processes_of_a_node_share_a_training(nodes: Nodes, url: str, tiny: Path) -> None:
    """With the numbers of as many processes on one machine."""
    nodes.join(cpus=2)
    change(tiny, "epochs: 4", "epochs: 1")
    change(tiny, "seeds: [0, 1]", "seeds: [0]")
    change(tiny.with_name("tiny_space.yaml"), "[1, 2, 4]", "[1]")
    words = ["study", "run", str(tiny), "--devices-per-worker", "2", "--storage", "sqlite:///t.db"]
    subprocess.run([*PROGRAM, *words], check=True, capture_output=True, timeout=LONGEST)
    assert Run(nodes, tiny, PROGRAM, "--devices-per-worker", "2").end() == 0
    for found, wanted in zip(tables(url), tables(), strict=True):
        pd.testing.assert_frame_equal(found, wanted)
    assert tables(url)[0]["machine"].str.startswith("2 x ").all()


def test_a_cluster_whose_head_dies_ends_the_run_with_one_message(
    nodes: Nodes, url: str, tiny: Path
) -> None:
    """The last test of the cluster."""
    # Workers go on without the head for a while: with six pairs they could be done before it.
    run = Run(nodes, tiny, FAKE, "--set", f"seeds={list(range(60))}")
    run.wait_for("epoch")
    nodes.kill_head()
    out, err = run.process.communicate(timeout=LONGEST)
    assert run.process.returncode == 2, out + err
    assert err.startswith(f"Error: the Ray cluster at {nodes.address} no longer answers")
    assert err.count("\n") == 1
