"""What the tables `trials` and `curves` hold, and how they are made of what attempts wrote.

Columns and their order are fixed here. `trials` has a row for every wanted pair at any moment, also
where nobody has begun it; `curves` has one for every epoch of a pair. Both are made a column at a
time: one by one, 10,000 rows and their epochs took 1.4 times as long.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import fields
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from explorer.template import SIZES
from explorer.text import dashed, human_time
from studies.attempts.attempt import Attempt
from studies.config.design import StoredDesign
from studies.pair import Pair
from studies.records.stored_study import StoredStudy
from studies.storage.schema import FAILURE, MADE_ON, RESULT

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
    "kind": "str",
    "order": "str",
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
    "latency": "float64",  # of one image, where a search asks for it
    "device": "str",
    "worker": "str",
    "machine": "str",  # its kind: bits differ between kinds
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

# A column behind these in both tables, where a study has several recipes.
OF_RECIPE = "recipe"

# The digest of the code that makes a network, behind these where there are networks of the user's
# own, and their quantities.
SOURCE = "source"

# What a result holds, and what a design does, under the column's own name.
ERRORS = tuple(column for column in TRIALS if column.endswith("_error"))
MEASURED = (*ERRORS, "epochs", "seconds", "images_per_second", "peak_memory", "latency", "device")
# Quantities that have columns in every table; a network of the user's own may have them, too.
SHARED = ("cardinality", "bottleneck_width", "width", "depths")
_COPIED = [field.name for field in fields(StoredDesign) if field.name in {*TRIALS} - {*SHARED}]
# What a chunk of a curve holds; the table's other columns say whose it is.
NUMBERS = tuple(CURVES)[list(CURVES).index("epoch") :]

Times = tuple[Any, Any]  # when an attempt was started and finished
_NO_TIMES = (None, None)
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
    """The table `trials`; `times` are by attempt, results and failures are in the attempts."""
    columns: dict[str, Any] = {}
    results = [_result(row) for row in rows]
    for key in MEASURED:
        values = [result.get(key) for result in results]
        columns[key] = values if TRIALS[key] == "str" else np.array(values, dtype=float)
    deciding = [row.deciding for row in rows]
    moments = [times.get(attempt.id, _NO_TIMES) if attempt else _NO_TIMES for attempt in deciding]
    columns |= {
        "study": study.name,
        "seed": [row.pair.seed for row in rows],
        "status": [row.status for row in rows],
        "reason": [_reason(row) for row in rows],
        "attempt": [attempt.number if attempt else None for attempt in deciding],
        "worker": [
            f"{attempt.worker.host}-{attempt.worker.id}" if attempt else "" for attempt in deciding
        ],
        "machine": [
            attempt.attributes.get(MADE_ON, {}).get("machine", "") if attempt else ""
            for attempt in deciding
        ],
        "started": [started for started, _ in moments],
        "finished": [finished for _, finished in moments],
        **columns_of_designs(study.designs, [row.pair.design for row in rows]),
    }
    frame = pd.DataFrame(columns, index=range(len(rows)))
    own = frame[more_columns(study.designs)]
    trials = pd.concat([finish_trials(frame), own.infer_objects()], axis=1)
    return _with_recipes(trials, study, [row.pair for row in rows])


def columns_of_designs(designs: Sequence[StoredDesign], names: Iterable[str]) -> dict[str, Any]:
    """The columns of `trials` that say what the designs of these names are, a name a row."""
    values: dict[str, Any] = {key: [getattr(design, key) for design in designs] for key in _COPIED}
    values["design"] = [design.name for design in designs]
    for key in SHARED:
        shared = [design.quantities.get(key) for design in designs]
        values[key] = [dashed(value) if _is_shared(key, value) else None for value in shared]
    for column, key in own_columns(designs).items():
        values[column] = [dashed(design.quantities.get(key)) for design in designs]
    for key in SIZES:
        values[key] = [getattr(design.shape, key) for design in designs]
    values[SOURCE] = [design.source for design in designs]
    positions = {design.name: position for position, design in enumerate(designs)}
    taken = np.array([positions[name] for name in names], dtype=int)
    return {key: pd.Series(column).take(taken).to_numpy() for key, column in values.items()}


def own_columns(designs: Iterable[StoredDesign]) -> dict[str, str]:
    """The columns behind `TRIALS` for quantities of the user's own networks, each with its key.

    One that has the name of another column is called quantity_NAME.
    """
    keys = dict.fromkeys(
        key for design in designs for key, value in design.values if not _is_shared(key, value)
    )
    taken, columns = {*TRIALS, OF_RECIPE, SOURCE}, {}
    for key in keys:
        column = key
        while column in taken or (column != key and column in keys):
            column = f"quantity_{column}"
        columns[column] = key
    return columns


def more_columns(designs: Sequence[StoredDesign]) -> list[str]:
    """The columns behind `TRIALS` of networks of the user's own; none where all are ours."""
    has_own = any(design.source for design in designs)
    return [*own_columns(designs), SOURCE] if has_own else []


