"""How many threads a worker trains with: as told, or as a few timed steps say.

Another number of threads gives other bits, so it is chosen once, and is a setting of the study. On
two cores that others wanted too, a step with two threads took 20 to 90 times as long as with one,
since each of them waits for the other: so it is measured, and not taken for granted.
"""

import os
import threading
from dataclasses import dataclass
from itertools import islice
from statistics import mean

from explorer.errors import UserError, shorten
from explorer.text import counted, human_time
from studies.machine.cores import available_cores

VARIABLE = "OMP_NUM_THREADS"
# Of a step that is timed, its multiply-adds at most: some tens of milliseconds of one core.
STEP_FLOPS = 4e9
# Each number of threads is timed twice, for so many seconds.
VISIT_SECONDS = 0.25
MOST_SECONDS = 5.0
# All cores must save at least this part of a step's time to be worth it: less is a tie.
GAIN = 0.1


@dataclass(frozen=True)
class Step:
    """A training step to be timed.

    Attributes:
        network: The name of the design.
        shape: Its resolution, in_channels and classes.
        batch_size: Of the recipe; fewer images are taken where those would take long.
    """

    network: str
    shape: dict[str, int]
    batch_size: int


@dataclass(frozen=True)
class Threads:
    """A number of threads, and in a sentence why it was taken; empty where there is no choice."""

    number: int
    why: str = ""


def given_threads(threads: int | None, workers: int) -> Threads | None:
    """The number that the user gives, or that OMP_NUM_THREADS does; None where neither says.

    Args:
        threads: What was given.
        workers: How many share the cores; OMP_NUM_THREADS gets none of them more than its share.

    Raises:
        UserError: The workers would have more threads than there are cores.
    """
    cores = available_cores()
    if threads is not None:
        if threads > 1 and workers * threads > cores:
            most = share(workers)
            raise UserError(
                f"--threads {threads} for {counted(workers, 'worker')} is more than the"
                f" {counted(cores, 'core')} here. Give --threads {most}"
                f"{' or less' if most > 1 else ''}."
            )
        return Threads(threads)
    first = os.environ.get(VARIABLE, "").split(",")[0].strip()  # of nested loops it lists several
    if not first.isdecimal() or int(first) == 0:
        return None
    asked, most = int(first), share(workers)
    if asked > most:
        return Threads(most, f"Threads: {most}, the cores of a worker; {VARIABLE} says {asked}.")
    return Threads(asked, f"Threads: {asked}, as {VARIABLE} says.")


def not_followed(threads: int | None) -> str:
    """A sentence where OMP_NUM_THREADS would count, and holds no number of threads; else ""."""
    given = os.environ.get(VARIABLE, "").strip()
    if threads is not None or not given or given_threads(None, 1):
        return ""
    return f"{VARIABLE} is {shorten(given)}, no number of threads, and is not followed."


def share(workers: int) -> int:
    """The cores for each of the workers, at least one."""
    return max(1, available_cores() // workers)


def fastest(step: Step, precision: str, cores: int) -> Threads:
    """Time training steps with one thread and with one a core, and choose. Imports torch.

    It takes a second or two. Steps with all cores are waited for `MOST_SECONDS` at most, and then
    left to themselves: the process should end soon after.
    """
    from explorer import blueprint, count
    from explorer.networks import Case, time_threads

    architecture = blueprint(step.network, **step.shape)
    images = int(STEP_FLOPS / (3 * count(architecture).flops))  # backward counts twice
    case = Case(architecture, batch=min(step.batch_size, max(2, images)), mode="train_step")
    visits = time_threads(case, precision, [1, cores, 1, cores], VISIT_SECONDS)
    seconds: dict[int, list[float]] = {1: [], cores: []}

    def visit(most: int | None = None) -> None:
        for number, step_seconds in islice(visits, most):
            seconds[number].append(step_seconds)

    try:
        visit(1)  # it loads Numba as well, as a worker has to
    except (MemoryError, RuntimeError):
        return Threads(1)  # what is missing, the training itself tells
    rest = threading.Thread(target=visit, daemon=True)
    rest.start()
    rest.join(MOST_SECONDS)
    return _chosen(mean(seconds[1]), mean(seconds[cores]) if seconds[cores] else None, cores)


def _chosen(single: float, shared: float | None, cores: int) -> Threads:
    """The choice by the seconds of a step, with one thread and with one a core.

    None is of a step that did not end.
    """
    step = f"since a step took {human_time(single)} with 1"
    if shared is None:
        return Threads(1, f"Threads: 1, {step} and did not end with {cores}.")
    if shared <= (1 - GAIN) * single:
        return Threads(cores, f"Threads: {cores}, {step} and {human_time(shared)} with {cores}.")
    little = "only " if shared < single else ""
    return Threads(1, f"Threads: 1, {step} and {little}{human_time(shared)} with {cores}.")


def notes_on_stored(threads: int, workers: int) -> list[str]:
    """What to know where `workers` train on this CPU with a number of threads that is stored."""
    cores, notes = available_cores(), []
    asked = given_threads(None, workers)
    if asked and asked.number != threads:
        notes.append(
            f"{VARIABLE} is not followed: the study was created with"
            f" {counted(threads, 'thread')} a worker, and another number gives other bits."
        )
    if threads > 1 and workers * threads > cores:
        notes.append(
            f"{workers} workers with {threads} threads each share {counted(cores, 'core')}, which"
            f" may be many times slower than --workers {max(1, cores // threads)}."
        )
    return notes
