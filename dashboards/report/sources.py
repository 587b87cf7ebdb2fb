"""Where a report's tables come from: studies in a storage, and
CSV files as `study import` takes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from dashboards.analysis.findings import Findings
from dashboards.analysis.recipes import ByRecipe, has_recipes
from explorer.errors import UserError
from explorer.file_kinds import EVIDENCE
from explorer.suggestions import command
from studies.missed import Missed
from studies.pair import Pair
from studies.results import (
    CURVES,
    NO_VALIDATION,
    OF_RECIPE,
    FileStudy,
    Reader,
    check_curves,
    check_results,
    evidence_storage,
    holds_curves,
    of_recipe,
    open_table,
)

if TYPE_CHECKING:
    from studies.storage import Storage


@dataclass(frozen=True, eq=False)
class Source:
    """One study: its two tables, what `studies.results.study_info` says about it (of a CSV file the
    name and the reference arm), and which test images its trainings missed, where that is known."""

    name: str
    trials: pd.DataFrame
    curves: pd.DataFrame
    info: dict[str, Any] = field(default_factory=dict)
    missed: Mapping[Pair, Missed] = field(default_factory=dict)

    @cached_property
    def findings(self) -> Findings:
        """What the study found, worked out once."""
        return Findings(self.trials, self.info, read_missed=lambda: self.missed)

    @cached_property
    def by_recipe(self) -> ByRecipe | None:
        """What it found where it has several recipes; None where it has one."""
        return ByRecipe(self.trials, self.info) if has_recipes(self.trials) else None

    @cached_property
    def parts(self) -> list["Source"]:
        """Of several recipes, each one's part as a study of its own; else the study itself."""
        if self.by_recipe is None:
            return [self]
        known = OF_RECIPE in self.curves
        return [
            Source(
                f"{self.name}:{recipe}",
                findings.trials,
                of_recipe(self.curves, recipe) if known else self.curves.iloc[:0],
                dict(findings.info),
                self.missed,
            )
            for recipe, findings in self.by_recipe.findings.items()
        ]

    @property
    def sentences(self) -> list[str]:
        """What it found, a line each: whether gaps depend on the recipe where it has several, each
        verdict, and what to know of it."""
        lines = [self.by_recipe.text] if self.by_recipe else []
        for part in self.parts:
            verdict, by = part.findings.verdict, f"{part.name}: " if self.by_recipe else ""
            lines += [by + verdict.text, *verdict.notes]
        return lines


def load_sources(given: Iterable[str], storage: str | None = None) -> list[Source]:
    """The studies that names, study files (.yaml) and results (.csv) stand for, in the order given.

    `evidence:NAME` is what was measured for this project. A CSV file of curves goes to the study
    of its name. Raises `UserError` for what cannot be read, and where a study comes twice.
    """
    from studies.config.study import name_of
    from studies.storage import Storage

    sources: list[Source] = []
    curves: list[tuple[str, pd.DataFrame]] = []
    for name_or_path in given:
        if name_or_path.lower().endswith(".csv"):
            table = open_table(name_or_path)
            if holds_curves(table):
                curves.append((name_or_path, check_curves(table)))
            else:
                sources += [_from_csv(study) for study in check_results(table).studies]
        elif name_or_path.startswith(EVIDENCE):
            name = name_or_path.removeprefix(EVIDENCE)
            sources.append(load_stored(name, evidence_storage([name])))
        else:
            sources.append(load_stored(name_of(name_or_path), Storage(storage)))
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


def load_stored(name: str, storage: "Storage") -> Source:
    """The stored study of a name."""
    reader = Reader(storage)
    tables, curves = reader.both(name)
    return Source(name, tables.trials, curves, tables.info, reader.misses(name))
