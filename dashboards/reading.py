"""The tables of `studies.results`, kept between looks: what has ended is read once, and a look reads only what may have moved.

The live app asks again every few seconds and must answer at once also for 10,000 trainings. Curves, the bulk of a storage, are
read apart and only when a page shows them. Everything is plain SQL on read-only connections.
"""

import threading
from dataclasses import dataclass, field
from itertools import chain
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd

from dashboards.once import Once
from explorer.errors import UserError
from studies.attempt import Attempt, status
from studies.attempts import Attempts, Counts
from studies.attempts import stand as pairs_stand
from studies.pair import Pair
from studies.results import CURVES, TRIALS, _deciding, _reason, info_of
from studies.storage import Storage, from_json
from studies.stored import StoredStudy, _stored, get_alone

_COPIED = (
    "arm", "reference", "cardinality", "bottleneck_width", "width", "growth", "shortcut", "stem", "flops", "params",
    "activations", "by", "budget", "mismatch",
)  # fmt: skip
# What a column is made from, apart from those that a result carries under the column's own name.
_MADE = ("study", "design", "depths", "resolution", "in_channels", "classes", "seed", "status", "reason", "attempt")
_TOLD = ("seconds_per_epoch", "worker", "started", "finished")
_MEASURED = tuple(column for column in TRIALS if column not in (*_COPIED, *_MADE, *_TOLD))
_TOLD_OF_ATTEMPTS = ("result", "failure")
# Of a curve; the rest of the table's columns say whose it is.
_NUMBERS = ("epoch", "learning_rate", "train_loss", "train_error", "validation_loss", "validation_error", "seconds")


@dataclass(frozen=True)
class Tables:
    """One study at one moment. `stamp` changes whenever anything in them may have."""

    stamp: str
    trials: pd.DataFrame
    info: dict[str, Any]
    counts: Counts


@dataclass
class _Kept:
    """What is known about a study's attempts; `start` is the first trial whose results may not all have been read."""

    study: StoredStudy
    claims: Attempts
    # The attempts at every wanted pair, oldest first, and how the pair stands.
    tried: dict[Pair, list[Attempt]] = field(default_factory=dict)
    stand: dict[Pair, str] = field(default_factory=dict)
    times: dict[int, tuple[Any, Any]] = field(default_factory=dict)
    start: int = -1
    ends: tuple[int, int] = (0, 0)  # the last trial and the last attribute that had been written
    tables: Tables | None = None
    # The same for curves: their chunks by trial, and the table of one moment.
    chunks: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    chunks_start: int = -1
    curves: tuple[str, pd.DataFrame] | None = None


