"""Where a report's tables come from: studies in a storage, and CSV files that `study results` has written."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from explorer.errors import UserError
from explorer.suggestions import command
from studies.results import CURVES, TRIALS


@dataclass(frozen=True)
class Source:
    """One study: its two tables, and what `studies.results.study_info` says about it (of a CSV file only the name)."""

    name: str
    trials: pd.DataFrame
    curves: pd.DataFrame
    info: dict[str, Any] = field(default_factory=dict)


_NEEDED = ("test_error", "validation_error", "mismatch")


def load_sources(given: Iterable[str], storage: str | None = None) -> list[Source]:
    """The studies that names, study files (.yaml) and results (.csv) stand for, in the order given.

    A CSV file of curves goes to the study of its name. Raises `UserError` for what cannot be read, and where a study comes twice.
    """
    found: list[Source] = []
    curves: list[tuple[str, pd.DataFrame]] = []
    for one in given:
        if one.lower().endswith(".csv"):
            table = read_csv(one)
            if "epoch" in table:
                curves.append((one, table))
            else:
                found += [_from_csv(str(name), rows) for name, rows in table.groupby("study", sort=False)]
        else:
            found.append(_from_storage(one, storage))
    names = [source.name for source in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"the study {twice[0]} is given twice; give each study once, from the storage or from one CSV file."
        )
    for path, table in curves:
        for name, rows in table.groupby("study", sort=False):
            if name not in names:
                raise UserError(
                    f"{path} holds the curves of {name}, whose trainings are not given; add the file that "
                    f"`{command('study results', name, o='FILE.csv')}` writes."
                )
            place = names.index(str(name))
            found[place] = replace(found[place], curves=rows.reset_index(drop=True))
    return found


def read_csv(path: str | Path) -> pd.DataFrame:
    """The table `trials` or `curves` from a CSV file of `study results`, typed as there. Raises `UserError` for anything else."""
    written = command("study results", "STUDY", o="FILE.csv")
    advice = f"Give a file that `{written}` (or with --curves) has written."
    try:
        # Arms and reasons may read "NA" or "None"; only nothing is nothing.
        raw = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"there is no file {path}.") from None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as CSV: {error}. {advice}") from None
    columns = CURVES if "epoch" in raw else TRIALS
    missing = [name for name in columns if name not in raw]
    needed = [name for name in missing if name in _NEEDED or columns[name] in ("str", "int64")]
    if needed:
        raise UserError(f"{path} lacks the column{'s' * (len(needed) > 1)} {', '.join(needed[:6])}. {advice}")
    # A file of an older version lacks what is measured since.
    table = raw.reindex(columns=list(columns), fill_value="")
    for name, kind in columns.items():
        if kind == "str":
            continue
        try:
            text = table[name].where(table[name] != "")
            table[name] = (
                pd.to_datetime(text, utc=True, format="ISO8601").astype(kind)
                if kind.startswith("datetime")
                else pd.to_numeric(text).astype(kind)
            )
        except (ValueError, TypeError) as error:
            raise UserError(f"{path}: the column {name} holds what is no {_word(kind)}: {error}. {advice}") from None
    return table


def _word(kind: str) -> str:
    return "time" if kind.startswith("datetime") else "number"


def _from_csv(name: str, trials: pd.DataFrame) -> Source:
    return Source(name, trials.reset_index(drop=True), pd.DataFrame(columns=list(CURVES)), {"name": name})


def _from_storage(name_or_path: str, storage: str | None) -> Source:
    from studies.results import read, study_info
    from studies.storage import Storage
    from studies.study import Study

    place = Storage(storage)
    is_path = name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path
    name = Study.load(name_or_path).name if is_path else name_or_path
    info = study_info(place, name)
    trials, curves = read(place, name)
    return Source(name, trials, curves, info)
