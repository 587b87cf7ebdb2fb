"""Writing attempts into Optuna's tables, each step of one in a few statements.

What is written is what Optuna would write, and its own programs read it. Optuna's methods take a
transaction for each attribute, and look at every trial of a study for the number of a new one. All
functions are called inside a transaction, which `Storage.transact` begins.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy

from explorer.errors import UserError
from studies.attempts.attempt import RUNNING
from studies.storage import schema

if TYPE_CHECKING:
    from optuna.trial import TrialState

    from studies.attempts.agenda import Carried


def lock(connection: sqlalchemy.Connection, study_id: int) -> None:
    """Keep other claims of a study out until the transaction ends.

    Raises:
        UserError: The study was deleted.
    """
    is_server = connection.dialect.name == "postgresql"
    query = schema.LOCK_ON_SERVER if is_server else schema.LOCK
    if connection.execute(sqlalchemy.text(query), {"study": study_id}).first() is None:
        raise UserError("the study was deleted while it was trained.")


def create(
    connection: sqlalchemy.Connection,
    study_id: int,
    attributes: Mapping[str, Any],
    carried: "Carried",
) -> tuple[int, int]:
    """Create a running attempt in a study that is locked; returns its id and number."""
    from optuna.distributions import distribution_to_json
    from optuna.storages._rdb.models import TrialModel, TrialParamModel
    from optuna.trial import TrialState

    trials = TrialModel.__table__
    last = connection.execute(sqlalchemy.text(schema.LAST_NUMBER), {"study": study_id}).scalar()
    number = 0 if last is None else last + 1
    created = connection.execute(
        sqlalchemy.insert(trials),
        {
            "study_id": study_id,
            "number": number,
            "state": TrialState.RUNNING,
            "datetime_start": _now(),
        },
    ).inserted_primary_key
    assert created
    trial_id: int = created[0]
    write(connection, trial_id, attributes)
    parameters = [
        {
            "trial_id": trial_id,
            "param_name": name,
            "param_value": carried.distributions[name].to_internal_repr(value),
            "distribution_json": distribution_to_json(carried.distributions[name]),
        }
        for name, value in carried.params.items()
    ]
    if parameters:
        connection.execute(sqlalchemy.insert(TrialParamModel.__table__), parameters)
    return trial_id, number


def hold(connection: sqlalchemy.Connection, trial_id: int) -> str:
    """Keep others from ending an attempt until the transaction ends.

    Returns:
        Its state; "" of one that is gone with its study.
    """
    is_server = connection.dialect.name == "postgresql"
    query = schema.HOLD + (" FOR NO KEY UPDATE" if is_server else "")
    return connection.execute(sqlalchemy.text(query), {"trial": trial_id}).scalar() or ""


def write(connection: sqlalchemy.Connection, trial_id: int, attributes: Mapping[str, Any]) -> None:
    """Write attributes of an attempt, over those of the same keys."""
    if not attributes:
        return
    parameters: dict[str, Any] = {"trial": trial_id}
    for number, (key, value) in enumerate(attributes.items()):
        parameters |= {f"key{number}": key, f"value{number}": json.dumps(value)}
    connection.execute(sqlalchemy.text(schema.write_attributes(len(attributes))), parameters)


def end(
    connection: sqlalchemy.Connection, trial_id: int, state: "TrialState", values: Sequence[float]
) -> bool:
    """End an attempt with its value for each objective; False where it does not run."""
    from optuna.storages._rdb.models import TrialModel, TrialValueModel
    from optuna.trial import TrialState

    trials = TrialModel.__table__
    ending = sqlalchemy.update(trials).where(
        trials.c.trial_id == trial_id, trials.c.state.in_([TrialState[name] for name in RUNNING])
    )
    if not connection.execute(ending, {"state": state, "datetime_complete": _now()}).rowcount:
        return False
    rows = []
    for objective, value in enumerate(values):
        stored, kind = TrialValueModel.value_to_stored_repr(value)
        rows.append(
            {"trial_id": trial_id, "objective": objective, "value": stored, "value_type": kind}
        )
    if rows:
        connection.execute(sqlalchemy.insert(TrialValueModel.__table__), rows)
    return True


def _now() -> datetime:
    """The time as Optuna stores it: in UTC, without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)
