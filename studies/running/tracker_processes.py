"""The processes that log a running study, one for each tracker.

A tracker that fails, hangs or is away ends with its process: the run says so once and goes on.
"""

import json
import os
import select
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from explorer.output import log_stream
from studies.engines.worker_logs import open_log
from studies.engines.worker_process import ChildProcess
from studies.records.stored_study import StoredStudy
from studies.running.progress import View
from studies.running.tracking import catch_up, following, reason_of
from studies.storage import Storage

# How often a tracker's process looks for what is new; seconds.
POLL = 2.0
# A process that gives no sign of life for so long hangs; seconds. It gives one with each look and
# each attempt; a start takes half a minute on busy cores.
SILENCE = 90.0
# What is left is logged for so long before the run says what it waits for; seconds. A server that
# takes a second for each request holds its end up for minutes.
QUIET = 30.0
# It leaves the cores to trainings.
NICENESS = 10


@contextmanager
def tracked(
    storage: Storage, stored: StoredStudy, trackers: Iterable[str], view: View
) -> Iterator[None]:
    """Log a study to trackers while the block runs, and to its end after it."""
    processes = [_Process(storage, stored, tracker, view) for tracker in dict.fromkeys(trackers)]
    try:
        yield
    finally:
        for process in processes:
            process.ask_to_finish()
        for process in processes:
            process.wait()


class _Process:
    """A tracker's process as the run knows it."""

    def __init__(self, storage: Storage, stored: StoredStudy, tracker: str, view: View) -> None:
        self._storage, self._name, self._tracker = storage, stored.name, tracker
        self._view, self._hung = view, False
        self._log = storage.folder(stored.name, "logs") / f"{tracker}-{os.getpid()}.log"
        config = {"path": sys.path, "storage": storage.url, "study": self._name, "tracker": tracker}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        with open_log(self._log) as file:
            self._process = ChildProcess(__name__, config, environment, file)
        self._thread = threading.Thread(target=self._listen, name=tracker, daemon=True)
        self._thread.start()

    def ask_to_finish(self) -> None:
        """Let it log what is left, and end."""
        self._process.ask_to_stop()

    def wait(self) -> None:
        """Wait for its end, which comes where it gives no sign of life, and with Ctrl-C."""
        try:
            self._thread.join(QUIET)
            if self._thread.is_alive():
                later = catch_up(self._name, self._tracker, self._storage)
                self._view.note(
                    None,
                    f"Trainings are over, and {self._tracker} still takes in what is left. Ctrl-C"
                    f" leaves it; the rest is logged by {later}",
                )
            self._thread.join()
        except BaseException:
            self._kill()
            raise

    def _kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.popen.pid, signal.SIGKILL)  # with what the tracker has started

    def _listen(self) -> None:
        last = {"event": ""}
        for event in self._events():
            last = event
        code = self._process.wait()
        if last["event"] == "end":
            self._log.unlink(missing_ok=True)
            with suppress(OSError):  # other logs are there
                self._log.parent.rmdir()
            return
        if last["event"] == "failed":
            problem = last["reason"]
        elif self._hung:
            problem = f"it gave no sign of life for {SILENCE:.0f} seconds"
        elif code < 0:
            problem = f"its process was killed by {signal.Signals(-code).name}"
        else:
            problem = "its process ended"
        later = catch_up(self._name, self._tracker, self._storage)
        self._view.note(
            None,
            f"Nothing more is logged to {self._tracker}: {problem}. Trainings go on. Log what is"
            f" missing later: {later} (its log: {self._log})",
        )

    def _events(self) -> Iterator[dict[str, Any]]:
        """What the process tells, until it ends; one that hangs is killed."""
        assert self._process.popen.stdout
        descriptor, rest = self._process.popen.stdout.fileno(), b""
        while True:
            if not select.select([descriptor], [], [], SILENCE)[0]:
                self._hung = True
                self._kill()
            data = os.read(descriptor, 65536)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from map(json.loads, lines)


def start(config: dict[str, Any]) -> None:
    """Log a study to a tracker until standard input is closed, and what is left then.

    Args:
        config: storage, study and tracker.
    """
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    out = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to the log
    sys.stdout = sys.stderr = log_stream(2)
    stop = threading.Event()

    def tell(event: str, **more: Any) -> None:
        try:
            out.write(json.dumps({"event": event, **more}) + "\n")
        except OSError:  # the run is gone: what it has trained is logged all the same
            stop.set()

    def wait_for_end() -> None:
        while os.read(0, 1024):
            pass
        stop.set()

    threading.Thread(target=wait_for_end, name="input", daemon=True).start()
    storage = Storage(config["storage"])
    try:
        with storage.waiting(lambda reason: None, stop.is_set):
            _follow(storage, config["study"], config["tracker"], tell, stop)
    except Exception as error:
        tell("failed", reason=reason_of(error))
        raise
    finally:
        storage.close()


def _follow(storage: Storage, study: str, tracker: str, tell: Any, stop: threading.Event) -> None:
    is_over = False
    while not is_over:
        with following(storage, study, tracker, lambda: tell("alive")) as followed:
            while followed and not is_over:
                is_over = stop.is_set()  # known before the look, which then sees all
                tell("alive")
                followed.look()
                stop.wait(POLL)
            if followed:
                followed.finish()
                tell("end")
                return
        # Another run logs the attempts of both. Should it end first, this one goes on.
        tell("alive")
        is_over = stop.wait(POLL)
    tell("end")
