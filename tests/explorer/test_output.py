"""Output that nobody takes: one sentence and an exit code; what goes on is not ended by it."""

import os
import subprocess
import sys
from pathlib import Path

import fake_training
import pytest
import tiny_runs

MATCH = [sys.executable, "-m", "explorer", "match", "resnet50"]


def test_a_full_disk_behind_the_output_is_one_sentence() -> None:
    with open("/dev/full", "w") as full:
        finished = subprocess.run(
            MATCH, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (finished.returncode, finished.stderr) == (
        1,
        "Error: the output could not be written: No space left on device.\n",
    )


def test_closed_output_is_one_sentence() -> None:
    command = ["sh", "-c", 'exec "$@" >&-', "sh", *MATCH]
    finished = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (
        1,
        "Error: the output could not be written: Bad file descriptor.\n",
    )


def test_a_reader_that_left_is_no_error() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    finished = subprocess.run(MATCH, stdout=writer, stderr=subprocess.PIPE, text=True, check=False)
    os.close(writer)
    assert (finished.returncode, finished.stderr) == (141, "")


@pytest.mark.heavy
@pytest.mark.parametrize("where", ["| head -1", "> /dev/full", ">&-", ">&- 2>&-"])
def test_a_run_goes_on_without_its_output(where: str, tiny_study_file: Path) -> None:
    command = (
        f'{{ "$@"; echo $? > code; }} {where}'
        if where.startswith("|")
        else f'"$@" {where}; echo $? > code'
    )
    run = [
        sys.executable,
        fake_training.__file__,
        "study",
        "run",
        str(tiny_study_file),
        "--storage",
        "sqlite:///t.db",
    ]
    finished = subprocess.run(
        ["sh", "-c", command, "sh", *run], capture_output=True, text=True, check=False
    )
    assert "Traceback" not in finished.stderr
    assert Path("code").read_text() == "0\n"
    status = [
        sys.executable,
        "-m",
        "explorer",
        "study",
        "status",
        "tiny",
        "--storage",
        "sqlite:///t.db",
        "--json",
    ]
    assert (
        '"complete": 6' in subprocess.run(status, capture_output=True, text=True, check=True).stdout
    )


@pytest.mark.heavy
def test_a_run_goes_on_when_its_terminal_is_closed(tiny_study_file: Path) -> None:
    master, slave = os.openpty()
    run = [
        sys.executable,
        fake_training.__file__,
        "study",
        "run",
        str(tiny_study_file),
        "--storage",
        "sqlite:///t.db",
    ]
    environment = {**os.environ, "TERM": "xterm", "FAKE_EPOCH": "0.1"}
    process = subprocess.Popen(
        run,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    os.close(slave)
    drawn = b""
    while b"epoch" not in drawn:  # the bars are drawn
        drawn += os.read(master, 4096)
    os.close(master)
    _, said = process.communicate()
    assert said == "The output cannot be written any more (Input/output error); the work goes on.\n"
    assert process.returncode == 0
    assert tiny_runs.attempts()
    assert set(tiny_runs.endings()) == {"complete"}


@pytest.mark.heavy
@pytest.mark.parametrize("limit", [1, 2, 3, 4])
def test_too_few_processes_and_threads_are_one_sentence(tiny_study_file: Path, limit: int) -> None:
    run = [
        sys.executable,
        fake_training.__file__,
        "study",
        "run",
        str(tiny_study_file),
        "--storage",
        "sqlite:///t.db",
    ]
    limited = ["bash", "-c", f'ulimit -u {limit} && exec "$@"', "sh", *run]
    if os.getuid() == 0:  # the limit does not hold for root: another user, who may read all files
        limited = [*_as_another_user(), *limited]
    finished = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=60)
    assert finished.returncode == 2
    assert finished.stderr.startswith("Error: ")
    assert finished.stderr.endswith(
        "the system starts no more processes or threads for this user. Raise the limit (ulimit -u),"
        " or end others.\n"
    )
    assert finished.stderr.count("\n") == 1


def _as_another_user() -> list[str]:
    """What a command begins with to run as a user who has no other process."""
    allowed = "+dac_override,+dac_read_search"
    setpriv = [
        "setpriv",
        "--reuid=61712",
        "--clear-groups",
        f"--inh-caps={allowed}",
        f"--ambient-caps={allowed}",
    ]
    try:
        subprocess.run([*setpriv, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("needs setpriv, and a root who may use it")
    return setpriv


@pytest.fixture
def tiny_study_file(workdir: Path) -> Path:
    import tiny_study

    (workdir / "tiny_space.yaml").write_text(tiny_study.SPACE)
    (workdir / "tiny.yaml").write_text(tiny_study.STUDY)
    return workdir / "tiny.yaml"


def test_too_few_files_are_one_sentence(tiny_study_file: Path) -> None:
    run = [
        sys.executable,
        "-m",
        "explorer",
        "study",
        "run",
        str(tiny_study_file),
        "--storage",
        "sqlite:///t.db",
    ]
    finished = subprocess.run(
        ["sh", "-c", 'ulimit -n 8; exec "$@"', "sh", *run],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 2
    assert finished.stderr.startswith("Error: this process may not open more files at once.")
    assert finished.stderr.count("\n") == 1


def test_too_little_memory_for_torch_is_one_sentence_and_no_pairs_fault(
    tiny_study_file: Path,
) -> None:
    run = [
        sys.executable,
        "-m",
        "explorer",
        "study",
        "run",
        str(tiny_study_file),
        "--storage",
        "sqlite:///t.db",
    ]
    limited = ["sh", "-c", 'ulimit -v 300000; exec "$@"', "sh", *run]
    finished = subprocess.run(limited, capture_output=True, text=True, check=False, timeout=60)
    assert (finished.returncode, finished.stderr.count("\n")) == (2, 1)
    assert "memory" in finished.stderr
