"""Storing a study: written whole when it is created, and again when it is extended."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from explorer.errors import UserError
from explorer.suggestions import command
from studies.config.design import StoredDesign, check_sources
from studies.config.study import GRID, StudyFile, Wanted
from studies.data import is_of_arrays
from studies.machine import provenance
from studies.records.content import Content
from studies.records.labels import relabelled
from studies.records.ownership import make_room, refuse_strangers
from studies.records.stored_study import StoredStudy, find
from studies.storage import Storage
from studies.storage.schema import CONTENT, METRICS


def with_designs(
    storage: Storage, study: StudyFile, data_dir: Path | None
) -> tuple[StudyFile, Wanted]:
    """The study and its designs, with the reference that a budget leads to.

    A stored study keeps its reference: with more arms, the budget alone may lead to another.

    Raises:
        UserError: as `StudyFile.wanted` does.
    """
    if study.space.reference is None:
        stored = _find_there(storage, study.name)
        earlier = stored and stored.content.document
        if isinstance(earlier, StudyFile) and earlier.space.budget == study.space.budget:
            study = study.with_reference(earlier.space.references[0])
    wanted = study.wanted(data_dir)
    if study.space.reference is None:
        study = study.with_reference(wanted.designs[0].reference)
    return study, wanted


def as_extended(storage: Storage, study: StudyFile, wanted: Wanted) -> StoredStudy | None:
    """The stored study of this name as its file would extend it; stores nothing.

    Returns:
        None where no study of this name is stored.

    Raises:
        UserError: showing the difference, where the file wants something else.
    """
    stored = _find_there(storage, study.name)
    return stored and stored.with_content(_extended(stored, study, wanted, storage))


def _find_there(storage: Storage, name: str) -> StoredStudy | None:
    """As `find`, where there may be no storage yet.

    Raises:
        UserError: where the name is another program's.
    """
    if not storage.exists() or storage.is_empty():
        return None
    if (stored := find(storage, name)) is None:
        refuse_strangers(storage, name)
    return stored


def create_or_extend(
    storage: Storage, study: StudyFile, wanted: Wanted, find_out: Callable[[], dict[str, Any]]
) -> StoredStudy:
    """Store a new study, or extend the stored one where the file asks for more.

    Args:
        storage: Where.
        study: What is wanted.
        wanted: Its designs.
        find_out: Gives what takes a while to know, and is only called for a new study: its
            `settings`, and `about_data`.

    Raises:
        UserError: showing the difference, where the file wants something else than what is stored
            under its name.
    """
    with storage.lock():
        stored = _find_there(storage, study.name)
        if stored is not None:
            content = _extended(stored, study, wanted, storage)
            if content is not stored.content:
                storage.open().set_study_user_attr(stored.id, CONTENT, content.plain)
            return stored.with_content(content)
        plain = {
            "uid": uuid.uuid4().hex[:12],
            "document": study.document(),
            "reference_arm": study.reference_label,
            "planned_seeds": study.seeds,
            "shape": asdict(wanted.shape),
            **_designs(study, [StoredDesign.of(design) for design in wanted.designs]),
            "left_out": [asdict(point) for point in wanted.left_out],
            **find_out(),
            "versions": provenance.installed_versions(),
            "git_commit": provenance.git_commit(),
            "machine": provenance.machine(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        from optuna.study import StudyDirection

        objectives = list(study.search.objectives) if study.search else ["validation_error"]
        with storage.at_once() as writer:
            make_room(storage, writer, study.name)
            study_id = writer.create_new_study(
                [StudyDirection.MINIMIZE] * len(objectives), study.name
            )
            writer.set_study_system_attr(study_id, METRICS, objectives)
            writer.set_study_user_attr(study_id, CONTENT, plain)
        return StoredStudy(study_id, study.name, Content(plain))


def _extended(stored: StoredStudy, study: StudyFile, wanted: Wanted, storage: Storage) -> Content:
    """What is to be stored of a study that was stored: the same object where nothing changes."""
    plain, document = stored.content.plain, study.document()
    check_sources(stored.content.designs)
    before, changed = compared(stored.content, study)
    if document == before:
        return stored.content
    if changed:
        raise UserError(
            f"the study {study.name} is stored already and wants something else (stored ->"
            " given):\n  "
            + "\n  ".join(changed)
            + "\nMore seeds, arms and trials only extend a study; for anything else give it another"
            f" name, or name another --storage. To go on as it is stored:"
            f" {command('study run', study.name, storage=storage.option)}"
        )
    known = {
        design.arm: design for design in relabelled(stored.content.designs, study.space.references)
    }
    designs = [known.get(design.arm) or StoredDesign.of(design) for design in wanted.designs]
    if study.search:  # what has been tried stays, also where a larger space is shuffled anew
        names = {design.name for design in known.values()}
        designs = [*known.values(), *(design for design in designs if design.name not in names)]
    return Content(
        {
            **plain,
            "document": document,
            "reference_arm": study.reference_label,
            **_designs(study, designs),
            "left_out": [asdict(point) for point in wanted.left_out],
            "ended_at": _ended_at(stored),
            **_stages(stored, study, designs),
        }
    )


def compared(content: Content, study: StudyFile) -> tuple[dict[str, Any], list[str]]:
    """A stored study's document, and where a study file wants something else, in lines to show."""
    document, earlier = study.document(), content.document
    if not isinstance(earlier, StudyFile):
        before = content.plain_file
        return before, differences(before, document)
    # Keys that came with a newer version are filled in as they are for the given file.
    before = earlier.document()
    return before, differences(
        {**before, "reference_arm": earlier.reference_point},
        {**document, "reference_arm": study.reference_point},
    )


