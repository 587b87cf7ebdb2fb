"""What an engine does: it places the workers of a run, hands on what they tell, and stops them.

A worker is the same process everywhere (`studies.running.worker`, started by
`worker_process.WorkerProcess`). An engine decides on which machine it runs, nothing else: which
pair it trains, the worker finds in the storage.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from explorer.errors import UserError
from studies.machine.cores import available_cores
from studies.machine.settings import Resolved, Settings

Event = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A worker to be started.

    Attributes:
        id: The worker's.
        index: Its number in the run, from 0. One that takes another's place has that one's number.
        config: What it reads first; see `studies.running.worker.main`.
        threads: Of torch.
        log: The file for its log, where the engine is on the run's own machine.
    """

    id: str
    index: int
    config: dict[str, Any]
    threads: int
    log: Path


@dataclass(frozen=True)
class Ended:
    """A worker has ended.

    Attributes:
        code: The exit code; None where the worker was lost together with its machine.
        cause: How, as the end of a sentence: 'was killed by SIGKILL'.
        last_lines: Of its log.
    """

    code: int | None
    cause: str
    last_lines: Sequence[str]


# Called with a worker's id and what it tells, in the order in which it tells it, from any thread.
# The last of each worker is that it has ended.
Tell = Callable[[str, Event | Ended], None]


class Placed(ABC):
    """A worker that an engine has started, or is about to start.

    Attributes:
        log: Where its log is, to be put into a message.
    """

    log: str

    @abstractmethod
    def ask_to_stop(self) -> None:
        """Ask it to end after the current step. It may have ended already."""

    @abstractmethod
    def kill(self) -> None:
        """End it at once. It may have ended already."""

    @abstractmethod
    def wait(self) -> None:
        """Wait until it has ended, after it was asked to."""


class Engine(ABC):
    """Places workers. One engine serves one run.

    Attributes:
        spans_machines: Whether its workers are on several machines.
        devices: How many share a training, in each worker.
        options: Those of `study run` that make it, for the command that goes on.
    """

    spans_machines = False
    devices = 1
    options: Mapping[str, Any] = MappingProxyType({})

    def reach(self) -> None:  # noqa: B027 - most need nothing
        """Raise `UserError` within 30 seconds where what the engine needs cannot be reached."""

    @abstractmethod
    def seats(self, settings: Settings) -> int:
        """How many workers there can be by now, for a study with these settings.

        Raises:
            UserError: More were asked for than there can be, or there is room for none.
        """

    @abstractmethod
    def settings(self, resolve: Callable[..., Resolved], **options: Any) -> Resolved:
        """What `settings.resolve` finds where the workers will be, with their number there."""

    def more(self) -> int:
        """How many workers there is room for beyond those of `seats` and of earlier calls."""
        return 0

    @abstractmethod
    def start(self, jobs: Sequence[Job], tell: Tell) -> list[Placed]:
        """Start a worker for each job, without waiting for it."""

    def close(self) -> None:  # noqa: B027 - most have nothing to close
        """Let go of what the engine holds. All workers have ended."""


def settings_of_node(
    resolve: Callable[..., Resolved], options: dict[str, Any]
) -> tuple[Resolved | None, str]:
    """What `resolve` finds on a node that is full of workers, or the user's mistake."""
    try:
        return resolve(workers=available_cores(), **options), ""
    except UserError as error:
        return None, str(error)
