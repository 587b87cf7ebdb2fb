"""Which study a name means: the one that is stored under it, or a preset; a path means a file."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from explorer.errors import UserError, shorten
from search_spaces.documents import (
    ENDINGS,
    is_path,
    load_document,
    preset_names,
    unknown_document,
    validate,
)
from studies.config.study import StudyFile
from studies.records.ownership import refuse_strangers
from studies.records.stored_study import stored_alone
from studies.storage import Storage

File = TypeVar("File", bound=StudyFile)


def load_study(kind: type[File], name_or_path: str | Path, storage: Storage) -> tuple[File, str]:
    """Read a file by its path, or a stored study or preset by its name.

    Of a stored study and a preset of the same name the stored one is taken, as by all commands that
    read results.

    Args:
        kind: `StudyFile`, or `Study`.
        name_or_path: A name, or a path (see `is_path`).
        storage: Where studies are stored; there may be none yet.

    Returns:
        The study, and a sentence on what else could have been meant; empty where there is nothing.

    Raises:
        UserError: There is no such study, with the nearest name; or the file has a mistake.
    """
    if not isinstance(name_or_path, str | Path):
        raise UserError(
            "a study is loaded by a name or the path of a file; given:"
            f" {shorten(name_or_path)}. Of keys in Python, Study(name=..., space=...) makes one."
        )
    if isinstance(name_or_path, Path) or is_path(name_or_path):
        return load_document(kind, "study", name_or_path), ""
    name, presets = name_or_path, preset_names("study")
    has_tables = storage.exists() and not storage.is_empty()
    stored = stored_alone(storage, name) if has_tables else []
    if not stored and name in presets:
        return load_document(kind, "study", name), ""
    if not stored:
        names = [study.name for study in stored_alone(storage)] if has_tables else []
        where = f" (Presets, and what is stored in {storage.shown}.)"
        raise unknown_document("study", name, sorted({*names, *presets}), where)
    document = stored[0].content.file.document()
    study = validate(kind, document, source=f"the stored study {name}")
    others = [f"./{name}{ending}" for ending in ENDINGS if Path(f"{name}{ending}").exists()]
    if name in presets and load_document(kind, "study", name).document() != document:
        others.append("the preset, which differs")
    sentence = f"{name}: as it is stored in {storage.shown}, not {' or '.join(others)}."
    return study, sentence if others else ""


@contextmanager
def storage_of(name: str, storage: str | Storage | None) -> Iterator[Storage]:
    """The storage that holds a study, opened (`Storage.visit`).

    Raises:
        UserError: The study is not in it.
    """
    with Storage.visit(storage) as opened:
        has_tables = opened.exists() and not opened.is_empty()
        if not has_tables or not stored_alone(opened, name):
            if has_tables:
                refuse_strangers(opened, name)
            given = "" if storage is None else "storage=..."
            raise UserError(
                f"the study {name!r} is not in {opened.shown}: nothing of it was trained yet. Run"
                f" it first, with study.run({given}), or name the storage that holds it:"
                " storage='sqlite:///FILE'."
            )
        yield opened
