"""Results that were trained elsewhere, from a CSV file: checked, then stored as a study.

All of it is checked (by `studies.results.table_files`) before anything is stored, and stored in one
transaction: the study is there whole or not at all.
"""

import math
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from explorer import Design
from explorer.errors import UserError
from explorer.suggestions import command
from explorer.terminal import progress_bar
from search_spaces.rules import MOST
from studies.attempts.agenda import as_parameters, design_numbers, shared_numbers
from studies.attempts.workers import Worker
from studies.config.design import StoredDesign
from studies.machine.provenance import installed_versions
from studies.pair import Pair
from studies.records.ownership import make_room
from studies.records.stored_study import find
from studies.results.table_files import ERRORS, SIZES, check_results, open_table
from studies.storage import Storage
from studies.storage.schema import ARM, CLAIM, CONTENT, DESIGN, ENDED, METRICS, RESULT

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

MEASURED = (*ERRORS, "epochs", "peak_memory", "seconds", "images_per_second")
# Optuna takes 5 ms a row, during which no other can write; other writers wait for a minute.
MOST_ROWS = 5_000
MOST_DEVICES = 8  # that are named in the study's settings


@dataclass(frozen=True)
class Imported:
    """What was read: the study's name, its designs (one an arm), a row a pair with the columns of
    `studies.results.TRIALS`, and what was left out."""

    name: str
    designs: list[Design]
    trials: pd.DataFrame
    reference_arm: str
    skipped: int  # rows of pairs that are not complete
    ignored: list[str]  # columns


def import_csv(
    storage: str | Storage | None,
    path: Path,
    *,
    name: str | None = None,
    reference_arm: str | None = None,
) -> Imported:
    """Store a CSV file as a study; `check_results` says what `name` and `reference_arm` do.

    Raises `UserError` naming the line for what is wrong, and for a name that is taken.
    """
    found = read_csv(path, name=name, reference_arm=reference_arm)
    with Storage.visit(storage) as place:
        _store(place, found, path)
    return found


def read_csv(path: Path, *, name: str | None = None, reference_arm: str | None = None) -> Imported:
    """Read and check a file; see `import_csv`. Stores nothing."""
    read = check_results(
        open_table(path), name=name, reference_arm=reference_arm, only_complete=True
    )
    if len(read.studies) > 1:
        names = ", ".join(study.name for study in read.studies)
        raise UserError(
            f"{path} holds more than one study: {names}. Give each a file, or all a --name."
        )
    (study,) = read.studies
    if len(study.trials) > MOST_ROWS:
        raise UserError(
            f"{path} holds {len(study.trials):,} results; {MOST_ROWS:,} can be imported at once."
            " Split it."
        )
    for design in study.designs:
        if any((value or 0) > MOST for value in design_numbers(StoredDesign.of(design)).values()):
            raise UserError(
                f"{path}: {design.name} is too large to be stored: its numbers may go to {MOST:,}."
            )
    return Imported(
        study.name, study.designs, study.trials, study.reference_arm, read.skipped, read.ignored
    )


def _store(place: Storage, found: Imported, path: Path) -> None:
    from optuna.study import StudyDirection

    with place.lock():
        place.open()
        if find(place, found.name):
            raise UserError(
                f"there is a study {found.name} in {place.shown} already. Give another --name, or"
                f" delete that one: {command('study delete', found.name, storage=place.option)}"
            )
        with place.at_once() as writer:
            make_room(place, writer, found.name)
            study_id = writer.create_new_study([StudyDirection.MINIMIZE], found.name)
            writer.set_study_system_attr(study_id, METRICS, ["validation_error"])
            designs = {design.name: design for design in found.designs}
            same = shared_numbers([StoredDesign.of(design) for design in found.designs])
            rows = found.trials.to_dict("records")
            with progress_bar(f"Storing {found.name}") as progress:
                for done, row in enumerate(rows):
                    progress(done, len(rows))
                    writer.create_new_trial(study_id, _trial(designs[row["design"]], row, same))
            writer.set_study_user_attr(study_id, CONTENT, _content(found, path))


def _trial(design: Design, row: dict[str, Any], same: frozenset[str]) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    worker = Worker(row["worker"] or "elsewhere", host="imported", pid=0, machine="elsewhere")
    pair = Pair(design.name, row["seed"])
    carried = as_parameters(StoredDesign.of(design), pair.seed, without=same)
    result = {key: None if _is_unknown(row[key]) else row[key] for key in MEASURED}
    result["device"] = row["device"] or "elsewhere"
    trial = create_trial(
        state=TrialState.COMPLETE,
        value=result["validation_error"],
        params=dict(carried.params),
        distributions=dict(carried.distributions),
        user_attrs={
            CLAIM: {**asdict(pair), "worker": asdict(worker)},
            ARM: design.arm,
            DESIGN: design.name,
            RESULT: result,
            ENDED: "complete",
        },
    )
    # With their zone: Optuna takes a time without one for local time.
    now = datetime.now(UTC)
    started, finished = (
        None if _is_unknown(row[key]) else row[key].to_pydatetime()
        for key in ("started", "finished")
    )
    trial.datetime_start = started or finished or now
    trial.datetime_complete = finished or started or now
    return trial


def _is_unknown(value: Any) -> bool:
    return value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))


def _content(found: Imported, path: Path) -> dict[str, Any]:
    """What a stored study holds, as far as it is known of one that was trained elsewhere."""
    some = found.designs[0].architecture
    trials = found.trials
    seeds = sorted(set(trials["seed"].tolist()))
    epochs = trials["epochs"].dropna().tolist()
    devices = sorted(set(trials["device"]) - {""})[:MOST_DEVICES] or ["elsewhere"]
    return {
        "uid": uuid.uuid4().hex[:12],
        "document": {
            "name": found.name,
            "question": "",
            "data": {"name": "imported"},
            "recipe": {"name": "imported", "epochs": max(epochs, default=None)},
            "seeds": seeds,
            "search": "grid",
        },
        "imported": path.name,
        # Only these: a pair that is not in the file is not wanted.
        "pairs": trials[["design", "seed"]].values.tolist(),
        "reference_arm": found.reference_arm,
        "planned_seeds": seeds,
        "shape": {key: getattr(some, key) for key in SIZES},
        "designs": [StoredDesign.of(design).record() for design in found.designs],
        "left_out": [],
        "splits": {},
        "settings": {"device": ", ".join(devices)},
        "versions": {"resnext-explorer": installed_versions().get("resnext-explorer", "")},
        "git_commit": None,
        "machine": f"elsewhere; imported from {path.name}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
