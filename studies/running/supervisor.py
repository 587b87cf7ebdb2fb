"""Running a study: a supervisor that starts, watches, replaces and stops worker processes.

It imports no torch.
"""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from explorer.errors import UserError
from studies.attempts.claims import Claims
from studies.attempts.standing import Counts, Standing
from studies.attempts.workers import Lease, Worker
from studies.config.study import StudyFile
from studies.data import load
from studies.machine import gpus
from studies.machine.settings import resolve
from studies.records.arm_standings import until_standings
from studies.records.creation import create_or_extend, with_designs
from studies.records.same_data import about_data
from studies.records.stored_study import StoredStudy, get
from studies.running.estimate import typical_step
from studies.running.progress import View
from studies.running.tracker_processes import tracked
from studies.running.tracking import check_installed
from studies.running.worker import AWAY, BOOTSTRAP, DONE, MISTAKE, STOPPED
from studies.running.worker_logs import last_lines, open_log, quoted_tail
from studies.storage import Storage
from studies.storage.schema import FAILURE
from studies.training import training_notes

# How often the storage is asked how the pairs stand, for what
# other runs of the same study do; seconds.
LOOK = 5.0
# So many deaths in a row without one epoch between them mean that workers cannot live here. More
# than three, so that one pair that kills its workers becomes `failed` and the others are trained.
HOPELESS = 6
# So many deaths in a row before anything was claimed mean that workers cannot even start.
STILLBORN = 3
# What trains a pair, for a worker to import.
TRAINER = "studies.running.trial:Trainer"


class RunStopped(KeyboardInterrupt):
    """Ctrl-C or SIGTERM stopped the workers, and the view has said how to go on."""


def run(
    study: StudyFile,
    *,
    storage: str | Storage | None = None,
    workers: int | None = None,
    workers_per_gpu: int | None = None,
    threads: int | None = None,
    data_dir: Path | None = None,
    view: View | None = None,
    lease: Lease | None = None,
) -> Counts:
    """Train what a study still wants in `workers` processes; see `Study.run`.

    Raises:
        UserError: for a mistake.
        RunStopped: where Ctrl-C or SIGTERM left pairs untrained.
    """
    gpus.check_workers(workers, workers_per_gpu, threads)
    check_installed(study.log)
    view = view or View()
    with Storage.visit(storage) as opened:
        stored = _store(opened, study, workers, workers_per_gpu, threads, data_dir)
        counts = stored.counts(opened)
        if counts.left:
            seats = gpus.deal(stored.content.settings.device, workers, workers_per_gpu)
            supervisor = _Supervisor(opened, stored, seats, data_dir, view, lease or Lease())
            with (
                tracked(opened, stored, study.log, view),
                opened.waiting(supervisor.storage_away, lambda: supervisor.interrupts > 0),
            ):
                counts = supervisor.run(counts)
        else:
            view.nothing_to_do(stored, counts)
        if stored.until and (standings := until_standings(get(opened, stored.name))):
            view.standings(standings)
    view.end(stored, counts)
    return counts


def _store(
    storage: Storage,
    study: StudyFile,
    workers: int | None,
    workers_per_gpu: int | None,
    threads: int | None,
    data_dir: Path | None,
) -> StoredStudy:
    """Store or extend the study. The data is read once, and not kept while workers train."""
    study, wanted = with_designs(storage, study, data_dir)

    def find_out() -> dict[str, Any]:
        splits = load(study.data, data_dir, wanted.parts)
        data = about_data(splits)
        for recipe in study.all_recipes:
            recipe.steps_per_epoch(data["splits"]["train"])
        step = typical_step(study.recipe, wanted)
        resolved = resolve(workers=workers or 1, threads=threads, step=step)
        gpus.deal(resolved.settings.device, workers, workers_per_gpu)  # or a mistake
        return {
            **data,
            "notes": [*training_notes(splits, *study.all_recipes), *resolved.notes],
            "settings": resolved.settings.model_dump(),
        }

    stored = create_or_extend(storage, study, wanted, find_out)
    stored.content.require_threads(threads)
    return stored


