"""Results that were trained elsewhere: checked, then stored as a study.

They are from a CSV file, or from tables that are made of other things and pass the same check. All
of it is checked (by `studies.results.table_files`) before anything is stored, and stored in one
transaction: the study is there whole or not at all.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pandas as pd

from explorer.errors import UserError
from explorer.suggestions import command
from explorer.template import SIZES
from explorer.terminal import progress_bar
from search_spaces.rules import MOST
from studies.attempts.agenda import as_parameters, design_numbers, shared_numbers
from studies.attempts.workers import Worker
from studies.config.design import StoredDesign
from studies.machine.provenance import installed_versions
from studies.pair import Pair
from studies.records.ownership import make_room
from studies.records.stored_study import find
from studies.results.table_files import NO_VALIDATION, FileStudy, check_results, open_table
from studies.results.table_text import TextTable
from studies.results.tables import MEASURED, OF_RECIPE, Chunk
from studies.storage import Storage
from studies.storage.schema import (
    ARM,
    CLAIM,
    CONTENT,
    CURVE,
    DESIGN,
    ENDED,
    MADE_ON,
    METRICS,
    RESULT,
)

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

# Optuna takes 5 ms a row, during which no other can write; other writers wait for a minute.
MOST_ROWS = 5_000
MOST_DEVICES = 8  # that are named in the study's settings


@dataclass(frozen=True)
class Imported(FileStudy):
    """The study of a file, and what was left out of it.

    Attributes:
        origin: What it is from, in a few words: the file's name.
        skipped: How many rows are of trainings that are not complete.
        ignored: The columns that were ignored.
        data: The name of the data set, where it is known.
        about: What a reader of the results must know, a sentence each; pages show it.
    """

    origin: str
    skipped: int = 0
    ignored: Sequence[str] = ()
    data: str = "imported"
    about: Sequence[str] = ()


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
    return store_imported(storage, read_csv(path, name=name, reference_arm=reference_arm))


def store_imported(storage: str | Storage | None, study: Imported) -> Imported:
    """Store what was read. Raises `UserError` where the name is taken."""
    with Storage.visit(storage) as opened:
        _store(opened, study)
    return study


def read_csv(
    path: Path,
    *,
    name: str | None = None,
    reference_arm: str | None = None,
    trusted: Collection[str] = (),
) -> Imported:
    """Read and check a file; stores nothing. See `check_results` for its arguments."""
    return checked(
        open_table(path), path.name, name=name, reference_arm=reference_arm, trusted=trusted
    )


def too_many(path: Path, number: str) -> UserError:
    """The refusal of a file with more than `MOST_ROWS` results."""
    return UserError(
        f"{path} holds {number} results; {MOST_ROWS:,} can be imported at once. Split it."
    )


def checked(
    table: TextTable,
    origin: str,
    *,
    name: str | None = None,
    reference_arm: str | None = None,
    trusted: Collection[str] = (),
    **known: Any,
) -> Imported:
    """Check a table that is to be stored as one study; see `check_results`.

    Args:
        table: Its text.
        origin: What it is from.
        name: What to call the study.
        reference_arm: The arm that others are compared with.
        trusted: As in `check_results`.
        known: More fields of `Imported`.
    """
    path = table.path
    file = check_results(
        table, name=name, reference_arm=reference_arm, only_complete=True, trusted=trusted
    )
    if len(file.studies) > 1:
        names = ", ".join(study.name for study in file.studies)
        raise UserError(
            f"{path} holds more than one study: {names}. Give each a file, or all a --name."
        )
    (study,) = file.studies
    if len(study.trials) > MOST_ROWS:
        raise too_many(path, f"{len(study.trials):,}")
    for design in study.designs:
        if any((value or 0) > MOST for value in design_numbers(StoredDesign.of(design)).values()):
            raise UserError(
                f"{path}: {design.name} is too large to be stored: its numbers may go to {MOST:,}."
            )
    if not study.has_validation:
        known = {"about": [NO_VALIDATION], **known}
    return Imported(
        **vars(study), origin=origin, skipped=file.skipped, ignored=file.ignored, **known
    )


def _store(storage: Storage, study: Imported) -> None:
    designs = {design.name: StoredDesign.of(design) for design in study.designs}
    put_study(storage, study.name, _content(study), designs, study.trials, _objective(study))


def put_study(
    storage: Storage,
    name: str,
    content: Mapping[str, Any],
    designs: Mapping[str, StoredDesign],
    trials: pd.DataFrame,
    objective: str = "validation_error",
    curves: Mapping[Pair, Chunk] = MappingProxyType({}),
) -> None:
    """Store a study with complete pairs, whole or not at all.

    Args:
        storage: Where.
        name: The study's.
        content: What is stored about it; see `studies.records.content`.
        designs: By name.
        trials: The pairs, with the columns of `studies.results.TRIALS`.
        objective: The column that stands as the value of Optuna's trials.
        curves: The epochs of pairs, in columns.

    Raises:
        UserError: The name is taken.
    """
    from optuna.study import StudyDirection

    with storage.lock():
        storage.open()
        if find(storage, name):
            raise UserError(
                f"there is a study {name} in {storage.shown} already. Name another --storage, give"
                " an import another --name, or delete that one:"
                f" {command('study delete', name, storage=storage.option)}"
            )
        with storage.at_once() as writer:
            make_room(storage, writer, name)
            study_id = writer.create_new_study([StudyDirection.MINIMIZE], name)
            writer.set_study_system_attr(study_id, METRICS, [objective])
            same = shared_numbers(list(designs.values()))
            rows = trials.to_dict("records")
            with progress_bar(f"Storing {name}") as progress:
                for done, row in enumerate(rows):
                    progress(done, len(rows))
                    pair = Pair(row["design"], row["seed"], recipe=row.get(OF_RECIPE, ""))
                    trial = _trial(designs[pair.design], row, same, objective)
                    if pair in curves:
                        trial.set_user_attr(f"{CURVE}{curves[pair]['epoch'][0]}", curves[pair])
                    writer.create_new_trial(study_id, trial)
            writer.set_study_user_attr(study_id, CONTENT, dict(content))


def _objective(study: FileStudy) -> str:
    """The error that stands as the value of Optuna's trials, each of which must have one."""
    return "validation_error" if study.has_validation else "test_error"


