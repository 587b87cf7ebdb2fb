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


def stored_study(place: "Storage", name_or_path: str) -> "StoredStudy":
    """The stored study of a name, or of the name in a study file."""
    from studies.stored import get
    from studies.study import Study

    is_path = name_or_path.endswith((".yaml", ".yml")) or "/" in name_or_path
    return get(place, Study.load(name_or_path).name if is_path else name_or_path)
