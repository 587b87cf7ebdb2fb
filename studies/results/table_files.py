"""Results in CSV files, of `study results` or of other programs, as checked tables.

One reader serves imports and reports. A row is a pair, with the columns of `study results`; only
`design`, `seed` and, where it is complete, the two errors are needed. Every design must be a name
that the explorer knows, and what a row says about it must be what the explorer counts.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from explorer import Architecture, Budget, Design
from explorer.budget import MEASURES
from explorer.errors import UserError, unknown
from explorer.text import human_count
from studies.config.design import StoredDesign
from studies.results import CURVES, TRIALS
from studies.results import table_columns as columns
from studies.results.table_columns import MOST
from studies.results.table_text import TextTable, read_table

NEEDED = ("design", "seed", "validation_error", "test_error")
NEEDED_CURVES = ("study", "arm", "design", "seed", "epoch")
SIZES = ("resolution", "in_channels", "classes")
COUNTS = ("flops", "params", "activations")
ERRORS = tuple(column for column in TRIALS if column.endswith("_error"))
SEEDS = 2**32
# The least and the most of each measured number; of whole ones the least.
_WHOLE = {"attempt": 0, "epochs": 1, "peak_memory": 1}
_MEASURED = {"seconds": 1e10, "images_per_second": 1e12}
_STUDY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NO_NAME = (
    "cannot name a study: letters, digits, '.', '_' and '-', the first a letter or digit, at"
    " most 100"
)


@dataclass(frozen=True)
class FileStudy:
    """One study of a file: its designs (one an arm), the arm they are compared with, and its pairs
    with the columns of `studies.results.TRIALS`."""

    name: str
    designs: list[Design]
    reference_arm: str
    trials: pd.DataFrame


@dataclass(frozen=True)
class ResultsFile:
    """The studies of a file, how many rows were skipped, and the columns that were ignored."""

    studies: list[FileStudy]
    skipped: int
    ignored: list[str]


def open_table(path: str | Path) -> TextTable:
    """A file of results or of curves as text; see `holds_curves`."""
    table = read_table(path, {**CURVES, **TRIALS})
    # Weights & Biases and Optuna call it so: whoever crashed may have left errors all the same.
    other = next((name for name in table.columns if name.casefold() == "state"), None)
    return table if other is None or "status" in table.columns else table.renamed(other, "status")


def holds_curves(table: TextTable) -> bool:
    """Whether a row is an epoch, not a pair."""
    return "epoch" in table.columns and "test_error" not in table.columns


def check_results(
    table: TextTable,
    *,
    name: str | None = None,
    reference_arm: str | None = None,
    only_complete: bool = False,
) -> ResultsFile:
    """Check a table of pairs.

    Args:
        table: The text.
        name: All rows are one study of this name. Else it is what the column `study` says, else the
            file's name.
        reference_arm: The arm that others are compared with. Else it is that of the design which
            the column `reference` names, else C=1, else the first.
        only_complete: Skip the rows that are not complete.

    Raises:
        UserError: Something is wrong; it says in which line and column.
    """
    columns.needed(table, NEEDED)
    total = len(table.lines)
    if only_complete:
        table = table.rows(columns.statuses(table) == "complete")
    if not table.lines:
        raise UserError(f"{table.path} holds no {'complete ' if only_complete else ''}result.")
    told = _told(table)
    told["study"] = _studies(table, told["study"], name)
    parts = [
        _check_study(str(study), table, rows, reference_arm)
        for study, rows in told.groupby("study", sort=False)
    ]
    return ResultsFile(
        parts, total - len(table.lines), [name for name in table.columns if name not in TRIALS]
    )


def check_curves(table: TextTable) -> pd.DataFrame:
    """Check a table of epochs, and return it with the columns of `studies.results.CURVES`.

    Raises `UserError` with line and column.
    """
    columns.needed(table, NEEDED_CURVES)
    frame = pd.DataFrame({name: columns.names(table, name) for name in ("study", "arm", "design")})
    frame["seed"] = _always(table, "seed", columns.numbers(table, "seed", 0, SEEDS - 1, whole=True))
    frame["epoch"] = _always(table, "epoch", columns.numbers(table, "epoch", 1, MOST, whole=True))
    for column in CURVES:
        if column.endswith("_error"):
            frame[column] = columns.numbers(table, column, 0, 1)
        elif column not in frame:
            frame[column] = columns.numbers(
                table, column, 0, 1e10, infinite=column.endswith("_loss")
            )
    _refuse_doubles(table, frame, ["study", "design", "seed", "epoch"])
    return frame[list(CURVES)].astype(CURVES)


def _told(table: TextTable) -> pd.DataFrame:
    """What each row says, by itself; NaN, None and "" where it says nothing."""
    told: dict[str, Any] = {name: columns.names(table, name) for name in ("study", "arm", "design")}
    # A free space's designs have no reference: "" is another thing than no column.
    told["reference"] = columns.names(table, "reference") if "reference" in table.columns else None
    told |= {
        name: columns.names(table, name)
        for name in ("depths", "growth", "shortcut", "stem", "device", "worker")
    }
    told |= {"reason": columns.texts(table, "reason"), "by": columns.one_of(table, "by", MEASURES)}
    told["status"] = columns.statuses(table)
    told["seed"] = _always(table, "seed", columns.numbers(table, "seed", 0, SEEDS - 1, whole=True))
    for column in ("cardinality", "bottleneck_width", "width", *SIZES, *COUNTS, "budget"):
        told[column] = columns.numbers(table, column, 1, MOST, whole=True)
    complete = told["status"] == "complete"
    for column in ERRORS:
        found = columns.numbers(table, column, 0, 1)
        told[column] = _always(table, column, found, complete) if column in NEEDED else found
    told |= {
        name: columns.numbers(table, name, least, MOST, whole=True)
        for name, least in _WHOLE.items()
    }
    told |= {name: columns.numbers(table, name, 0, most) for name, most in _MEASURED.items()}
    told |= {name: columns.times(table, name) for name in ("started", "finished")}
    return pd.DataFrame(told)


def _always(
    table: TextTable, column: str, values: "pd.Series[float]", rows: "pd.Series[bool] | None" = None
) -> "pd.Series[float]":
    """The values, of which none may be missing in these rows."""
    missing = values.isna() if rows is None else values.isna() & rows
    if missing.any():
        raise table.refused(int(missing.idxmax()), f"{column} must be a number; nothing is given")
    return values


def _refuse_doubles(table: TextTable, frame: pd.DataFrame, keys: list[str]) -> None:
    twice = frame.duplicated(keys)
    if twice.any():
        row = int(twice.idxmax())
        of = ", ".join(f"{key} {frame[key][row]:.0f}" for key in keys if key in ("seed", "epoch"))
        raise table.refused(row, f"{frame['design'][row]} with {of} is there twice")


def _studies(table: TextTable, told: Iterable[str], name: str | None) -> list[str]:
    """The name of each row's study."""
    if name is not None:
        if not _STUDY.fullmatch(name):
            raise UserError(f"{name[:60]!r} {_NO_NAME}.")
        return [name] * len(table.lines)
    told = list(told)
    for row, one in enumerate(told):
        if one and not _STUDY.fullmatch(one):
            raise table.refused(row, f"study: {one[:60]!r} {_NO_NAME}")
    names = sorted(set(told) - {""})
    usual = names[0] if len(names) == 1 else _file_name(table.path)
    return [one or usual for one in told]


