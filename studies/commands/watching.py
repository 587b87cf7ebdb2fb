"""`study status --watch` and `study stop`: from anywhere that reaches the storage."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from explorer.suggestions import command
from explorer.text import counted
from studies.commands.options import with_stored_study

if TYPE_CHECKING:
    from studies.attempts.standing import Counts, Standing
    from studies.records.stored_study import StoredStudy
    from studies.storage import Storage

# Seconds between two looks.
EVERY = 2.0


@click.command()
@with_stored_study
def stop(storage: "Storage", study: "StoredStudy") -> None:
    """Ask all workers of STUDY, on whatever machine, to finish their step and leave.

    They notice within some 15 seconds. `study run` goes on from there.

    \b
    Example:
      resnext-explorer study stop digits_cardinality
    """
    from studies.attempts.stops import stop as ask_to_stop

    counts = study.counts(storage)
    if not counts.left:
        failed = f" ({counts.failed} failed)" if counts.failed else ""
        next_ = command("report", study.name, storage=storage.option)
        click.echo(f"{study.name} is complete{failed}: nothing to stop. See what came out: {next_}")
        return
    ask_to_stop(storage, study.id)
    running = study.counts(storage).running
    who = f"{counted(running, 'training')} will stop" if running else "nothing is trained just now"
    again = command("study run", study.name, storage=storage.option)
    click.echo(f"{study.name}: {who}. Go on with: {again}")


@dataclass(frozen=True)
class Running:
    """A training that is going on, and on which machine."""

    arm: str
    seed: int
    host: str


def watch(storage: "Storage", study: "StoredStudy", *, as_json: bool) -> None:
    """Show how the pairs stand and what is trained where, until nothing is left or all have
    stopped. A storage that is away is waited for."""
    from explorer.terminal import to_json
    from studies.attempts.stops import stop_sign, stops

    def away(reason: str | None) -> None:
        click.echo(f"The storage is away: {reason}" if reason else "It is back.", err=True)

    with storage.waiting(away, lambda: False), _screen(as_json) as show:
        is_stopped = stop_sign(storage, study.id, stops(storage, study.id))
        standing, before = study.standing(storage), ""
        while True:
            standing.look()
            counts, running = standing.counts, _running(study, standing)
            plain = to_json({**asdict(counts), "trainings": [asdict(entry) for entry in running]})
            if plain != before:
                show(plain if as_json else _text(study.name, counts, running))
                before = plain
            if not counts.left or (is_stopped() and not counts.running):
                return
            time.sleep(EVERY)


def _running(study: "StoredStudy", standing: "Standing") -> list[Running]:
    attempts = standing.attempts
    seen = study.seen(attempts.seen)
    return [
        Running(
            attempt.pair.of_arm(seen.design(attempt.pair.design).arm),
            attempt.pair.seed,
            attempt.worker.host,
        )
        for attempt in attempts.running
    ]


def _text(name: str, counts: "Counts", running: list[Running]) -> str:
    ended = f"{name}: {counts.complete:,} of {counts.wanted:,} pairs complete"
    others = [
        f"{number} {state}"
        for state in ("running", "waiting", "failed", "pruned")
        if (number := getattr(counts, state))
    ]
    trained = [f"  {entry.arm} seed {entry.seed} on {entry.host}" for entry in running]
    return "\n".join([", ".join([ended, *others]), *trained])


@contextmanager
def _screen(as_json: bool) -> Iterator[Callable[[str], None]]:
    """Shows a text in place of the one before it on a terminal, else below it."""
    from rich.live import Live
    from rich.text import Text

    from explorer.streams import printable
    from explorer.terminal import console

    terminal = console()
    if as_json or not terminal.is_terminal:
        yield click.echo
        return
    with Live(console=terminal, auto_refresh=False) as live:

        def show(text: str) -> None:
            live.update(Text("\n".join(map(printable, text.splitlines()))), refresh=True)

        yield show
