"""Trainings of seconds: two small networks, a few hundred digits, three epochs."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from explorer import Architecture
from search_spaces.documents import validate
from studies.config.recipe import Recipe
from studies.data import DataSpec, Images, Splits, load
from studies.machine.settings import Settings
from studies.training.training import Outcome

CPU = Settings(device="cpu", precision="32", threads=1)
EPOCHS = 3
RECIPE = validate(Recipe, {"name": "quick", "epochs": EPOCHS, "batch_size": 32}, source="test")
MODERN = validate(
    Recipe,
    {"name": "modern", "epochs": EPOCHS, "batch_size": 32, "weight_averaging": 0.2},
    source="test",
)
DENSE, GROUPED = (
    Architecture.from_name(name, resolution=8, classes=10, in_channels=1)
    for name in ("resnext_1-1_1x8d_w16_small8", "resnext_1-1_4x3d_w16_small8")
)
STEPS = 7  # 240 training images, batches of 32
PAPER = RECIPE.model_copy(
    update={"crop": "random_resized", "lighting": 0.1, "schedule": "step", "milestones": (0.5,)}
)


def few_digits() -> Splits:
    """A few hundred digits."""
    whole = load(DataSpec(name="digits", validation=0.2, test=0.2))
    parts: dict[str, Any] = {
        name: Images(part.images[:count], part.labels[:count])
        for name, count in (("train", 240), ("validation", 100), ("test", 90))
        for part in [getattr(whole, name)]
    }
    return replace(whole, **parts)


def numbers(outcome: Outcome) -> tuple[Any, ...]:
    """All of an outcome that must not depend on the clock."""
    curves = [
        {key: value for key, value in row.items() if key != "seconds"} for row in outcome.curves
    ]
    missed = {split: missed.record() for split, missed in outcome.missed.items()}
    errors = outcome.train_error, outcome.validation_error, outcome.test_error
    return *errors, outcome.epochs, curves, missed


def assert_same(outcome: Outcome, other: Outcome) -> None:
    assert numbers(outcome) == numbers(other)
    assert outcome.state_dict.keys() == other.state_dict.keys()
    for name, value in outcome.state_dict.items():
        assert torch.equal(value, other.state_dict[name]), name


def stop_after(steps: int) -> Callable[[], bool]:
    """`should_stop` that says yes when asked for the `steps`th time."""
    asked = iter(range(1, 10**9))
    return lambda: next(asked) >= steps
