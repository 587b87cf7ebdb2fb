"""What the tables `trials` and `curves` hold, and how they are made of what attempts wrote.

Columns and their order are fixed here. `trials` has a row for every wanted pair at any moment, also
where nobody has begun it; `curves` has one for every epoch of a pair. Both are made a column at a
time: one by one, 10,000 rows and their epochs took 1.4 times as long.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from studies.attempts.attempt import Attempt
from studies.pair import Pair
from studies.records.stored_study import StoredStudy
from studies.storage.schema import FAILURE, RESULT

# Columns of the table of pairs. Errors are fractions, times seconds, memory bytes; NA is what is
# not known (yet).
TRIALS = {
    "study": "str",
    "arm": "str",
    "design": "str",
    "reference": "str",
    "cardinality": "int64",
    "bottleneck_width": "Int64",
    "width": "int64",
    "depths": "str",
    "growth": "str",
    "shortcut": "str",
    "stem": "str",
    "resolution": "int64",
    "in_channels": "int64",
    "classes": "int64",
    "flops": "int64",
    "params": "int64",
    "activations": "int64",
    "by": "str",
    "budget": "int64",
    "mismatch": "float64",
    "seed": "int64",
    "status": "str",
    "reason": "str",
    "attempt": "Int64",
    "epochs": "Int64",
    "train_error": "float64",
    "validation_error": "float64",
    "test_error": "float64",
    "train_top5_error": "float64",  # top-5 where there are ten classes or more
    "validation_top5_error": "float64",
    "test_top5_error": "float64",
    "validation_balanced_error": "float64",  # the mean of the errors by class; of newer trainings
    "test_balanced_error": "float64",
    "seconds": "float64",
    "seconds_per_epoch": "float64",
    "images_per_second": "float64",
    "peak_memory": "Int64",
    "device": "str",
    "worker": "str",
    "started": "datetime64[us, UTC]",
    "finished": "datetime64[us, UTC]",
}

# Columns of the table of epochs.
CURVES = {
    "study": "str",
    "arm": "str",
    "design": "str",
    "seed": "int64",
    "epoch": "int64",
    "learning_rate": "float64",
    "train_loss": "float64",
    "train_error": "float64",
    "validation_loss": "float64",
    "validation_error": "float64",
    "seconds": "float64",
}

# What a design's record holds under the column's own name, and what a result does.
_COPIED = (
    "arm", "reference", "cardinality", "bottleneck_width", "width", "growth", "shortcut", "stem", "flops",
    "params", "activations", "by", "budget", "mismatch",
)  # fmt: skip
_MEASURED = (
    "epochs", "train_error", "validation_error", "test_error", "train_top5_error", "validation_top5_error",
    "test_top5_error", "validation_balanced_error", "test_balanced_error", "seconds", "images_per_second",
    "peak_memory", "device",
)  # fmt: skip
# What a chunk of a curve holds; the table's other columns say whose it is.
_NUMBERS = tuple(CURVES)[list(CURVES).index("epoch") :]

Times = tuple[Any, Any]  # when an attempt was started and finished
Chunk = Mapping[str, Sequence[Any]]  # of a curve: its columns


class Row(NamedTuple):
    """A wanted pair at one moment: how it stands, the attempts at it, oldest first, and the one
    that decided; of a pair that waits again, the last."""

    pair: Pair
    status: str
    attempts: Sequence[Attempt]
    deciding: Attempt | None


def rows_of(
    pairs: Iterable[Pair], stand: Mapping[Pair, str], attempts: Iterable[Attempt]
) -> dict[Pair, Row]:
    """A row for each of the pairs, from how they stand and from the attempts in order."""
    tried: dict[Pair, list[Attempt]] = {pair: [] for pair in pairs}
    for attempt in attempts:
        if attempt.pair in tried:
            tried[attempt.pair].append(attempt)
    return {
        pair: Row(pair, stand[pair], own, _deciding(own, stand[pair]))
        for pair, own in tried.items()
    }


def _deciding(attempts: Sequence[Attempt], status: str) -> Attempt | None:
    if status in ("complete", "pruned"):
        return next(attempt for attempt in attempts if attempt.ended == status)
    if status == "running":
        return next(attempt for attempt in attempts if attempt.running)
    return next((attempt for attempt in reversed(attempts) if attempt.ended != "superseded"), None)


def make_trials(
    study: StoredStudy, rows: Collection[Row], times: Mapping[int, Times]
) -> pd.DataFrame:
    """The table `trials`; `times` are by attempt, results and failures are what attempts told."""
    places = {design.name: place for place, design in enumerate(study.designs)}
    own = np.array([places[row.pair.design] for row in rows], dtype=int)
    columns: dict[str, Any] = {
        key: pd.Series([getattr(design, key) for design in study.designs]).take(own).to_numpy()
        for key in _COPIED
    }
    depths = ["-".join(map(str, design.depths)) for design in study.designs]
    columns["depths"] = np.array(depths, object)[own]
    columns["design"] = np.array(list(places), object)[own]
    results = [_result(row) for row in rows]
    for key in _MEASURED:
        values = [result.get(key) for result in results]
        columns[key] = values if TRIALS[key] == "str" else np.array(values, dtype=float)
    deciding = [row.deciding for row in rows]
    decided = [
        times.get(attempt.id, (None, None)) if attempt else (None, None) for attempt in deciding
    ]
    for place, key in enumerate(("started", "finished")):
        moments = pd.Series([moment[place] for moment in decided], dtype=object)
        columns[key] = pd.to_datetime(moments, utc=True)  # stored as UTC, without saying so
    columns |= {
        "study": study.name,
        **vars(study.content.origin.shape),
        "seed": [row.pair.seed for row in rows],
        "status": [row.status for row in rows],
        "reason": [_reason(row) for row in rows],
        "attempt": [attempt.number if attempt else None for attempt in deciding],
        "worker": [
            f"{attempt.worker.host}-{attempt.worker.id}" if attempt else "" for attempt in deciding
        ],
    }
    frame = pd.DataFrame(columns, index=range(len(rows)))
    # No epoch and no time mean that they are not known.
    epochs, seconds = (frame[key].where(frame[key] != 0) for key in ("epochs", "seconds"))
    frame["seconds_per_epoch"] = seconds / epochs
    return typed(frame, TRIALS)


def _result(row: Row) -> Mapping[str, Any]:
    return (
        row.deciding.attributes.get(RESULT, {}) if row.deciding and row.status == "complete" else {}
    )


def _reason(row: Row) -> str:
    if row.status != "failed":
        return ""
    if row.deciding is None:
        return "all tuning trials of its arm failed"
    failure = row.deciding.attributes.get(FAILURE, {})
    if row.deciding.ended == "lost":
        last = failure.get("reason", "")
        return "its worker died three times in a row" + (f"; the last time, {last}" if last else "")
    return str(failure.get("reason", "unknown"))


def make_curves(
    study: StoredStudy, rows: Iterable[Row], chunks: Mapping[int, Sequence[Chunk]]
) -> pd.DataFrame:
    """The table `curves`, from the chunks that each attempt wrote.

    A pair's epochs are those of its deciding attempt; what that has not written yet is from the
    attempts it resumed.
    """
    curves: list[Chunk] = []
    whose: list[Pair] = []
    for row in rows:
        until = row.deciding.number if row.deciding else -1
        own = [
            chunk
            for attempt in row.attempts
            if attempt.number <= until
            for chunk in chunks.get(attempt.id, ())
        ]
        if own:
            curves.append(own[0] if len(own) == 1 else _joined(own))
            whose.append(row.pair)
    lengths = [len(curve["epoch"]) for curve in curves]
    columns: dict[str, Any] = {
        key: np.array(list(chain.from_iterable(curve[key] for curve in curves)), dtype=float)
        for key in _NUMBERS
    }
    arms = {design.name: design.arm for design in study.designs}
    columns["arm"] = np.repeat(np.array([arms[pair.design] for pair in whose], object), lengths)
    columns["design"] = np.repeat(np.array([pair.design for pair in whose], object), lengths)
    columns["seed"] = np.repeat(np.array([pair.seed for pair in whose], np.int64), lengths)
    columns["study"] = study.name
    return typed(pd.DataFrame(columns, index=range(sum(lengths))), CURVES)


def _joined(chunks: Iterable[Chunk]) -> Chunk:
    """The epochs of several chunks in order; what came later counts."""
    epochs: dict[int, tuple[Any, ...]] = {}
    for chunk in chunks:
        for values in zip(*(chunk[key] for key in _NUMBERS), strict=True):
            epochs[values[0]] = values
    columns = zip(*(epochs[epoch] for epoch in sorted(epochs)), strict=True)
    return dict(zip(_NUMBERS, columns, strict=True))


def typed(frame: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """The frame with exactly these columns and types (`TRIALS` or `CURVES`)."""
    columns = {}
    for column, kind in kinds.items():
        values = frame[column]
        if kind == "str":
            values = values.astype(object).where(values.notna(), "")
        elif not kind.startswith("datetime"):
            values = pd.to_numeric(values)
        columns[column] = values.astype(kind)
    return pd.DataFrame(columns)


def with_tuned(trials: pd.DataFrame, study: StoredStudy) -> pd.DataFrame:
    """The table of a study's pairs with a column for each quantity that it tunes.

    It says what the pair's arm is trained with; NA while that is open. These columns stand behind
    `TRIALS`, which are the same for every study.
    """
    tuned = study.tuned
    recipes = [tuned[name].recipe if name in tuned else {} for name in trials["design"]]
    quantities = list(study.content.document.tune.ranges) if study.content.document.tune else []
    columns = {key: [recipe.get(key) for recipe in recipes] for key in quantities}
    return trials.assign(
        **{key: pd.Series(values, trials.index, float) for key, values in columns.items()}
    )
