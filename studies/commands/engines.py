"""Which engine places the workers of `study run`: its options, and what they make."""

from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING

import click

from explorer.errors import UserError, check_known
from explorer.suggestions import command
from studies.machine.gpus import check_workers

if TYPE_CHECKING:
    from pathlib import Path

    from studies.artifacts import Artifacts
    from studies.config.study import StudyFile
    from studies.engines.engine import Engine
    from studies.storage import Storage

# The options that each engine takes beside those of all.
ENGINES = {
    "local": ("devices_per_worker",),
    "ray": ("address", "gpus_per_worker", "devices_per_worker", "detach"),
    "slurm": ("devices_per_worker", "partition", "time"),
}


def engine_options(run: Callable[..., None]) -> Callable[..., None]:
    """Where the workers are: `--engine` and the options of each."""
    for option in (
        click.option(
            "--detach", is_flag=True, help="Hand the study to the Ray cluster, and return."
        ),
        click.option(
            "--gpus-per-worker",
            type=float,
            help="On a Ray cluster with GPUs: of each worker, such as 0.5 (default: 1).",
        ),
        click.option(
            "--devices-per-worker",
            type=int,
            metavar="K",
            help="GPUs that share each training (on CPUs, processes; default: 1).",
        ),
        click.option(
            "--time", metavar="H:MM:SS", help="Of each Slurm job (default: 1:00:00), then again."
        ),
        click.option("--partition", help="Of the Slurm cluster (default: its own default)."),
        click.option(
            "--address",
            metavar="HOST:PORT",
            help="Of the Ray cluster's head (default: auto, the cluster of this machine).",
        ),
        click.option(
            "--engine",
            default="local",
            metavar="|".join(ENGINES),
            help="Where the workers are (default: local, this machine).",
        ),
    ):
        run = option(run)
    return run


def choose_engine(
    name: str,
    *,
    workers: int | None,
    workers_per_gpu: int | None,
    **options: object,
) -> "Engine":
    """The engine of a name, with the options that are its own.

    Raises:
        UserError: There is no such engine, or it does not take an option that is given.
    """
    check_known("engine", name, ENGINES)
    for option, value in options.items():
        if value and option not in ENGINES[name]:
            given = "--" + option.replace("_", "-")
            of = next(engine for engine, own in ENGINES.items() if option in own)
            raise UserError(f"{given} is an option of --engine {of}; given: --engine {name}.")
    devices = options["devices_per_worker"]
    check_workers(None, None, devices=devices)  # type: ignore[arg-type]
    if name == "ray":
        from studies.engines.ray import RayEngine

        if workers_per_gpu is not None:
            raise UserError(
                "--workers-per-gpu is for this machine; on a Ray cluster --gpus-per-worker 0.25"
                " has four workers share a GPU."
            )
        share, address = options["gpus_per_worker"], options["address"] or "auto"
        return RayEngine(address, workers, share, devices)  # type: ignore[arg-type]
    if name == "slurm":
        from studies.engines.slurm import SlurmEngine

        if workers_per_gpu is not None:
            raise UserError(
                "--workers-per-gpu is for this machine; a Slurm job has a worker, and"
                " --devices-per-worker GPUs."
            )
        limit = options["time"] or "1:00:00"
        return SlurmEngine(workers, options["partition"], limit, devices or 1)  # type: ignore[arg-type]
    from studies.engines.local import LocalEngine

    return LocalEngine(workers, workers_per_gpu, devices or 1)  # type: ignore[arg-type]


def hand_over(
    study: "StudyFile",
    storage: "Storage",
    engine: "Engine",
    threads: int | None,
    data_dir: "Path | None",
    artifacts: "Artifacts | None",
) -> None:
    """Hand a study to a Ray cluster, and say how to follow and stop it."""
    from studies.engines.ray import RayEngine
    from studies.running.detached import detach

    assert isinstance(engine, RayEngine)
    with closing(engine):
        is_left = detach(
            study, storage, engine, threads=threads, data_dir=data_dir, artifacts=artifacts
        )
        if not is_left:
            click.echo(f"{study.name}: nothing to train.")
            return
    watch = command("study status", study.name, watch=True, storage=storage.option)
    click.echo(f"{study.name} is with the Ray cluster now, and goes on without this command.")
    click.echo(f"Follow it: {watch}")
    click.echo(f"Stop it: {command('study stop', study.name, storage=storage.option)}")
