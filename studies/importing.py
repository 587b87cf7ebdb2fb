"""Results that were trained elsewhere, from a CSV file: each design is checked against its name and its counts, then stored.

The file has a row a pair, with the columns of `study results`; only `design`, `seed` and the errors are needed. All of it is
checked before anything is stored, and the study appears with its last row or not at all.
"""

import csv
import io
import math
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explorer import Architecture, Budget, Design
from explorer.budget import MEASURES
from explorer.errors import UserError, unknown
from explorer.text import human_count
from studies.agenda import shown
from studies.claims import Pair, Worker
from studies.ownership import ATTRIBUTE, METRICS, make_room
from studies.storage import Storage
from studies.stored import find, installed_versions, record_of

ERRORS = tuple(f"{split}{top}_error" for top in ("", "_top5") for split in ("train", "validation", "test"))
NEEDED = ("design", "seed", "validation_error", "test_error")
SIZES = ("resolution", "in_channels", "classes")
COUNTS = ("flops", "params", "activations")
# Columns of `study results` that are checked or stored; the rest of them follows from the design.
KNOWN = {
    *NEEDED,
    *(*ERRORS, "study", "arm", "status", "reference", "by", "budget", *SIZES, *COUNTS),
    *("cardinality", "bottleneck_width", "width", "depths", "growth", "shortcut"),
    *("epochs", "seconds", "images_per_second", "peak_memory", "device", "worker", "started", "finished"),
}
FOLLOWS = ("stem", "mismatch", "reason", "attempt", "seconds_per_epoch")


@dataclass(frozen=True)
class Imported:
    """What was read: the study's name, its designs (one an arm), a result for each pair, and what was passed over."""

    name: str
    designs: list[Design]
    results: dict[Pair, dict[str, Any]]
    workers: dict[Pair, str]
    times: dict[Pair, tuple[datetime, datetime]]
    reference_arm: str
    skipped: int = 0  # rows of pairs that are not complete
    ignored: list[str] = field(default_factory=list)  # columns


def import_csv(
    storage: str | Storage | None, path: Path, *, name: str | None = None, reference_arm: str | None = None
) -> Imported:
    """Store a CSV file as a study. Its name is `name`, else what the column `study` says, else the file's.

    The other arms are compared with `reference_arm`, by default the arm of the design that the column `reference` names, else
    C=1, else the first. Raises `UserError` naming the line for what is wrong, and for a name that is taken.
    """
    found = read_csv(path, name=name, reference_arm=reference_arm)
    with Storage.visit(storage) as place:
        _store(place, found, path)
    return found


def read_csv(path: Path, *, name: str | None = None, reference_arm: str | None = None) -> Imported:
    """Read and check a file; see `import_csv`. Stores nothing."""
    try:
        text = path.read_bytes().decode("utf-8-sig")  # a carriage return in quotes is one
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not a text file"
        raise UserError(f"cannot read {path}: {reason}.") from None
    try:
        reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise UserError(f"{path} is not a CSV file: {error}.") from None
    columns = list(reader.fieldnames or [])
    for column in NEEDED:
        if column not in columns:
            raise UserError(
                f"{path} has no column {column!r}; needed are {', '.join(NEEDED)}. {_hint(column, columns)}"
            )
    complete = [(line, row) for line, row in rows if row.get("status") in (None, "", "complete")]
    if not complete:
        raise UserError(f"{path} holds no complete result.")
    arms: dict[str, str] = {}
    sizes: set[tuple[int, ...]] = set()
    checked: dict[str, tuple[Architecture, dict[str, str]]] = {}
    results: dict[Pair, dict[str, Any]] = {}
    workers: dict[Pair, str] = {}
    times: dict[Pair, tuple[datetime, datetime]] = {}
    for line, row in complete:
        try:
            if None in row or None in row.values():
                raise UserError(f"it has another number of columns than the first line ({len(columns)})")
            architecture = _architecture(row)
            sizes.add((architecture.resolution, architecture.in_channels, architecture.classes))
            if len(sizes) > 1:
                raise UserError(
                    "its resolution, in_channels or classes differ from the lines before: that is another study"
                )
            pair = Pair(architecture.name, _whole(row, "seed", 0))
            if pair in results:
                raise UserError(f"{pair.design} with seed {pair.seed} is there twice")
            arm = row.get("arm") or f"C={architecture.template.cardinality}"
            if arms.setdefault(arm, pair.design) != pair.design:
                raise UserError(f"the arm {arm} is {arms[arm]} and {pair.design}; give each design an arm of its own")
            results[pair] = _result(row)
            workers[pair] = row.get("worker") or ""
            times[pair] = (_when(row, "started"), _when(row, "finished"))
            checked.setdefault(pair.design, (architecture, row))
        except UserError as error:
            raise UserError(f"{path}, line {line}: {str(error).rstrip('.')}.") from None
    twice = {design for design in arms.values() if list(arms.values()).count(design) > 1}
    if twice:
        raise UserError(f"{path}: {', '.join(sorted(twice))} is in two arms.")
    reference = _reference(reference_arm, arms, checked)
    return Imported(
        name=_name(name, [row.get("study") or "" for _, row in complete], path),
        designs=[_design(arm, *checked[design], checked[arms[reference]][0]) for arm, design in arms.items()],
        results=results,
        workers=workers,
        times=times,
        reference_arm=reference,
        skipped=len(rows) - len(complete),
        ignored=[column for column in columns if column not in {*KNOWN, *FOLLOWS}],
    )


