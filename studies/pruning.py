"""Pruning: a trial of a search tells its validation error after every epoch, and Optuna's pruner says whether it goes on."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from studies.claims import Attempt
from studies.search import Pruning
from studies.storage import Storage

if TYPE_CHECKING:
    import optuna


class Pruner:
    """Judges the trials of one study by one rule. `epochs` are those of a whole training: after the last there is nothing to save."""

    def __init__(self, storage: Storage, study: str, rule: Pruning, epochs: int) -> None:
        import optuna

        self._storage, self._epochs = storage, epochs
        self._pruner = make(rule)
        # Optuna keeps what has ended in memory, so that a judgement reads only what moves.
        self._study = optuna.load_study(study_name=study, storage=storage.open(), pruner=self._pruner)

    def resume(self, attempt: Attempt, earlier: Iterable[Attempt]) -> None:
        """Take over what earlier attempts at the pair have told: their epochs are not trained again."""
        told: dict[int, float] = {}
        for one in earlier:
            for row in self._storage.rows(
                "SELECT step, intermediate_value AS value FROM trial_intermediate_values WHERE trial_id = :trial",
                trial=one.id,
            ):
                told[row["step"]] = row["value"]
        for epoch in sorted(told):
            self.is_hopeless(attempt, epoch, told[epoch])

    def is_hopeless(self, attempt: Attempt, epoch: int, error: float) -> bool:
        """Tell the validation error after an epoch; whether to give the trial up."""
        from optuna.exceptions import UpdateFinishedTrialError

        storage = self._study._storage
        try:
            storage.set_trial_intermediate_value(attempt.id, epoch, error)
            return epoch < self._epochs and self._pruner.prune(self._study, storage.get_trial(attempt.id))
        except (UpdateFinishedTrialError, KeyError):  # given up as lost meanwhile: the lease tells
            return False


def make(rule: Pruning) -> "optuna.pruners.BasePruner":
    """Optuna's pruner for a rule."""
    import optuna

    if rule.method == "median":
        # Optuna's warm-up steps end before the first epoch that may be pruned.
        return optuna.pruners.MedianPruner(rule.startup_trials, rule.warm_up_epochs + 1)
    return optuna.pruners.SuccessiveHalvingPruner(min_resource=rule.first_epoch, reduction_factor=rule.reduction)
