"""Going on with a study on another machine, from the files of its results.

A file of results alone does not say on what images and how they were trained. So a second file goes
with it, `results.origin.yaml` beside `results.csv`: all that the first machine had stored about the
study. The study and the data at hand must be the same ones. Settings are kept where this machine
can follow them; on another kind of machine they are this one's, and the study says so.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from explorer.errors import UserError
from explorer.files import check_output, write_atomic
from explorer.text import counted
from studies.config.design import check_sources
from studies.config.study import StudyFile
from studies.data import load
from studies.machine import provenance
from studies.machine.settings import Settings, check_settings, resolve
from studies.pair import Pair
from studies.records.content import Content
from studies.records.creation import compared
from studies.records.ownership import is_ours
from studies.records.same_data import check_data
from studies.records.stored_study import StoredStudy
from studies.results.importing import put_study, read_csv
from studies.results.table_files import check_curves, open_table
from studies.results.tables import NUMBERS, Chunk
from studies.storage import Storage

_MARK = b"# What"  # a file of origin begins so


@dataclass(frozen=True)
class Taken:
    """How many complete pairs were taken, and what the study says of them from now on."""

    pairs: int
    about: list[str]


@dataclass(frozen=True)
class Exported:
    """A study as the files of its results hold it: what it is, and its complete pairs."""

    study: StoredStudy
    trials: pd.DataFrame
    curves: Mapping[Pair, Chunk]

    def put(self, storage: Storage, name: str, content: Mapping[str, Any]) -> None:
        """Store it under this name, with this `content`; see `put_study`."""
        designs = {design.name: design for design in self.study.designs}
        put_study(storage, name, content, designs, self.trials, curves=self.curves)


def read_exported(
    results: Path, curves: Path | None = None, *, trusted: Collection[str] = ()
) -> Exported:
    """Read what `study results -o` wrote, its origin beside it, and what `--curves -o` wrote.

    Args:
        results: The one.
        curves: The other.
        trusted: As in `check_results`.

    Raises:
        UserError: Something in a file is wrong, they are of different studies, or results do not
            hold all that matters of such a study.
    """
    content = _read_origin(results)
    if not can_go_on(content):
        raise UserError(
            f"{results} is of a study that searches, tunes, has several recipes or was imported:"
            " its results do not hold all that going on needs. Go on where it was begun."
        )
    study = StoredStudy(0, content.file.name, content)
    trials = _trials(study, results, trusted)
    return Exported(study, trials, _chunks(study, trials, curves) if curves else {})


def can_go_on(content: Content) -> bool:
    """Whether results hold all that matters of a study: those of searches and of tuning do not,
    nor do those of several recipes yet; imported ones are not of a study that can be trained."""
    document = content.document
    return isinstance(document, StudyFile) and not (
        document.search or document.tune or document.recipes
    )


def write_origin(results: Path, content: Content, *, force: bool = False) -> Path:
    """Write what is stored of a study beside the file of its results; returns where.

    Raises `UserError` where a file is there that is none of these, unless `force` is given.
    """
    check_output(_origin_of(results), (".yaml",), _MARK, force=force)
    head = f"{_MARK.decode()} {results.name} is of, for `study import --continue`.\n"
    text = yaml.safe_dump(dict(content.plain), sort_keys=False, allow_unicode=True, width=100)
    return write_atomic(_origin_of(results), head + text)


def _origin_of(results: Path) -> Path:
    return results.with_suffix(".origin.yaml")


def continue_study(
    storage: Storage,
    study: StudyFile,
    results: Path,
    curves: Path | None = None,
    *,
    data_dir: Path | None = None,
    workers: int = 1,
    threads: int | None = None,
) -> Taken:
    """Store a study with the complete pairs of a file, so that the rest can be trained.

    Args:
        storage: Where.
        study: What the results are of; it may want more seeds or arms.
        results: What `study results -o` wrote, with its origin beside it.
        curves: What `study results --curves -o` wrote.
        data_dir: The folder with the data set's files, where it is not built in.
        workers: That are to train here, where the settings have to be found anew.
        threads: Of each of them, likewise; see `studies.machine.settings.resolve`.

    Raises:
        UserError: It is another study, or of other data; or something in a file is wrong. Nothing
            is stored.
    """
    exported = read_exported(results, curves, trusted=study.space.references)
    content = exported.study.content
    before, changed = compared(content, study)
    if before["name"] != study.name or changed:
        renamed = (
            [] if before["name"] == study.name else [f"name: {before['name']} -> {study.name}"]
        )
        lines = "\n  ".join(dict.fromkeys([*renamed, *changed]))
        raise UserError(
            f"{results} is of a study that wants something else (there -> {study.name}):\n  {lines}"
            "\nGive the study file that it was trained by; more seeds and arms may be added."
        )
    check_sources(exported.study.designs)
    check_data(exported.study, load(study.data, data_dir))
    plain, about = _here(content, len(exported.trials), results, workers, threads)
    exported.put(storage, study.name, plain)
    return Taken(len(exported.trials), about)


def _read_origin(results: Path) -> Content:
    path = _origin_of(results)
    try:
        plain = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(
            f"there is no file {path}, which says what {results.name} is of: `study results STUDY"
            f" -o {results.name}` writes both. Bring it along, or import without --continue."
        ) from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"cannot read {path}: {' '.join(str(error).split())}") from None
    if not is_ours(plain):
        raise UserError(f"{path} is not what `study results -o` writes beside a file of results.")
    return Content(plain)


def _trials(stored: StoredStudy, results: Path, trusted: Collection[str]) -> pd.DataFrame:
    """The complete pairs of the file. Raises `UserError` where one is not of this study."""
    file = read_csv(results, trusted=trusted)
    if file.name != stored.name:
        raise UserError(f"{results} holds results of {file.name}, not of {stored.name}.")
    epochs = stored.content.file.recipe.epochs
    arms = {design.name: design.arm for design in stored.designs}
    for row in file.trials.itertuples():
        named = f"{results}: {row.design}, seed {row.seed}"
        if arms.get(str(row.design)) != row.arm or row.seed not in stored.seeds:
            raise UserError(
                f"{named} ({row.arm}) is no pair of the study that it is said to be of."
            )
        if row.epochs != epochs:  # also where it is not known
            raise UserError(
                f"{named} was trained for {row.epochs} epochs; the study wants {epochs}."
            )
    if not file.has_validation:
        raise UserError(f"{results} has no validation errors, which this study chooses by.")
    return file.trials


def _chunks(stored: StoredStudy, trials: pd.DataFrame, path: Path) -> dict[Pair, Chunk]:
    """The epochs of these pairs. Raises `UserError` where some of a pair's are missing."""
    table = check_curves(open_table(path))
    columns = list(NUMBERS)
    own = table[table["study"] == stored.name].sort_values("epoch")
    by_pair = {
        Pair(str(key[0]), int(key[1])): rows for key, rows in own.groupby(["design", "seed"])
    }
    chunks = {}
    for design, seed, epochs in trials[["design", "seed", "epochs"]].itertuples(index=False):
        pair = Pair(design, seed)
        rows = by_pair.get(pair)
        if rows is None or rows["epoch"].tolist() != list(range(1, epochs + 1)):
            raise UserError(
                f"{path} does not hold all {epochs} epochs of {design}, seed {seed}, which is"
                " complete. Write both files anew, or leave out --curves."
            )
        known = rows[columns].astype(object).where(rows[columns].notna(), None)
        chunks[pair] = known.to_dict("list")
    return chunks


