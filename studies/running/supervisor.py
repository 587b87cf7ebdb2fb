"""Running a study: a supervisor that starts, watches, replaces and stops workers.

An engine places them: `studies.engines`. It imports no torch.
"""

import os
import queue
import sys
import time
import uuid
from collections.abc import Iterable
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from explorer.errors import Stopped, UserError
from studies.artifacts import Artifacts
from studies.attempts.claims import Claims
from studies.attempts.standing import Counts, Standing
from studies.attempts.stops import stops
from studies.attempts.workers import Lease, Worker
from studies.config.study import StudyFile
from studies.data import load
from studies.engines.engine import Ended, Engine, Job, Placed
from studies.engines.local import LocalEngine
from studies.engines.worker_logs import quoted
from studies.engines.worker_process import AWAY, DONE, MISTAKE, STOPPED
from studies.machine import gpus
from studies.machine.settings import resolve
from studies.records.arm_standings import until_standings
from studies.records.creation import create_or_extend, with_designs
from studies.records.same_data import about_data
from studies.records.stored_study import StoredStudy, get
from studies.running.estimate import typical_step
from studies.running.interrupts import signals_to
from studies.running.progress import View
from studies.running.tracker_processes import tracked
from studies.running.tracking import check_installed
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
ONE_MACHINE = (
    "{storage} is an SQLite file, which only the processes of one machine can share: over a network"
    " its locks do not hold, and the workers of this engine are on several machines. Use"
    " PostgreSQL: --storage postgresql://user:password@host/studies. This line starts one: docker"
    " run -d -p 5432:5432 -e POSTGRES_USER=user -e POSTGRES_PASSWORD=password -e"
    " POSTGRES_DB=studies postgres"
)


class RunStopped(Stopped):
    """All workers were stopped, by Ctrl-C say. Its message says what is kept and how to go on."""

    def __init__(self, counts: Counts) -> None:
        super().__init__(
            f"{counts.complete:,} of {counts.wanted:,} pairs are complete and kept. Run the same"
            " again: it goes on from there, and in a training that was begun from its last"
            " finished epoch."
        )


def run(
    study: StudyFile,
    *,
    storage: str | Storage | None = None,
    workers: int | None = None,
    workers_per_gpu: int | None = None,
    threads: int | None = None,
    data_dir: Path | None = None,
    artifacts: str | Artifacts | None = None,
    view: View | None = None,
    lease: Lease | None = None,
    engine: Engine | None = None,
) -> Counts:
    """Train what a study still wants in `workers` processes; see `Study.run`.

    They are on this machine, or where `engine` places them.

    Raises:
        UserError: for a mistake.
        RunStopped: where all workers were stopped, and pairs are left.
    """
    gpus.check_workers(workers, workers_per_gpu, threads)
    check_installed(study.log)
    view = view or View()
    artifacts = Artifacts.given(artifacts)
    if artifacts:
        artifacts.check(partial(view.note, None))
    with (
        Storage.visit(storage) as opened,
        closing(engine or LocalEngine(workers, workers_per_gpu)) as engine,
    ):
        stored = store(opened, study, engine, threads, data_dir, artifacts)
        counts = stored.counts(opened)
        if counts.left:
            seats = engine.seats(stored.content.settings)
            supervisor = _Supervisor(
                opened, stored, engine, seats, data_dir, artifacts, view, lease or Lease()
            )
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


