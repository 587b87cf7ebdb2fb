"""Whose a study in a shared storage is: an attribute marks ours; every other is left alone.

A study enters the storage in one transaction (`Storage.at_once`), so it is there whole or not at
all. Versions before this one wrote it in several; what they left when they were cut off in between
is recognised here.
"""

from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from studies.storage import Storage
from studies.storage.schema import ABOUT, CONTENT, IMPORTING, METRICS

if TYPE_CHECKING:
    from optuna.storages import RDBStorage


def is_ours(content: Any) -> bool:
    """Whether an attribute of our mark's name holds what we write there."""
    return isinstance(content, dict) and {"uid", "document"} <= content.keys()


def refuse_strangers(storage: Storage, name: str) -> None:
    """Refuse a name that no study of ours has, but another program's.

    Raises:
        UserError: where there is such a study.
    """
    rows = storage.rows(ABOUT, name=name)
    user, system, trials = (
        {row["key"] for row in rows if row["kind"] == kind} for kind in ("user", "system", "trial")
    )
    if rows and not _is_left_over(user, system, has_trials=bool(trials)):
        raise _of_another_program(storage, name)


def make_room(storage: Storage, writer: "RDBStorage", name: str) -> None:
    """Free a name from what an earlier version left of a study when it was cut off.

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
    """Whether an earlier version was cut off while it wrote a study with these attributes:
    it wrote the names of the values before our mark."""
    is_unfinished_import = IMPORTING in user and CONTENT not in user
    is_unmarked = not user and system == {METRICS} and not has_trials
    return is_unfinished_import or is_unmarked


def _of_another_program(storage: Storage, name: str) -> UserError:
    return UserError(
        f"{name} in {storage.shown} is a study of another program; it was left as it was. "
        "Take another name for yours, or another --storage."
    )
