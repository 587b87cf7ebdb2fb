"""Loss, mistakes and predictions of many batches, kept on the device: it is not waited for."""

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from studies.training.ranks import Exchange

TOP5_FROM = 10  # classes


class Reading(NamedTuple):
    """Mean loss, top-1 error, and top-5 error (None of fewer than ten classes); as fractions."""

    loss: float
    error: float
    top5_error: float | None


class Predictions:
    """Keeps the class that each image was taken for on the device, in the order of the images."""

    def __init__(self) -> None:
        self._batches: list[Tensor] = []
        self.exchange: Exchange | None = None  # with other processes, which have other images

    def add(self, logits: Tensor) -> None:
        """Add a batch: logits N x classes."""
        self._batches.append(logits.argmax(1).to(torch.int32))

    def read(self) -> "NDArray[np.int32]":
        """The classes since the last reading, int32, one an image."""
        predicted: NDArray[np.int32] = torch.cat(self._batches).cpu().numpy()
        self._batches.clear()
        return self.exchange.join(predicted) if self.exchange else predicted


def balanced_error(errors: list[float | None]) -> float:
    """The balanced error: the mean of the errors by class, over the classes that have images."""
    known = [error for error in errors if error is not None]
    return sum(known) / len(known)


class Tally:
    """Sums loss and mistakes on the device."""

    def __init__(self, device: torch.device, classes: int) -> None:
        self._sums = torch.zeros(3, dtype=torch.float64, device=device)
        self._images = 0
        self.exchange: Exchange | None = None  # with other processes, which have other images
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
        sums = torch.cat((self._sums, self._sums.new_tensor([self._images])))
        *sums_of_all, images = (self.exchange.sum(sums) if self.exchange else sums).tolist()
        loss, mistakes, outside = (value / images for value in sums_of_all)
        self._sums.zero_()
        self._images = 0
        return Reading(loss, mistakes, outside if self._has_top5 else None)
