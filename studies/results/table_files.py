"""Results in CSV files, of `study results` or of other programs, as checked tables.

One reader serves imports and reports. A row is a pair, with the columns of `study results`; only
`design`, `seed` and, where it is complete, the two errors are needed; only validation errors may be
missing from all rows. Every design must be a name
that the explorer knows, and what a row says about it must be what the explorer counts.
"""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from explorer import Blueprint, Budget, Design
from explorer.designs import MEASURES
from explorer.errors import UserError, unknown
from explorer.template import SIZES
from studies.config.design import COUNTS, StoredDesign
from studies.results import table_columns as columns
from studies.results.file_networks import WORDS, compare, network_of, usual_arms
from studies.results.table_columns import MOST
from studies.results.table_text import TextTable, read_table
from studies.results.tables import (
    CURVES,
    ERRORS,
    OF_RECIPE,
    TRIALS,
    columns_of_designs,
    finish_trials,
    more_columns,
)

NEEDED = ("design", "seed", "validation_error", "test_error")
NEEDED_CURVES = ("study", "arm", "design", "seed", "epoch")
SEEDS = 2**32
NO_VALIDATION = "No validation error is known, so validation chooses nothing here."
# The least of each whole number, and the most of each measured one.
_WHOLE = {
    **dict.fromkeys(("cardinality", "bottleneck_width", "width", *SIZES, *COUNTS, "budget"), 1),
    **{"attempt": 0, "epochs": 1, "peak_memory": 1},
}
_MEASURED = {
    **{"seconds": 1e10, "images_per_second": 1e12},
    **dict.fromkeys(("latency", "latency_low", "latency_high"), 1e10),
}
_STUDY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_NO_NAME = (
    "cannot name a study: letters, digits, '.', '_' and '-', the first a letter or digit, at"
    " most 100"
)


@dataclass(frozen=True)
class FileStudy:
    """One study of a file: its designs (one an arm), the arm they are compared with, and its pairs
    with the columns of `studies.results.TRIALS`, those of the user's own networks, and that of
    recipes where there are several."""

    name: str
    designs: list[Design]
    reference_arm: str
    trials: pd.DataFrame

    @property
    def has_validation(self) -> bool:
        """Whether validation errors are known, of all complete pairs or of none."""
        return bool(self.trials["validation_error"].notna().any())


@dataclass(frozen=True)
class ResultsFile:
    """The studies of a file, how many rows were skipped, and the columns that were ignored."""

    studies: list[FileStudy]
    skipped: int
    ignored: list[str]


def open_table(path: str | Path) -> TextTable:
    """A file of results or of curves as text; see `holds_curves`."""
    table = read_table(path, {**CURVES, **TRIALS, OF_RECIPE: "str"})
    # Weights & Biases and Optuna call it so: whoever crashed may have left errors all the same.
    other = next((name for name in table.columns if name.casefold() == "state"), None)
    if other is None or "status" in table.columns:
        return table
    return replace(table, cells=table.cells.rename(columns={other: "status"}))


def holds_curves(table: TextTable) -> bool:
    """Whether a row is an epoch, not a pair."""
    return "epoch" in table.columns and "test_error" not in table.columns


def check_results(
    table: TextTable,
    *,
    name: str | None = None,
    reference_arm: str | None = None,
    only_complete: bool = False,
    trusted: Collection[str] = (),
) -> ResultsFile:
    """Check a table of pairs.

    Args:
        table: The text.
        name: All rows are one study of this name. Else it is what the column `study` says, else the
            file's name.
        reference_arm: The arm that others are compared with. Else it is that of the design which
            the column `reference` names, else C=1, else the first.
        only_complete: Skip the rows that are not complete.
        trusted: Networks of the user's own that the user has named, also of libraries: functions of
            these may be called.

    Raises:
        UserError: Something is wrong; it says in which line and column.
    """
    columns.needed(table, NEEDED)
    total = len(table.lines)
    if only_complete:
        table = table.rows(columns.statuses(table) == "complete")
    if not table.lines:
        raise UserError(f"{table.path} holds no {'complete ' if only_complete else ''}result.")
    rows = _rows(table)
    rows["study"] = _studies(table, rows["study"], name)
    studies = [
        _check_study(str(study), table, group, reference_arm, trusted)
        for study, group in rows.groupby("study", sort=False)
    ]
    used = {*TRIALS, *(column for study in studies for column in study.trials)}
    ignored = [column for column in table.columns if column not in used]
    return ResultsFile(studies, total - len(table.lines), ignored)


