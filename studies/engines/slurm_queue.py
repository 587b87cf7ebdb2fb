"""What a Slurm cluster says of itself and of our jobs, by `sinfo` and `squeue`."""

import os
import re
import subprocess
from dataclasses import dataclass

from explorer.errors import UserError, check_known

# Of all jobs of a run, by which `squeue` finds them.
JOB_NAME = "resnext-explorer"
# Seconds for `sinfo` and `squeue` to answer: they give a silent controller up after 10 themselves.
ANSWER_TIMEOUT = 25.0
# Why a job waits, where it only has to: for its turn, for room, or for a moment after it was queued
# again.
ORDINARY = ("", "Priority", "Resources", "BeginTime", "JobArrayTaskLimit", "Cleaning")


@dataclass(frozen=True)
class Partition:
    """A partition of the cluster, as `sinfo` shows it.

    Attributes:
        limit: The longest time of a job there, as Slurm writes it.
        has_gpus: Whether some of its nodes have any.
        is_default: Whether jobs go there that name none.
    """

    limit: str
    has_gpus: bool
    is_default: bool


def seconds_of(text: str) -> float:
    """Seconds of a time as Slurm takes it: 90 (minutes), 4:00:00, 1-12:00:00 and so on.

    Raises `UserError` for anything else.
    """
    match = re.fullmatch(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", text.strip())
    if match:
        days, *parts = match.groups()
        given = [int(part) for part in parts if part is not None]
        # With days the first of the others are hours; without, of three they are, else minutes.
        units = [3600, 60, 1] if days is not None or len(given) == 3 else [60, 1]
        seconds = sum(unit * part for unit, part in zip(units, given, strict=False))
        if seconds := seconds + 86400 * int(days or 0):
            return float(seconds)
    raise UserError(
        f"--time {text} is no time of Slurm's. Write minutes, hours:minutes:seconds or"
        " days-hours:minutes:seconds, such as 4:00:00."
    )


def jobs() -> dict[str, tuple[str, str]]:
    """Of each of our jobs that Slurm knows, its state and why it waits.

    It forgets jobs some minutes after their end. Raises `UserError` where it does not answer.
    """
    lines = _asked(
        *("squeue", "--noheader", "--states=all", "--array", f"--user={os.getuid()}"),
        *(f"--name={JOB_NAME}", "--format=%i|%T|%r"),
    )
    return {job: (state, reason) for job, state, reason in lines}


def partitions() -> dict[str, Partition]:
    """The partitions of the cluster, by name. Raises `UserError` where Slurm does not answer."""
    lines = _asked("sinfo", "--all", "--noheader", "--format=%P|%l|%G")
    shown: dict[str, Partition] = {}
    for starred, limit, gres in lines:  # one for each kind of node
        name = starred.removesuffix("*")
        has_gpus = "gpu" in gres or (name in shown and shown[name].has_gpus)
        shown[name] = Partition(limit, has_gpus, starred.endswith("*"))
    return shown


def suitable(known: dict[str, Partition], names: str | None, time: str) -> list[Partition]:
    """The partitions that jobs may go to, with a time as Slurm takes it.

    Args:
        known: All of the cluster.
        names: Of one, or of several with commas in between; None: of the default one.
        time: Of each job.

    Raises:
        UserError: There is no such partition, or none takes a job of that time.
    """
    if names is None:
        chosen = [name for name, partition in known.items() if partition.is_default]
    else:
        chosen = names.split(",")
    for name in chosen:
        check_known("partition", name, known)
    # Without a limit it is "infinite".
    limits = [known[name].limit for name in chosen]
    asked = seconds_of(time)
    short = [limit for limit in limits if limit[:1].isdecimal() and seconds_of(limit) < asked]
    if limits and short == limits:
        raise UserError(
            f"--time {time} is more than partition {', '.join(chosen)} allows: {', '.join(limits)}."
            " Give a shorter --time: a job that has run out of it is queued again."
        )
    return [known[name] for name in chosen]


def _asked(*words: str) -> list[list[str]]:
    """What a command of Slurm's prints, split at |. Raises `UserError` where it fails."""
    # A user may have set defaults that leave jobs out.
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SQUEUE_", "SINFO_"))
    }
    try:
        done = subprocess.run(
            words,
            env=environment,
            capture_output=True,
            timeout=ANSWER_TIMEOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except FileNotFoundError:
        raise UserError(
            f"there is no Slurm here (no {words[0]}). Run the command on a machine that submits"
            " jobs."
        ) from None
    except subprocess.TimeoutExpired:
        reason = f"it has not answered within {ANSWER_TIMEOUT:.0f} s"
    else:
        if done.returncode == 0:
            return [line.split("|") for line in done.stdout.splitlines()]
        reason = " ".join(done.stderr.split())[:300] or f"it ended with code {done.returncode}"
    raise UserError(
        f"Slurm's controller cannot be reached: {words[0]} says: {reason}. Check that `sinfo`"
        " answers here, and with `scontrol ping` whether the controller is up."
    )
