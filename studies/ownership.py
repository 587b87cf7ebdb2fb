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

# What there is of the study of a name: itself, the names of its attributes, and whether it has trials.
_ABOUT = """
SELECT 'study' AS kind, s.study_name AS key FROM studies s WHERE s.study_name = :name
UNION SELECT 'user', a.key FROM studies s JOIN study_user_attributes a ON a.study_id = s.study_id WHERE s.study_name = :name
UNION SELECT 'system', a.key FROM studies s JOIN study_system_attributes a ON a.study_id = s.study_id WHERE s.study_name = :name
UNION SELECT 'trial', '' FROM studies s JOIN trials t ON t.study_id = s.study_id WHERE s.study_name = :name
"""


def is_ours(content: Any) -> bool:
    """Whether an attribute of our mark's name holds what we write there."""
    return isinstance(content, dict) and {"uid", "document"} <= content.keys()


def refuse_strangers(storage: Storage, name: str) -> None:
    """Raises `UserError` where a study of this name is another program's. For names that no study of ours has."""
    rows = storage.rows(_ABOUT, name=name)
    user, system, trials = ({row["key"] for row in rows if row["kind"] == kind} for kind in ("user", "system", "trial"))
    if rows and not _is_left_over(user, system, has_trials=bool(trials)):
        raise _of_another_program(storage, name)


def make_room(storage: Storage, writer: "RDBStorage", name: str) -> None:
    """Free the name of a study that is not stored yet from what an earlier version left of it when it was cut off.

    Raises:
        UserError: where a study of this name is another program's.
    """
    there = next((study for study in writer.get_all_studies() if study.study_name == name), None)
    if there is None:
        return
    has_trials = writer.get_n_trials(there._study_id) > 0
    if not _is_left_over(set(there.user_attrs), set(there.system_attrs), has_trials=has_trials):
        raise _of_another_program(storage, name)
    writer.delete_study(there._study_id)


def _is_left_over(user: set[str], system: set[str], *, has_trials: bool) -> bool:
    """Whether an earlier version was cut off while it wrote a study with these attributes: it wrote the names of the values
    before our mark."""
    is_unfinished_import = IMPORTING in user and ATTRIBUTE not in user
    is_unmarked = not user and system == {METRICS} and not has_trials
    return is_unfinished_import or is_unmarked


def _of_another_program(storage: Storage, name: str) -> UserError:
    return UserError(
        f"{name} in {storage.shown} is a study of another program; it was left as it was. "
        "Take another name for yours, or another --storage."
    )