def _is_shared(key: str, value: Any) -> bool:
    return key in SHARED and (key == "depths" or not isinstance(value, tuple))


def finish_trials(frame: pd.DataFrame) -> pd.DataFrame:
    """The table `trials` of its other columns: with seconds an epoch, times and types."""
    # No epoch and no time mean that they are not known.
    epochs, seconds = (frame[key].where(frame[key] != 0) for key in ("epochs", "seconds"))
    # Stored times are UTC without saying so.
    times = {
        key: pd.to_datetime(frame[key].astype(object), utc=True) for key in ("started", "finished")
    }
    # Of an import without times both are those of the import: nothing is trained in no time.
    is_one_moment = times["started"] == times["finished"]
    times = {key: moments.mask(is_one_moment) for key, moments in times.items()}
    return _typed(frame.assign(seconds_per_epoch=seconds / epochs, **times), TRIALS)


def _result(row: Row) -> Mapping[str, Any]:
    """What came out; of a design that was too slow to be trained, its latency."""
    has_result = row.deciding and row.status in ("complete", "pruned")
    return row.deciding.attributes.get(RESULT, {}) if row.deciding and has_result else {}


def _reason(row: Row) -> str:
    if row.status == "pruned" and (latency := _result(row).get("latency")):
        return f"not trained: its latency of {human_time(latency)} is above the search's limit"
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
        for key in NUMBERS
    }
    arms = {design.name: design.arm for design in study.designs}
    columns["arm"] = np.repeat(np.array([arms[pair.design] for pair in whose], object), lengths)
    columns["design"] = np.repeat(np.array([pair.design for pair in whose], object), lengths)
    columns["seed"] = np.repeat(np.array([pair.seed for pair in whose], np.int64), lengths)
    columns["study"] = study.name
    curves_of_pairs = _typed(pd.DataFrame(columns, index=range(sum(lengths))), CURVES)
    return _with_recipes(curves_of_pairs, study, np.repeat(np.array([*whose], object), lengths))


def of_recipe(table: pd.DataFrame, recipe: str) -> pd.DataFrame:
    """The rows of one recipe of a study that has several."""
    return table[table[OF_RECIPE] == recipe].reset_index(drop=True)


def _with_recipes(table: pd.DataFrame, study: StoredStudy, pairs: Iterable[Pair]) -> pd.DataFrame:
    """The table with the recipe of each row's pair, where the study has several."""
    if not study.recipes:
        return table
    return table.assign(**{OF_RECIPE: pd.Series([pair.recipe for pair in pairs], dtype="str")})


def _joined(chunks: Iterable[Chunk]) -> Chunk:
    """The epochs of several chunks in order; what came later counts."""
    epochs: dict[int, tuple[Any, ...]] = {}
    for chunk in chunks:
        for values in zip(*(chunk[key] for key in NUMBERS), strict=True):
            epochs[values[0]] = values
    columns = zip(*(epochs[epoch] for epoch in sorted(epochs)), strict=True)
    return dict(zip(NUMBERS, columns, strict=True))


def _typed(frame: pd.DataFrame, kinds: Mapping[str, str]) -> pd.DataFrame:
    """The frame with exactly these columns and types (`TRIALS` or `CURVES`).

    Whole numbers that a network of the user's own may not have are nullable where one has none.
    """
    texts = {column: "" for column, kind in kinds.items() if kind == "str"}
    nullable = {
        column: "Int64"
        for column, kind in kinds.items()
        if kind == "int64" and column in SHARED and frame[column].isna().any()
    }
    return frame[list(kinds)].fillna(texts).astype({**kinds, **nullable})


def with_tuned(trials: pd.DataFrame, study: StoredStudy) -> pd.DataFrame:
    """The table of a study's pairs with a column for each quantity that it tunes.

    It says what the pair's arm is trained with; NA while that is open. These columns stand behind
    `TRIALS`, which are the same for every study.
    """
    tune, tuned = study.content.document.tune, study.tuned
    recipes = [tuned[name].recipe if name in tuned else {} for name in trials["design"]]
    columns = {
        quantity: pd.Series([recipe.get(quantity) for recipe in recipes], trials.index, float)
        for quantity in (tune.ranges if tune else ())
    }
    return trials.assign(**columns)