def store(
    storage: Storage,
    study: StudyFile,
    engine: Engine,
    threads: int | None,
    data_dir: Path | None,
    artifacts: Artifacts | None = None,
) -> StoredStudy:
    """Store or extend the study. The data is read once, and not kept while workers train."""
    if engine.spans_machines and storage.path:
        raise UserError(ONE_MACHINE.format(storage=storage.shown))
    engine.reach()  # before data are read, which may take minutes
    study, wanted = with_designs(storage, study, data_dir)

    def find_out() -> dict[str, Any]:
        splits = load(study.data, data_dir, wanted.parts, artifacts=artifacts)
        data = about_data(splits)
        for recipe in study.all_recipes:
            recipe.steps_per_epoch(data["splits"]["train"])
        step = typical_step(study.recipe, wanted)
        resolved = engine.settings(resolve, threads=threads, step=step)
        engine.seats(resolved.settings)  # or a mistake
        return {
            **data,
            "notes": [*training_notes(splits, *study.all_recipes), *resolved.notes],
            "settings": resolved.settings.model_dump(),
        }

    stored = create_or_extend(storage, study, wanted, find_out)
    stored.content.require_threads(threads)
    return stored


@dataclass
class _Worker:
    """A worker as the supervisor knows it."""

    id: str
    index: int
    placed: Placed
    claimed: bool = False
    problem: str = ""  # why it gave up
    killed: bool = False

    def kill(self) -> None:
        self.killed = True
        self.placed.kill()


