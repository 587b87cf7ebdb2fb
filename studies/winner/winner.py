"""The best design of a study, by validation error, how sure that is, and
the same design trained fully to take along.

Validation chooses; the test set is read by the full training alone, once, at its end.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from explorer.errors import UserError
from explorer.suggestions import Secret, command
from studies.data import Images, Rows, Splits, mean_and_std
from studies.judging.rivals import behind, standings
from studies.winner.ranking import Ranking, rank


@dataclass(frozen=True)
class Rival:
    """A design beside the winner. `worse` is its validation error minus the winner's, both means by
    least squares; `low` to `high` its interval. Those of every two designs hold together with 95 %
    (Tukey), as the winner is picked from the same numbers. None where seeds are still to come,
    where the two share no seed, and where one seed or seeds that are all alike say nothing of how
    far it could be off. Fractions throughout.
    """

    arm: str
    design: str
    validation_error: float
    worse: float
    seeds: int
    low: float | None
    high: float | None

    @property
    def stands(self) -> str:
        """`worse`; `tied` where the seeds leave open which of the two is better;
        `cannot tell` where there is no interval."""
        if self.low is None:
            return "cannot tell"
        return "tied" if self.low <= 0 else "worse"


@dataclass(frozen=True)
class Winner:
    """The design with the lowest mean validation error, and its rivals, best first."""

    arm: str
    design: str
    validation_error: float
    seeds: tuple[int, ...]
    rivals: tuple[Rival, ...]
    fewer_seeds: tuple[str, ...]  # designs not compared, because they were trained on fewer seeds
    planned_seeds: int
    unfinished: bool

    @property
    def why(self) -> str:
        """Why it is this one, and whether it might be another: one or two sentences."""
        complete = len(self.seeds)
        of = "" if complete == self.planned_seeds else f" of {self.planned_seeds}"
        seeds = f"{complete}{of} {'seed' if self.planned_seeds == 1 else 'seeds'}"
        lowest = _percent(self.validation_error)
        first = (
            f"{self.arm} ({self.design}) has the lowest validation error, {lowest}, mean of"
            f" {seeds}."
        )
        if self.unfinished:
            return f"So far, {first} How sure that is comes with the last seed."
        if not self.rivals:
            return first
        if complete == 1:
            alone = f"{first} One seed cannot tell whether another is better: no interval exists."
            if self.planned_seeds > 1:
                return f"{alone} The other seeds have no result."
            seed = self.seeds[0]
            return (
                f"{alone} Add seeds and run the study again, by seeds: [{seed}, {seed + 1},"
                f" {seed + 2}] in its file or --set 'seeds=[{seed},{seed + 1},{seed + 2}]'; only"
                " the new ones are trained."
            )
        return " ".join([first, *self._standings(), *self._losses()])

    def _standings(self) -> list[str]:
        """Who is worse, and who is not told apart from the winner."""
        arms = {
            stands: ", ".join(rival.arm for rival in self.rivals if rival.stands == stands)
            for stands in ("worse", "tied", "cannot tell")
        }
        if not arms["tied"] and not arms["cannot tell"]:
            if len(self.rivals) == 1:
                return ["The other one's interval lies above it."]
            return ["The intervals of all others lie above it."]
        sentences = [f"Worse than {self.arm}: {arms['worse']}."] if arms["worse"] else []
        if arms["tied"]:
            sentences.append(f"Not told apart from it: {arms['tied']}.")
        if arms["cannot tell"]:
            sentences.append(
                f"No interval for {arms['cannot tell']}: no seed in common, or the same gap in"
                " every seed."
            )
        return sentences

    def _losses(self) -> list[str]:
        """Whose mean is as if no seed were missing."""
        own = (self.arm, len(self.seeds))
        lost = [
            f"{arm} has {count} of {self.planned_seeds} seeds"
            for arm, count in [own, *((rival.arm, rival.seeds) for rival in self.rivals)]
            if count < self.planned_seeds
        ]
        return [f"By least squares, as trainings are missing: {', '.join(lost)}."] if lost else []


def choose(
    trials: pd.DataFrame, to_run: str = "FILE.yaml", storage: str | Secret | None = None
) -> Winner:
    """The winner among the complete pairs of one study's table of trials.
    Raises `UserError` where none is complete.

    Which it is says `ranking.rank`. `to_run` and `storage` are for the commands that the error
    proposes: what `study run` takes for this study, and its `Storage.option`.
    """
    done = trials[trials["status"] == "complete"]
    ranking = rank(trials)
    if not ranking.order:
        name = " ".join(trials["study"].unique())
        if len(done):
            raise UserError(
                f"no validation error is known of {name}, so there is no winner: choosing by test"
                " error would flatter it."
            )
        failed = int((trials["status"] == "failed").sum())
        advice = (
            f"{failed} failed; see why: {command('study show', name, storage=storage)}"
            if failed
            else f"Run it first: {command('study run', to_run, storage=storage)}"
        )
        raise UserError(f"no pair of this study is complete yet, so there is no winner. {advice}")
    arms = done.drop_duplicates("design").set_index("design")["arm"].astype(str)
    best = ranking.order[0]
    unfinished = bool(trials["status"].isin(["waiting", "running"]).any())
    return Winner(
        arms[best],
        best,
        ranking.means[best],
        tuple(int(seed) for seed in ranking.errors.columns[ranking.errors.loc[best].notna()]),
        tuple(_rivals(ranking, arms, unfinished)),
        ranking.fewer_seeds,
        int(trials["seed"].nunique()),
        unfinished,
    )


def _rivals(ranking: Ranking, arms: pd.Series, unfinished: bool) -> list[Rival]:
    """All behind the first. Without intervals while seeds are to come: who looks and stops when
    one is worse is wrong more often than 5 %."""
    errors = ranking.errors.to_numpy(dtype=float)
    _, low, high = behind(standings(errors), 0)
    best, *others = ranking.order
    rivals = []
    for row, design in enumerate(others, start=1):
        is_known = not unfinished and bool(np.isfinite(low[row]))
        rivals.append(
            Rival(
                arms[design],
                design,
                ranking.means[design],
                ranking.means[design] - ranking.means[best],
                int(np.isfinite(errors[row]).sum()),
                float(low[row]) if is_known else None,
                float(high[row]) if is_known else None,
            )
        )
    return rivals


def train_on_both(splits: Splits) -> Splits:
    """Train and validation as one training split, normalised by itself. The validation images stay
    where they are as well, so that an epoch can be followed; their error is then one of
    training."""
    parts = (splits.train, splits.validation)
    images: Any
    if isinstance(splits.train.images, Rows) and isinstance(splits.validation.images, Rows):
        train = splits.train.images
        images = replace(train, rows=np.concatenate([train.rows, splits.validation.images.rows]))
    else:
        images = np.concatenate([part.images[:] for part in parts])
    whole = Images(images, np.concatenate([part.labels for part in parts]))
    mean, std = mean_and_std(whole.images)
    return replace(splits, train=whole, mean=mean, std=std)


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"
