"""What every test may use: programs that may be missing, and a folder of its own."""

import gc
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import migrations
import pytest
import slurm_cluster
from hypothesis import settings
from postgres_server import Server, serve
from s3_server import S3
from s3_server import serve as serve_s3

from studies.machine.cores import available_cores

# These machines are noisy: a slow example is no failure.
settings.register_profile("default", deadline=None)
settings.load_profile("default")


# Tests run side by side, and so do the programs that they start: each computes on one core. Two
# threads of a training that wait for each other in a loop, on cores that others want too, took five
# times as long as with threads that sleep meanwhile.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """For `pytest -n auto`: more than there are cores, since many tests wait for processes, servers
    and leases. With two more they took each other's time: a third longer in all."""
    return available_cores() + 1


def pytest_configure() -> None:
    """Started with Ctrl-C ignored (`nohup make test &`), tests and what they
    start would ignore it too; many wait for it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    gc.disable()


def pytest_collection_finish() -> None:
    """What was imported and collected stays: two million objects, through which each training looks
    for garbage before it starts (0.5 s)."""
    gc.freeze()
    gc.enable()


def _program(*names: str) -> str:
    """The path of the first program found; without one the test is skipped, or
    fails where RESNEXT_EXPLORER_REQUIRE is set."""
    for name in names:
        found = shutil.which(name)
        if found:
            return found
    message = f"needs {' or '.join(names)}, which is not installed"
    if os.environ.get("RESNEXT_EXPLORER_REQUIRE"):
        pytest.fail(message)
    pytest.skip(message)


@pytest.fixture(scope="session")
def chromium() -> str:
    """A Chromium (Debian's packages `chromium-headless-shell` and `chromium`). The first has
    no windows, and loads a page with a third less work."""
    return _program("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def pgbouncer() -> str:
    """Path of PgBouncer (Debian's package `pgbouncer`)."""
    return _program("pgbouncer", "/usr/sbin/pgbouncer")


@pytest.fixture(scope="session")
def postgres_bin() -> Path:
    """Folder of PostgreSQL's server programs (Debian's package `postgresql`)."""
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (folder / "initdb").exists():
            return folder
    return Path(_program("initdb")).parent


@pytest.fixture(scope="session")
def server(postgres_bin: Path) -> Iterator[Server]:
    """A PostgreSQL server for all tests of a process; each makes a database of its own."""
    with serve(postgres_bin) as running:
        yield running


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3]:
    with serve_s3() as running:
        yield running


@pytest.fixture
def s3(s3_server: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """A server of S3 with a bucket, which the environment names."""
    from s3fs import S3FileSystem

    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    S3FileSystem.clear_instance_cache()  # one that connected elsewhere
    return s3_server


@pytest.fixture(scope="session")
def slurm_programs() -> None:
    """Slurm and MUNGE are installed (Debian's packages `slurm-wlm` and `munge`)."""
    for name in slurm_cluster.PROGRAMS:
        _program(name, f"/usr/sbin/{name}")


@pytest.fixture(scope="session", autouse=True)
def migrations_read_once() -> Iterator[None]:
    """For the storages that this process makes."""
    from alembic.script import ScriptDirectory

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ScriptDirectory, "from_config", migrations.read_once())
        yield


@pytest.fixture
def workdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, with no storage named in the environment."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESNEXT_EXPLORER_STORAGE", raising=False)
    return tmp_path


@pytest.fixture
def here(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """The command line in this process: what it prints, and its exit code."""
    from explorer.cli import main

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["resnext-explorer", *arguments])
            patched.setattr(sys, "stdout", sys.stdout)  # `main` replaces both
            patched.setattr(sys, "stderr", sys.stderr)
            with pytest.raises(SystemExit) as ended:
                main()
        return subprocess.CompletedProcess(
            arguments, int(ended.value.code or 0), *capsys.readouterr()
        )

    return call


@pytest.fixture
def without_numba(tmp_path: Path) -> dict[str, str]:
    """An environment where Numba is not installed: programs that are
    started in it neither find nor import it."""
    folder = tmp_path / "without_numba"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import sys; sys.modules['numba'] = None")
    return {**os.environ, "PYTHONPATH": str(folder)}


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes with one thread, as in a worker that has one."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
