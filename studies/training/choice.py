"""The settings of a single training, in a process that imports torch."""

from pathlib import Path

from explorer import Blueprint
from studies.machine.gpus import check_workers
from studies.machine.settings import Resolved, resolve_here
from studies.machine.threads import Step
from studies.training.checkpoints import threads_of


def settings_here(
    architecture: Blueprint,
    batch_size: int,
    *,
    device: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    checkpoints: Path | None = None,
) -> Resolved:
    """Find the settings of one training, as `studies.machine.settings.resolve` does.

    Args:
        architecture: What is trained: its steps are timed.
        batch_size: Of the recipe.
        device: See `resolve`, as of `precision` and `threads`.
        precision: Likewise.
        threads: Likewise.
        checkpoints: The training's folder. One that goes on keeps its number of threads, since
            another gives other bits.

    Raises:
        UserError: A value is unknown or too large, or the device does not exist.
    """
    check_workers(None, None, threads)
    shape = {
        "resolution": architecture.resolution,
        "in_channels": architecture.in_channels,
        "classes": architecture.classes,
    }
    step = Step(architecture.name, shape, batch_size)
    return resolve_here(device, precision, threads=threads or threads_of(checkpoints), step=step)
