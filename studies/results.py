"""The results of studies as two tables, read with plain SQL: `trials`, one row a pair, and `curves`, one row an epoch of a pair.

Everything a dashboard shows comes from these and from `study_info`. Columns and their order are fixed here. Reading changes
nothing and waits for nobody, so it can be done at any moment of a run, from any machine that reaches the storage.
"""

from typing import Any

import pandas as pd
import yaml

from studies.attempt import Attempt, status
from studies.attempts import Attempts
from studies.pair import Pair
from studies.storage import Storage, from_json
from studies.stored import StoredStudy, get, stored_studies
from studies.tuning import TUNED

# Columns of the table of pairs. Errors are fractions, times seconds, memory bytes; NA is what is not known (yet).
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
_MEASURED = (
    "epochs",
    "train_error",
    "validation_error",
    "test_error",
    "train_top5_error",
    "validation_top5_error",
    "test_top5_error",
    "validation_balanced_error",
    "test_balanced_error",
    "seconds",
    "images_per_second",
    "peak_memory",
    "device",
)
_COPIED = (
    "reference",
    "cardinality",
    "bottleneck_width",
    "width",
    "growth",
    "shortcut",
    "flops",
    "params",
    "activations",
    "by",
    "budget",
)


def read(storage: str | Storage | None, study: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables `trials` and `curves` of one study, or of all in a storage; wanted pairs that nobody has begun are rows too.

    Raises `UserError` for an unknown study and a storage that cannot be read.
    """
    with Storage.visit(storage) as place, place.sound():
        return _read(place, study)


def _read(place: Storage, study: str | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    chosen = stored_studies(place) if study is None else [get(place, study)]
    trials: list[dict[str, Any]] = []
    curves: dict[str, list[Any]] = {column: [] for column in CURVES}
    for one in chosen:
        attempts = Attempts(place, one.id).read()
        written = _written(place, one)
        tried: dict[Pair, list[Attempt]] = {pair: [] for pair in one.pairs}
        for attempt in attempts:
            if attempt.pair in tried:
                tried[attempt.pair].append(attempt)
        hopeless = one.agenda(one.attempts).hopeless
        for pair, at_it in tried.items():
            stands = status(at_it, one.retried_from)
            if pair in hopeless and stands == "waiting":
                stands = "failed"
            deciding = _deciding(at_it, stands)
            trials.append(_row(one, pair, stands, deciding, written.get(deciding.id, {}) if deciding else {}))
            epochs = _epochs(at_it, deciding, written)
            head = {"study": one.name, "arm": one.design(pair.design)["arm"], "design": pair.design, "seed": pair.seed}
            for column, values in curves.items():
                values.extend([head[column]] * len(epochs) if column in head else [row[column] for row in epochs])
    return _table(pd.DataFrame(trials), TRIALS), _table(pd.DataFrame(curves), CURVES)


def with_tuned(trials: pd.DataFrame, study: StoredStudy) -> pd.DataFrame:
    """The table of a study's pairs with a column for each quantity that it tunes: what its arm is trained with; NA while that is open.

    They stand behind `TRIALS`, which are the same for every study.
    """
    found = study.tuned
    columns = {
        key: [found[name]["recipe"][key] if name in found else None for name in trials["design"]]
        for key in TUNED
        if (study.content["document"].get("tune") or {}).get(key)
    }
    return trials.assign(**{key: pd.Series(values, trials.index, float) for key, values in columns.items()})


def study_info(storage: str | Storage | None, name: str) -> dict[str, Any]:
    """What a study asks and what it was run with; see the keys below. Raises `UserError` for an unknown study."""
    with Storage.visit(storage) as place, place.sound():
        return info_of(get(place, name))


def info_of(stored: StoredStudy) -> dict[str, Any]:
    """The same of a study that has been read, with its attempts."""
    content, document = stored.content, stored.content["document"]
    return {
        "name": stored.name,
        "question": document["question"],
        "reference_arm": stored.reference_arm,
        "document": yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=100),
        "data": {"name": document["data"]["name"], **content["splits"]},
        "recipe": document["recipe"],
        "settings": content["settings"],
        "versions": content["versions"],
        "machine": content["machine"],
        "device": content["settings"]["device"],
        "created": content["created"],
        "seeds": stored.seeds,
        "planned_seeds": content["planned_seeds"],
        "extended_from": content.get("extended_from", []),
        "wanted": len(stored.pairs),
        "to_come": stored.agenda(stored.attempts).to_come,
        "left_out": content["left_out"],
        "search": _search(stored),
        "tuned": {stored.design(name)["arm"]: one for name, one in stored.tuned.items()},
        "git commit": content["git_commit"],
    }


def _search(stored: StoredStudy) -> dict[str, Any] | None:
    """What a search was asked for, how many `trials` its space holds of those, and the arms of its finalists once it has ended."""
    if not stored.is_search:
        return None
    later = {pair.design: None for pair in stored.pairs if pair.seed != stored.seeds[0]}
    finalists = [stored.design(name)["arm"] for name in later]
    return {
        **stored.content["document"]["search"],
        "trials_possible": stored.content["trials"],
        "trials_proposed": len(stored.designs),
        "finalists_chosen": finalists,
    }


def _written(place: Storage, study: StoredStudy) -> dict[int, dict[str, Any]]:
    """What the attempts of a study have written, by attempt: results, failures, curves, and their times."""
    rows = place.rows(
        "SELECT t.trial_id, t.datetime_start AS started, t.datetime_complete AS finished, a.key, a.value_json "
        "FROM trials t JOIN trial_user_attributes a ON a.trial_id = t.trial_id "
        "WHERE t.study_id = :study AND (a.key IN ('claim', 'result', 'failure') OR a.key LIKE 'curve/%')",
        study=study.id,
    )
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        times = {"started": row["started"], "finished": row["finished"]}
        found.setdefault(row["trial_id"], times)[row["key"]] = from_json(row["value_json"])
    return found


def _deciding(attempts: list[Attempt], stands: str) -> Attempt | None:
    """The attempt that made a pair stand as it does; of one that waits again, the last."""
    if stands in ("complete", "pruned"):
        return next(attempt for attempt in attempts if attempt.ended == stands)
    if stands == "running":
        return next(attempt for attempt in attempts if attempt.running)
    return next((attempt for attempt in reversed(attempts) if attempt.ended != "superseded"), None)


def _row(
    study: StoredStudy, pair: Pair, stands: str, attempt: Attempt | None, written: dict[str, Any]
) -> dict[str, Any]:
    design = study.design(pair.design)
    result = written.get("result", {}) if stands == "complete" else {}
    epochs, seconds = result.get("epochs"), result.get("seconds")
    return {
        "study": study.name,
        "arm": design["arm"],
        "design": pair.design,
        **{key: design[key] for key in _COPIED},
        "depths": "-".join(map(str, design["depths"])),
        "stem": design["stem"],
        **study.content["shape"],
        "mismatch": design["mismatch"],
        "seed": pair.seed,
        "status": stands,
        "reason": _reason(attempt, written) if stands == "failed" else "",
        "attempt": attempt.number if attempt else None,
        **{key: result.get(key) for key in _MEASURED},
        "seconds_per_epoch": seconds / epochs if seconds and epochs else None,
        "worker": f"{attempt.worker.host}-{attempt.worker.id}" if attempt else "",
        "started": written.get("started"),
        "finished": written.get("finished"),
    }


def _reason(attempt: Attempt | None, written: dict[str, Any]) -> str:
    if attempt is None:
        return "all tuning trials of its arm failed"
    if attempt.ended == "lost":
        last = written.get("failure", {}).get("reason", "")
        return "its worker died three times in a row" + (f"; the last time, {last}" if last else "")
    return str(written.get("failure", {}).get("reason", "unknown"))


def _epochs(
    attempts: list[Attempt], deciding: Attempt | None, written: dict[int, dict[str, Any]]
) -> list[dict[str, Any]]:
    """A pair's epochs as its deciding attempt wrote them; what it has not written yet, from the attempts it resumed."""
    epochs: dict[int, dict[str, Any]] = {}
    for attempt in attempts:
        if deciding is None or attempt.number > deciding.number:
            break
        for key, chunk in written.get(attempt.id, {}).items():
            if key.startswith("curve/"):
                rows = [dict(zip(chunk, values, strict=True)) for values in zip(*chunk.values(), strict=True)]
                epochs.update((row["epoch"], row) for row in rows)
    return [epochs[epoch] for epoch in sorted(epochs)]


def _table(frame: pd.DataFrame, columns: dict[str, str]) -> pd.DataFrame:
    """The frame with exactly these columns and types."""
    frame = frame.reindex(columns=list(columns)).reset_index(drop=True)
    for column, kind in columns.items():
        if kind.startswith("datetime"):
            # Stored as UTC, without saying so.
            frame[column] = pd.to_datetime(frame[column], utc=True).astype(kind)
        elif kind == "str":
            frame[column] = frame[column].fillna("").astype(kind)
        else:
            frame[column] = pd.to_numeric(frame[column]).astype(kind)
    return frame
