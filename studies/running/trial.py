"""One attempt at one pair: train it, store its curve as it comes, end it with its result."""

import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import Blueprint
from explorer.errors import UserError
from explorer.files import FULL_DISK
from explorer.text import human_time
from studies.artifacts import Artifacts, Note, waiting_for
from studies.attempts.attempt import Attempt
from studies.attempts.claims import Claims
from studies.config.design import StoredDesign
from studies.config.recipe import Recipe
from studies.config.search import LATENCY
from studies.data import Splits, load
from studies.judging.latency import Latency, busy_now
from studies.machine import failures
from studies.machine.settings import Settings
from studies.records.same_data import check_data
from studies.records.stored_study import StoredStudy
from studies.running.checkpoints import Checkpoints
from studies.running.pruning import Pruner
from studies.storage import Storage, StorageAway
from studies.storage.schema import CURVE, FAILURE, MISSED, PROGRESS, RECIPE, RESULT
from studies.training import TrainingFailed, TrainingStopped

if TYPE_CHECKING:
    from studies.training import Outcome

# A curve is written at most this often, and once before the end; seconds.
CURVE_EVERY = 10.0
LOG_LINES, LOG_WIDTH = 20, 500

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Ending:
    """How an attempt ends.

    Attributes:
        ended: One of `attempt.ENDINGS`.
        values: Those of a complete trial.
        attributes: What is written of it.
        report: What the supervisor hears of it.
        problem: What its worker cannot go on after.
    """

    ended: str
    values: Sequence[float] | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)
    report: Mapping[str, Any] = field(default_factory=dict)
    problem: BaseException | None = None