def _file_name(path: Path) -> str:
    """A study's name from a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", path.stem).strip("._-")[:100] or "table"


def _check_study(
    name: str, table: TextTable, told: pd.DataFrame, reference_arm: str | None
) -> FileStudy:
    """One study's rows, checked against each other and against what the explorer counts."""
    networks: dict[str, Architecture] = {}
    design_of_row = {}
    sizes = None
    for key, rows in told.groupby(["design", *SIZES], sort=False, dropna=False):
        network = _network(table, rows, key)
        _compare(table, rows, network)
        size = tuple(getattr(network, column) for column in SIZES)
        if sizes not in (None, size):
            raise table.refused(
                rows.index[0],
                "its resolution, in_channels or classes differ from the lines before: that is"
                " another study",
            )
        sizes = size
        networks.setdefault(network.name, network)
        design_of_row.update(dict.fromkeys(rows.index, network.name))
    told = told.assign(design=pd.Series(design_of_row))
    _refuse_doubles(table, told, ["design", "seed"])
    usual = {design: f"C={network.template.cardinality}" for design, network in networks.items()}
    told = told.assign(arm=told["arm"].where(told["arm"] != "", told["design"].map(usual)))
    arms = _arms(table, told)
    first = told.drop_duplicates("design").set_index("design")
    reference = _reference(reference_arm, arms, first)
    designs = [
        _design(arm, networks[design], first.loc[design], networks[arms[reference]])
        for arm, design in arms.items()
    ]
    return FileStudy(name, designs, reference, _trials(name, told, designs))