class Reader:
    """A storage as the app reads it. Safe to use from several threads."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.made = Once()  # what pages make of the tables, by stamp
        self._kept: dict[str, _Kept] = {}
        self._guard = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._file: tuple[int, int] | None = None

    def studies(self) -> list[StoredStudy]:
        """All studies, without their attempts, oldest first; none where there is no storage yet, or an empty one."""
        self._forget_what_was_replaced()
        if not self.storage.exists() or self.storage.is_empty():
            return []
        with self.storage.sound():
            return _stored(self.storage)

    def stamp_of_all(self) -> str:
        """What changes when any study does, or there is another."""
        return "|".join(self._stamp(study)[0] for study in self.studies())

    def stamp(self, name: str) -> str:
        """What changes when a study does: cheap enough to be asked every second."""
        self._forget_what_was_replaced()
        return self._stamp(get_alone(self.storage, name))[0]

    def _stamp(self, study: StoredStudy) -> tuple[str, tuple[int, int]]:
        """The stamp, and the last trial and attribute that were ever written: numbers that only grow."""
        # Attributes are only ever added (a lease apart, which shows nothing), and states end once.
        (seen,) = self.storage.rows(
            "SELECT COUNT(*) AS trials, MAX(trial_id) AS last, "
            "SUM(CASE WHEN CAST(state AS VARCHAR(16)) IN ('RUNNING', 'WAITING') THEN 1 ELSE 0 END) AS running "
            "FROM trials WHERE study_id = :study",
            study=study.id,
        )
        (written,) = self.storage.rows("SELECT MAX(trial_user_attribute_id) AS last FROM trial_user_attributes")
        # A study that nobody works on stands still, whatever happens to others in the same storage.
        moving = written["last"] if seen["running"] else ""
        searched = crc32(repr(study.content["document"]["search"]).encode())
        wanted = f"{len(study.designs)}x{len(study.seeds)}.{study.retried_from}.{searched}"
        stamp = f"{study.uid}/{wanted}/{seen['trials']}.{seen['last']}.{seen['running']}.{moving}"
        return stamp, (seen["last"] or 0, written["last"] or 0)

    def tables(self, name: str) -> Tables:
        """The trials of a study as they stand now. Raises `UserError` for an unknown study."""
        self._forget_what_was_replaced()
        try:
            study = get_alone(self.storage, name)
        except UserError:
            self._kept.pop(name, None)
            raise
        with self._lock(name), self.storage.sound():
            kept, (stamp, ends) = self._keep(study), self._stamp(study)
            if kept.tables is None or kept.tables.stamp != stamp:
                if any(
                    now < then for now, then in zip(ends, kept.ends, strict=True)
                ):  # an older copy of the storage was put back
                    del self._kept[name]
                    kept = self._keep(study)
                self._read_attempts(study, kept)
                kept.tables, kept.ends = _trials(kept, stamp), ends
            return kept.tables

    def curves(self, name: str) -> pd.DataFrame:
        """The table of epochs that belongs to the trials of `tables`."""
        tables = self.tables(name)
        with self._lock(name), self.storage.sound():
            kept = self._kept[name]
            if kept.curves is None or kept.curves[0] != tables.stamp:
                self._read_curves(kept)
                kept.curves = (tables.stamp, _curves(kept.study, kept.tried, kept.stand, kept.chunks))
            return kept.curves[1]

    def curve(self, name: str, design: str, seed: int) -> pd.DataFrame:
        """The epochs of one pair, without reading any other's."""
        self.tables(name)
        pair = Pair(design, seed)
        with self._lock(name):  # all of one moment
            kept = self._kept[name]
            study, attempts, stand = kept.study, kept.tried.get(pair, []), kept.stand
        chunks = {}
        for attempt in attempts:
            rows = self.storage.tuples(
                "SELECT value_json FROM trial_user_attributes WHERE trial_id = :trial AND key LIKE 'curve/%' "
                "ORDER BY trial_user_attribute_id",
                trial=attempt.id,
            )
            chunks[attempt.id] = [from_json(value) for (value,) in rows]
        with self.storage.sound():
            return _curves(study, {pair: attempts} if attempts else {}, stand, chunks)

    def attempts(self, name: str, design: str, seed: int) -> list[tuple[Attempt, dict[str, Any]]]:
        """Every attempt at a pair with what it wrote (`result`, `failure`) and its times; oldest first."""
        self.tables(name)
        with self._lock(name):
            kept = self._kept[name]
            return [(attempt, _written(kept, attempt)) for attempt in kept.tried.get(Pair(design, seed), [])]

    def _forget_what_was_replaced(self) -> None:
        """Where the storage's file was deleted or replaced, its connections still read the old one."""
        if self.storage.path is None:
            return
        try:
            found = self.storage.path.stat()
            file = (found.st_dev, found.st_ino)
        except OSError:
            file = None
        with self._guard:
            if self._file is not None and file != self._file:
                self.storage.close()
                self._kept.clear()
            self._file = file

    def _lock(self, name: str) -> threading.Lock:
        with self._guard:
            return self._locks.setdefault(name, threading.Lock())

    def _keep(self, study: StoredStudy) -> _Kept:
        kept = self._kept.get(study.name)
        if kept is None or kept.study.uid != study.uid:  # another study may have taken the name
            told = dict.fromkeys((*study.told, *_TOLD_OF_ATTEMPTS))
            kept = self._kept[study.name] = _Kept(study, Attempts(self.storage, study.id, told))
        return kept

    def _read_attempts(self, study: StoredStudy, kept: _Kept) -> None:
        # One query gives states and what was written: what has ended has written all that it will.
        attempts = kept.claims.read()
        kept.study = study.seen(attempts)
        kept.tried = _tried(kept.study, attempts)
        kept.stand = _stand(kept.study, kept.tried)
        for trial_id, started, finished in self.storage.tuples(
            "SELECT trial_id, datetime_start, datetime_complete FROM trials WHERE study_id = :study AND trial_id >= :first",
            study=study.id,
            first=kept.start,
        ):
            kept.times[trial_id] = (started, finished)
        kept.start = _first_moving(kept)

    def _read_curves(self, kept: _Kept) -> None:
        rows = self.storage.tuples(
            "SELECT a.trial_id, a.value_json FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id "
            "WHERE t.study_id = :study AND t.trial_id >= :first AND a.key LIKE 'curve/%' "
            "ORDER BY a.trial_user_attribute_id",
            study=kept.study.id,
            first=kept.chunks_start,
        )
        fresh: dict[int, list[dict[str, Any]]] = {}
        for trial_id, value in rows:
            fresh.setdefault(trial_id, []).append(from_json(value))
        kept.chunks.update(fresh)
        kept.chunks_start = _first_moving(kept)


def _first_moving(kept: _Kept) -> int:
    """Ids grow with the order in which attempts were created, so everything before the first running one is final."""
    attempts = kept.claims.seen
    running = (attempt.id for attempt in attempts if attempt.running)
    return min(running, default=max((attempt.id for attempt in attempts), default=-2) + 1)


def _written(kept: _Kept, attempt: Attempt) -> dict[str, Any]:
    started, finished = kept.times.get(attempt.id, (None, None))
    return {**attempt.told, "started": started, "finished": finished}


def _tried(study: StoredStudy, attempts: list[Attempt]) -> dict[Pair, list[Attempt]]:
    """The attempts at every wanted pair, oldest first."""
    tried: dict[Pair, list[Attempt]] = {pair: [] for pair in study.pairs}
    for attempt in sorted(attempts, key=lambda one: one.number):
        if attempt.pair in tried:
            tried[attempt.pair].append(attempt)
    return tried


