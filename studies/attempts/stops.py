"""`study stop`: how it reaches everyone who works on a study, wherever they are.

The study has a counter. A run notes its value when it begins, and its workers and supervisor end
when they see a larger one. So nothing has to be taken back: the next run begins with the new value.
"""

from collections.abc import Callable

from studies.storage import Storage, from_json
from studies.storage.schema import STOPPED, STOPS


def stops(storage: Storage, study_id: int) -> int:
    """How often the study was stopped so far."""
    rows = storage.tuples(STOPPED, study=study_id)
    return int(from_json(rows[0][0])) if rows else 0


def stop_sign(storage: Storage, study_id: int, begun: int) -> Callable[[], bool]:
    """Tells whether the study was stopped since the counter stood at `begun`."""
    return lambda: stops(storage, study_id) > begun


def stop(storage: Storage, study_id: int) -> None:
    """Ask all workers of a study to end after their step."""
    with storage.errors():
        writer = storage.open()
        writer.set_study_user_attr(study_id, STOPS, stops(storage, study_id) + 1)