def _ended_at(stored: StoredStudy) -> int | None:
    """The seeds at most of a plan with `until` that has come to its end, or had before."""
    until = stored.until
    if until and not until.ended_at and until.course(stored.attempts).finished:
        return until.until.at_most
    return stored.content.origin.ended_at


def _stages(
    stored: StoredStudy, study: StudyFile, designs: Sequence[StoredDesign]
) -> dict[str, Any]:
    """What a study wanted before each extension, this one included: its seeds, and of a grid its
    arms. An older version stored no arms: where they are not known, there are none."""
    origin, seeds = stored.content.origin, stored.seeds
    seeds_before, arms_before = list(origin.extended_from), list(origin.arms_before)
    arms_before += [[]] * (len(seeds_before) - len(arms_before))
    arms = [] if study.search else [design.arm for design in stored.content.designs]
    if seeds != study.seeds or (arms and set(arms) != {design.arm for design in designs}):
        seeds_before.append(seeds)
        arms_before.append(arms)
    return {"extended_from": seeds_before, "arms_before": arms_before}


def _designs(study: StudyFile, designs: Sequence[StoredDesign]) -> dict[str, Any]:
    """What is stored of a study's designs.

    Of a search, its number of trials, and those of its designs that are known beforehand.
    """
    if study.search is None:
        return {"designs": [design.record() for design in designs]}
    trials = min(len(designs), study.search.trials)
    known = designs[: trials if study.search.method == "random" else 1]
    return {"trials": trials, "designs": [design.record() for design in known]}


def differences(stored: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """Where a study's document differs from the stored one, in lines to be shown.

    What only extends it (more seeds, arms, trials, finalists), and what changes no training, is no
    difference.
    """
    before, now = dict(_flat(stored)), dict(_flat(given))
    lines = []
    for key in sorted(before | now):
        old, new = before.get(key), now.get(key)
        if key == "space.reference":  # one may be written by itself
            old, new = ([value] if isinstance(value, str) else value for value in (old, new))
        uses_first_seed = stored.get("tune") or stored.get("search") != GRID
        if key == "seeds" and old and new and old[0] != new[0] and uses_first_seed:
            lines.append(f"the first seed, which searches and tuning use: {old[0]} -> {new[0]}")
        elif key == "data.path" and is_of_arrays(old) and is_of_arrays(new) and old != new:
            lines.append("data: the arrays hold other images or labels than those it began with")
        elif old != new and not _extends(key, old, new):
            lines.append(f"{key}: {_written(old)} -> {_written(new)}")
    return lines


def _extends(key: str, old: Any, new: Any) -> bool:
    if key in ("question", "margin", "keep_misses", "log"):  # change no training
        return True
    if key in ("search.trials", "search.finalists", "seeds.at_most"):
        return isinstance(old, int) and isinstance(new, int) and new > old
    grows = key in ("seeds", "space.reference") or key.startswith("space.axes.")
    are_lists = isinstance(old, list) and isinstance(new, list)
    return grows and are_lists and all(value in new for value in old)


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if prefix == "recipes" and value:
        value = {recipe["name"]: recipe for recipe in value}
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, value


def _written(value: Any) -> str:
    return "(none)" if value is None else str(value)
