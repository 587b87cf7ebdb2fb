"""Loss and mistakes of many batches, summed on the device, so that it is not waited for."""

from typing import NamedTuple

import torch
from torch import Tensor

TOP5_FROM = 10  # classes


class Reading(NamedTuple):
    """Mean loss, top-1 error, and top-5 error (None of fewer than ten classes); as fractions."""

    loss: float
    error: float
    top5_error: float | None


class ClassTally:
    """Sums the images and mistakes of each class on the device."""

    def __init__(self, device: torch.device, classes: int) -> None:
        self._sums = torch.zeros(classes, 2, dtype=torch.float64, device=device)

    def add(self, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: logits N x classes, labels int64 N."""
        wrong = logits.argmax(1) != labels
        self._sums.index_add_(
            0, labels, torch.stack((torch.ones_like(wrong), wrong), 1).to(self._sums.dtype)
        )

    def read(self) -> list[float | None]:
        """The error of each class since the last reading; None for a class without images."""
        errors = [mistakes / images if images else None for images, mistakes in self._sums.tolist()]
        self._sums.zero_()
        return errors


def balanced_error(errors: list[float | None]) -> float:
    """The balanced error: the mean of the errors by class, over the classes that have images."""
    known = [error for error in errors if error is not None]
    return sum(known) / len(known)


class Tally:
    """Sums loss and mistakes on the device."""

    def __init__(self, device: torch.device, classes: int) -> None:
        self._sums = torch.zeros(3, dtype=torch.float64, device=device)
        self._images = 0
        self._has_top5 = classes >= TOP5_FROM

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: its mean loss, logits N x classes, labels int64 N."""
        mistakes = (logits.argmax(1) != labels).sum()
        outside = (
            (logits.topk(5).indices != labels[:, None]).all(1).sum() if self._has_top5 else mistakes
        )
        self._sums += torch.stack((loss.detach() * len(labels), mistakes, outside))
        self._images += len(labels)

    def read(self) -> Reading:
        """Mean loss and errors since the last reading."""
        loss, mistakes, outside = (value / self._images for value in self._sums.tolist())
        self._sums.zero_()
        self._images = 0
        return Reading(loss, mistakes, outside if self._has_top5 else None)
