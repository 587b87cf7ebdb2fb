"""How a training may end: with what it measured, or before its last epoch."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studies.missed import Missed

if TYPE_CHECKING:
    from torch import Tensor

Row = dict[str, Any]


@dataclass(frozen=True)
class Outcome:
    """What a finished run measured. Errors are fractions, after the last epoch.

    Attributes:
        train_error: Top-1, of the augmented images, during the last epoch.
        validation_error: Top-1.
        test_error: Top-1.
        seconds: Of all epochs, their validation, and the test.
        images_per_second: Of training alone.
        epochs: How many were trained.
        curves: A row for each epoch, as `train` describes it.
        peak_memory: In bytes: allocated on the GPU, or resident in the process on a CPU; None where
            the system does not say.
        state_dict: The weights that were tested, on the CPU: of a recipe that averages weights,
            the averaged ones.
        train_top5_error: None of fewer than ten classes, as the other top-5 errors.
        validation_top5_error: Likewise.
        test_top5_error: Likewise.
        validation_balanced_error: The mean of the errors by class; None where the last epoch is
            from an older checkpoint without it.
        test_balanced_error: The mean of the errors by class.
        test_errors_by_class: In the order of the labels; None for a class without images.
        missed: Which images were missed, by split: `validation` (left out where the last epoch is
            from an older checkpoint without it) and `test`.
    """

    train_error: float
    validation_error: float
    test_error: float
    seconds: float
    images_per_second: float
    epochs: int
    curves: list[Row] = field(repr=False)
    peak_memory: int | None
    state_dict: "dict[str, Tensor]" = field(repr=False)
    train_top5_error: float | None = None
    validation_top5_error: float | None = None
    test_top5_error: float | None = None
    validation_balanced_error: float | None = None
    test_balanced_error: float | None = None
    test_errors_by_class: list[float | None] = field(default_factory=list)
    missed: dict[str, Missed] = field(default_factory=dict, repr=False)


class TrainingStopped(Exception):
    """`should_stop` returned True; the training can go on from the last epoch's checkpoint."""


class TrainingFailed(Exception):
    """The training cannot succeed, however often it is repeated; `reason` says why, on one line."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
