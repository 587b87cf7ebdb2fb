"""What a search tries next: Optuna's samplers over the axes of a space, fed with its trials.

The sampler's study lives in memory and is built anew from the storage for each proposal, so it has
no state that could be lost. What it proposes is made whole by the space: whatever the sampler
chooses, the design is on the budget or the choice is drawn again.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from explorer import Design
from explorer.errors import UserError
from studies.attempts.attempt import Attempt, statuses_of
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.config.design import StoredDesign
from studies.config.search import shuffled
from studies.pair import Pair
from studies.records.stored_study import StoredStudy
from studies.storage.schema import RESULT

if TYPE_CHECKING:
    import optuna
    from optuna.distributions import BaseDistribution

# Draws that may be known, left out or too expensive before a design
# that was not tried is taken at random.
DRAWS = 20


class Proposer:
    """Proposes designs for one stored search."""

    def __init__(self, stored: StoredStudy) -> None:
        assert stored.content.file.search
        self._stored, self._search, self._seed = stored, stored.content.file.search, stored.seeds[0]
        self._bound = stored.content.file.space.bind(**vars(stored.content.origin.shape))

    def claim(self, claims: Claims, worker: Worker, index: int = 0) -> Attempt | None:
        """Claim the first attempt at a design that nobody has tried; None where none is missing."""

        def draw(attempts: list[Attempt]) -> tuple[Pair, dict[str, Any]]:
            design = self.draw(attempts, index)
            if design is None:
                raise UserError(
                    f"the space of {self._stored.name} holds no design that was not tried."
                )
            return Pair(design.name, self._seed), StoredDesign.of(design).record()

        return claims.propose(draw, worker)

    def draw(self, attempts: Sequence[Attempt], index: int = 0) -> Design | None:
        """A design that has not been tried yet, or None where the space has no more.

        A function of what has been attempted, of the search's seed and of `index`, which keeps
        workers that look at the same moment from drawing the same.
        """
        tried = self._stored.seen(attempts).designs
        known = {design.name for design in tried}
        study = self._study(tried, attempts, index)
        axes = self._axes()
        for _ in range(DRAWS):
            params = study.ask(dict(axes)).params
            drawn = self._bound.at(
                {axis: self._choices(axis)[number] for axis, number in params.items()}
            )
            if isinstance(drawn, Design) and drawn.name not in known and self._search.allows(drawn):
                return drawn
        return next(
            (design for design in shuffled(self._bound, self._search) if design.name not in known),
            None,
        )

    def _choices(self, axis: str) -> list[Any]:
        choices = self._bound.axes[axis]
        return sorted(choices) if all(isinstance(choice, int) for choice in choices) else choices

    def _axes(self) -> dict[str, "BaseDistribution"]:
        """The distribution of each axis: of a number in its order, or of a choice.

        Both are of indices into the list of choices.
        """
        from optuna.distributions import CategoricalDistribution, IntDistribution

        axes: dict[str, BaseDistribution] = {}
        for axis in self._bound.axes:
            choices = self._choices(axis)
            ordered = all(isinstance(choice, int) for choice in choices)
            axes[axis] = (
                IntDistribution(0, len(choices) - 1)
                if ordered
                else CategoricalDistribution(range(len(choices)))
            )
        return axes

    def _study(
        self, tried: Sequence[StoredDesign], attempts: Sequence[Attempt], index: int
    ) -> "optuna.Study":
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        sampler = self._sampler(
            (self._search.seed * 1_000_003 + len(tried) * 1_009 + index) % 2**32
        )
        directions = [optuna.study.StudyDirection.MINIMIZE] * len(self._search.objectives)
        study = optuna.create_study(
            sampler=sampler, directions=directions, pruner=optuna.pruners.NopPruner()
        )
        pairs = {design.name: Pair(design.name, self._seed) for design in tried}
        stand = statuses_of(pairs.values(), attempts, self._stored.retried_from)
        results = {
            attempt.pair: attempt.attributes[RESULT]
            for attempt in attempts
            if attempt.ended == "complete"
            and attempt.pair in stand
            and RESULT in attempt.attributes
        }
        axes, generation, complete = self._axes(), _generation_key(), 0
        states = {
            "complete": optuna.trial.TrialState.COMPLETE,
            "pruned": optuna.trial.TrialState.PRUNED,
            "failed": optuna.trial.TrialState.FAIL,
        }
        for design in tried:
            params = self._params(design.arm)
            pair = pairs[design.name]
            if params is None:
                continue
            state = states.get(stand[pair], optuna.trial.TrialState.RUNNING)
            is_complete = state == optuna.trial.TrialState.COMPLETE
            study.add_trial(
                optuna.trial.create_trial(
                    state=state,
                    params=params,
                    distributions=dict(axes),
                    values=self._search.values(design, results[pair]) if is_complete else None,
                    system_attrs={generation: complete // self._population} if is_complete else {},
                )
            )
            complete += is_complete
        return study

    def _params(self, arm: str) -> dict[str, int] | None:
        """An arm's index along each axis; None for an arm that the space no longer has."""
        point = {**self._bound.space.points.get(arm, {}), "arm": arm}
        try:
            return {axis: self._choices(axis).index(point[axis]) for axis in self._bound.axes}
        except (KeyError, ValueError):
            return None

    @property
    def _population(self) -> int:
        """Members of a generation: five generations or so, however few the trials."""
        return max(4, min(50, self._search.trials // 5))

    def _sampler(self, seed: int) -> "optuna.samplers.BaseSampler":
        import optuna

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            if self._search.method == "nsga2":
                return optuna.samplers.NSGAIISampler(population_size=self._population, seed=seed)
            # The estimate needs something to stand on, but not most of the trials. In a space of
            # twenty, the best took 7 trials on average; 10 with the axes estimated together, or
            # with running trials taken for bad ones (both Optuna's defaults), and 10 by chance.
            startup = max(2, min(10, self._search.trials // 4))
            return optuna.samplers.TPESampler(
                n_startup_trials=startup, multivariate=False, constant_liar=False, seed=seed
            )


def _generation_key() -> str:
    """Where Optuna's genetic sampler looks up a trial's generation."""
    from optuna.samplers import NSGAIISampler

    return NSGAIISampler._get_generation_key()
