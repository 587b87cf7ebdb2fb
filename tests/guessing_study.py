"""A stored study of the digits whose "networks" are nearest neighbours among a few training images:
real misses of real images, in milliseconds."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from studies.api import Study
from studies.attempts.claims import Claims
from studies.attempts.workers import Worker
from studies.data import DataSpec, Splits, load
from studies.missed import Missed
from studies.pair import Pair
from studies.records.creation import create_or_extend
from studies.records.same_data import about_data
from studies.records.stored_study import StoredStudy
from studies.storage import Storage

NEIGHBOURS = 120  # training images that a guess looks at


@dataclass(frozen=True)
class Guessed:
    """The study, its data, and what each pair took the test images for."""

    stored: StoredStudy
    splits: Splits
    guesses: dict[Pair, NDArray[np.int64]]

    def wrong(self, arm: str) -> NDArray[np.bool_]:
        """Whether each seed's guess missed each test image: seeds x images."""
        pairs = [pair for pair in self.guesses if self.stored.design(pair.design).arm == arm]
        labels = self.splits.test.labels
        return np.array([self.guesses[pair] != labels for pair in sorted(pairs)])


def guess(splits: Splits, part: str, seed: int) -> NDArray[np.int64]:
    """The class of the nearest of a few training images that a seed chooses."""
    chosen = np.random.default_rng(seed).choice(len(splits.train), NEIGHBOURS, replace=False)
    known = splits.train.images[:][chosen].reshape(NEIGHBOURS, -1).astype(float)
    asked = getattr(splits, part).images[:].reshape(-1, known.shape[1]).astype(float)
    distances = (asked**2).sum(1)[:, None] - 2 * asked @ known.T + (known**2).sum(1)
    return splits.train.labels[chosen][distances.argmin(axis=1)]


def store(
    storage: Storage, *, without: tuple[int, ...] = (), told: Any = None, **changes: Any
) -> Guessed:
    """Store the preset `digits_cardinality` (five arms, three seeds), complete.

    Args:
        storage: Where.
        without: The numbers of the trainings that store nothing of what they missed.
        told: What is stored of the data besides the truth.
        changes: Keys of the study file.
    """
    preset = Study.load("digits_cardinality").document()
    preset |= {"seeds": [0, 1, 2], "data": {**preset["data"], "validation": 0.2, "test": 0.2}}
    study = Study.model_validate({**preset, "name": "guessed", **changes})
    splits = load(DataSpec.model_validate(study.data))
    facts = {
        "settings": {"device": "cpu", "precision": "32", "threads": 1},
        **about_data(splits),
        **(told or {}),
    }
    stored = create_or_extend(storage, study, study.wanted(), lambda: facts)
    claims = Claims(storage, stored.id, stored.pairs)
    guesses: dict[Pair, NDArray[np.int64]] = {}
    arms = [design.name for design in stored.designs]
    for number in range(len(stored.pairs)):
        attempt = claims.claim(Worker("worker"))
        assert attempt is not None
        pair, missed = attempt.pair, {}
        for part in ("validation", "test"):
            seed = 1000 * arms.index(pair.design) + pair.seed
            predicted = guess(splits, part, seed)
            missed[part] = Missed.of(getattr(splits, part).labels, predicted, splits.classes)
        guesses[pair] = predicted
        errors = {f"{part}_error": len(own.numbers) / own.images for part, own in missed.items()}
        written: dict[str, Any] = {"result": {**errors, "epochs": 1, "device": "cpu"}}
        if number not in without:
            written["missed"] = {part: own.record() for part, own in missed.items()}
        claims.end(attempt, "complete", errors["validation_error"], written)
    return Guessed(stored, splits, guesses)
