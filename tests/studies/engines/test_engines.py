"""What `--engine` takes, and what cannot be reached: one message each, and nothing hangs."""

import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from postgres_server import PASSWORD, Server

Here = Callable[..., "subprocess.CompletedProcess[str]"]
PROGRAM = str(Path(sys.executable).with_name("resnext-explorer"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "rey"], "unknown engine 'rey'. Did you mean 'ray'?"),
        (["--address", "h:6379"], "--address is an option of --engine ray; given: --engine local."),
        (["--detach"], "--detach is an option of --engine ray; given: --engine local."),
        (["--engine", "ray", "--workers-per-gpu", "2"], "--workers-per-gpu is for this machine"),
        (["--engine", "ray", "--gpus-per-worker", "1.5"], "a share of a GPU, such as 0.5, or a"),
        (
            ["--engine", "ray", "--gpus-per-worker", "0.5", "--devices-per-worker", "1"],
            "--devices-per-worker is the number of GPUs of each worker: leave --gpus-per-worker",
        ),
        (
            ["--engine", "ray", "--gpus-per-worker", "1", "--devices-per-worker", "2"],
            "--devices-per-worker is the number of GPUs of each worker: leave --gpus-per-worker",
        ),
    ],
)
def test_options_of_another_engine_are_refused(
    tiny: Path, here: Here, options: list[str], message: str
) -> None:
    done = here("study", "run", str(tiny), *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr


def test_sqlite_is_refused_across_nodes_before_ray_is_imported(tiny: Path, here: Here) -> None:
    code = (
        "import sys; from explorer.cli import main\ntry: main()\nfinally: assert 'ray' not in"
        " sys.modules"
    )
    words = ["study", "run", str(tiny), "--engine", "ray", "--storage", "sqlite:///t.db"]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, timeout=100
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "which only the processes of one machine can share" in done.stderr
    assert "docker run -d -p 5432:5432" in done.stderr
    assert not Path("t.db").exists()


def test_without_ray_the_message_says_how_to_install_it(
    server: Server, tiny: Path, here: Here, fake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    done = here("study", "run", str(tiny), "--engine", "ray", "--storage", server.create())
    assert done.returncode == 2
    assert "Install it: pip install 'resnext-explorer[ray]'" in done.stderr
    assert PASSWORD not in done.stderr


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "no Ray cluster can be reached at 127.0.0.1:1: Connection refused."),
        ("nowhere.invalid:6379", "no Ray cluster can be reached at nowhere.invalid:6379: "),
        ("nowhere", "--address nowhere is no address of a Ray cluster."),
        ("ray://10.0.0.1:10001", "--address ray://10.0.0.1:10001 is no address of a Ray cluster."),
    ],
)
def test_a_cluster_that_cannot_be_reached_is_one_message(
    server: Server, tiny: Path, here: Here, fake: None, address: str, message: str
) -> None:
    options = ["--engine", "ray", "--address", address, "--storage", server.create()]
    done = here("study", "run", str(tiny), *options)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert message in done.stderr


@pytest.mark.heavy  # it takes the 20 s after which such a cluster is given up
def test_a_cluster_that_never_answers_is_given_up(server: Server, tiny: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"127.0.0.1:{silent.getsockname()[1]}"
        words = ["study", "run", str(tiny), "--engine", "ray", "--address", address]
        done = subprocess.run(
            [PROGRAM, *words, "--storage", server.create()],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert f"no Ray cluster can be reached at {address}: " in done.stderr
