"""Where a report's tables come from: studies in a storage, and
CSV files as `study import` takes them."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import pandas as pd

from dashboards.analysis.findings import Findings
from explorer.errors import UserError
from explorer.suggestions import command
from studies.results import CURVES
from studies.results.table_files import (
    NO_VALIDATION,
    FileStudy,
    check_curves,
    check_results,
    holds_curves,
    open_table,
)


@dataclass(frozen=True, eq=False)
class Source:
    """One study: its two tables, and what `studies.results.study_info` says about it
    (of a CSV file the name and the reference arm)."""

    name: str
    trials: pd.DataFrame
    curves: pd.DataFrame
    info: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def findings(self) -> Findings:
        """What the study found, worked out once."""
        return Findings(self.trials, self.info)


def load_sources(given: Iterable[str], storage: str | None = None) -> list[Source]:
    """The studies that names, study files (.yaml) and results (.csv) stand for, in the order given.

    A CSV file of curves goes to the study of its name. Raises `UserError` for what
    cannot be read, and where a study comes twice.
    """
    sources: list[Source] = []
    curves: list[tuple[str, pd.DataFrame]] = []
    for name_or_path in given:
        if name_or_path.lower().endswith(".csv"):
            table = open_table(name_or_path)
            if holds_curves(table):
                curves.append((name_or_path, check_curves(table)))
            else:
                sources += [_from_csv(study) for study in check_results(table).studies]
        else:
            sources.append(_from_storage(name_or_path, storage))
    names = [source.name for source in sources]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UserError(
            f"the study {twice[0]} is given twice; give each study once, from the storage or from"
            " one CSV file."
        )
    for path, table in curves:
        for name, rows in table.groupby("study", sort=False):
            if name not in names:
                raise UserError(
                    f"{path} holds the curves of {name}, whose trainings are not given; add the"
                    f" file that `{command('study results', name, o='FILE.csv')}` writes."
                )
            number = names.index(str(name))
            sources[number] = replace(sources[number], curves=rows.reset_index(drop=True))
    return sources


def _from_csv(study: FileStudy) -> Source:
    return Source(
        study.name,
        study.trials,
        pd.DataFrame(columns=list(CURVES)),
        {
            "name": study.name,
            "reference_arm": study.reference_arm,
            "about": [] if study.has_validation else [NO_VALIDATION],
        },
    )


def _from_storage(name_or_path: str, storage: str | None) -> Source:
    from studies.config.study import name_of
    from studies.results import Reader
    from studies.storage import Storage

    name = name_of(name_or_path)
    tables, curves = Reader(Storage(storage)).both(name)
    return Source(name, tables.trials, curves, tables.info)
