"""What can be done with the studies in a storage, by their names.

What can be done with one that is at hand is in `studies.Study`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from studies.attempts.standing import Counts
from studies.attempts.stops import stop
from studies.config.study import StudyFile
from studies.records import stored_study
from studies.records.remarking import add_tags, remove_tags, set_note
from studies.records.remarks import Remarks
from studies.storage import Storage

if TYPE_CHECKING:
    from studies.engines.ray import RayEngine
    from studies.results import Failure, Imported, SavedResults, Taken


@dataclass(frozen=True)
class ListedStudy:
    """A study in a storage.

    Attributes:
        name: Of the study.
        counts: How its pairs stand.
        created: When it was stored, as ISO 8601 writes it.
    """

    name: str
    counts: Counts
    created: str


def list_studies(*, storage: str | Storage | None = None) -> list[ListedStudy]:
    """The studies in a storage, oldest first; none where there is no storage yet.

    Args:
        storage: Where studies are stored; None as in `Storage.visit`.
    """
    with Storage.visit(storage) as opened:
        return [
            ListedStudy(stored.name, stored.counts(opened), stored.content.origin.created)
            for stored in (stored_study.stored_studies(opened) if opened.exists() else [])
        ]


def study_failures(name: str, *, storage: str | Storage | None = None) -> "list[Failure]":
    """Every failed attempt of a stored study, with its reason and the last lines of its log.

    Args:
        name: Of the study.
        storage: As in `list_studies`.

    Raises:
        UserError: No study of this name is stored.
    """
    from studies.results import failures

    with Storage.visit(storage) as opened:
        return failures(opened, stored_study.get(opened, name))


def annotate_study(
    name: str,
    *,
    note: str | None = None,
    add: Iterable[str] = (),
    remove: Iterable[str] = (),
    storage: str | Storage | None = None,
) -> Remarks:
    """Write a note on a stored study, and give it tags: its pages show both.

    Args:
        name: Of the study.
        note: It takes the place of the note before; "" takes that away, None keeps it.
        add: Tags to give.
        remove: Tags to take away.
        storage: As in `list_studies`.

    Returns:
        Its note and tags from now on.

    Raises:
        UserError: No study of this name is stored, or a note or tag is not allowed.
    """
    with Storage.visit(storage) as opened:
        stored = stored_study.get(opened, name)
        if note is not None:
            set_note(opened, stored, note)
        if removed := tuple(remove):
            remove_tags(opened, stored, removed)
        if added := tuple(add):
            add_tags(opened, stored_study.get(opened, name), added)
        return stored_study.get(opened, name).remarks


def hand_over_study(
    study: StudyFile,
    engine: "RayEngine",
    *,
    threads: int | None = None,
    data_dir: Path | None = None,
    artifacts: str | None = None,
    storage: str | Storage | None = None,
) -> bool:
    """Hand a study to a Ray cluster, where it is trained to its end without this process.

    Args:
        study: The study.
        engine: The cluster, and how many workers.
        threads: As in `Study.run`, and so are `data_dir` and `artifacts`.
        data_dir: The folder with the data set's files.
        artifacts: A folder or URL that all machines reach.
        storage: As in `list_studies`, where all machines reach it.

    Returns:
        Whether anything is left to train; else nothing was handed over.

    Raises:
        UserError: A mistake, or the cluster has the study already.
    """
    from contextlib import closing

    from studies.artifacts import Artifacts
    from studies.running.detached import detach

    shared = Artifacts.given(artifacts)
    with Storage.visit(storage) as opened, closing(engine):
        return detach(study, opened, engine, threads=threads, data_dir=data_dir, artifacts=shared)


def stop_study(name: str, *, storage: str | Storage | None = None) -> int:
    """Ask all workers of a stored study, on whatever machine, to finish their step and leave.

    They notice within some 15 seconds. `Study.run` goes on from there.

    Args:
        name: Of the study.
        storage: As in `list_studies`.

    Returns:
        How many trainings are running now.

    Raises:
        UserError: No study of this name is stored.
    """
    with Storage.visit(storage) as opened:
        stored = stored_study.get(opened, name)
        stop(opened, stored.id)
        return stored.counts(opened).running


def retry_study(name: str, *, storage: str | Storage | None = None) -> int:
    """Let the next run train the failed pairs of a stored study again, and measure again the
    designs that a search found above its latency limit.

    A pair that has failed three times stays failed.

    Args:
        name: Of the study.
        storage: As in `list_studies`.

    Returns:
        How many pairs will be trained again.

    Raises:
        UserError: No study of this name is stored.
    """
    with Storage.visit(storage) as opened:
        return stored_study.retry(opened, stored_study.get(opened, name))


def delete_study(
    name: str,
    *,
    force: bool = False,
    artifacts: str | None = None,
    storage: str | Storage | None = None,
) -> Counts:
    """Delete a stored study with its results, logs and checkpoints. This cannot be undone.

    Args:
        name: Of the study.
        force: Also while it is being trained.
        artifacts: A folder or URL that its runs were given: its files there are deleted too.
        storage: As in `list_studies`.

    Returns:
        How its pairs stood.

    Raises:
        UserError: No study of this name is stored, it is being trained, or the artifacts are away.
    """
    from studies.artifacts import Artifacts
    from studies.results import delete

    with Storage.visit(storage) as opened:
        stored = stored_study.get(opened, name)
        counts = stored.counts(opened)
        delete(opened, stored, force=force, artifacts=Artifacts.given(artifacts))
    return counts


def save_results(
    name: str,
    path: str | Path,
    *,
    curves: bool = False,
    force: bool = False,
    storage: str | Storage | None = None,
) -> "SavedResults":
    """Write the results of a stored study as CSV, as `import_study` and `import_results` take them.

    Args:
        name: Of the study.
        path: The file (.csv).
        curves: A row an epoch instead of a row a pair.
        force: Also replace a file that is none of ours.
        storage: As in `list_studies`.

    Raises:
        UserError: No study of this name is stored, or the file cannot be written.
    """
    from studies.results import save_tables

    with Storage.visit(storage) as opened:
        stored = stored_study.get(opened, name)
        return save_tables(opened, stored, Path(path), curves=curves, force=force)


def import_study(
    source: str | Path,
    *,
    form: Literal["csv", "nds"] = "csv",
    name: str | None = None,
    reference_arm: str | None = None,
    storage: str | Storage | None = None,
) -> "Imported":
    """Store results that were trained elsewhere as a study.

    Args:
        source: A CSV file as `study results` writes it, a JSON file of NDS, or `published:NAME`.
        form: What a file is.
        name: What to call the study; by default what the column study says, else the file's name.
        reference_arm: The arm that the others are compared with, for example C=1.
        storage: As in `list_studies`.

    Returns:
        The study, and what was left out of it.

    Raises:
        UserError: Something in the file is wrong, and it says in which line; or the name is taken.
    """
    # Loaded when called, as all results are: pandas takes 0.4 s.
    from explorer.file_kinds import PUBLISHED
    from studies.results import read_csv, read_nds, read_published, store_imported

    options: dict[str, Any] = {"name": name, "reference_arm": reference_arm}
    if str(source).startswith(PUBLISHED):
        study = read_published(Path(source), **options)
    else:
        study = (read_nds if form == "nds" else read_csv)(Path(source), **options)
    return store_imported(storage, study)


def import_results(
    study: StudyFile,
    results: str | Path,
    curves: str | Path | None = None,
    *,
    data_dir: Path | None = None,
    workers: int = 1,
    threads: int | None = None,
    storage: str | Storage | None = None,
) -> "Taken":
    """Take the complete pairs of a study that was begun on another machine; `run` trains the rest.

    Args:
        study: The study.
        results: The CSV file of `study results`, with its origin beside it.
        curves: That of `study results --curves`.
        data_dir: As in `Study.run`, and so are `workers` and `threads`.
        storage: As in `list_studies`.

    Raises:
        UserError: The study or the data is another one, or something in a file is wrong.
    """
    from studies.results import continue_study

    with Storage.visit(storage) as opened:
        return continue_study(
            opened,
            study,
            Path(results),
            Path(curves) if curves is not None else None,
            data_dir=data_dir,
            workers=workers,
            threads=threads,
        )
