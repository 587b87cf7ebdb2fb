"""Results that were trained elsewhere, from a CSV file: checked, then stored as a study.

All of it is checked (by `studies.results.table_files`) before anything is stored, and stored in one
transaction: the study is there whole or not at all.
"""

import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

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
from studies.results.table_files import SIZES, FileStudy, check_results, open_table
from studies.results.tables import MEASURED, OF_RECIPE
from studies.storage import Storage
from studies.storage.schema import ARM, CLAIM, CONTENT, DESIGN, ENDED, METRICS, RESULT

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

# Optuna takes 5 ms a row, during which no other can write; other writers wait for a minute.
MOST_ROWS = 5_000
MOST_DEVICES = 8  # that are named in the study's settings


@dataclass(frozen=True)
class Imported(FileStudy):
    """The study of a file, and what was left out of it: rows that are not complete, and columns."""

    skipped: int
    ignored: list[str]


def import_csv(
    storage: str | Storage | None,
    path: Path,
    *,
    name: str | None = None,
    reference_arm: str | None = None,
) -> Imported:
    """Store a CSV file as a study; `check_results` says what `name` and `reference_arm` do.

    Raises:
        UserError: Something in the file is wrong, and it says in which line; or the name is taken.
    """
    study = read_csv(path, name=name, reference_arm=reference_arm)
    with Storage.visit(storage) as opened:
        _store(opened, study, path)
    return study


def read_csv(path: Path, *, name: str | None = None, reference_arm: str | None = None) -> Imported:
    """Read and check a file; see `import_csv`. Stores nothing."""
    file = check_results(
        open_table(path), name=name, reference_arm=reference_arm, only_complete=True
    )
    if len(file.studies) > 1:
        names = ", ".join(study.name for study in file.studies)
        raise UserError(
            f"{path} holds more than one study: {names}. Give each a file, or all a --name."
        )
    (study,) = file.studies
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
    return Imported(**vars(study), skipped=file.skipped, ignored=file.ignored)


def _store(storage: Storage, study: Imported, path: Path) -> None:
    from optuna.study import StudyDirection

    with storage.lock():
        storage.open()
        if find(storage, study.name):
            raise UserError(
                f"there is a study {study.name} in {storage.shown} already. Give another --name, or"
                f" delete that one: {command('study delete', study.name, storage=storage.option)}"
            )
        with storage.at_once() as writer:
            make_room(storage, writer, study.name)
            study_id = writer.create_new_study([StudyDirection.MINIMIZE], study.name)
            writer.set_study_system_attr(study_id, METRICS, ["validation_error"])
            designs = {design.name: StoredDesign.of(design) for design in study.designs}
            same = shared_numbers(list(designs.values()))
            rows = study.trials.to_dict("records")
            with progress_bar(f"Storing {study.name}") as progress:
                for done, row in enumerate(rows):
                    progress(done, len(rows))
                    writer.create_new_trial(study_id, _trial(designs[row["design"]], row, same))
            writer.set_study_user_attr(study_id, CONTENT, _content(study, path))


def _trial(design: StoredDesign, row: dict[str, Any], same: frozenset[str]) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    known = {key: None if pd.isna(value) else value for key, value in row.items()}
    worker = Worker(known["worker"] or "elsewhere", host="imported", pid=0, machine="elsewhere")
    pair = Pair(design.name, row["seed"], recipe=row.get(OF_RECIPE, ""))
    carried = as_parameters(design, pair.seed, without=same)
    trial = create_trial(
        state=TrialState.COMPLETE,
        value=known["validation_error"],
        params=dict(carried.params),
        distributions=dict(carried.distributions),
        user_attrs={
            CLAIM: {**pair.record(), "worker": asdict(worker)},
            ARM: pair.of_arm(design.arm),
            DESIGN: design.name,
            RESULT: {
                **{key: known[key] for key in MEASURED},
                "device": known["device"] or "elsewhere",
            },
            ENDED: "complete",
        },
    )
    # With their zone: Optuna takes a time without one for local time.
    now = datetime.now(UTC)
    started, finished = known["started"], known["finished"]
    trial.datetime_start = pd.Timestamp(started or finished or now).to_pydatetime()
    trial.datetime_complete = pd.Timestamp(finished or started or now).to_pydatetime()
    return trial


def _content(study: Imported, path: Path) -> dict[str, Any]:
    """What a stored study holds, as far as it is known of one that was trained elsewhere."""
    trials = study.trials
    seeds = sorted(set(trials["seed"].tolist()))
    epochs = trials["epochs"].dropna().tolist()
    recipes = [key for key in (OF_RECIPE,) if key in trials]
    names = list(dict.fromkeys(trials[OF_RECIPE])) if recipes else ["imported"]
    trained = [{"name": name, "epochs": max(epochs, default=None)} for name in names]
    devices = sorted(set(trials["device"]) - {""})[:MOST_DEVICES] or ["elsewhere"]
    return {
        "uid": uuid.uuid4().hex[:12],
        "document": {
            "name": study.name,
            "question": "",
            "data": {"name": "imported"},
            **({"recipes": trained} if recipes else {"recipe": trained[0]}),
            "seeds": seeds,
            "search": "grid",
        },
        "imported": path.name,
        # Only these: a pair that is not in the file is not wanted.
        "pairs": trials[["design", "seed", *recipes]].values.tolist(),
        "reference_arm": study.reference_arm,
        "planned_seeds": seeds,
        "shape": {key: int(trials[key].iloc[0]) for key in SIZES},
        "designs": [StoredDesign.of(design).record() for design in study.designs],
        "left_out": [],
        "splits": {},
        "settings": {"device": ", ".join(devices)},
        "versions": {"resnext-explorer": installed_versions().get("resnext-explorer", "")},
        "git_commit": None,
        "machine": f"elsewhere; imported from {path.name}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
