"""What a user sees of a run: a line for each training, JSON lines, or only mistakes.

`studies.running.bars` has what is drawn anew as the run goes on, and chooses.
"""

import sys
from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any

from explorer.output import going_on, say
from explorer.suggestions import command
from explorer.terminal import to_json
from explorer.text import human_percent, human_time
from studies.attempts.standing import Counts
from studies.config.search import LATENCY
from studies.machine.provenance import installed_versions
from studies.machine.settings import speed_hints
from studies.machine.threads import notes_on_stored
from studies.records.arm_standings import ArmStanding, UntilStandings
from studies.records.stored_study import StoredStudy
from studies.running.estimate import Work
from studies.storage import PATIENCE

Event = dict[str, Any]
# Options of `study run` and their values, as
# `suggestions.command` takes them: they go on as before.
Options = Mapping[str, Any]


class View:
    """Shows nothing; the others override what they show.

    Events are those of `studies.running.worker`.
    """

    def __init__(self, study: str = "", options: Options = MappingProxyType({})) -> None:
        self.study, self.options = study, options
        self.latest: UntilStandings | None = None

    def newly_decided(self, standings: UntilStandings) -> list[ArmStanding]:
        """The arms that were not decided when this was last asked."""
        before = {arm.arm for arm in self.latest.decided} if self.latest else set()
        self.latest = standings
        return [arm for arm in standings.decided if arm.arm not in before]

    def nothing_to_do(self, stored: StoredStudy, counts: Counts) -> None:
        """All pairs were complete or failed before the run."""

    def begin(
        self, stored: StoredStudy, counts: Counts, workers: int, *, elsewhere: bool = False
    ) -> None:
        """Workers are about to start."""

    def event(self, worker: int, event: Event) -> None:
        """Something happened in worker number `worker` (from 0)."""

    def stand(self, counts: Counts) -> None:
        """How the pairs stand in the storage: now and then, and before a training's end."""

    def standings(self, standings: UntilStandings) -> None:
        """Where the arms stand, if seeds end where the verdict is known: often, and at the end."""

    def died(self, worker: int, cause: str, log: str) -> None:
        """A worker died; it is being replaced."""

    def storage_away(self, worker: int | None, reason: str | None) -> None:
        """A worker, or the run (None), waits for the storage, or reaches it again (no reason)."""

    def note(self, worker: int | None, text: str) -> None:
        """A worker or the run (None) has something to say, in sentences: what it does without."""

    def stopping(self, kill: bool) -> None:
        """The workers have been asked to stop, or killed."""

    def close(self) -> None:
        """The workers are gone."""

    def stopped(self, stored: StoredStudy, counts: Counts) -> None:
        """The run was stopped before its end."""

    def end(self, stored: StoredStudy, counts: Counts) -> None:
        """The run is over."""


class QuietView(View):
    """Only what went wrong, on standard error."""

    def event(self, worker: int, event: Event) -> None:
        if event["event"] == "failed":
            self.say(f"{event['arm']} seed {event['seed']} failed: {event['reason']}")

    def died(self, worker: int, cause: str, log: str) -> None:
        self.say(f"Worker {worker + 1} {cause}; another takes its place. Its log: {log}")

    def storage_away(self, worker: int | None, reason: str | None) -> None:
        who = "" if worker is None else f" for worker {worker + 1}"
        if reason is None:
            self.say(f"The storage is back{who}.")
        else:
            self.say(
                f"The storage is away{who}: {reason} Waiting for up to {PATIENCE / 60:.0f} minutes."
            )

    def note(self, worker: int | None, text: str) -> None:
        self.say(text if worker is None else f"Worker {worker + 1}: {text}")

    def stopped(self, stored: StoredStudy, counts: Counts) -> None:
        self.say(
            f"Stopped with {_stand(counts)}. Go on with:"
            f" {command('study run', self.study, **self.options)}"
        )

    def say(self, line: str) -> None:
        with going_on():
            print(line, file=sys.stderr, flush=True)

    def on_stored(self, words: str, stored: StoredStudy) -> str:
        """A command to try next on the stored study."""
        return command(words, stored.name, storage=self.options.get("storage"))


