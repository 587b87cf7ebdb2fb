"""`--storage` and the name of a study, as every command that takes them has them."""

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from studies.storage import Storage
    from studies.stored import StoredStudy


def storage_option(command: Any) -> Any:
    """`--storage`, as every command that reads or writes one takes it."""
    return click.option(
        "--storage",
        metavar="URL",
        help="Where studies are kept (default: RESNEXT_EXPLORER_STORAGE, else resnext-explorer.db in the current folder).",
    )(command)


def to_run(name_or_path: str) -> str:
    """What `study run` takes for a study that was named like this, for a command to try next: its file or preset.

    Of a stored study's own name, the file is not known: then a name that stands for it.
    """
    from search_spaces.documents import preset_names

    return name_or_path if _is_path(name_or_path) or name_or_path in preset_names("study") else "FILE.yaml"


def _is_path(name_or_path: str) -> bool:
    return name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path


def stored_study(place: "Storage", name_or_path: str) -> "StoredStudy":
    """The stored study of a name, or of the name in a study file."""
    from studies.stored import get
    from studies.study import StudyFile

    return get(place, StudyFile.load(name_or_path).name if _is_path(name_or_path) else name_or_path)