def _hint(column: str, columns: Iterable[str]) -> str:
    return str(unknown("column", column, columns)).partition(". ")[2]


def _architecture(row: dict[str, str]) -> Architecture:
    """The network that a row names, with everything else the row says about it compared."""
    given = {key: _whole(row, key, 1) for key in SIZES if row.get(key)}
    architecture = Architecture.from_name(row["design"].strip(), **given)
    complexity = Design(architecture, Budget.of(architecture)).complexity
    template = architecture.template
    expected = {
        "cardinality": template.cardinality,
        "bottleneck_width": template.bottleneck_width,
        "width": template.width,
        **{measure: getattr(complexity, measure) for measure in COUNTS},
    }
    for column, value in expected.items():
        if not row.get(column):
            continue
        told = _whole(row, column, 0)
        if told != value:
            size = (
                f"{architecture.resolution} pixels, {architecture.in_channels} channels, {architecture.classes} classes"
            )
            raise UserError(
                f"{column} is {told} here, and {architecture.name} has {value} ({human_count(value or 0)}; at {size}). "
                "Correct the name, the number, or the columns resolution, in_channels and classes"
            )
    words = {"depths": "-".join(map(str, architecture.depths))}
    words |= {"growth": architecture.growth, "shortcut": architecture.shortcut}
    for column, word in words.items():
        if row.get(column) and row[column] != word:
            raise UserError(f"{column} is {row[column]!r} here, and {architecture.name} has {word!r}")
    return architecture


def _design(arm: str, architecture: Architecture, row: dict[str, str], reference: Architecture) -> Design:
    """The design with the budget that the row tells, else what the reference arm's design spends."""
    by = row.get("by") or "flops"
    if by not in MEASURES:
        raise unknown("measure in the column 'by'", by, MEASURES)
    budget = Budget(by, _number(row, "budget", 1, math.inf)) if row.get("budget") else Budget.of(reference, by)
    return Design(architecture, budget, row.get("reference") or reference.name, arm)


