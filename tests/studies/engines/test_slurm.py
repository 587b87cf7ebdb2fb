"""Jobs of Slurm stop in time, are queued again, and go on where they stopped (by submitit's local
stand-in for Slurm, with a stand-in for training)."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import fake_training
import pandas as pd
import pytest
from tiny_runs import DONE, Recorder, assert_undisturbed, attempts, endings

import studies.running.supervisor
from explorer.errors import UserError
from studies import Study
from studies.attempts.standing import Counts
from studies.commands.engines import choose_engine
from studies.engines.engine import Job
from studies.engines.slurm import SlurmEngine
from studies.engines.slurm_queue import seconds_of
from studies.engines.slurm_seat import secrets, without_secrets, without_slurm
from studies.machine.settings import Settings


def run(tiny: Path, engine: SlurmEngine, view: Recorder) -> Counts:
    return studies.running.supervisor.run(
        Study.load(tiny), storage="sqlite:///t.db", engine=engine, view=view
    )


@pytest.mark.heavy
def test_a_job_that_is_told_that_its_time_is_over_goes_on_when_it_is_queued_again(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH", "0.3")
    interrupted: list[dict[str, Any]] = []

    def interrupt(worker: int, event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and event["epoch"] == 2 and not interrupted:
            interrupted.append(event)
            # What Slurm does, and submitit's `job._interrupt(timeout=True)`, which its local jobs
            # do not have.
            files = Path("t-files/tiny/slurm").glob("*.events")
            placed = [json.loads(path.read_text().splitlines()[0]) for path in files]
            for one in placed:
                os.kill(one["pid"], signal.SIGUSR2)

    view = Recorder(interrupt)
    assert run(tiny, SlurmEngine(workers=1, time="10", cluster="local"), view) == DONE
    assert [note["text"] for note in view.named("note")] == [
        "It has stopped before its job's end, and is queued again."
    ]
    assert endings() == ["interrupted"] + ["complete"] * 6
    pair = interrupted[0]["design"], interrupted[0]["seed"]
    epochs = [row["epoch"] for row in view.named("epoch") if (row["design"], row["seed"]) == pair]
    assert epochs == [1, 2, 3, 4]
    assert_undisturbed(undisturbed)


@pytest.mark.heavy
def test_a_job_stops_by_itself_before_its_time_is_over(
    undisturbed: tuple[pd.DataFrame, pd.DataFrame], tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH", "1")
    view, engine = Recorder(), SlurmEngine(workers=2, time="10", cluster="local")
    engine._margin = engine._seconds - 8
    assert run(tiny, engine, view) == DONE
    assert view.named("note")
    assert "failed" not in endings()
    assert "lost" not in endings()
    assert_undisturbed(undisturbed)


@pytest.mark.heavy
def test_ctrl_c_ends_the_jobs_and_none_is_queued_again(
    fake: None, tiny: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_EPOCH", "0.3")

    pressed: list[int] = []

    def press(worker: int, event: dict[str, Any]) -> None:
        if event["event"] == "epoch" and not pressed:  # a second time would not wait
            pressed.append(worker)
            os.kill(os.getpid(), signal.SIGINT)

    engine = SlurmEngine(workers=1, time="10", cluster="local")
    with pytest.raises(studies.running.supervisor.RunStopped):
        run(tiny, engine, Recorder(press))
    assert endings() == ["interrupted"]
    assert not any(attempt.running for attempt in attempts())
    # Neither the job nor what it told is left.
    assert [path.name for path in Path("t-files/tiny/slurm").glob("*.events")] == []


def test_times_are_read_as_slurm_reads_them() -> None:
    hours = {"90": 1.5, "4:00:00": 4, "30:00": 0.5, "1-0": 24, "1-12:30": 36.5, "0-0:30:00": 0.5}
    assert {text: seconds_of(text) / 3600 for text in hours} == hours
    for text in ("", "0", "four hours", "1:2:3:4"):
        with pytest.raises(UserError, match=r"is no time of Slurm's"):
            seconds_of(text)


def test_a_worker_is_no_task_of_slurms_and_its_job_file_holds_no_password() -> None:
    environment = {"SLURM_JOB_ID": "1", "PMI_RANK": "0", "SUBMITIT_EXECUTOR": "slurm", "HOME": "/"}
    environment |= {"SRUN_DEBUG": "3", "SBATCH_PARTITION": "gpu", "PMIX_RANK": "0"}
    assert without_slurm(environment) == {"HOME": "/"}
    config = {"storage": "postgresql://me:swordfish@host/db", "artifacts": None, "study": "tiny"}
    job = Job("id", 0, config, 1, Path("log"))
    assert "swordfish" not in repr(without_secrets(job))
    assert {**without_secrets(job).config, **json.loads(secrets(job))} == config


def test_without_slurm_here_it_says_where_to_run_the_command(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(workdir))
    with pytest.raises(UserError, match=r"there is no Slurm here \(no sinfo\)"):
        SlurmEngine().reach()


SBATCH = """#!/bin/sh
cat "$1" > sbatch.txt; echo "$RESNEXT_EXPLORER_JOB" > secrets.txt
echo "Submitted batch job 12"
"""


def test_workers_are_one_array_with_the_options_of_the_command(
    workdir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, script in (("sbatch", SBATCH), ("srun", "#!/bin/sh\n")):
        (workdir / name).write_text(script)
        (workdir / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{workdir}:{os.environ['PATH']}")
    engine = SlurmEngine(workers=3, partition="gpu", time="4:00:00", devices=2)
    assert engine.seats(Settings(device="cuda", precision="32", threads=1)) == 3
    config = {"storage": "postgresql://me:swordfish@host/db", "artifacts": None, "study": "tiny"}
    jobs = [Job(f"id{index}", index, config, 1, workdir / "logs/log") for index in range(3)]
    placed = engine.start(jobs, lambda worker, event: None)
    lines = (workdir / "sbatch.txt").read_text().splitlines()
    for option in ("partition=gpu", "time=240", "gpus-per-node=2", "signal=USR2@300", "requeue"):
        assert f"#SBATCH --{option}" in lines
    assert any(line.startswith("#SBATCH --array=0-2") for line in lines)
    assert "swordfish" in (workdir / "secrets.txt").read_text()
    files = [path for path in (workdir / "slurm").rglob("*") if path.is_file()]
    assert len(files) >= 3
    assert not any(b"swordfish" in path.read_bytes() for path in files)
    for worker in placed:
        worker.kill()


def test_settings_are_found_out_without_gpus_where_slurm_has_none(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    shown = "cpu*|infinite|(null)\ngpu|1-00:00:00|(null)\ngpu|1-00:00:00|gpu:h100:4(S:0-1)"
    sinfo = f"#!/bin/sh\necho '{shown}'\n"
    for name, script in (("sbatch", SBATCH), ("srun", "#!/bin/sh\n"), ("sinfo", sinfo)):
        (workdir / name).write_text(script)
        (workdir / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{workdir}:{os.environ['PATH']}")

    def ask(*given: Any, **options: Any) -> str:
        engine = SlurmEngine(*given, **options)
        engine.reach()
        assert engine._ask_node(fake_training.SUPERVISED["resolve"], {}).job_id == "12"
        return (workdir / "sbatch.txt").read_text()

    assert "gpus-per-node" not in ask(time="30-0")  # the default partition takes any
    assert "#SBATCH --gpus-per-node=2\n" in ask(partition="gpu", devices=2)
    assert "#SBATCH --partition=cpu,gpu\n" in ask(partition="cpu,gpu", time="2-0")
    with pytest.raises(UserError, match=r"--time 24:01:00 is more than .* allows: 1-00:00:00"):
        ask(partition="gpu", time="24:01:00")
    (workdir / "sbatch").write_text("#!/bin/sh\necho no more jobs: quota >&2; exit 1\n")
    with pytest.raises(UserError, match=r"does not take the jobs: no more jobs: quota\. Check"):
        ask()
    assert capfd.readouterr().err == ""  # the message says it


def test_options_of_other_engines_are_refused() -> None:
    with pytest.raises(UserError, match="--partition is an option of --engine slurm"):
        choose_engine("local", workers=None, workers_per_gpu=None, partition="gpu")
    with pytest.raises(UserError, match="--workers-per-gpu is for this machine"):
        choose_engine(
            "slurm", workers=1, workers_per_gpu=2, devices_per_worker=None, time=None, partition=""
        )