class JsonView(View):
    """Every event as a line of JSON on standard output."""

    def nothing_to_do(self, stored: StoredStudy, counts: Counts) -> None:
        self._tell({"event": "nothing to train"})

    def begin(
        self, stored: StoredStudy, counts: Counts, workers: int, *, elsewhere: bool = False
    ) -> None:
        run = {"study": stored.name, "workers": workers, **asdict(counts)}
        self._tell({"event": "begin", **run, "notes": _notes(stored, workers, elsewhere)})

    def event(self, worker: int, event: Event) -> None:
        self._tell({"worker": worker, **event})

    def standings(self, standings: UntilStandings) -> None:
        for arm in self.newly_decided(standings):
            self._tell({"event": "decided", **asdict(arm), "text": standings.line(arm)})

    def died(self, worker: int, cause: str, log: str) -> None:
        self._tell({"worker": worker, "event": "died", "cause": cause, "log": log})

    def storage_away(self, worker: int | None, reason: str | None) -> None:
        self._tell(
            {
                "worker": worker,
                "event": "storage away" if reason else "storage back",
                "reason": reason,
            }
        )

    def note(self, worker: int | None, text: str) -> None:
        self._tell({"worker": worker, "event": "note", "text": text})

    def stopped(self, stored: StoredStudy, counts: Counts) -> None:
        self._tell({"event": "stopped", "study": stored.name, **asdict(counts)})

    def end(self, stored: StoredStudy, counts: Counts) -> None:
        until = {"until": self.latest.record()} if self.latest else {}
        self._tell({"event": "end", "study": stored.name, **asdict(counts), **until})

    def _tell(self, event: Event) -> None:
        say(to_json(event))


class LineView(QuietView):
    """A line a finished training, with what is left; for logs and pipes."""

    def __init__(self, study: str = "", options: Options = MappingProxyType({})) -> None:
        super().__init__(study, options)
        self.began = False
        self.training: set[int] = set()  # workers
        self.said = 0  # pairs that have ended, in the latest line
        self.at_most = ""  # where results decide how many pairs there will be

    def nothing_to_do(self, stored: StoredStudy, counts: Counts) -> None:
        if counts.failed or counts.pruned:
            self.say(f"{stored.name}: {_stand(counts)}; nothing to train.")
            self._how_to_measure_again(stored, counts)
        else:
            self.say(f"{stored.name}: all {counts.wanted:,} pairs are complete, nothing to train.")

    def begin(
        self, stored: StoredStudy, counts: Counts, workers: int, *, elsewhere: bool = False
    ) -> None:
        self.began = True
        self.counts, self.said = counts, counts.ended
        self.work = Work(stored, counts)
        self.at_most = "at most " if stored.content.document.until else ""
        settings = stored.content.settings
        precision = "32 bits" if settings.precision == "32" else settings.precision
        self.say(
            f"{stored.name}: {self.at_most}{counts.wanted:,} pairs ({_made_of(stored)}),"
            f" {self.at_most}{counts.left} to train; {_many(workers, 'worker')} on"
            f" {settings.device} ({precision},"
            f" {_many(settings.threads, 'thread')} each)"
        )
        for note in _notes(stored, workers, elsewhere):
            self.say(note)
        before, now = stored.content.origin.versions.get("torch"), installed_versions().get("torch")
        if before != now:
            self.say(
                f"Note: it was started with torch {before}, and here is {now}: numbers may not be"
                " quite the same."
            )
        search, possible = stored.content.document.search, stored.content.origin.trials
        if search and possible and possible < search.trials:
            self.say(
                f"The space holds {_many(possible, 'design')} within the constraints, fewer than"
                f" the {search.trials} trials: then the search ends."
            )
        for point in stored.content.origin.left_out:
            self.say(f"Left out: {point.arm}: {point.reason}")

    def event(self, worker: int, event: Event) -> None:
        self.work.take(worker, event)
        self.training.discard(worker)
        if event["event"] in ("claimed", "epoch"):
            self.training.add(worker)
        if event["event"] in ("complete", "failed", "pruned"):
            self.said = self._ended()
            if event["event"] == "complete":
                what = (
                    f"validation error {human_percent(event['validation_error'])},"
                    f" {human_time(event['seconds'])}"
                )
            else:
                what = ": ".join(filter(None, (event["event"], event.get("reason"))))
            self.finished(
                f"{self.said} of {self.at_most}{self.counts.wanted}  {event['arm']} seed"
                f" {event['seed']}: {what}"
            )

    def _ended(self) -> int:
        """How many pairs have ended, for the line of one that has.

        Where two workers end at once, the storage counts both as the first tells of it: then the
        lines say 1 and 2 nevertheless. Other runs of the study move on the count as well.
        """
        sure = self.counts.ended - len(self.training)
        return min(self.counts.ended, max(self.said + 1, sure))

    def finished(self, line: str) -> None:
        left = self.work.time_left()
        about = self.at_most or "about "
        self.say(line + (f"; {about}{human_time(left)} left" if left and left >= 1 else ""))

    def stand(self, counts: Counts) -> None:
        self.counts = counts
        self.work.stand(counts)

    def standings(self, standings: UntilStandings) -> None:
        for arm in self.newly_decided(standings):
            self.say(standings.line(arm))

    def stopping(self, kill: bool) -> None:
        self.say(
            "Stopping the workers now."
            if kill
            else "Stopping after the current step; once more stops at once."
        )

    def end(self, stored: StoredStudy, counts: Counts) -> None:
        if self.began:
            self.say(f"{_stand(counts)}.")
        if self.latest:
            self.say(self.latest.text)
        if counts.failed:
            self.say(f"Why they failed: {self.on_stored('study show', stored)}")
            self.say(
                f"Once that is fixed, train them again: {self.on_stored('study retry', stored)}"
            )
        self._how_to_measure_again(stored, counts)
        if counts.complete:
            self.say(f"See what came out: {self.on_stored('report', stored)}")

    def _how_to_measure_again(self, stored: StoredStudy, counts: Counts) -> None:
        search = stored.content.document.search
        if counts.pruned and search and LATENCY in search.constraints:
            self.say(
                "To measure designs again that were above the limit on the latency, as on an idle"
                f" machine: {self.on_stored('study retry', stored)}"
            )

    def say(self, line: str) -> None:
        say(line)