def check_curves(table: TextTable) -> pd.DataFrame:
    """Check a table of epochs, and return it with the columns of `studies.results.CURVES`.

    Raises:
        UserError: Something is wrong; it says in which line and column.
    """
    columns.needed(table, NEEDED_CURVES)
    frame = pd.DataFrame({name: columns.names(table, name) for name in ("study", "arm", "design")})
    recipes = [OF_RECIPE] if OF_RECIPE in table.columns else []
    frame[recipes] = pd.DataFrame({key: columns.names(table, key) for key in recipes})
    frame["seed"] = _seeds(table)
    frame["epoch"] = _always(table, "epoch", columns.numbers(table, "epoch", 1, MOST, whole=True))
    for column in CURVES:
        if column not in frame:
            most = 1 if column.endswith("_error") else 1e10
            infinite = column.endswith("_loss")
            frame[column] = columns.numbers(table, column, 0, most, infinite=infinite)
    _refuse_doubles(table, frame, ["study", "design", *recipes, "seed", "epoch"])
    return frame[[*CURVES, *recipes]].astype(CURVES)


def _rows(table: TextTable) -> pd.DataFrame:
    """What each row says, by itself; NaN, None and "" where it says nothing."""
    words = ("study", "arm", "design", "depths", *WORDS, "device", "worker", "machine")
    values: dict[str, Any] = {
        column: columns.names(table, column) for column in (*words, OF_RECIPE)
    }
    # A free space's designs have no reference: "" is another thing than no column.
    has_reference = "reference" in table.columns
    values["reference"] = columns.names(table, "reference") if has_reference else None
    values["reason"] = columns.texts(table, "reason")
    values["by"] = columns.names(table, "by", MEASURES)
    values["status"] = columns.statuses(table)
    values["seed"] = _seeds(table)
    for column, least in _WHOLE.items():
        values[column] = columns.numbers(table, column, least, MOST, whole=True)
    for column, most in {**dict.fromkeys(ERRORS, 1.0), **_MEASURED}.items():
        values[column] = columns.numbers(table, column, 0, most)
        complete = values["status"] == "complete"
        # Published results have no validation error at all; one that is missing is a mistake.
        if column == "test_error" or (column in NEEDED and values[column][complete].notna().any()):
            _always(table, column, values[column], complete)
    for column in ("started", "finished"):
        values[column] = columns.times(table, column)
    return pd.DataFrame(values)


def _seeds(table: TextTable) -> "pd.Series[float]":
    return _always(table, "seed", columns.numbers(table, "seed", 0, SEEDS - 1, whole=True))


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


def _studies(table: TextTable, given: Iterable[str], name: str | None) -> list[str]:
    """The name of each row's study: `name`, else what the row gives."""
    if name is not None:
        if not _STUDY.fullmatch(name):
            raise UserError(f"{name[:60]!r} {_NO_NAME}.")
        return [name] * len(table.lines)
    names = list(given)
    for row, study in enumerate(names):
        if study and not _STUDY.fullmatch(study):
            raise table.refused(row, f"study: {study[:60]!r} {_NO_NAME}")
    different = set(names) - {""}
    usual = different.pop() if len(different) == 1 else _file_name(table.path)
    return [study or usual for study in names]