class Trainer:
    """What a worker keeps between its trials: torch, the data and the checked settings.

    Making one takes seconds. Raises `UserError` where this machine cannot honour
    the study's settings, or the data is missing.
    """

    def __init__(
        self,
        storage: Storage,
        stored: StoredStudy,
        data_dir: Path | None,
        artifacts: Artifacts | None = None,
        devices: int = 1,
    ) -> None:
        self._stored, self._file, self._artifacts = stored, stored.content.file, artifacts
        self._data_dir, self._devices = data_dir, devices
        self._checkpoints = Checkpoints(storage, stored, artifacts)
        self._search, self._settings = self._file.search, stored.content.settings
        self._proven = False  # whether this process has trained anything
        self._pruner: Pruner | None = None
        if self._search and self._search.prune:
            epochs = self._file.recipe.epochs
            self._pruner = Pruner(storage, stored.name, self._search.prune, epochs)
        self._splits = self.prepare(data_dir)
        check_data(stored, self._splits)

    def prepare(self, data_dir: Path | None) -> Splits:
        """Load torch and the data. Raises `UserError` where one of them does not go here."""
        from studies.machine import settings
        from studies.training import train  # noqa: F401 - what fails here is no pair's fault

        settings.check_settings(self._settings)
        return load(self._file.data, data_dir, artifacts=self._artifacts)

    def train(
        self,
        architecture: Blueprint,
        recipe: Recipe,
        splits: Splits,
        seed: int,
        settings: Settings,
        *,
        checkpoints: Path | None = None,
        **options: Any,
    ) -> "Outcome":
        """Train one network, on as many devices as this has; see `studies.training.train`."""
        from studies.training import SharedTraining, shared_by, train

        url = self._artifacts.url if self._artifacts else None
        shared = SharedTraining(
            architecture, recipe, self._file.data, self._data_dir, url, seed, settings, checkpoints
        )
        with shared_by(self._devices, shared) as ranks:
            return train(
                architecture,
                recipe,
                splits,
                seed,
                settings,
                checkpoints=checkpoints,
                ranks=ranks,
                **options,
            )

    def run(
        self,
        claims: Claims,
        attempt: Attempt,
        design: StoredDesign,
        tell: Tell,
        stopping: Callable[[], bool],
    ) -> None:
        """Train the attempt's pair and end the attempt.

        Raises:
            UserError: for what would stop every other pair as well.
        """
        curve = CurveLog(claims, attempt)
        with claims.keep(attempt) as gone:

            def stops() -> bool:
                return gone.is_set() or stopping()

            def note(text: str) -> None:
                tell({"event": "note", "text": text})

            with waiting_for(self._artifacts, note, stops):
                ending = self._attempt(claims, attempt, design, curve, tell, note, stops)
            if not isinstance(ending.problem, StorageAway):
                curve.flush()
            is_ours = claims.end(attempt, ending.ended, ending.values, ending.attributes)
            if is_ours and ending.ended in ("complete", "pruned"):
                self._checkpoints.remove(attempt)
        if ending.problem:
            raise ending.problem
        tell({"event": ending.ended, **ending.report} if is_ours else {"event": "late"})

    def _attempt(
        self,
        claims: Claims,
        attempt: Attempt,
        design: StoredDesign,
        curve: "CurveLog",
        tell: Tell,
        note: Note,
        stopping: Callable[[], bool],
    ) -> Ending:
        """Train the attempt's pair; how that ended."""
        # Later seeds are those of finalists, which are to be complete.
        is_tried = attempt.pair.seed == self._stored.seeds[0]
        pruner = self._pruner if is_tried else None
        pruned = False

        def on_resume(rows: list[dict[str, Any]]) -> None:
            nonlocal pruned
            curve.resume(rows)
            if pruner and rows:
                errors = [(row["epoch"], row["validation_error"]) for row in rows]
                pruned = pruner.resume(attempt, claims.earlier(attempt), errors)

        def on_epoch(row: dict[str, Any]) -> None:
            nonlocal pruned
            self._proven = True
            curve.add(row)
            tell({"event": "epoch", **row})
            self._checkpoints.keep(attempt, note)
            pruned = pruned or bool(
                pruner and pruner.is_hopeless(attempt, row["epoch"], row["validation_error"])
            )

        changes = attempt.attributes.get(RECIPE, {})
        try:
            latency = self._latency(design)
            if is_tried and latency and self._is_too_slow(design, latency):
                return Ending(
                    "pruned", None, {RESULT: latency.columns()}, {"reason": self._slow(latency)}
                )
            folder = self._checkpoints.take_over(attempt, claims.earlier(attempt), note)
            outcome = self.train(
                design.architecture,
                self._file.recipe_named(attempt.pair.recipe).model_copy(update=changes),
                self._splits,
                attempt.pair.seed,
                self._settings,
                checkpoints=folder,
                on_epoch=on_epoch,
                should_stop=lambda: pruned or stopping(),
                on_resume=on_resume,
            )
            result = self._result(attempt, outcome)
            result |= latency.columns() if latency else {}
        except TrainingStopped:
            return Ending("pruned" if pruned else "interrupted")
        except TrainingFailed as error:  # what the training says itself needs no traceback
            return _failed(attempt, failures.message_of(error), log=False)
        except UserError as error:
            # A full disk, or one's share of it, may have room again for the next pair; whatever
            # else cannot be written stays so.
            if isinstance(error.__context__, OSError) and error.__context__.errno in FULL_DISK:
                return _failed(attempt, failures.message_of(error), log=False)
            return Ending("interrupted", problem=error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it is, others go on
            # Also a library's sys.exit() is no end of the worker.
            if failures.is_of_device(error):
                # Nothing more can be computed in this process: it ends, and the pair goes to
                # another. After three times it has failed.
                reason = _failure(f"the device failed ({failures.describe(error)})")
                return Ending("lost", attributes={FAILURE: reason}, problem=error)
            try:
                self._check_possible(attempt, error)
            except UserError as impossible:
                return Ending("interrupted", problem=impossible)
            return _failed(attempt, failures.describe(error))
        values = self._search.values(design, result) if self._search else [outcome.validation_error]
        missed = self._missed(attempt, outcome)
        return Ending("complete", values, {RESULT: result, **missed}, result)

    def _result(self, attempt: Attempt, outcome: "Outcome") -> dict[str, Any]:
        """What is stored of a finished training."""
        result = {
            key: value
            for key, value in vars(outcome).items()
            if key not in ("curves", "state_dict", "missed")
        }
        result["device"] = self._settings.device
        if attempt.pair.variant:
            for key in [key for key in result if key.startswith("test")]:
                del result[key]  # nothing can be tuned on what is not there
        return result

    def _missed(self, attempt: Attempt, outcome: "Outcome") -> dict[str, Any]:
        """Which images it missed, where the study keeps that: an attribute, or none."""
        sizes = self._splits.sizes
        if not self._file.keeps_misses(sizes["validation"] + sizes["test"]):
            return {}
        # Nothing can be tuned on what is not there.
        splits = ("validation",) if attempt.pair.variant else ("validation", "test")
        missed = outcome.missed
        return {MISSED: {split: missed[split].record() for split in splits if split in missed}}

    def _latency(self, design: StoredDesign) -> Latency | None:
        """The measured latency of one image, where the search asks for it."""
        if not self._search or not self._search.measures_latency:
            return None
        from explorer.networks import Case, measure

        case, settings = Case(design.architecture), self._settings
        (timing,) = measure([case], device=settings.device, precision=settings.precision)
        return Latency(timing.seconds, timing.low, timing.high)

    def _is_too_slow(self, design: StoredDesign, latency: Latency) -> bool:
        """Whether a design is certainly above the search's limit; the reference arm is always
        trained."""
        limit = self._search.constraints.get(LATENCY) if self._search else None
        is_reference = design.arm == self._stored.content.reference_arm
        return limit is not None and not is_reference and latency.is_above(limit)

    def _slow(self, latency: Latency) -> str:
        limit = self._search.constraints[LATENCY] if self._search else 0.0
        busy = f" (the machine is busy{busy_now()})" if latency.is_uneven or busy_now() else ""
        return f"{latency} an image, and the limit is {human_time(limit)}{busy}"

    def _check_possible(self, attempt: Attempt, error: BaseException) -> None:
        """Raise `UserError` where the failure is no pair's fault.

        So it is where nothing was trained here yet, and the first step of the cheapest other design
        fails as well.
        """
        others = [design for design in self._stored.designs if design.name != attempt.pair.design]
        if self._proven or not others:
            return
        failures.let_go(error)
        cheapest = min(others, key=lambda design: design.flops)
        try:
            self.train(
                cheapest.architecture,
                self._file.recipe_named(attempt.pair.recipe),
                self._splits,
                attempt.pair.seed,
                self._settings,
                should_stop=lambda: True,
            )
        except (TrainingStopped, TrainingFailed):
            self._proven = True
        except Exception as again:
            if type(again) is type(error) or failures.is_out_of_memory(again):
                raise UserError(
                    f"no training can go on here: that of {attempt.pair.design} failed, and the"
                    f" first step of {cheapest.name} too, the cheapest other design:"
                    f" {_line(failures.describe(again))}. No pair was marked as failed."
                ) from again


class CurveLog:
    """Writes a curve in chunks, `curve/<first epoch>`, each once.

    An attempt that ends has written all of its curve, also the epochs that earlier attempts
    trained: those may have been killed before they wrote them.
    """

    def __init__(self, claims: Claims, attempt: Attempt) -> None:
        self._claims, self._attempt = claims, attempt
        self._resumed: list[dict[str, Any]] = []
        self._waiting: list[dict[str, Any]] = []
        self._last = time.monotonic()
        self._progress = False

    def resume(self, rows: list[dict[str, Any]]) -> None:
        """Take over the epochs that are not trained again."""
        self._resumed = rows

    def add(self, row: dict[str, Any]) -> None:
        """Note an epoch; write what has gathered if the last writing is long enough ago."""
        self._waiting.append(row)
        # A storage that is away is no reason to stop training, nor to
        # wait; what has gathered is kept.
        with suppress(StorageAway), self._claims.not_waiting():
            if not self._progress:
                self._claims.write(self._attempt, {PROGRESS: row["epoch"]})
                self._progress = True
            if time.monotonic() - self._last >= CURVE_EVERY:
                self.flush()

    def flush(self) -> None:
        """Write what has gathered.

        Resumed epochs are a chunk of their own: an older version may have noted less of them.
        """
        for rows in (self._resumed, self._waiting):
            if rows:
                columns = {key: [row[key] for row in rows] for key in rows[0]}
                self._claims.write(self._attempt, {f"{CURVE}{columns['epoch'][0]}": columns})
                rows.clear()
        self._last = time.monotonic()


def _failed(attempt: Attempt, reason: str, *, log: bool = True) -> Ending:
    """The ending of an attempt that failed by the exception that is being handled."""
    print(f"{attempt.pair} failed:\n{traceback.format_exc()}", file=sys.stderr, flush=True)
    failure = _failure(reason) if log else {**_failure(reason), "log": []}
    return Ending("failed", None, {FAILURE: failure}, {"reason": failure["reason"]})


def _failure(reason: str) -> dict[str, Any]:
    """What is stored of the exception that is being handled."""
    log = traceback.format_exc().strip().splitlines()[-LOG_LINES:]
    return {"reason": _line(reason), "log": [_line(line, indented=True) for line in log]}


def _line(text: str, *, indented: bool = False) -> str:
    """A text as one line of bounded length that every storage and terminal takes."""
    text = text[:LOG_WIDTH].encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return text if indented else " ".join(text.split())
