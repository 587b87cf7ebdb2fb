"""The failures of a stored study with their last log lines, and the deletion of one."""

import json
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from explorer.errors import UserError
from studies.attempts.standing import Attempts
from studies.pair import Pair
from studies.records.stored_study import StoredStudy
from studies.storage import Storage, schema

if TYPE_CHECKING:
    from studies.artifacts import Artifacts


@dataclass(frozen=True)
class Failure:
    """A failed attempt at a pair, or at a tuning trial of its arm.

    Attributes:
        reason: Why it failed.
        log: The last lines of its log.
    """

    attempt: int
    pair: Pair
    arm: str
    reason: str
    log: list[str]

    def record(self) -> dict[str, Any]:
        """It as plain data."""
        return {**asdict(self), "pair": self.pair.record()}

    @property
    def what(self) -> str:
        """'C=1 seed 0', or of a tuning trial 'C=1 tuning 2 seed 0'."""
        return f"{self.pair.of_arm(self.arm)} seed {self.pair.seed}"


def failures(storage: Storage, study: StoredStudy) -> list[Failure]:
    """Every attempt that left a reason for its failure, in order.

    Those of pairs that were retried with success are among them.
    """
    rows = storage.rows(schema.FAILURES, study=study.id)
    failed = []
    with storage.sound():
        arms = {design.name: design.arm for design in study.designs}
        for row in rows:
            pair, failure = Pair.of(json.loads(row["claim"])), json.loads(row["failure"])
            arm = arms.get(pair.design, pair.design)
            log = list(failure.get("log", []))
            failed.append(Failure(row["number"], pair, arm, str(failure["reason"]), log))
    return failed


def delete(
    storage: Storage,
    study: StoredStudy,
    *,
    force: bool = False,
    artifacts: "Artifacts | None" = None,
) -> None:
    """Delete a study, its results, and its logs and checkpoints on this machine.

    Args:
        storage: Where it is stored.
        study: The study.
        force: Also while it is being trained; what trains it notices, and stops.
        artifacts: Where its checkpoints and exported winner are deleted too; decoded images stay,
            which other studies may use.

    Raises:
        UserError: It is being trained, or its artifacts cannot be deleted: then it stays.
    """
    running = [attempt.worker for attempt in Attempts(storage, study.id).read() if attempt.running]
    alive = [worker for worker in running if not worker.is_dead()]
    if alive and not force:
        workers = ", ".join(sorted(f"process {worker.pid} on {worker.host}" for worker in alive))
        raise UserError(
            f"{study.name} is being trained by {workers}. Stop that first; if they are long gone,"
            " delete it with --force."
        )
    if artifacts:  # first: what they cannot delete, the same command deletes later
        try:
            artifacts.delete(study.artifacts_key)
        except UserError as error:
            raise UserError(
                f"{error} {study.name} was not deleted; without --artifacts it is, and its files"
                " there stay."
            ) from None
    writer = storage.open()
    with storage.errors():
        writer.delete_study(study.id)
    shutil.rmtree(storage.files / study.name, ignore_errors=True)
