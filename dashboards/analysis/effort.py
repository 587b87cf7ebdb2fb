"""What a study took: the time from its first training to its last, and the FLOPs of training."""

from dataclasses import dataclass

import numpy as np

from dashboards.analysis.arms import finite
from dashboards.analysis.evidence import Evidence
from explorer.complexity import TRAINING_FACTOR
from explorer.text import human_flops, human_time


@dataclass(frozen=True)
class Effort:
    """What a study took.

    Attributes:
        seconds: From the start of its first training to the end of its last; None where unknown.
        training_seconds: Of all trainings, one after the other; 0 where unknown.
        flops: Multiply-adds of all training steps; a step is three times the network's own FLOPs,
            since backward counts twice. None where the epochs or the images are not known.
        trainings: That this is of: those with a result.
    """

    seconds: float | None
    training_seconds: float
    flops: float | None
    trainings: int


def effort(evidence: Evidence) -> Effort:
    """What the trainings with a result took; pruned ones up to the epoch at which they ended."""
    trials = evidence.trials
    rows = trials[trials["status"].isin(["complete", "pruned"]) & trials["epochs"].notna()]
    started, finished = trials["started"].dropna(), trials["finished"].dropna()
    known = len(started) and len(finished)
    data = evidence.info.get("data")
    images = data.get("train") if isinstance(data, dict) else None
    flops = None
    # A share of the images, as a study's file may say it, is no number of them.
    if isinstance(images, int) and images > 1 and len(rows):
        epochs = finite(rows["epochs"])
        flops = float(TRAINING_FACTOR * images * (epochs * finite(rows["flops"])).sum())
    return Effort(
        (finished.max() - started.min()).total_seconds() if known else None,
        float(np.nansum(finite(rows["seconds"]))),
        flops,
        len(rows),
    )


def effort_sentence(evidence: Evidence) -> str:
    """'It took 3 min 20 s (6 min 2 s of training) and 12.9 T FLOPs for 15 trainings.'; "" as long
    as the study has not ended, or where nothing is known."""
    spent = effort(evidence)
    if evidence.whole.is_unfinished or not spent.trainings:
        return ""
    parts = []
    if spent.seconds:
        training = human_time(spent.training_seconds) if spent.training_seconds else ""
        parts.append(human_time(spent.seconds) + (f" ({training} of training)" if training else ""))
    if spent.flops:
        parts.append(f"{human_flops(spent.flops)} FLOPs")
    count = f"{spent.trainings:,} {'training' if spent.trainings == 1 else 'trainings'}"
    return f"It took {' and '.join(parts)} for {count}." if parts else ""
