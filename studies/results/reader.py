"""The one way from a storage to the tables `trials` and `curves`.

What has ended is read once, and a look reads only what may have moved: the live app asks again
every few seconds and must answer at once also for 10,000 trainings. Curves, the bulk of a storage,
are read apart and only for those who ask for them. Everything is plain SQL
(`studies.storage.schema`) on read-only connections: reading changes nothing and waits for nobody,
so it can be done at any moment of a run, from any machine that reaches the storage.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from explorer.errors import UnknownName, UserError, check_known, shorten
from studies.attempts.attempt import Attempt
from studies.attempts.standing import Attempts, Counts, agenda_statuses
from studies.missed import Missed
from studies.pair import Pair, split_recipe
from studies.records.stored_study import StoredStudy, get_alone, stored_alone
from studies.results.info import info_of, info_of_recipe
from studies.results.machines import machines_note
from studies.results.tables import (
    CURVES,
    OF_RECIPE,
    TRIALS,
    Chunk,
    Row,
    Times,
    make_curves,
    make_trials,
    of_recipe,
    rows_of,
    with_tuned,
)
from studies.storage import Storage, from_json, schema


def read(
    storage: str | Storage | None, study: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `trials` and `curves` of one study, or of all in a storage.

    Wanted pairs that nobody has begun are rows too.

    Raises:
        UserError: The study is unknown, or the storage cannot be read.
    """
    with Storage.visit(storage) as opened:
        names = [stored.name for stored in stored_alone(opened)] if study is None else [study]
        reader = Reader(opened)
        looks = [reader.both(name) for name in names]
    empty = [pd.DataFrame(columns=list(kinds)).astype(kinds) for kinds in (TRIALS, CURVES)]
    parts = ((tables.trials, curves) for tables, curves in looks)
    trials, curves = (
        pd.concat(frames, ignore_index=True) for frames in zip(empty, *parts, strict=True)
    )
    for table in (trials, curves):
        if OF_RECIPE in table:  # of some of the studies only
            table[OF_RECIPE] = table[OF_RECIPE].fillna("").astype("str")
    return trials, curves


@dataclass(frozen=True)
class Tables:
    """One study at one moment. `stamp` changes whenever anything in them may have."""

    stamp: str
    study: StoredStudy
    trials: pd.DataFrame
    info: dict[str, Any]
    counts: Counts

    @property
    def recipes(self) -> list[str]:
        """Of a study with several recipes, all of them; none in the part of one."""
        return [str(recipe["name"]) for recipe in self.info.get("recipes", ())]

    def of_recipe(self, recipe: str) -> "Tables":
        """The part of a study with several recipes that one of them trains, as a study of its own.

        Raises:
            UnknownName: It has no such recipe.
        """
        if not self.study.recipes:
            raise UnknownName(
                f"the study {self.study.name} has one recipe only, so there is no part of"
                f" {shorten(recipe)}: give its name alone, {self.study.name}."
            )
        check_known("recipe", recipe, self.study.recipes)
        trials = of_recipe(self.trials, recipe)
        return Tables(
            f"{self.stamp}:{recipe}",
            self.study,
            trials,
            {**info_of_recipe(self.info, recipe), "wanted": len(trials)},
            Counts.of(dict(enumerate(trials["status"]))),
        )


@dataclass
class _Known:
    """What is known about a study; of trials before `start`, all times have been read."""

    storage: Storage
    study: StoredStudy
    attempts: Attempts
    rows: dict[Pair, Row] = field(default_factory=dict)
    times: dict[int, Times] = field(default_factory=dict)
    start: int = -1
    ends: tuple[int, int] = (0, 0)  # the last trial and the last attribute that had been written
    tables: Tables | None = None
    # The same for curves: their chunks by attempt, and the table with its stamp.
    chunks: dict[int, list[Chunk]] = field(default_factory=dict)
    chunks_start: int = -1
    curves: tuple[str, pd.DataFrame] | None = None
    # Which images each attempt missed: by split, those read so far, and the first to read again.
    misses: dict[str, tuple[int, dict[int, Missed]]] = field(default_factory=dict)


