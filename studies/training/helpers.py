"""The other processes of a training that several devices share: started, watched and ended.

They are children of the worker, and end with it: their input closes. Each loads the data itself and
calls `train` as the worker does; what it prints goes to the worker's log.
"""

import json
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from explorer import Blueprint
from studies.artifacts import Artifacts
from studies.config.recipe import Recipe
from studies.data import DataSpec, load
from studies.machine import failures
from studies.machine.memory import keep_memory
from studies.machine.settings import Settings
from studies.training.outcome import TrainingFailed, TrainingStopped
from studies.training.ranks import MeetingPlace, Ranks
from studies.training.training import train

# Seconds in which the worker itself meets the failure of one of them.
GRACE = 20.0
BOOTSTRAP = (
    "import json, sys; sys.path[:] = json.loads(sys.stdin.buffer.readline()); from explorer.lazy"
    " import load; load('studies.training.helpers').help_out()"
)


@dataclass(frozen=True)
class SharedTraining:
    """What a helper needs to know of a training; the data it loads itself.

    Attributes are those of `train` and of `studies.data.load`.
    """

    architecture: Blueprint
    recipe: Recipe
    data: DataSpec
    data_dir: Path | None
    artifacts: str | None
    seed: int
    settings: Settings
    checkpoints: Path | None


@contextmanager
def shared_by(number: int, shared: SharedTraining) -> Iterator[Ranks | None]:
    """Let so many processes, this one among them, share the training inside the block.

    Yields:
        Which of them this one is; None where it is alone.

    Raises:
        HelperLost: One of the others was killed.
        RuntimeError: One of them failed, with what it said.
    """
    if number == 1:
        yield None
        return
    meeting_place = MeetingPlace()
    own = Ranks(number, 0, meeting_place.port)
    own.check(shared.recipe, shared.settings)  # before any is started
    started: list[_Helper] = []
    over = threading.Event()
    try:
        # Where one cannot be started, those before it are in the list, and are ended.
        started.extend(_Helper(replace(own, rank=rank), shared) for rank in range(1, number))
        threading.Thread(target=_watch, args=(started, over), name="helpers", daemon=True).start()
        yield own
    except (TrainingStopped, TrainingFailed):
        raise
    except Exception as error:
        over.set()
        raise _why(started, error) from error
    finally:
        over.set()
        for helper in started:
            helper.end()


class HelperLost(RuntimeError):
    """A process that shared the training was killed: as if the worker had been."""


class _Helper:
    def __init__(self, ranks: Ranks, shared: SharedTraining) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-c", BOOTSTRAP],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdin
        self.process.stdin.write(json.dumps(sys.path).encode() + b"\n")
        pickle.dump((ranks, shared), self.process.stdin)
        self.process.stdin.flush()

    def end(self) -> None:
        """It has nothing left to do, or is to do nothing more."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


def _watch(started: list[_Helper], over: threading.Event) -> None:
    """End this process where a helper is gone and it waits for it without end, as NCCL does."""
    while not over.wait(1.0):
        if any(helper.process.poll() for helper in started) and not over.wait(GRACE):
            print("A process that shared the training is gone.", file=sys.stderr, flush=True)
            os._exit(1)


def _why(started: list[_Helper], error: Exception) -> Exception:
    """Why the training failed, if that was in one of the other processes; else the error here."""
    deadline = time.monotonic() + 5.0
    for helper in started:
        # One that fails breaks the connection before it has told why.
        while helper.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        code = helper.process.poll() or 0
        if code < 0:
            return HelperLost(f"a process that shared the training was killed by signal {-code}")
        if code:
            assert helper.process.stdout
            said = helper.process.stdout.read().decode(errors="replace").strip()
            return RuntimeError(said or f"a process that shared the training ended with {code}")
    return error


def help_out() -> None:
    """What a helper does."""
    out = os.dup(1)
    os.dup2(2, 1)  # what libraries print goes to the log
    ranks, shared = pickle.load(sys.stdin.buffer)
    threading.Thread(target=_end_with_input, daemon=True).start()
    if shared.settings.device == "cpu":
        keep_memory()
    try:
        splits = load(shared.data, shared.data_dir, artifacts=Artifacts.given(shared.artifacts))
        train(
            shared.architecture,
            shared.recipe,
            splits,
            shared.seed,
            shared.settings,
            checkpoints=shared.checkpoints,
            ranks=ranks,
        )
    except (TrainingStopped, TrainingFailed):  # the worker is told the same
        pass
    except BaseException as error:  # noqa: BLE001 - told to the worker, whatever it is
        traceback.print_exc()
        os.write(out, f"in process {ranks.rank + 1}: {failures.describe(error)}".encode())
        os._exit(1)
    os._exit(0)


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    os._exit(1)
