"""A worker process: claims pairs and trains them until none is left, or it is asked to stop.

It reads its configuration as the first line of standard input, which stays open as long as it is to
go on: its closing, for whatever reason, asks it to stop after the current step. Events are
lines of JSON on standard output; everything else, also what libraries print, goes to
standard error, which is its log file.
"""

import faulthandler
import gc
import json
import os
import pkgutil
import platform
import signal
import sys
import threading
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from explorer.output import log_stream
from explorer.scarcity import scarcity
from studies.artifacts import Artifacts, waiting_for
from studies.attempts.claims import Claims
from studies.attempts.stops import stop_sign
from studies.attempts.workers import Lease, Worker
from studies.engines.worker_process import AWAY, DONE, MISTAKE, STOPPED
from studies.machine import failures, provenance
from studies.machine.memory import keep_memory
from studies.records.stored_study import get
from studies.storage import Away, Storage
from studies.storage.schema import MADE_ON

if TYPE_CHECKING:
    from studies.running.trial import Trainer

# How often a worker that has nothing to train looks again; seconds.
POLL = 0.5


def start(config: dict[str, Any]) -> None:
    """Run a worker, and end its process at once: to take torch and Lightning apart again takes
    Python over a second."""
    code = main(config)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def main(config: dict[str, Any]) -> int:
    """Run a worker; returns its exit code.

    Args:
        config: storage, study, data_dir, artifacts (their URL, or None), worker (its id), index,
            lease, devices (how many share a training), stops (how often the study had been stopped
            when its run began), and trainer, the dotted name of what trains its pairs.
    """
    faulthandler.enable(2)
    # What cannot be logged is lost, and never ends a training.
    sys.stdout = sys.stderr = log_stream(2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    tell = _Teller(stop)
    try:
        threading.Thread(target=_watch_input, args=(stop,), name="input", daemon=True).start()
        config = {**config, "trainer": pkgutil.resolve_name(config["trainer"])}
        storage = Storage(config["storage"])
        with storage.errors():
            try:
                with storage.waiting(tell.away, stop.is_set):
                    code = _work(storage, config, tell, stop)
            finally:
                storage.close()
    except (Away, _CannotStart) as error:
        tell({"event": "gave up", "message": str(error), "host": platform.node()})
        code = AWAY
    except UserError as error:
        tell({"event": "error", "message": str(error)})
        code = MISTAKE
    except Exception as error:
        # A training's own failures are its attempt's; this one every
        # other worker here would meet too.
        if (text := scarcity(error)) is None:
            raise
        traceback.print_exc()
        tell({"event": "error", "message": f"no worker can go on here: {text}"})
        code = MISTAKE
    return code


class _CannotStart(UserError):
    """No training can start on this machine: other data, say, or a processor without bf16."""


class _Teller:
    """Sends events to the supervisor; one that is gone asks us to stop."""

    def __init__(self, stop: threading.Event) -> None:
        self._out = os.fdopen(os.dup(1), "w", buffering=1)
        os.dup2(2, 1)  # what libraries print goes to the log
        self._stop = stop
        self.about: dict[str, Any] = {}  # the pair that is being trained

    def __call__(self, event: dict[str, Any]) -> None:
        try:
            self._out.write(json.dumps({**self.about, **event}) + "\n")
        except OSError:
            self._stop.set()

    def note(self, text: str) -> None:
        """Tell what a user wants to know."""
        self({"event": "note", "text": text})

    def away(self, reason: str | None) -> None:
        """Tell that the storage is away, or is back."""
        text = (
            f"The storage is away: {reason} Waiting for it." if reason else "The storage is back."
        )
        print(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} {text}", file=sys.stderr, flush=True)
        self({"event": "away", "reason": reason, "at": time.monotonic()})


def _watch_input(stop: threading.Event) -> None:
    while os.read(0, 1024):
        pass
    stop.set()


def _work(storage: Storage, config: dict[str, Any], tell: _Teller, stop: threading.Event) -> int:
    stored = get(storage, config["study"])
    if stored.content.settings.device == "cpu":
        keep_memory()
    data_dir = Path(config["data_dir"]) if config["data_dir"] else None
    is_stopped = stop_sign(storage, stored.id, config["stops"])

    is_over = threading.Event()  # by `study stop`

    def pass_on_stop() -> None:
        if is_stopped():
            is_over.set()
            stop.set()

    claims = Claims(
        storage,
        stored.id,
        stored,
        lease=Lease(**config["lease"]),
        retried_from=stored.retried_from,
        attributes={MADE_ON: provenance.made_on(stored.content.settings.device, config["devices"])},
        on_renewal=pass_on_stop,
    )
    trainer = proposer = None
    if stored.content.document.search:
        from studies.running.proposing import Proposer

        proposer = Proposer(stored)
    with Worker.hold(storage.folder(stored.name, "workers"), config["worker"]) as me:
        while not stop.is_set():
            if is_stopped():
                return DONE
            counts = claims.counts()
            if not counts.left:
                return DONE
            if trainer is None and counts.waiting:
                # Only now: a worker that has nothing to train imports no torch. And before it
                # claims anything: what goes wrong here is no pair's fault.
                artifacts = Artifacts.given(config["artifacts"])
                with waiting_for(artifacts, tell.note, stop.is_set):
                    trainer = _prepare(
                        config["trainer"],
                        storage,
                        stored,
                        data_dir,
                        artifacts,
                        config["devices"],
                    )
                # Torch and Lightning stay. Looking through their million objects took 0.3 s before
                # each pair.
                gc.freeze()
                continue  # it may have been asked to stop meanwhile
            attempt = claims.claim(me) if trainer else None
            if trainer and attempt is None and proposer:
                attempt = proposer.claim(claims, me, config["index"])
            if trainer is None or attempt is None:
                stop.wait(POLL)
                continue
            design = stored.seen(claims.tried()).design(attempt.pair.design)
            arm = attempt.pair.of_arm(design.arm)
            tell.about = {"arm": arm, "design": design.name, "seed": attempt.pair.seed}
            if attempt.pair.recipe:
                tell.about["recipe"] = attempt.pair.recipe
            tell({"event": "claimed"})
            trainer.run(claims, attempt, design, tell, stop.is_set)
    # Whoever starts workers again when they were stopped has nothing to start after `study stop`.
    return DONE if is_over.is_set() else STOPPED


def _prepare(kind: "type[Trainer]", *given: Any) -> "Trainer":
    """A trainer of this kind. Raises `_CannotStart` whatever goes wrong: it would for every pair,
    but perhaps not on another machine."""
    try:
        return kind(*given)
    except Away:
        raise
    except UserError as error:
        raise _CannotStart(str(error)) from error
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        text = scarcity(error) or f"{failures.describe(error)[:500]}."
        raise _CannotStart(f"no training can start here: {text}") from error