def _network(table: TextTable, rows: pd.DataFrame, key: Any) -> Architecture:
    name, *sizes = key
    given = {column: int(size) for column, size in zip(SIZES, sizes, strict=True) if size == size}
    try:
        return Architecture.from_name(name, **given)
    except UserError as error:
        raise table.refused(rows.index[0], str(error)) from None


def _compare(table: TextTable, rows: pd.DataFrame, network: Architecture) -> None:
    """Raise `UserError` where a row says something else about its network than we count."""
    record = StoredDesign.of(Design(network, Budget.of(network))).record()
    numbers = ("cardinality", "bottleneck_width", "width", *COUNTS)
    words = {
        "depths": "-".join(map(str, network.depths)),
        **{key: record[key] for key in ("growth", "shortcut", "stem")},
    }
    for column in numbers:
        other = rows[column].notna() & (rows[column] != record[column])
        if other.any():
            row = int(other.idxmax())
            size = (
                f"{network.resolution} pixels, {network.in_channels} channels, {network.classes}"
                " classes"
            )
            raise table.refused(
                row,
                f"{column} is {rows[column][row]:.0f} here, and {network.name} has {record[column]}"
                f" ({human_count(record[column] or 0)}; at {size}). Correct the name, the number,"
                " or the columns resolution, in_channels and classes",
            )
    for column, word in words.items():
        other = (rows[column] != "") & (rows[column] != word)
        if other.any():
            row = int(other.idxmax())
            raise table.refused(
                row, f"{column} is {rows[column][row]!r} here, and {network.name} has {word!r}"
            )


def _arms(table: TextTable, told: pd.DataFrame) -> dict[str, str]:
    """Each arm's design. Raises `UserError` where an arm has two, or a design is in two."""
    arms: dict[str, str] = {}
    arm_of: dict[str, str] = {}
    for row, arm, design in zip(told.index, told["arm"], told["design"], strict=True):
        if arms.setdefault(arm, design) != design:
            raise table.refused(
                row,
                f"the arm {arm} is {arms[arm]} and {design}; give each design an arm of its own, in"
                " a column arm",
            )
        if arm_of.setdefault(design, arm) != arm:
            raise table.refused(row, f"{design} is in two arms, {arm_of[design]} and {arm}")
    for column in ("by", "budget", "reference"):
        differs = told.groupby("design")[column].transform("nunique") > 1
        if differs.any():
            row = int(differs.idxmax())
            raise table.refused(
                row, f"{column} of {told['design'][row]} is not the same in all its lines"
            )
    return arms


def _reference(given: str | None, arms: dict[str, str], first: pd.DataFrame) -> str:
    if given is not None:
        if given not in arms:
            raise unknown("reference arm", given, arms)
        return given
    by_design = {design: arm for arm, design in arms.items()}
    named = by_design.get(first["reference"].iloc[0])
    return named or ("C=1" if "C=1" in arms else next(iter(arms)))


def _design(
    arm: str, network: Architecture, row: "pd.Series[Any]", reference: Architecture
) -> Design:
    """The design with its first row's budget, else what the reference arm's design spends."""
    by = row["by"] or "flops"
    budget = (
        Budget(by, int(row["budget"]))
        if row["budget"] == row["budget"]
        else Budget.of(reference, by)
    )
    return Design(
        network, budget, reference.name if row["reference"] is None else row["reference"], arm
    )


def _trials(name: str, told: pd.DataFrame, designs: list[Design]) -> pd.DataFrame:
    """The rows as `studies.results` gives them."""
    records = {design.name: StoredDesign.of(design).record() for design in designs}
    own = [records[design] for design in told["design"]]
    shape = {column: getattr(designs[0].architecture, column) for column in SIZES}
    follows = (
        "cardinality",
        "bottleneck_width",
        "width",
        "growth",
        "shortcut",
        "stem",
        *COUNTS,
        "by",
        "budget",
        "mismatch",
    )
    columns_of_design: dict[str, Any] = {
        column: [record[column] for record in own] for column in follows
    }
    columns_of_design["reference"] = [record["reference"] or "" for record in own]
    columns_of_design["depths"] = ["-".join(map(str, record["depths"])) for record in own]
    told = told.reset_index(drop=True).assign(study=name, **shape, **columns_of_design)
    told["seconds_per_epoch"] = told["seconds"] / told["epochs"]
    for column in ("started", "finished"):
        told[column] = pd.to_datetime(told[column], utc=True)
    return told[list(TRIALS)].astype(TRIALS)
