"""A study with several recipes: its arms within each, and whether gaps depend on the recipe."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from dashboards.analysis.findings import Findings
from dashboards.analysis.looks import stages
from dashboards.analysis.words import confidence_text, p_text, points, seeds_phrase, signed_interval
from explorer.text import listed, signed_points
from studies.judging.dunnett import CONFIDENCE
from studies.judging.grids import Judgement, confidence_after, count_looks
from studies.judging.interaction import interaction_p_values, interactions
from studies.results import OF_RECIPE, info_of_recipe, of_recipe


@dataclass(frozen=True)
class Change:
    """How an arm's gap to the reference changes from the first recipe to another (fractions).

    Attributes:
        first, last: The gaps by the two recipes.
        estimate: The change of the gap, over the seeds that both recipes have.
        low, high: Its simultaneous interval.
        p_value: Adjusted for all arms, recipes and looks.
        seeds: That arm and reference have a result for by both recipes.
    """

    arm: str
    recipe: str
    first: float
    last: float
    estimate: float
    low: float
    high: float
    p_value: float
    seeds: int

    @property
    def shown(self) -> bool:
        return self.low > 0 or self.high < 0


@dataclass(frozen=True, eq=False)
class ByRecipe:
    """The results of a study with several recipes at one moment.

    Attributes:
        trials: One row a pair, with the column `recipe`.
        info: What `studies.results.study_info` says about the study.
    """

    trials: pd.DataFrame
    info: Mapping[str, Any] = field(default_factory=dict)

    @cached_property
    def findings(self) -> dict[str, Findings]:
        """What the study found by each recipe, in their order."""
        return {
            name: Findings(of_recipe(self.trials, name), info_of_recipe(self.info, name))
            for name in dict.fromkeys(self.trials[OF_RECIPE].astype(str))
        }

    @property
    def recipes(self) -> list[str]:
        return list(self.findings)

    @property
    def first(self) -> Findings:
        """The findings by the first recipe, with which others are compared."""
        return next(iter(self.findings.values()))

    @property
    def reference(self) -> str:
        return self.first.reference

    @cached_property
    def arms(self) -> list[str]:
        """The arms that every recipe has."""
        own = [set(findings.arms) for findings in self.findings.values()]
        return [arm for arm in self.first.arms if all(arm in arms for arms in own)]

    @cached_property
    def confidence(self) -> float:
        """Of all intervals of changes together."""
        return confidence_after(count_looks(stages(self.info, self.first.arms)))

    @cached_property
    def judged(self) -> list[Judgement]:
        """The changes from the first recipe to each other one; see `judging.interaction`."""
        if self.reference not in self.arms:
            return []
        tables = [findings.errors for findings in self.findings.values()]
        seeds = sorted({seed for table in tables for seed in table.columns})
        errors = np.array(
            [table.reindex(index=self.arms, columns=seeds).to_numpy(float) for table in tables]
        )
        images = self.first.images
        return interactions(
            errors, self.arms.index(self.reference), self.confidence, 1 / images if images else 0.0
        )

    @cached_property
    def changes(self) -> list[Change]:
        """Of every arm and recipe, the surest first; none without intervals."""
        if self.problem:
            return []
        return self._changes(self.judged)

    def _changes(self, judged: list[Judgement]) -> list[Change]:
        looks = (1 - CONFIDENCE) / (1 - self.confidence)
        changes = []
        p_values = interaction_p_values(judged)
        for recipe, judgement, adjusted in zip(self.recipes[1:], judged, p_values, strict=True):
            for row, number in enumerate(judgement.compared.arms.tolist()):
                arm = self.arms[number]
                changes.append(
                    Change(
                        arm,
                        recipe,
                        self._gap(self.recipes[0], arm),
                        self._gap(recipe, arm),
                        float(judgement.compared.estimate[row]),
                        float(judgement.low[row]),
                        float(judgement.high[row]),
                        min(1.0, looks * float(adjusted[row])),
                        int(judgement.compared.seeds[row]),
                    )
                )
        return sorted(changes, key=lambda change: change.p_value)

    def _gap(self, recipe: str, arm: str) -> float:
        difference = self.findings[recipe].comparison.difference(arm)
        return difference.estimate if difference else float("nan")

    @property
    def is_unfinished(self) -> bool:
        return any(findings.is_unfinished for findings in self.findings.values())

    @property
    def problem(self) -> str:
        """Why there are no intervals; "" where there are."""
        if self.is_unfinished:
            return f"the answer comes with {self.first.last_seed} of every recipe"
        if not self.judged or not all(judgement.compared.is_known for judgement in self.judged):
            return "too few seeds have results by every recipe, or all show the same gaps"
        return ""

    @property
    def title(self) -> str:
        """What is found, over a figure."""
        if self.problem:
            return f"Gaps to {self.reference} by recipe: no answer yet"
        if shown := self._shown_arms(self.changes):
            return f"The recipe changes the gap of {listed(shown)} to {self.reference}"
        return f"No gap to {self.reference} is shown to depend on the recipe"

    @staticmethod
    def _shown_arms(changes: list[Change]) -> list[str]:
        return list(dict.fromkeys(change.arm for change in changes if change.shown))

    @property
    def sentence(self) -> str:
        """Whether the gaps depend on the recipe, in one sentence."""
        if self.problem:
            start = "So far nothing is claimed" if self.is_unfinished else "Nothing is claimed"
            return f"{start} of whether the gaps to {self.reference} depend on the recipe:" + (
                f" {self.problem}."
            )
        return self._sentence(self.changes)

    def _sentence(self, changes: list[Change]) -> str:
        surest, first = changes[0], self.recipes[0]
        if surest.shown:
            return (
                f"The gap of {surest.arm} to {self.reference} depends on the recipe:"
                f" {signed_points(surest.first)} points by {first}, {signed_points(surest.last)} by"
                f" {surest.recipe}, a change of {signed_points(surest.estimate)}"
                f" ({signed_interval(surest.low, surest.high)}; {p_text(surest.p_value)}),"
                f" {seeds_phrase(surest.seeds)}."
            )
        most = max(max(abs(change.low), abs(change.high)) for change in changes)
        others = listed(self.recipes[1:], "or")
        return (
            f"No gap to {self.reference} is shown to depend on the recipe (interaction arm x"
            f" recipe, {p_text(surest.p_value)}): from {first} to {others} no gap changes by more"
            f" than {points(most)} points ({confidence_text(self.confidence)}),"
            f" {seeds_phrase(surest.seeds)}."
        )

    @cached_property
    def more(self) -> str:
        """What goes with the sentence: other arms, and trainings out of line."""
        sentences = []
        if also := [change for change in self.changes[1:] if change.shown]:
            others = [
                f"{change.arm} by {signed_points(change.estimate)}"
                f" ({signed_interval(change.low, change.high)})"
                + (f" with {change.recipe}" if len(self.recipes) > 2 else "")
                for change in also
            ]
            sentences.append(f"The gap also changes of {listed(others)}.")
        if not self.problem and any(judgement.without for judgement in self.judged):
            without = [judgement.without or judgement for judgement in self.judged]
            if all(judgement.compared.is_known for judgement in without):
                told_without = self._sentence(self._changes(without))
                sentences.append(f"Without the trainings that are out of line: {told_without}")
        return " ".join(sentences)

    @property
    def text(self) -> str:
        return f"{self.sentence} {self.more}".strip()


def has_recipes(trials: pd.DataFrame) -> bool:
    """Whether a table of pairs is of a study with several recipes."""
    return OF_RECIPE in trials and trials[OF_RECIPE].nunique() > 1
