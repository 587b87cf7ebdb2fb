"""The best design of a study, by validation error, how sure that is, and
the same design trained fully to take along.

Validation chooses; the test set is read by the full training alone, once, at its end.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from explorer.errors import UserError
from explorer.suggestions import Secret, command
from studies.data import Images, Rows, Splits, mean_and_std
from studies.winner.ranking import SAME, rank, validation_errors

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Rival:
    """A design beside the winner. `worse` is its validation error minus the winner's, the mean over
    the seeds that both have; `low` to `high` its interval, all rivals' together 95 %; None where
    they share one seed or none, and where the gap is exactly the same in each, as few images may
    have it: the seeds then say nothing of how far it could be off. Fractions throughout.
    """

    arm: str
    design: str
    validation_error: float
    worse: float
    shared_seeds: int
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
        if not self.rivals:
            return first
        if complete == 1:
            alone = f"{first} One seed cannot tell whether another is better: no interval exists."
            if self.planned_seeds > 1:
                return f"{alone} Run the study to its end."
            seed = self.seeds[0]
            return (
                f"{alone} Add seeds and run the study again, by seeds: [{seed}, {seed + 1},"
                f" {seed + 2}] in its file or --set 'seeds=[{seed},{seed + 1},{seed + 2}]'; only"
                " the new ones are trained."
            )
        shared = [
            f"{rival.arm} {rival.shared_seeds}"
            for rival in self.rivals
            if rival.shared_seeds < complete
        ]
        fewer = f" Compared on the seeds that both have: {', '.join(shared)}." if shared else ""
        untold = [rival.arm for rival in self.rivals if rival.stands != "worse"]
        if not untold:
            return f"{first} The intervals of all others lie above it.{fewer}"
        same = [rival.arm for rival in self.rivals if rival.low is None and rival.shared_seeds > 1]
        why = (
            f" The gap to {', '.join(same)} is exactly the same in every seed, which gives no"
            " interval."
            if same
            else ""
        )
        return f"{first} Not told apart from it: {', '.join(untold)}.{why}{fewer}"


def choose(
    trials: pd.DataFrame, to_run: str = "FILE.yaml", storage: str | Secret | None = None
) -> Winner:
    """The winner among the complete pairs of one study's table of trials.
    Raises `UserError` where none is complete.

    Which it is says `ranking.rank`. `to_run` and `storage` are for the commands that the error
    proposes: what `study run` takes for this study, and its `Storage.option`.
    """
    from scipy import stats

    done = trials[trials["status"] == "complete"]
    table, ranking = validation_errors(trials), rank(trials)
    if not ranking.order:
        name = " ".join(trials["study"].unique())
        failed = int((trials["status"] == "failed").sum())
        advice = (
            f"{failed} failed; see why: {command('study show', name, storage=storage)}"
            if failed
            else f"Run it first: {command('study run', to_run, storage=storage)}"
        )
        raise UserError(f"no pair of this study is complete yet, so there is no winner. {advice}")
    about = done.drop_duplicates("design").set_index("design")
    means, (best, *others) = ranking.means, ranking.order
    rivals = []
    for design in others:
        differences = (table.loc[design] - table.loc[best]).dropna()
        low = high = None
        if len(differences) > 1 and np.ptp(differences) > SAME:
            # Bonferroni: together the intervals hold with 95 %.
            quantile = stats.t.ppf(1 - (1 - CONFIDENCE) / (2 * len(others)), len(differences) - 1)
            half = quantile * differences.std(ddof=1) / math.sqrt(len(differences))
            low, high = float(differences.mean() - half), float(differences.mean() + half)
        worse = float(differences.mean()) if len(differences) else means[design] - means[best]
        arm = str(about.loc[design, "arm"])
        rivals.append(Rival(arm, design, means[design], worse, len(differences), low, high))
    seeds = tuple(int(seed) for seed in table.columns[table.loc[best].notna()])
    arm, planned = str(about.loc[best, "arm"]), int(trials["seed"].nunique())
    return Winner(arm, best, means[best], seeds, tuple(rivals), ranking.fewer_seeds, planned)


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


def card(
    name: str, winner: Winner, facts: dict[str, Any], recipe: dict[str, Any], files: dict[str, str]
) -> str:
    """What the model is, how it was made, on what, and with which error: Markdown."""
    lines = [
        f"# {facts['design']}",
        "",
        f"Chosen by the study `{name}`: {winner.why}",
        "",
        "## What",
        "",
    ]
    lines += [f"- {key}: {value}" for key, value in facts["what"].items()]
    lines += ["", "## On what", ""] + [f"- {key}: {value}" for key, value in facts["data"].items()]
    lines += ["", "## How", ""] + [
        f"- {key}: {value}" for key, value in {**recipe, **facts["how"]}.items()
    ]
    lines += ["", "## With which error", ""] + [
        f"- {key}: {value}" for key, value in facts["errors"].items()
    ]
    lines += ["", "## Files", ""] + [f"- `{file}`: {what}" for file, what in files.items()]
    lines += ["", "## Use", "", "```python", *facts["use"], "```"]
    return "\n".join(lines) + "\n"


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"
