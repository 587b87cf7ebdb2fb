"""Pruning: after every epoch of a search's trial, Optuna's pruner says whether it goes on."""

from collections.abc import Container, Iterable
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from studies.attempts.attempt import Attempt
from studies.config.search import Pruning
from studies.pair import Pair
from studies.storage import Storage
from studies.storage.schema import CLAIM

_FINAL = (TrialState.COMPLETE, TrialState.PRUNED)


class Pruner:
    """Judges the trials of one study by one rule.

    `epochs` are those of a whole training: after the last there is nothing to save.
    """

    def __init__(self, storage: Storage, study: str, rule: Pruning, epochs: int) -> None:
        self._epochs = epochs
        self._pruner = make(rule)
        # Optuna keeps what has ended in memory, so that a judgement reads only what moves.
        self._field = _Field(study, storage.open(), pruner=self._pruner)

    def resume(
        self, attempt: Attempt, earlier: Iterable[Attempt], errors: Iterable[tuple[int, float]]
    ) -> bool:
        """Report the epochs that are not trained again; returns whether to give the trial up.

        What an earlier attempt went on after is not judged again, for other trials have joined
        since. The last epoch that it reported may have been its end.

        Args:
            attempt: The trial.
            earlier: Attempts at its pair before it.
            errors: (epoch, validation error), in order.
        """
        storage = self._field._storage
        steps = [storage.get_trial(other.id).last_step or 0 for other in earlier]
        survived = max(steps, default=0) - 1
        # The pruner hears of each and keeps notes of its own; its verdict counts only where there
        # was none.
        verdicts = [
            epoch > survived for epoch, error in errors if self.is_hopeless(attempt, epoch, error)
        ]
        return any(verdicts)

    def is_hopeless(self, attempt: Attempt, epoch: int, error: float) -> bool:
        """Report the validation error after an epoch; returns whether to give the trial up."""
        from optuna.exceptions import UpdateFinishedTrialError

        storage = self._field._storage
        self._field.judged = attempt.pair
        try:
            storage.set_trial_intermediate_value(attempt.id, epoch, error)
            return epoch < self._epochs and self._pruner.prune(
                self._field, storage.get_trial(attempt.id)
            )
        except (UpdateFinishedTrialError, KeyError):  # given up as lost meanwhile: the lease tells
            return False


class _Field(optuna.Study):
    """A study as the pruner is to see it: one trial a pair, however often each was begun."""

    judged: Pair

    def get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        furthest: dict[Pair, FrozenTrial] = {}
        for trial in super().get_trials(deepcopy):
            if CLAIM not in trial.user_attrs:  # not ours: created by another program
                continue
            pair = Pair.of(trial.user_attrs[CLAIM])
            # Finalists on later seeds are trained whole, and compete with nobody.
            if pair.seed != self.judged.seed or pair == self.judged:
                continue
            if pair not in furthest or _reach(trial) > _reach(furthest[pair]):
                furthest[pair] = trial
        return [trial for trial in furthest.values() if states is None or trial.state in states]


def _reach(trial: FrozenTrial) -> Any:
    return trial.state in _FINAL, trial.last_step or 0


def make(rule: Pruning) -> optuna.pruners.BasePruner:
    """Optuna's pruner for a rule."""
    if rule.method == "median":
        # Optuna's warm-up steps end before the first epoch that may be pruned.
        return optuna.pruners.MedianPruner(rule.startup_trials, rule.warm_up_epochs + 1)
    return optuna.pruners.SuccessiveHalvingPruner(
        min_resource=rule.first_epoch, reduction_factor=rule.reduction
    )