def _result(row: dict[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        error: _number(row, error, 0, 1) if row.get(error) or error in NEEDED else None for error in ERRORS
    }
    result |= {key: _whole(row, key, 1) if row.get(key) else None for key in ("epochs", "peak_memory")}
    result |= {
        key: _number(row, key, 0, math.inf) if row.get(key) else None for key in ("seconds", "images_per_second")
    }
    return {**result, "device": row.get("device") or "elsewhere"}


def _when(row: dict[str, str], column: str) -> datetime:
    """A time in UTC, without saying so, as Optuna stores them; now, where none is given."""
    if not row.get(column):
        return datetime.now(UTC).replace(tzinfo=None)
    try:
        when = datetime.fromisoformat(row[column])
    except ValueError:
        raise UserError(f"{column} must be a time such as 2026-01-31 12:00:00+00:00; given: {row[column]!r}") from None
    return when.astimezone(UTC).replace(tzinfo=None) if when.tzinfo else when


def _whole(row: dict[str, str], column: str, least: int) -> int:
    number = _number(row, column, least, math.inf)
    if number != int(number):
        raise UserError(f"{column} must be a whole number; given: {row[column]}")
    return int(number)


def _number(row: dict[str, str], column: str, least: float, most: float) -> float:
    try:
        number = float(row[column])
    except ValueError:
        number = math.nan
    if math.isfinite(number) and least <= number <= most:
        return number
    percent = " Errors are fractions: 0.062, not 6.2." if column in ERRORS and number > 1 else ""
    allowed = f"from {least:g} to {most:g}" if math.isfinite(most) else f"of at least {least:g}"
    raise UserError(f"{column} must be a number {allowed}; given: {row[column]!r}.{percent}")


def _name(given: str | None, told: list[str], path: Path) -> str:
    names = sorted(set(told) - {""})
    if given is None and len(names) > 1:
        raise UserError(f"{path} holds more than one study: {', '.join(names)}. Give each a file, or all a --name.")
    name = given or (names[0] if names else path.stem)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise UserError(
            f"{name!r} cannot name a study: letters, digits, '.', '_' and '-', the first a letter or digit. Give a --name."
        )
    return name


def _reference(given: str | None, arms: dict[str, str], known: dict[str, tuple[Architecture, dict[str, str]]]) -> str:
    if given is not None:
        if given not in arms:
            raise unknown("reference arm", given, arms)
        return given
    by_design = {design: arm for arm, design in arms.items()}
    named = next((row.get("reference") or "" for _, row in known.values()), "")
    return by_design.get(named) or ("C=1" if "C=1" in arms else next(iter(arms)))


def _store(place: Storage, found: Imported, path: Path) -> None:
    from optuna.study import StudyDirection

    with place.lock():
        place.open()
        if find(place, found.name):
            raise UserError(
                f"there is a study {found.name} in {place.shown} already. Give another --name, or delete that one "
                f"(resnext-explorer study delete {found.name})."
            )
        with place.at_once() as writer:
            make_room(place, writer, found.name)
            study_id = writer.create_new_study([StudyDirection.MINIMIZE], found.name)
            writer.set_study_system_attr(study_id, METRICS, ["validation_error"])
            for pair, result in found.results.items():
                writer.create_new_trial(study_id, _trial(found, pair, result))
            writer.set_study_user_attr(study_id, ATTRIBUTE, _content(found, path))


def _trial(found: Imported, pair: Pair, result: dict[str, Any]) -> Any:
    from dataclasses import asdict

    from optuna.trial import TrialState, create_trial

    worker = Worker(found.workers[pair] or "elsewhere", host="imported", pid=0, machine="elsewhere")
    design = next(design for design in found.designs if design.name == pair.design)
    carried = shown(design.record(), pair.seed)
    claim = {**asdict(pair), "worker": asdict(worker)}
    trial = create_trial(
        state=TrialState.COMPLETE,
        value=result["validation_error"],
        params=dict(carried.params),
        distributions=dict(carried.distributions),
        user_attrs={"claim": claim, "arm": design.arm, "design": design.name, "result": result, "ended": "complete"},
    )
    trial.datetime_start, trial.datetime_complete = found.times[pair]
    return trial


def _content(found: Imported, path: Path) -> dict[str, Any]:
    """What a stored study holds, as far as it is known of one that was trained elsewhere."""
    some = found.designs[0].architecture
    seeds = sorted({pair.seed for pair in found.results})
    epochs = {result["epochs"] for result in found.results.values()} - {None}
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
        "pairs": [[pair.design, pair.seed] for pair in found.results],
        "reference_arm": found.reference_arm,
        "planned_seeds": seeds,
        "shape": {key: getattr(some, key) for key in SIZES},
        "designs": [record_of(design) for design in found.designs],
        "left_out": [],
        "splits": {},
        "settings": {"device": ", ".join(sorted({result["device"] for result in found.results.values()}))},
        "versions": {"resnext-explorer": installed_versions().get("resnext-explorer", "")},
        "git_commit": None,
        "machine": f"elsewhere; imported from {path.name}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