def _file_name(path: Path) -> str:
    """A study's name from a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "_", path.stem).strip("._-")[:100] or "table"


def _check_study(
    name: str,
    table: TextTable,
    rows: pd.DataFrame,
    reference_arm: str | None,
    trusted: Collection[str],
) -> FileStudy:
    """One study's rows, checked against each other and against what the explorer counts."""
    networks: dict[str, Blueprint] = {}
    design_of_row = {}
    sizes = None
    for key, group in rows.groupby(["design", *SIZES], sort=False, dropna=False):
        network = network_of(table, group, key, trusted)
        compare(table, group, network)
        size = tuple(getattr(network, column) for column in SIZES)
        if sizes not in (None, size):
            raise table.refused(
                group.index[0],
                "its resolution, in_channels or classes differ from the lines before: that is"
                " another study",
            )
        sizes = size
        networks.setdefault(network.name, network)
        design_of_row.update(dict.fromkeys(group.index, network.name))
    rows = rows.assign(design=pd.Series(design_of_row))
    recipes = _check_recipes(table, rows)
    _refuse_doubles(table, rows, ["design", "seed", *recipes])
    rows["arm"] = rows["arm"].where(rows["arm"] != "", rows["design"].map(usual_arms(networks)))
    arms = _arms(table, rows)
    first = rows.drop_duplicates("design").set_index("design")
    reference = _reference(reference_arm, arms, first)
    designs = [
        _design(arm, networks[design], first.loc[design], networks[arms[reference]])
        for arm, design in arms.items()
    ]
    stored = [StoredDesign.of(design) for design in designs]
    described = columns_of_designs(stored, rows["design"])
    rows = rows.reset_index(drop=True).assign(study=name, **described)
    more = rows[[*more_columns(stored), *recipes]].infer_objects()
    return FileStudy(name, designs, reference, finish_trials(rows).join(more))


def _check_recipes(table: TextTable, rows: pd.DataFrame) -> list[str]:
    """The column of recipes, where a study's rows are of several; none where they are of one."""
    named = rows[OF_RECIPE]
    if named[named != ""].nunique() < 2:
        return []
    for row, name in named.items():
        if not _STUDY.fullmatch(name):
            given = f"{name[:60]!r} cannot name one" if name else "nothing is given"
            raise table.refused(
                int(str(row)),
                f"recipe: {given}, and other lines name several; letters, digits, '.', '_' and '-',"
                " the first a letter or digit",
            )
    return [OF_RECIPE]


def _arms(table: TextTable, rows: pd.DataFrame) -> dict[str, str]:
    """Each arm's design. Raises `UserError` where an arm has two, or a design is in two."""
    arms: dict[str, str] = {}
    arm_of: dict[str, str] = {}
    for row, arm, design in zip(rows.index, rows["arm"], rows["design"], strict=True):
        if arms.setdefault(arm, design) != design:
            raise table.refused(
                row,
                f"the arm {arm} is {arms[arm]} and {design}; give each design an arm of its own, in"
                " a column arm",
            )
        if arm_of.setdefault(design, arm) != arm:
            raise table.refused(row, f"{design} is in two arms, {arm_of[design]} and {arm}")
    for column in ("by", "budget", "reference"):
        differs = rows.groupby("design")[column].transform("nunique") > 1
        if differs.any():
            row = int(differs.idxmax())
            raise table.refused(
                row, f"{column} of {rows['design'][row]} is not the same in all its lines"
            )
    return arms


def _reference(given: str | None, arms: dict[str, str], first: pd.DataFrame) -> str:
    if given is not None:
        if given not in arms:
            raise unknown("reference arm", given, arms)
        return given
    for arm, design in arms.items():
        if design == first["reference"].iloc[0]:
            return arm
    return "C=1" if "C=1" in arms else next(iter(arms))


def _design(arm: str, network: Blueprint, row: "pd.Series[Any]", reference: Blueprint) -> Design:
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
