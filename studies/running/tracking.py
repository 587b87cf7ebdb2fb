"""Logging a study to a tracker: what its attempts have written, as the storage has it.

Trainings know nothing of it. Logging while they run and logging a study that has ended are the
same: a look at the storage, and what is new goes to the tracker.
"""

import fcntl
import hashlib
import json
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from explorer.errors import UserError
from explorer.files import write_atomic
from explorer.lazy import load
from explorer.suggestions import command
from studies.attempts.attempt import Attempt
from studies.attempts.standing import Attempts
from studies.config.study import StudyFile
from studies.machine.failures import describe
from studies.records.stored_study import StoredStudy, get
from studies.storage import Storage, from_json
from studies.storage.schema import CURVES_OF_ATTEMPT, FAILURE, RECIPE, RESULT
from studies.training import KEEP_FILES, About, TrackedRun, destination, open_run

OnProgress = Callable[[], None]
LONGEST = 500  # of what a tracker raises, in characters


class Followed:
    """A study as one tracker follows it.

    Attributes:
        where: Where the tracker's runs go.
        record: The file that says which attempts have ended there.
        before: How many had, at the start.
        runs: How many have since.
    """

    def __init__(
        self, storage: Storage, name: str, tracker: str, record: Path, on_progress: OnProgress
    ) -> None:
        self._storage, self._tracker, self._on_progress = storage, tracker, on_progress
        self._stored = get(storage, name)
        self._folder = storage.folder(name) / tracker
        self.where = destination(tracker, self._folder)
        keys = dict.fromkeys((RESULT, FAILURE, RECIPE, *self._stored.attribute_keys))
        self._attempts = Attempts(storage, self._stored.id, keys)
        self._open: dict[int, TrackedRun] = {}
        self.record = record
        key = f"{self._stored.uid} {self.where}"
        self._key = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
        self._ended = set(self._recorded().get(self._key, []))
        self.before, self.runs = len(self._ended), 0

    def look(self) -> None:
        """Log what attempts have written since the last look; runs of those that ended are closed.

        Raises:
            Exception: whatever the tracker raises where it cannot be reached or written.
        """
        attempts = self._attempts.read()
        waiting = [
            attempt
            for attempt in attempts
            if attempt.number not in self._ended and attempt.ended != "superseded"
        ]
        study = self._stored.seen(attempts) if waiting else self._stored
        for attempt in waiting:
            self._on_progress()
            self._log(study, attempt)

    def finish(self) -> None:
        """Log the study's report, where the tracker keeps files, and let go of all runs."""
        for run in self._open.values():
            run.let_go()
        if self.runs and self._tracker in KEEP_FILES:
            self._on_progress()
            self._log_report()

    def _log(self, study: StoredStudy, attempt: Attempt) -> None:
        texts = self._storage.tuples(CURVES_OF_ATTEMPT, trial=attempt.id)
        chunks = [from_json(text) for (text,) in texts]
        rows = [
            dict(zip(chunk, values, strict=True))
            for chunk in chunks
            for values in zip(*chunk.values(), strict=True)
        ]
        if attempt.running and not rows:
            return
        run = self._open.pop(attempt.number, None)
        if run is None:
            run = open_run(self._tracker, _about(study, attempt), self._folder)
        run.add(sorted(rows, key=lambda row: row["epoch"]))
        if attempt.running:
            self._open[attempt.number] = run
            return
        failure = attempt.attributes.get(FAILURE, {})
        run.end(attempt.ended, attempt.attributes.get(RESULT, {}), failure.get("reason", ""))
        self.runs += 1
        self._ended.add(attempt.number)
        write_atomic(self.record, json.dumps({**self._recorded(), self._key: sorted(self._ended)}))

    def _recorded(self) -> dict[str, list[int]]:
        try:
            recorded: dict[str, list[int]] = json.loads(self.record.read_text())
        except (OSError, ValueError):  # none yet, or damaged: then runs are logged again
            return {}
        return recorded

    def _log_report(self) -> None:
        # Reports stand above studies, so that they are loaded by their name, as commands are.
        name = self._stored.name
        source = load("dashboards.report.sources").load_stored(name, self._storage)
        about = About(name, "report", None, f"{self._stored.uid}-report", {})
        run = open_run(self._tracker, about, self._folder)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.html"
            load("dashboards.report.report").write_report(path, [source])
            run.attach(path)
            run.end("complete", {})


@contextmanager
def following(
    storage: Storage, name: str, tracker: str, on_progress: OnProgress = lambda: None
) -> Iterator[Followed | None]:
    """Follow a study for a tracker, as the only process with this storage's files.

    Args:
        storage: Where the study is.
        name: Of the study.
        tracker: `tensorboard`, `mlflow` or `wandb`.
        on_progress: Called before each attempt, and before the report.

    Yields:
        The followed study; None where another process follows it.
    """
    record = storage.folder(name, "trackers") / f"{tracker}.json"
    with open(record.with_suffix(".lock"), "a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            is_alone = True
        except OSError:
            is_alone = False
        yield Followed(storage, name, tracker, record, on_progress) if is_alone else None


def log_to(name: str, tracker: str, storage: Storage) -> Followed:
    """Log a stored study to a tracker: all attempts that are not there yet.

    Returns:
        What was logged: `runs` now, `before` earlier, and `where`.

    Raises:
        UserError: No study of this name is stored, the tracker is not installed, cannot be reached
            or written, or a run of the study is logging to it.
    """
    check_installed([tracker])
    try:
        with following(storage, name, tracker) as followed:
            if followed is None:
                raise UserError(f"a run of {name} is logging to {tracker} already.")
            followed.look()
            followed.finish()
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{tracker} could not be logged to: {reason_of(error)}.") from error
    return followed


def check_installed(trackers: Iterable[str]) -> None:
    """Raise `UserError` where a tracker's package is not installed."""
    for tracker in trackers:
        if find_spec(tracker) is None:
            raise UserError(
                f"logging to {tracker} needs the extra [{tracker}]: pip install"
                f" 'resnext-explorer[{tracker}]'."
            )


def reason_of(error: BaseException) -> str:
    """What a tracker raised, on one line of bounded length."""
    return " ".join(describe(error).split())[:LONGEST].rstrip(".")


def catch_up(name: str, tracker: str, storage: Storage) -> str:
    """The command that logs what a tracker has missed."""
    return command("study log", name, to=tracker, storage=storage.option)


def _about(study: StoredStudy, attempt: Attempt) -> About:
    design, content = study.design(attempt.pair.design), study.content
    config: dict[str, Any] = {
        "study": study.name,
        "attempt": attempt.number,
        "seed": attempt.pair.seed,
        "design": design.record(),
        "host": attempt.worker.host,
    }
    if isinstance(content.document, StudyFile):
        recipe = content.document.recipe_named(attempt.pair.recipe)
        changes = attempt.attributes.get(RECIPE, {})
        config["recipe"] = recipe.model_copy(update=changes).model_dump(mode="json")
        config["data"] = content.document.data.model_dump(mode="json")
    config["settings"] = content.origin.settings.model_dump(mode="json")
    return About(
        study=study.name,
        arm=attempt.pair.of_arm(design.arm),
        seed=attempt.pair.seed,
        key=f"{study.uid}-{attempt.number}",
        config=config,
    )
