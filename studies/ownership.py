"""Whose a study in a shared storage is: one of ours says so in an attribute; every other is left alone.

A study enters the storage in one transaction (`Storage.at_once`), so it is there whole or not at all. Versions before this one wrote
it in several; what they left when they were cut off in between is recognised here.
"""

from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from studies.storage import Storage

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

# Our mark, a study's attribute; it holds all that `studies.stored` keeps of it.
ATTRIBUTE = "explorer"
# Where Optuna keeps the names of a study's values (`Study.set_metric_names`).
METRICS = "study:metric_names"
# A study that an earlier version was importing when it was cut off.
IMPORTING = "explorer:importing"


def is_ours(content: Any) -> bool:
    """Whether an attribute of our mark's name holds what we write there."""
    return isinstance(content, dict) and {"uid", "document"} <= content.keys()


def refuse_strangers(storage: Storage, name: str) -> None:
    """Raises `UserError` where a study of this name is another program's. For names that no study of ours has."""
    rows = storage.rows(
        "SELECT a.key FROM studies s LEFT JOIN study_user_attributes a ON a.study_id = s.study_id WHERE s.study_name = :name",
        name=name,
    )
    if rows and IMPORTING not in {row["key"] for row in rows}:
        raise _of_another_program(storage, name)


def make_room(storage: Storage, writer: "RDBStorage", name: str) -> None:
    """Free the name of a study that is not stored yet from what an earlier version left of it when it was cut off.

    Raises:
        UserError: where a study of this name is another program's.
    """
    there = next((study for study in writer.get_all_studies() if study.study_name == name), None)
    if there is None:
        return
    is_unfinished_import = IMPORTING in there.user_attrs and ATTRIBUTE not in there.user_attrs
    # It wrote the names of the values before our mark.
    is_unmarked = not there.user_attrs and set(there.system_attrs) == {METRICS}
    if not (is_unfinished_import or (is_unmarked and not writer.get_n_trials(there._study_id))):
        raise _of_another_program(storage, name)
    writer.delete_study(there._study_id)


def _of_another_program(storage: Storage, name: str) -> UserError:
    return UserError(
        f"{name} in {storage.shown} is a study of another program; it was left as it was. "
        "Take another name for yours, or another --storage."
    )