def _trial(
    design: StoredDesign, row: dict[str, Any], same: frozenset[str], objective: str
) -> "FrozenTrial":
    from optuna.trial import TrialState, create_trial

    known = {key: None if pd.isna(value) else value for key, value in row.items()}
    worker = Worker(known["worker"] or "elsewhere", host="imported", pid=0, machine="elsewhere")
    pair = Pair(design.name, row["seed"], recipe=row.get(OF_RECIPE, ""))
    carried = as_parameters(design, pair.seed, without=same)
    trial = create_trial(
        state=TrialState.COMPLETE,
        value=known[objective],
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
            **({MADE_ON: {"machine": known["machine"]}} if known["machine"] else {}),
        },
    )
    # With their zone: Optuna takes a time without one for local time.
    now = datetime.now(UTC)
    started, finished = known["started"], known["finished"]
    trial.datetime_start = pd.Timestamp(started or finished or now).to_pydatetime()
    trial.datetime_complete = pd.Timestamp(finished or started or now).to_pydatetime()
    return trial


def _content(study: Imported) -> dict[str, Any]:
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
            "data": {"name": study.data},
            **({"recipes": trained} if recipes else {"recipe": trained[0]}),
            "seeds": seeds,
            "search": "grid",
        },
        "imported": study.origin,
        "about": list(study.about),
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
        "machine": f"elsewhere; imported from {study.origin}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
