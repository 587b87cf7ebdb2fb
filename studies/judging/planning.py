"""How many trainings a study will take before its arms are decided."""

from dataclasses import dataclass

import numpy as np

from studies.judging.decisions import ALPHA, START, against_reference
from studies.judging.race import best_of

STUDIES = 200  # simulated: the mean is right to about 2 %
# Of a training on the digits, after its arm and seed, as a fraction: what to plan with before a
# study has its own.
RESIDUAL_SD = 0.0025


@dataclass(frozen=True)
class Expected:
    """Trainings of a study with seeds where the verdict is open: the mean over simulated studies,
    those that 9 of 10 do not exceed, and the most there can be."""

    mean: float
    nine_in_ten: int
    most: int


def expected_trainings(
    gaps: list[float],
    cap: int,
    residual_sd: float,
    *,
    margin: float | None = None,
    start: int = START,
    alpha: float = ALPHA,
    studies: int = STUDIES,
    random_seed: int = 0,
) -> Expected:
    """Simulate studies with normal errors by the very functions that decide them.

    Args:
        gaps: Of the arms' true errors, the first the reference's: as many as arms; all 0 is close
            to the most expensive a study can be.
        cap: Seeds an arm at most.
        residual_sd: Of a training, after its arm and seed, in the unit of gaps and margin.
        margin: Of a study against its reference; None for the best arm.
        start: Seeds at the first look.
        alpha: The error of all decisions.
        studies: To simulate.
        random_seed: Of the simulation.
    """
    random = np.random.default_rng(random_seed)
    shape = (studies, len(gaps), cap)
    tables = np.array(gaps)[:, None] + residual_sd * random.normal(size=shape)
    counts = [
        best_of(table, start=start, alpha=alpha).trained
        if margin is None
        else against_reference(table, 0, margin, start=start, alpha=alpha).trained
        for table in tables
    ]
    return Expected(
        float(np.mean(counts)), int(np.quantile(counts, 0.9, method="higher")), len(gaps) * cap
    )