@dataclass
class _Process:
    """A worker process as the supervisor knows it."""

    id: str
    index: int
    popen: "subprocess.Popen[bytes]"
    log: Path
    claimed: bool = False
    problem: str = ""  # why it gave up
    epochs: int = 0
    killed: bool = False

    def ask_to_stop(self) -> None:
        if self.popen.stdin and not self.popen.stdin.closed:
            with suppress(BrokenPipeError):  # it died before it read its configuration
                self.popen.stdin.close()

    def kill(self) -> None:
        self.killed = True
        self.popen.kill()


@dataclass
class _Supervisor:
    storage: Storage
    stored: StoredStudy
    seats: list[str | None]  # a worker each: its GPU
    data_dir: Path | None
    view: View
    lease: Lease
    events: "queue.Queue[tuple[_Process, dict[str, Any] | None]]" = field(
        default_factory=queue.Queue
    )
    living: list[_Process] = field(default_factory=list)
    logs: list[Path] = field(default_factory=list)
    interrupts: int = 0
    deaths: int = 0  # in a row, without an epoch between them
    stillborn: int = 0  # in a row, before anything was claimed
    problem: str = ""  # why the run cannot go on
    back: float = 0.0  # when the storage was last seen to be back from being away

    def run(self, counts: Counts) -> Counts:
        claims = Claims(
            self.storage,
            self.storage.open(),
            self.stored.id,
            self.stored,
            lease=self.lease,
            retried_from=self.stored.retried_from,
        )
        standing = self.stored.standing(self.storage)
        self.view.begin(self.stored, counts, len(self.seats))
        asked = 0
        next_look = time.monotonic() + LOOK
        with _signals(self._interrupt):
            try:
                for index in range(min(len(self.seats), counts.left)):
                    self._start(index)
                while self.living:
                    self._take_event(claims, standing)
                    if self.interrupts > asked:
                        asked = self.interrupts
                        self._stop(kill=asked > 1)
                    if time.monotonic() >= next_look:
                        self._show(standing)
                        next_look = time.monotonic() + LOOK
            finally:
                # Also when something here went wrong: nobody is left behind.
                for process in self.living:
                    process.ask_to_stop()
                for process in self.living:
                    process.popen.wait()
                self.view.close()
        counts = self.stored.counts(self.storage)
        self._tidy_up(counts)
        if self.problem:
            raise UserError(self.problem)
        if self.interrupts and counts.left:
            self.view.stopped(self.stored, counts)
            raise RunStopped
        return counts

    def storage_away(self, reason: str | None) -> None:
        """This process cannot reach the storage and waits, or reaches it again (None)."""
        self.back = self.back if reason else time.monotonic()
        self.view.storage_away(None, reason)

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        self.interrupts += 1

    def _stop(self, *, kill: bool) -> None:
        if self.living:
            self.view.stopping(kill)
        for process in self.living:
            process.ask_to_stop()
            if kill:
                process.kill()

    def _start(self, index: int) -> None:
        worker_id = uuid.uuid4().hex[:12]
        log = self.storage.files / self.stored.name / "logs" / f"worker{index + 1}-{worker_id}.log"
        config = {
            "path": sys.path,
            "storage": self.storage.url,
            "study": self.stored.name,
            "data_dir": str(self.data_dir) if self.data_dir else None,
            "worker": worker_id,
            "index": index,
            "lease": asdict(self.lease),
            "trainer": TRAINER,
        }
        self.logs.append(log)
        with open_log(log) as file:
            popen = subprocess.Popen(
                [sys.executable, "-P", "-c", BOOTSTRAP],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env=worker_environment(self.stored.content.settings.threads, self.seats[index]),
                start_new_session=True,  # a terminal's Ctrl-C reaches only us
            )
        process = _Process(worker_id, index, popen, log)
        self.living.append(process)
        assert popen.stdin
        with suppress(BrokenPipeError):  # it died at once; its end is noticed like any other
            # The URL may hold a password, and arguments are there for everyone
            # to see: so it goes through the pipe.
            popen.stdin.write(json.dumps(config).encode() + b"\n")
            popen.stdin.flush()
        threading.Thread(
            target=self._listen, args=(process,), name=f"worker {index}", daemon=True
        ).start()

    def _listen(self, process: _Process) -> None:
        assert process.popen.stdout
        for line in process.popen.stdout:
            try:
                self.events.put((process, json.loads(line)))
            except ValueError:  # cut off in the middle by a kill
                continue
        self.events.put((process, None))

    def _show(self, standing: Standing) -> None:
        standing.look()
        self.view.stand(standing.counts)
        if standings := until_standings(self.stored.seen(standing.attempts.seen)):
            self.view.standings(standings)

    def _take_event(self, claims: Claims, standing: Standing) -> None:
        try:
            process, event = self.events.get(timeout=0.2)
        except queue.Empty:
            return
        if event is None:
            self._ended(process, claims)
            return
        if event["event"] == "claimed":
            process.claimed = True
            self.stillborn = 0
        elif event["event"] == "epoch":
            process.epochs += 1
            self.deaths = 0
        elif event["event"] == "error":
            self._give_up(event["message"])
            return
        elif event["event"] == "away":
            if event["at"] > self.back:  # what was away for all has been said
                self.view.storage_away(process.index, event["reason"])
            return
        elif event["event"] == "gave up":
            process.problem = event["message"]
            return
        if event["event"] in ("complete", "failed", "pruned"):
            self._show(standing)
        self.view.event(process.index, event)

    def _ended(self, process: _Process, claims: Claims) -> None:
        """A worker has ended: as it should, or it died and is replaced."""
        code = process.popen.wait()
        process.ask_to_stop()
        self.living.remove(process)
        if code in (DONE, STOPPED):
            return
        with self.storage.errors():
            if process.killed or code in (MISTAKE, AWAY):
                claims.give_up(process.id, "interrupted")
            else:
                failure = {"reason": f"its worker {_cause(code)}", "log": last_lines(process.log)}
                claims.give_up(process.id, "lost", {FAILURE: failure})
        if code == AWAY and not self.living:  # as long as one reaches it, the others do without
            self._give_up(process.problem)
        if process.killed or code in (MISTAKE, AWAY):
            return
        self.deaths += 1
        self.stillborn += not process.claimed
        self.view.died(process.index, _cause(code), process.log)
        if self.deaths >= HOPELESS or self.stillborn >= STILLBORN:
            tail = quoted_tail(process.log)
            self._give_up(
                f"workers keep dying here (the last one {_cause(code)}), so the run was"
                f" stopped.\n{tail}Its whole log is {process.log}. Started again, the"
                " study goes on where it is."
            )
        elif not self.interrupts and not self.problem and self.stored.counts(self.storage).left:
            self._start(process.index)

    def _give_up(self, problem: str) -> None:
        self.problem = self.problem or problem
        for process in self.living:
            process.ask_to_stop()

    def _tidy_up(self, counts: Counts) -> None:
        """Remove this run's empty logs.

        Of a study in which nothing is left, also the folders of workers and checkpoints.
        """
        for log in self.logs:
            if log.exists() and log.stat().st_size == 0:
                log.unlink()
        logs = self.storage.files / self.stored.name / "logs"
        removable = [logs]
        if not counts.left:
            for lock in logs.with_name("workers").glob("*.lock"):
                if Worker(lock.stem, str(lock)).is_dead():
                    lock.unlink(missing_ok=True)
            removable += [logs.with_name("workers"), logs.with_name("checkpoints"), logs.parent]
        for folder in removable:
            with suppress(OSError):  # not empty, or not there
                folder.rmdir()


def worker_environment(threads: int, gpu: str | None = None) -> dict[str, str]:
    """The environment of a worker: what must be set before a process starts.

    `gpu` is the only one that it sees.
    """
    environment = dict(os.environ)
    if gpu is not None:
        environment["CUDA_VISIBLE_DEVICES"] = gpu
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    ):
        environment[name] = str(threads)
    return environment


@contextmanager
def _signals(handler: Any) -> Iterator[None]:
    """Send Ctrl-C, SIGTERM and a closed terminal to `handler`, where this is the main thread.

    What is ignored stays ignored (nohup).
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [
        number
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    ]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def _cause(code: int) -> str:
    if code < 0:
        name = signal.Signals(-code).name
        return f"was killed by {name}" + (" (out of memory?)" if name == "SIGKILL" else "")
    return f"ended with code {code}"