@dataclass
class _Supervisor:
    storage: Storage
    stored: StoredStudy
    engine: Engine
    seats: int  # how many workers there may be
    data_dir: Path | None
    artifacts: Artifacts | None
    view: View
    lease: Lease
    events: "queue.Queue[tuple[str, dict[str, Any] | Ended]]" = field(default_factory=queue.Queue)
    living: dict[str, _Worker] = field(default_factory=dict)
    logs: list[Path] = field(default_factory=list)
    stops: int = 0  # how often the study had been stopped when the run began
    is_stopped: bool = False  # by `study stop`
    interrupts: int = 0
    deaths: int = 0  # in a row, without an epoch between them
    stillborn: int = 0  # in a row, before anything was claimed
    problem: str = ""  # why the run cannot go on
    back: float = 0.0  # when the storage was last seen to be back from being away

    def run(self, counts: Counts) -> Counts:
        claims = Claims(
            self.storage,
            self.stored.id,
            self.stored,
            lease=self.lease,
            retried_from=self.stored.retried_from,
        )
        standing = self.stored.standing(self.storage)
        self.stops = stops(self.storage, self.stored.id)
        self.view.begin(self.stored, counts, self.seats, elsewhere=self.engine.spans_machines)
        asked = 0
        next_look = time.monotonic() + LOOK
        with signals_to(self._interrupt):
            try:
                self._start(range(min(self.seats, counts.left)))
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
                for worker in self.living.values():
                    worker.placed.ask_to_stop()
                for worker in self.living.values():
                    worker.placed.wait()
                self.view.close()
        counts = self.stored.counts(self.storage)
        self._tidy_up(counts)
        if self.problem:
            raise UserError(self.problem)
        if counts.left:  # by Ctrl-C, `study stop`, or whoever cancelled a cluster's jobs
            self.view.stopped(self.stored, counts)
            raise RunStopped(counts)
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
        for worker in self.living.values():
            worker.placed.ask_to_stop()
            if kill:
                worker.kill()

    def _start(self, indices: Iterable[int]) -> None:
        jobs = [self._job(index) for index in indices]
        self.logs += [job.log for job in jobs]
        placed = self.engine.start(jobs, lambda worker, event: self.events.put((worker, event)))
        for job, worker in zip(jobs, placed, strict=True):
            self.living[job.id] = _Worker(job.id, job.index, worker)

    def _job(self, index: int) -> Job:
        worker_id = uuid.uuid4().hex[:12]
        config = {
            "path": sys.path,
            "storage": self.storage.url,
            "study": self.stored.name,
            "data_dir": os.path.abspath(self.data_dir) if self.data_dir else None,
            "artifacts": self.artifacts.url if self.artifacts else None,
            "worker": worker_id,
            "index": index,
            "lease": asdict(self.lease),
            "devices": self.engine.devices,
            "stops": self.stops,
            "trainer": TRAINER,
        }
        logs = self.storage.files / self.stored.name / "logs"
        log = logs / f"worker{index + 1}-{worker_id}.log"
        return Job(worker_id, index, config, self.stored.content.settings.threads, log)

    def _show(self, standing: Standing) -> None:
        standing.look()
        self.view.stand(standing.counts)
        if self._was_stopped():
            if not self.is_stopped:
                self.is_stopped = True
                self._stop(kill=False)
        elif not standing.counts.left:
            for worker in self.living.values():  # on a cluster one may wait for room, perhaps again
                worker.placed.ask_to_stop()
        elif self._may_start() and (more := self.engine.more()):
            self.seats += more
            self._start(range(self.seats - more, self.seats))
        if standings := until_standings(self.stored.seen(standing.attempts.seen)):
            self.view.standings(standings)

    def _take_event(self, claims: Claims, standing: Standing) -> None:
        try:
            worker_id, event = self.events.get(timeout=0.2)
        except queue.Empty:
            return
        worker = self.living.get(worker_id)
        if worker is None:  # given up before, with its cluster
            return
        if isinstance(event, Ended):
            self._ended(worker, event, claims)
            return
        if event["event"] == "claimed":
            worker.claimed = True
            self.stillborn = 0
        elif event["event"] == "epoch":
            self.deaths = 0
        elif event["event"] == "error":
            self._give_up(event["message"])
            return
        elif event["event"] == "away":
            if event["at"] > self.back:  # what was away for all has been said
                self.view.storage_away(worker.index, event["reason"])
            return
        elif event["event"] == "note":
            self.view.note(worker.index, event["text"])
            return
        elif event["event"] == "gave up":
            where = f"on {event['host']}, " if self.engine.spans_machines else ""
            worker.problem = where + event["message"]
            return
        if event["event"] in ("complete", "failed", "pruned"):
            self._show(standing)
        self.view.event(worker.index, event)

    def _ended(self, worker: _Worker, end: Ended, claims: Claims) -> None:
        """A worker has ended: as it should, or it died and is replaced."""
        del self.living[worker.id]
        if end.code in (DONE, STOPPED):
            return
        # One that is lost with its machine says nothing against the pair.
        is_blameless = worker.killed or end.code in (MISTAKE, AWAY, None)
        with self.storage.errors():
            if is_blameless:
                claims.give_up(worker.id, "interrupted")
            else:
                failure = {"reason": f"its worker {end.cause}", "log": list(end.last_lines)}
                claims.give_up(worker.id, "lost", {FAILURE: failure})
        # As long as one can go on, it does; and who still waits when all is done is asked to stop.
        if end.code == AWAY and not self.living and self.stored.counts(self.storage).left:
            self._give_up(worker.problem)
        elif end.code == AWAY and self.living and self.engine.spans_machines:
            self.view.note(worker.index, f"It has left: {worker.problem}")
        if worker.killed or end.code in (MISTAKE, AWAY):
            return
        self.view.died(worker.index, end.cause, worker.placed.log)
        if not is_blameless:
            self.deaths += 1
            self.stillborn += not worker.claimed
        if self.deaths >= HOPELESS or self.stillborn >= STILLBORN:
            tail = quoted(end.last_lines)
            self._give_up(
                f"workers keep dying here (the last one {end.cause}), so the run was"
                f" stopped.\n{tail}Its whole log is {worker.placed.log}. Started again, the"
                " study goes on where it is."
            )
        elif self._may_start() and self.stored.counts(self.storage).left:
            self._start([worker.index])

    def _may_start(self) -> bool:
        return not (self.interrupts or self.problem or self._was_stopped())

    def _was_stopped(self) -> bool:
        return stops(self.storage, self.stored.id) > self.stops

    def _give_up(self, problem: str) -> None:
        self.problem = self.problem or problem
        for worker in self.living.values():
            worker.placed.ask_to_stop()

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
