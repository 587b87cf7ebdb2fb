"""The loss of a batch, and what each class counts in it."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from studies.training.ranks import Exchange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def balanced_weights(labels: "NDArray[np.int64]", classes: int) -> Tensor:
    """The weight of each class, float32: n / (k n_c), of n images in k classes, n_c in this one.

    Args:
        labels: int64, n.
        classes: k.
    """
    counts = torch.bincount(torch.from_numpy(labels), minlength=classes)
    return len(labels) / (classes * counts).float()


def cross_entropy(
    logits: Tensor,
    labels: Tensor,
    smoothing: float,
    weights: Tensor | None = None,
    exchange: Exchange | None = None,
) -> Tensor:
    """The mean cross-entropy of a batch.

    Args:
        logits: N x classes.
        labels: int64, N.
        smoothing: Of the labels.
        weights: Of the classes, float32: the mean is by them.
        exchange: With the other processes that have a part of the batch. The mean of what all of
            them return is that of the whole batch.
    """
    if weights is None or exchange is None:
        return F.cross_entropy(logits.float(), labels, weights, label_smoothing=smoothing)
    own = F.cross_entropy(
        logits.float(), labels, weights, label_smoothing=smoothing, reduction="sum"
    )
    whole = exchange.sum(weights[labels].sum())
    return own * exchange.number / whole.to(own.device)