def _stand(study: StoredStudy, tried: dict[Pair, list[Attempt]]) -> dict[Pair, str]:
    """How every wanted pair stands. Pairs that wait for a tuning of which every trial failed have failed too."""
    hopeless = study.agenda(study.attempts).hopeless
    found = {pair: status(attempts, study.retried_from) for pair, attempts in tried.items()}
    return {**found, **{pair: "failed" for pair in hopeless if found.get(pair) == "waiting"}}


def _trials(kept: _Kept, stamp: str) -> Tables:
    """The table `trials` of `studies.results`, a column at a time."""
    study, tried, stand = kept.study, kept.tried, kept.stand
    places = {design["name"]: place for place, design in enumerate(study.designs)}
    deciding = [_deciding(attempts, stand[pair]) for pair, attempts in tried.items()]
    nothing: dict[str, Any] = {}
    written = [_written(kept, one) if one else nothing for one in deciding]
    results = [
        one.get("result", nothing) if stands == "complete" else nothing
        for one, stands in zip(written, stand.values(), strict=True)
    ]
    columns: dict[str, Any] = {}
    for key in _MEASURED:
        values = [result.get(key) for result in results]
        columns[key] = values if TRIALS[key] == "str" else np.array(values, dtype=float)
    designs = np.array([places[pair.design] for pair in tried])
    for key in _COPIED:
        columns[key] = pd.Series([design[key] for design in study.designs]).take(designs).to_numpy()
    columns["depths"] = np.array(["-".join(map(str, design["depths"])) for design in study.designs], object)[designs]
    columns["design"] = np.array(list(places), object)[designs]
    columns |= {"study": study.name, **study.content["shape"], "seed": [pair.seed for pair in tried]}
    columns["status"] = list(stand.values())
    columns["reason"] = [
        _reason(attempt, one) if stands == "failed" else ""
        for attempt, one, stands in zip(deciding, written, stand.values(), strict=True)
    ]
    columns["attempt"] = [one.number if one else None for one in deciding]
    columns["worker"] = [f"{one.worker.host}-{one.worker.id}" if one else "" for one in deciding]
    for key in ("started", "finished"):
        columns[key] = pd.to_datetime(pd.Series([one.get(key) for one in written], dtype=object), utc=True)
    frame = pd.DataFrame(columns, index=range(len(tried)))
    epochs = pd.to_numeric(frame["epochs"])
    frame["seconds_per_epoch"] = pd.to_numeric(frame["seconds"]) / epochs.where(epochs > 0)
    agenda = study.agenda(study.attempts)  # a study that tunes counts its tuning trials too
    counts = Counts.of(pairs_stand(agenda, kept.claims.seen, study.retried_from), agenda.to_come)
    return Tables(stamp, _typed(frame, TRIALS), info_of(study), counts)


def _curves(
    study: StoredStudy,
    tried: dict[Pair, list[Attempt]],
    stand: dict[Pair, str],
    written: dict[int, list[dict[str, Any]]],
) -> pd.DataFrame:
    """The table `curves` of `studies.results`, of the pairs of `tried`, from the chunks that each attempt has `written`.

    What an attempt has not written yet comes from those it resumed.
    """
    arms = {design["name"]: design["arm"] for design in study.designs}
    parts: list[dict[str, Any]] = []
    whose: list[tuple[str, str, int]] = []
    for pair, attempts in tried.items():
        deciding = _deciding(attempts, stand[pair])
        if deciding is None:
            continue
        chunks = [
            chunk for attempt in attempts if attempt.number <= deciding.number for chunk in written.get(attempt.id, ())
        ]  # fmt: skip
        if chunks:
            parts.append(chunks[0] if len(chunks) == 1 else _joined(chunks))
            whose.append((arms[pair.design], pair.design, pair.seed))
    lengths = [len(part["epoch"]) for part in parts]
    columns: dict[str, Any] = {
        key: np.array(list(chain.from_iterable(part[key] for part in parts)), dtype=float) for key in _NUMBERS
    }
    for place, key in enumerate(("arm", "design", "seed")):
        kind = np.int64 if key == "seed" else object
        columns[key] = np.repeat(np.array([one[place] for one in whose], dtype=kind), lengths)
    columns["study"] = study.name
    return _typed(pd.DataFrame(columns, index=range(sum(lengths))), CURVES)


def _joined(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    rows: dict[int, tuple[Any, ...]] = {}
    for chunk in chunks:
        for row in zip(*(chunk[key] for key in _NUMBERS), strict=True):
            rows[row[0]] = row
    ordered = [rows[epoch] for epoch in sorted(rows)]
    return dict(zip(_NUMBERS, zip(*ordered, strict=True), strict=True))


def _typed(frame: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """The frame with exactly the columns and types of `studies.results`."""
    columns = {}
    for column, kind in kinds.items():
        values = frame[column]
        if kind == "str":
            values = values.astype(object).where(values.notna(), "")
        elif not kind.startswith("datetime"):
            values = pd.to_numeric(values)
        columns[column] = values.astype(kind)
    return pd.DataFrame(columns)
