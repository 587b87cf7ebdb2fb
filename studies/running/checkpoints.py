"""The checkpoints of a study's attempts: in a folder here, and with the artifacts, if any.

An attempt goes on from what the latest attempt before it left. Each attempt has a folder of its
own, so that a worker that comes back late cannot touch the files of the one that took over; and
each study, so that a new one of the same name does not resume from the old one's.
"""

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studies.artifacts import Artifacts, ArtifactsAway, Note
from studies.attempts.attempt import Attempt
from studies.attempts.workers import this_machine
from studies.records.stored_study import StoredStudy
from studies.storage import Storage

# Where artifacts did not answer, checkpoints are kept here alone for so many times as long as that
# took: each epoch would wait for them again.
RESPITE = 10


@dataclass
class Checkpoints:
    """The checkpoints of the attempts at a study's pairs.

    Attributes:
        storage: Whose folder is on this machine.
        stored: The study.
        artifacts: Where all machines find them; None: they stay on this one.
        behind: Whether the last one could not be copied to the artifacts.
        respite: Until when none is copied, by the monotonic clock.
    """

    storage: Storage
    stored: StoredStudy
    artifacts: Artifacts | None
    behind: bool = False
    respite: float = 0.0
    _copied: dict[Path, int] = field(default_factory=dict)

    def take_over(self, attempt: Attempt, earlier: Sequence[Attempt], note: Note) -> Path:
        """The folder for this attempt's checkpoints, with what the latest earlier attempt left.

        Args:
            attempt: Whose folder it is.
            earlier: The attempts at its pair before it.
            note: Told where an epoch that was finished is trained again.

        Raises:
            UserError: The artifacts cannot be read, or a folder here cannot be written.
        """
        own = self._folder(attempt)
        here = {_number(folder): folder for folder in own.parent.glob(f"{self.stored.uid}-*")}
        there = self._there(attempt) if earlier else set()
        # Of the same attempt, this machine's are newer: they were written first.
        for number in sorted({*here, *there}, reverse=True):
            if number < attempt.number and (
                (number in here and _hand_on_all(here[number], own))
                or (number in there and self._fetch(attempt, number, own))
            ):
                return own
        begun = [other for other in earlier if other.progress]
        if begun:
            note(self._beginning_again(begun[-1]))
        return own

    def keep(self, attempt: Attempt, note: Note) -> None:
        """Copy the checkpoints of an attempt to the artifacts, after each epoch.

        Artifacts that are away are no reason to stop training, nor to wait.

        Raises:
            UserError: They cannot be written for another reason.
        """
        started = time.monotonic()
        if self.artifacts is None or started < self.respite:
            return
        try:
            with self.artifacts.not_waiting():
                for path in _files(self._folder(attempt)):
                    if self._copied.get(path) != (written := path.stat().st_mtime_ns):
                        key = f"{self._key(attempt)}/{attempt.number}/{path.name}"
                        self.artifacts.put(path, key)
                        self._copied[path] = written
        except ArtifactsAway as error:
            now = time.monotonic()
            self.respite = now + RESPITE * (now - started)
            if not self.behind:
                self.behind = True
                note(f"{_sentence(error)} Trainings go on; their checkpoints stay here meanwhile.")
        else:
            if self.behind:
                self.behind = False
                note(f"The artifacts at {self.artifacts.shown} are back.")

    def remove(self, attempt: Attempt) -> None:
        """Remove the checkpoints of all attempts at a pair, which is over."""
        self._copied.clear()
        shutil.rmtree(self._folder(attempt).parent, ignore_errors=True)
        if self.artifacts:
            self.artifacts.remove(self._key(attempt))

    def _folder(self, attempt: Attempt) -> Path:
        name = f"{self.stored.uid}-{attempt.number}"
        return self.storage.folder(self.stored.name, "checkpoints", _name(attempt), name)

    def _key(self, attempt: Attempt) -> str:
        return f"{self.stored.artifacts_key}/checkpoints/{_name(attempt)}"

    def _there(self, attempt: Attempt) -> set[int]:
        names = self.artifacts.names(self._key(attempt)) if self.artifacts else []
        return {int(name) for name in names if name.isdecimal()}

    def _fetch(self, attempt: Attempt, number: int, own: Path) -> bool:
        assert self.artifacts
        folder = f"{self._key(attempt)}/{number}"
        names = [name for name in self.artifacts.names(folder) if not name.startswith(".")]
        fetched = [self.artifacts.fetch(f"{folder}/{name}", own / name) for name in names]
        return any(fetched)

    def _beginning_again(self, begun: Attempt) -> str:
        pair = f"{begun.pair.design} seed {begun.pair.seed} begins again at its first epoch"
        if self.artifacts:
            return f"{pair}: no checkpoint of it is at {self.artifacts.shown}."
        if begun.worker.machine == this_machine():
            return f"{pair}: there is no checkpoint of it here any more."
        return (
            f"{pair}: its checkpoint is on {begun.worker.host}. With --artifacts URL, which all"
            " machines reach, it would go on."
        )


def _name(attempt: Attempt) -> str:
    pair = attempt.pair
    words = (pair.design, f"seed{pair.seed}", pair.variant.replace(" ", ""), pair.recipe)
    return "-".join(filter(None, words))


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[0].upper() + text[1:]


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]


def _hand_on_all(folder: Path, own: Path) -> bool:
    files = _files(folder)
    for path in files:
        _hand_on(path, own / path.name)
    return bool(files)


def _hand_on(path: Path, target: Path) -> None:
    """Give a file a second name.

    It appears whole, and checkpoints are replaced, never written into.
    """
    try:
        os.link(path, target)
    except OSError:  # a file system without links
        temporary = target.with_name(f".{target.name}")
        shutil.copyfile(path, temporary)
        temporary.replace(target)


def _number(folder: Path) -> int:
    return int(folder.name.rsplit("-", 1)[1])