def _here(
    content: Content, pairs: int, results: Path, workers: int, threads: int | None
) -> tuple[dict[str, Any], list[str]]:
    """What is stored here of the study, and what it says from now on of where pairs are from."""
    origin, there = content.origin, content.settings
    try:
        check_settings(there)
        settings = there
    except UserError:  # another kind of machine
        settings = resolve(workers=workers, threads=threads).settings
    machine, versions = provenance.machine(), provenance.installed_versions()
    torch = versions.get("torch"), origin.versions.get("torch")
    about = list(origin.about)
    if (machine, settings, torch[0]) != (origin.machine, there, torch[1]):
        about.append(
            f"{counted(pairs, 'training was', 'trainings were')} done on another machine and taken"
            f" from {results.name}: {machine_words(there, origin.machine, torch[1])}; the others"
            f" are done with {machine_words(settings, machine, torch[0])}. Numbers of the two are"
            " not the same bit for bit."
        )
    plain = {
        **content.plain,
        "uid": uuid.uuid4().hex[:12],
        "settings": settings.model_dump(),
        "machine": machine,
        "about": about,
    }
    return plain, about


def machine_words(settings: Settings, machine: str, torch: str | None) -> str:
    """'cuda, bf16, 2 threads, torch 2.11.0 (Linux x86_64, ...)'."""
    precision = "32 bits" if settings.precision == "32" else settings.precision
    return (
        f"{settings.device}, {precision}, {counted(settings.threads, 'thread')}, torch {torch}"
        f" ({machine})"
    )