def _notes(stored: StoredStudy, workers: int, elsewhere: bool) -> list[str]:
    """What to know of the data, and of this machine unless the workers are on others.

    Older versions stored no notes on the data.
    """
    settings, here = stored.content.settings, []
    if not elsewhere:
        here = speed_hints(settings)
        if settings.device == "cpu":
            here = [*notes_on_stored(settings.threads, workers), *here]
    return [*stored.content.file.notes, *stored.content.origin.notes, *here]


def _many(number: int, what: str) -> str:
    return f"{number} {what}" + ("" if number == 1 else "s")


def _made_of(stored: StoredStudy) -> str:
    seeds = _many(len(stored.seeds), "seed")
    if search := stored.content.document.search:
        designs = _many(stored.content.origin.trials or 0, "design")
        return f"{search.method} search of {designs}, then its finalists with {seeds}"
    if until := stored.content.document.until:
        end = (
            "the best is left"
            if until.margin is None
            else f"each is better, worse or equal within {until.margin:g} points"
        )
        arms = _many(len(stored.designs), "arm")
        return f"{arms} x {until.start} to {until.at_most} seeds, until {end}"
    recipes = f"{_many(len(stored.recipes), 'recipe')} x " if stored.recipes else ""
    made_of = f"{_many(len(stored.designs), 'arm')} x {recipes}{seeds}"
    if tune := stored.content.document.tune:
        made_of = f"{_many(tune.trials, 'tuning trial')} an arm, then {made_of}"
    return made_of


def _stand(counts: Counts) -> str:
    parts = [f"{counts.complete:,} of {counts.wanted:,} pairs complete"]
    parts += [
        f"{number} {name}" for name in ("failed", "pruned") if (number := getattr(counts, name))
    ]
    return ", ".join(parts)
