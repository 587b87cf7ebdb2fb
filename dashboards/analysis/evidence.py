"""What a study's results say in numbers: each computed when first asked for, and once."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from dashboards.analysis.arms import (
    RowsByArm,
    arm_cardinalities,
    arm_codes,
    arm_costs,
    arm_numbers,
    arm_order,
    designs_of,
    error_table,
    finite,
    reference_arm,
    summarize_arms,
)
from dashboards.analysis.comparison import Comparison, Difference, as_decided, compare
from dashboards.analysis.looks import looks_so_far
from dashboards.analysis.test_set import Sampling, sampling_of_tests, size_of_test_set
from dashboards.analysis.words import (
    LABEL_COLUMNS,
    budget_words,
    data_words,
    network_label,
    only_or_counted,
    own_quantities,
    shared_seeds,
)
from explorer.text import counted
from studies.judging.guessing import Guess
from studies.judging.latency import latency_words
from studies.missed import Missed
from studies.pair import Pair
from studies.winner.limits import allowed
from studies.winner.ranking import Ranking, rank

SPLITS = ("train", "validation", "test")
WAYS = ("deeper", "wider", "more paths")  # the arms of a space with `scale`
# More than this are not looked through one by one, and a browser takes seconds for hundreds.
MOST_ARMS = 25


@dataclass(frozen=True, eq=False)
class Evidence:
    """The numbers behind a verdict. Errors are fractions.

    Attributes:
        trials: One row a pair, as `studies.results` gives them; nobody may change them.
        info: What `studies.results.study_info` says about the study; may be empty.
        study: The whole study, where these trials are a choice of its trainings. A choice made
            after looking is compared without a correction for looks: it is no finding.
        read_missed: Gives which test images each training missed, of those that stored it; asked
            once, and only where that is shown.
    """

    trials: pd.DataFrame
    info: Mapping[str, Any] = field(default_factory=dict)
    study: "Evidence | None" = None
    read_missed: Callable[[], Mapping[Pair, Missed]] = dict

    @property
    def whole(self) -> "Evidence":
        """The study itself, also of a choice: what gives arms their colours."""
        return self.study or self

    @cached_property
    def designs(self) -> pd.DataFrame:
        """The first row of each design of each arm."""
        return designs_of(self.trials)

    @cached_property
    def own_quantities(self) -> dict[str, dict[str, str]]:
        """Those in which networks of the user's own differ; see `words.own_quantities`."""
        return own_quantities(self.designs["design"].astype(str))

    @cached_property
    def cardinalities(self) -> dict[str, int]:
        """Of each arm; empty unless each arm has one of its own."""
        return arm_cardinalities(self.designs)

    @cached_property
    def numbers(self) -> tuple[str, dict[str, int]]:
        """The one axis that the arms vary, and the number of each; see `arms.arm_numbers`."""
        return arm_numbers(self.arms)

    @cached_property
    def arms(self) -> list[str]:
        """In the order to show them."""
        return arm_order(self.designs, self.cardinalities)

    @cached_property
    def shown_arms(self) -> list[str]:
        """The arms that figures and tables show at once, in their order: all, or of very many the
        reference and those of the lowest error."""
        if len(self.arms) <= MOST_ARMS:
            return self.arms
        lowest = self.summary["mean"].sort_values(kind="stable").index[: MOST_ARMS - 1]
        shown = {self.reference, *lowest}
        return [arm for arm in self.arms if arm in shown]

    @cached_property
    def by_arm(self) -> Mapping[str, pd.DataFrame]:
        """The rows of `trials` of each arm."""
        return RowsByArm(self.trials, self.arms)

    @cached_property
    def templates(self) -> dict[str, str]:
        """What each arm's design is, in short: '8x14d'; of several that differ, how many."""
        labels: dict[str, list[str]] = {arm: [] for arm in self.arms}
        for design in self.designs.filter(LABEL_COLUMNS).to_dict("records"):
            labels[str(design["arm"])].append(network_label(design, self.own_quantities))
        return {arm: only_or_counted(own) for arm, own in labels.items()}

    @cached_property
    def statuses(self) -> pd.DataFrame:
        """How many trainings of each arm (rows) stand how (columns: complete, failed)."""
        codes = arm_codes(self.trials, self.arms)
        counts = {
            status: np.bincount(
                codes[(self.trials["status"] == status).to_numpy()], minlength=len(self.arms)
            )
            for status in ("complete", "failed")
        }
        return pd.DataFrame(counts, index=pd.Index(self.arms, name="arm"))

    @cached_property
    def complete(self) -> Mapping[str, pd.DataFrame]:
        """Of each arm the complete trainings that have a finite test error."""
        return RowsByArm(self._complete, self.arms)

    @cached_property
    def _complete(self) -> pd.DataFrame:
        errors = finite(self.trials["test_error"])
        return self.trials[(self.trials["status"] == "complete").to_numpy() & np.isfinite(errors)]

    @cached_property
    def reference(self) -> str:
        """The arm that everything is compared with."""
        if self.study is not None:
            return self.study.reference
        return reference_arm(self.designs, self.arms, self.info)

    @cached_property
    def errors(self) -> pd.DataFrame:
        """Test errors, arms x seeds; see `arms.error_table`."""
        return error_table(self.trials, self.arms)

    @cached_property
    def summary(self) -> pd.DataFrame:
        """n, mean, sd and t interval of each arm's test error; see `arms.summarize_arms`."""
        return summarize_arms(self.errors)

    @cached_property
    def measured(self) -> list[str]:
        """The arms that have a test error."""
        return [str(arm) for arm in self.summary.index[self.summary["n"] > 0]]

    @cached_property
    def mean_errors(self) -> pd.DataFrame:
        """The mean over seeds of each arm's error; a column a split: train, validation, test."""
        means = {
            split: error_table(self.trials, self.arms, f"{split}_error").mean(axis=1)
            for split in SPLITS[:2]
        }
        return pd.DataFrame({**means, "test": self.summary["mean"]})

    @cached_property
    def costs(self) -> dict[str, float]:
        """What each arm costs, in the measure that its budget is stated in."""
        return arm_costs(self.designs)

    @cached_property
    def comparison(self) -> Comparison:
        """Every arm against the reference arm, corrected for looks where the study was extended;
        gaps only while results are to come: who stops at the first claim makes false ones."""
        decided_alone = "each arm is decided seed by seed" if self.until else ""
        awaited = f"the verdict comes with {self.last_seed}" if self.whole.is_unfinished else ""
        lost = set(self.statuses.index[self.statuses["failed"] > 0])
        trend = {arm: c for arm, c in self.cardinalities.items() if arm not in lost}
        compared = compare(
            self.judged_errors,
            self.reference,
            trend,
            self.costs,
            looks=1 if self.study is not None else looks_so_far(self.info, self.arms),
            margin=self.margin,
            resolution=1 / self.images if self.images else 0.0,
            problem=decided_alone or awaited,
        )
        return as_decided(compared, self.until)

    @property
    def until(self) -> Mapping[str, Any]:
        """Where the arms stand, where seeds end with the verdict; empty where all get all seeds."""
        return self.info.get("until") or {}

    @property
    def margin(self) -> float | None:
        """A gap that does not matter, as the study's file names it (here a fraction)."""
        points = self.info.get("margin")
        return None if points is None else float(points) / 100

    @property
    def last_seed(self) -> str:
        """'seed 3 of 3': with which the verdict comes."""
        return f"seed {self.seeds_meant} of {self.seeds_meant}"

    @property
    def seeds_meant(self) -> int:
        """How many seeds a study is to have, of a search also those that its finalists wait for."""
        return max(self.whole.planned_seeds, len(self.info.get("seeds") or []))

    @property
    def search(self) -> Mapping[str, Any]:
        """What a search was asked for and has come to; empty for a grid."""
        return self.info.get("search") or {}

    @property
    def objective(self) -> str:
        """The cost that a search minimises beside the error; "" where there is none."""
        return str(next(iter((self.search.get("objectives") or [])[1:]), ""))

    @property
    def has_latency(self) -> bool:
        """Whether the latency of some designs was measured."""
        return bool(self.trials.get("latency", pd.Series(dtype=float)).notna().any())

    @property
    def is_solved(self) -> bool:
        """Whether designs were to be of equal cost, as they are not in a free space."""
        return bool(self.info.get("is_solved", True))

    @property
    def latency_words(self) -> str:
        """What the latencies are and by which settings they were measured; "" without any."""
        return latency_words(self.info.get("settings") or {}) if self.has_latency else ""

    @cached_property
    def judged_errors(self) -> pd.DataFrame:
        """The errors that are judged. Of a search only the finalists' and the reference arm's, on
        the seeds that did not choose them: on that one the best of many looks better than it is."""
        if not self.search:
            return self.errors
        finalists = {self.reference, *(self.search.get("finalists_chosen") or [])}
        fresh = [seed for seed in self.errors.columns if seed != self.choosing_seed]
        return self.errors.loc[[arm for arm in self.arms if arm in finalists], fresh]

    @property
    def choosing_seed(self) -> int:
        """The first: a search tries its designs on it."""
        return int(next(iter(self.info.get("seeds") or []), 0))

    @property
    def ways(self) -> list[str]:
        """The ways to spend a larger budget that a study of `scale` compares; none of others."""
        ways = [arm for arm in WAYS if arm in self.measured]
        return ways if WAYS[-1] in ways and len(ways) > 1 else []

    @cached_property
    def contest(self) -> Comparison:
        """More paths against the other ways, in a family of comparisons of its own."""
        return compare(
            self.errors.loc[self.ways],
            WAYS[-1],
            costs=self.costs,
            looks=self.comparison.looks,
            margin=self.margin,
            problem=self.comparison.problem,
        )

    @cached_property
    def winner(self) -> str | None:
        """The arm that `studies.winner.ranking` puts first; None without a result."""
        return next(iter(self.ranking.order), None)

    @cached_property
    def ranking(self) -> Ranking:
        """The arms by validation error; of a search those within its limits."""
        trials = allowed(self.trials, self.search.get("limits") or [], self.info)
        chosen_on = self.choosing_seed if self.search else None
        return rank(trials, "arm", until=bool(self.until), chosen_on=chosen_on)

    @cached_property
    def images(self) -> int | None:
        """The size of the test set, where it is known."""
        return size_of_test_set(self.info)

    @cached_property
    def sampling(self) -> Sampling | None:
        """How far other test images could move the errors."""
        return sampling_of_tests(self.summary, self.comparison, self.images, self.missed)

    @cached_property
    def missed(self) -> dict[str, dict[int, Missed]]:
        """Which test images each training missed, by arm and seed; without those that stored
        nothing of it."""
        known, rows = self.whole.all_missed, self._complete
        missed: dict[str, dict[int, Missed]] = {arm: {} for arm in self.arms}
        recipes = rows["recipe"] if "recipe" in rows else [""] * len(rows)
        columns = (rows["arm"].astype(str), rows["design"], rows["seed"].astype(int), recipes)
        for arm, design, seed, recipe in zip(*columns, strict=True):
            pair = Pair(design, seed, recipe=recipe)
            if pair in known:
                missed[arm][seed] = known[pair]
        return missed

    @cached_property
    def all_missed(self) -> Mapping[Pair, Missed]:
        """The same by training."""
        return self.read_missed()

    def guess(self, split: str = "test") -> Guess | None:
        """The best guess of a split's classes; None where there are no classes."""
        classes = pd.unique(finite(self.trials["classes"].dropna()))
        if len(classes) != 1 or classes[0] < 2:
            return None
        data, commonest = self.info.get("data"), self.info.get("commonest") or {}
        return Guess.of(split, int(classes[0]), data if isinstance(data, dict) else {}, commonest)

    @cached_property
    def unlearned(self) -> list[str]:
        """The arms whose error is hardly below that of guessing."""
        guess, means = self.guess(), self.summary["mean"].to_dict()
        if guess is None:
            return []
        return [arm for arm in self.measured if not guess.is_beaten_by(means[arm])]

    @cached_property
    def verdicts(self) -> list[str]:
        """What each comparison came to, of ways to spend a budget also with more paths."""
        if self.until:
            return [str(arm["verdict"]) for arm in self.until.get("arms") or []]
        gaps = [*self.comparison.differences, *(self.contest.differences if self.ways else ())]
        return [gap.verdict for gap in gaps]

    @property
    def shown(self) -> bool:
        """Whether any difference is shown."""
        return bool({"better", "worse", "dropped", "best"} & set(self.verdicts))

    @property
    def are_equal(self) -> bool:
        """Whether all arms are equal to the reference within the margin."""
        return set(self.verdicts) - {"reference"} == {"equal"}

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many pairs stand how: complete, running, failed, pruned, waiting."""
        return {str(status): int(n) for status, n in self.trials["status"].value_counts().items()}

    @property
    def wanted(self) -> int:
        """Trainings that are wanted and not pruned; those of a search that have
        no design yet are known by number only."""
        to_come = int(self.info.get("to_come") or 0)
        return len(self.trials) - self.counts.get("pruned", 0) + to_come

    @property
    def is_training(self) -> bool:
        """Whether a pair is running or waits to be run."""
        return bool(self.counts.get("running") or self.counts.get("waiting"))

    @property
    def is_unfinished(self) -> bool:
        """Whether results are still to come, of a search also those without a design yet."""
        return self.is_training or bool(self.info.get("to_come"))

    @cached_property
    def budget(self) -> str:
        """What the budget is stated in: 'the FLOPs'."""
        return budget_words(self.trials)

    @cached_property
    def planned_seeds(self) -> int:
        """How many seeds the table holds, with a result or without."""
        return int(self.trials["seed"].nunique())

    def shared_seeds(self, *differences: Difference) -> str:
        """How many of the planned seeds these differences rest on: '4 of 5 seeds'."""
        return shared_seeds([difference.seeds for difference in differences], self.planned_seeds)

    @cached_property
    def context(self) -> str:
        """What was trained: 'digits, 10 epochs', 'folder photos, 15 epochs'."""
        data, epochs = self.info.get("data"), finite(self.trials["epochs"])
        epochs = pd.unique(epochs[pd.notna(epochs)])
        parts = [data_words(data) if isinstance(data, dict) else str(data or "")]
        parts.append(counted(int(epochs[0]), "epoch") if len(epochs) == 1 else "")
        return ", ".join(part for part in parts if part)