class Reader:
    """A storage that is looked at again and again, or once. Safe to use from several threads.

    Of a study with several recipes, `STUDY:RECIPE` names the part that one of them trains.

    The tables it gives are shared by all who ask: nobody may change them.

    Args:
        storage: What is looked at.
        beside: Gives a reader of studies that can be asked for too, where the storage has none of
            their name; `studies` leaves them out.
    """

    def __init__(self, storage: Storage, beside: "Callable[[], Reader] | None" = None) -> None:
        self.storage = storage
        self.beside = beside
        self._known: dict[str, _Known] = {}
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._file: tuple[int, int] | None = None

    def studies(self) -> list[StoredStudy]:
        """All studies, without their attempts, oldest first.

        There are none where there is no storage yet, or an empty one.
        """
        self._forget_what_was_replaced()
        return [] if self._is_bare() else stored_alone(self.storage)

    def studies_beside(self) -> list[StoredStudy]:
        """All studies of the reader beside; a study of the storage hides one of its name."""
        return self.beside().studies() if self.beside else []

    def stamp_of_all(self) -> str:
        """What changes when any study does, or there is another."""
        return "|".join(self._stamp(study)[0] for study in self.studies())

    def stamp(self, name: str) -> str:
        """What changes when a study does: cheap enough to be asked every second."""
        reader, study = self._find(split_recipe(name)[0])
        return reader._stamp(study)[0]

    def tables(self, name: str) -> Tables:
        """A study as it stands now, without its curves. Raises `UserError` for an unknown study."""
        study, recipe = split_recipe(name)
        with self._look(study) as (_, tables):
            return tables.of_recipe(recipe) if recipe else tables

    def results(self, name: str) -> pd.DataFrame:
        """A row a pair: `tables.TRIALS`, then the quantities that the study tunes. Raises as
        `tables`."""
        tables = self.tables(name)
        return with_tuned(tables.trials, tables.study)

    def curves(self, name: str) -> pd.DataFrame:
        """The table of epochs that belongs to the trials of `tables`."""
        return self.both(name)[1]

    def both(self, name: str) -> tuple[Tables, pd.DataFrame]:
        """The two at one moment."""
        study, recipe = split_recipe(name)
        with self._look(study) as (known, tables):
            if known.curves is None or known.curves[0] != tables.stamp:
                self._read_curves(known)
                known.curves = (
                    tables.stamp,
                    make_curves(known.study, known.rows.values(), known.chunks),
                )
            curves = known.curves[1]
            return (
                (tables.of_recipe(recipe), of_recipe(curves, recipe))
                if recipe
                else (
                    tables,
                    curves,
                )
            )

    def misses(self, name: str, split: str = "test") -> dict[Pair, Missed]:
        """Which images of a split (`test` or `validation`) each complete training missed.

        Trainings that did not store it are left out.
        """
        with self._look(split_recipe(name)[0]) as (known, _):
            missed = self._read_misses(known, split)
            return {
                pair: missed[row.deciding.id]
                for pair, row in known.rows.items()
                if row.status == "complete" and row.deciding and row.deciding.id in missed
            }

    def curve(self, name: str, design: str, seed: int) -> pd.DataFrame:
        """The epochs of one pair, without reading any other's."""
        study, recipe = split_recipe(name)
        with self._look(study) as (known, _):
            row = known.rows.get(Pair(design, seed, recipe=recipe))
            chunks = {
                attempt.id: [
                    from_json(text)
                    for (text,) in known.storage.tuples(schema.CURVES_OF_ATTEMPT, trial=attempt.id)
                ]
                for attempt in (row.attempts if row else ())
            }
            return make_curves(known.study, [row] if row else [], chunks)

    def attempts(self, name: str, design: str, seed: int) -> list[tuple[Attempt, dict[str, Any]]]:
        """Every attempt at a pair, in order.

        Each comes with what it wrote (`result`, `failure`), and when it `started` and `finished`.
        """
        study, recipe = split_recipe(name)
        with self._look(study) as (known, _):
            row = known.rows.get(Pair(design, seed, recipe=recipe))
            attempts = []
            for attempt in row.attempts if row else ():
                started, finished = known.times.get(attempt.id, (None, None))
                times = {"started": started, "finished": finished}
                attempts.append((attempt, {**attempt.attributes, **times}))
            return attempts

    @contextmanager
    def _look(self, name: str) -> Iterator[tuple[_Known, Tables]]:
        """A study as it stands now, for one thread at a time."""
        reader, study = self._find(name)
        if reader is not self:
            with reader._look(name) as look:
                yield look
            return
        with self._guard:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock, self.storage.sound():
            known, (stamp, ends) = self._know(study), self._stamp(study)
            if known.tables is None or known.tables.stamp != stamp:
                if any(now < then for now, then in zip(ends, known.ends, strict=True)):
                    del self._known[name]  # an older copy of the storage was put back
                    known = self._know(study)
                self._read_attempts(study, known)
                known.tables, known.ends = _tables(known, stamp), ends
            yield known, known.tables

    def _find(self, name: str) -> "tuple[Reader, StoredStudy]":
        """A study, and the reader that has it: itself, or the one beside it."""
        self._forget_what_was_replaced()
        try:
            return self, get_alone(self.storage, name)
        except UserError as error:
            if isinstance(error, UnknownName):
                self._known.pop(name, None)
            elif not self._is_bare():
                raise  # what cannot be read now may have a study of this name
            if self.beside and any(study.name == name for study in self.studies_beside()):
                return self.beside()._find(name)
            raise

    def _is_bare(self) -> bool:
        """Whether there is no storage yet, or an empty one."""
        return not self.storage.exists() or self.storage.is_empty()

    def _forget_what_was_replaced(self) -> None:
        """Where the storage's file was deleted or replaced, connections still read the old one."""
        if self.storage.path is None:
            return
        try:
            status = self.storage.path.stat()
            file = (status.st_dev, status.st_ino)
        except OSError:
            file = None
        with self._guard:
            if self._file is not None and file != self._file:
                self.storage.close()
                self._known.clear()
            self._file = file

    def _know(self, study: StoredStudy) -> _Known:
        known = self._known.get(study.name)
        if known is None or known.study.uid != study.uid:  # another study may have taken the name
            keys = dict.fromkeys(
                (*study.attribute_keys, schema.RESULT, schema.FAILURE, schema.MADE_ON)
            )
            known = self._known[study.name] = _Known(
                self.storage, study, Attempts(self.storage, study.id, keys)
            )
        return known

    def _stamp(self, study: StoredStudy) -> tuple[str, tuple[int, int]]:
        """The stamp, and the last trial and attribute ever written: numbers that only grow."""
        # Attributes are only ever added (a lease apart, which shows nothing), and states end once.
        (extent,) = self.storage.rows(schema.EXTENT, study=study.id)
        last = self.storage.rows(schema.LAST_ATTRIBUTE)[0]["last"]
        # A study that nobody works on stands still, whatever happens to others in the same storage.
        moving = last if extent["running"] else ""
        wanted = f"{study.content.extent}.{study.retried_from}.{study.remarks.stamp}"
        attempts = f"{extent['trials']}.{extent['last']}.{extent['running']}.{moving}"
        return f"{study.uid}/{wanted}/{attempts}", (extent["last"] or 0, last or 0)

    def _read_attempts(self, study: StoredStudy, known: _Known) -> None:
        if known.study.content == study.content:  # which is parsed already
            study = replace(study, content=known.study.content)
        # One query gives states and what was written: what has ended has written all that it will.
        known.study = study.seen(known.attempts.read())
        times = self.storage.tuples(schema.TIMES, study=study.id, first=known.start)
        known.times |= {trial: (started, finished) for trial, started, finished in times}
        known.start = _first_moving(known)

    def _read_curves(self, known: _Known) -> None:
        fresh: dict[int, list[Chunk]] = {}
        for trial, text in known.storage.tuples(
            schema.CURVES, study=known.study.id, first=known.chunks_start
        ):
            fresh.setdefault(trial, []).append(from_json(text))
        known.chunks |= fresh
        known.chunks_start = _first_moving(known)

    def _read_misses(self, known: _Known, split: str) -> dict[int, Missed]:
        first, missed = known.misses.get(split, (-1, {}))
        for trial, text in known.storage.tuples(schema.MISSES, study=known.study.id, first=first):
            if record := from_json(text).get(split):
                missed[trial] = Missed.read(record)
        known.misses[split] = (_first_moving(known), missed)
        return missed


def _first_moving(known: _Known) -> int:
    """The first attempt that may still change, by its id.

    Ids grow in the order in which attempts are created: what is before a running one is final.
    """
    last = max((attempt.id for attempt in known.attempts.seen), default=-2)
    return min((attempt.id for attempt in known.attempts.running), default=last + 1)


def _tables(known: _Known, stamp: str) -> Tables:
    study, attempts = known.study, known.attempts.seen
    agenda = study.agenda(study.attempts)  # a study that tunes counts its tuning trials too
    pairs = agenda_statuses(agenda, attempts, study.retried_from)
    known.rows = rows_of(study.pairs, pairs, attempts)
    trials = make_trials(study, known.rows.values(), known.times)
    info = info_of(study)
    if note := machines_note(known.rows.values()):
        info["about"] = [*info["about"], note]
    return Tables(stamp, study, trials, info, Counts.of(pairs, agenda.to_come))
