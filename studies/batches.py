"""What an epoch shows: the data set lies on the device as one tensor, and a batch of crops is one indexing of it.

Order, crops and flips are drawn on the CPU from (seed, epoch) alone: the same for every arm, on every device and after a resume.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from studies.data import Images, Splits
from studies.recipe import Recipe


@dataclass(frozen=True)
class Plan:
    """What an epoch does with the training images, drawn on the CPU: their order, each one's shift and flip, in that order."""

    order: Tensor
    shifts: Tensor  # N x 2: rows and columns, 0 to 2 x padding
    flips: Tensor


def plan_epoch(seed: int, epoch: int, images: int, padding: int) -> Plan:
    """The plan of epoch `epoch` (from 0): a pure function of its arguments, in torch's generator of the CPU."""
    mixed = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    generator = torch.Generator().manual_seed(int(mixed) % 2**63)
    order = torch.randperm(images, generator=generator)
    shifts = torch.randint(0, 2 * padding + 1, (images, 2), generator=generator)
    return Plan(order, shifts, torch.rand(images, generator=generator) < 0.5)


class TrainingBatches:
    """The training images on the device, padded once; iterating gives the full batches of the epoch that `epoch()` names (from 0)."""

    def __init__(
        self, splits: Splits, recipe: Recipe, seed: int, device: torch.device, epoch: Callable[[], int]
    ) -> None:
        resolution = splits.train.images.shape[-1]
        self._recipe, self._seed, self._epoch = recipe, seed, epoch
        self._padding = recipe.padding(resolution)
        self._flip = recipe.flip == "where_mirrored" and splits.mirrored
        padded = F.pad(torch.from_numpy(splits.train.images), (self._padding,) * 4).to(device)
        # A view N x C x shifts x shifts x H x W: a batch and its crops are one indexing.
        self._windows = padded.unfold(2, resolution, 1).unfold(3, resolution, 1)
        self._labels = torch.from_numpy(splits.train.labels).to(device)
        self._normalise = _Normalise(splits, device)

    def __len__(self) -> int:
        return self._recipe.steps_per_epoch(len(self._labels))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        size = self._recipe.batch_size
        plan = plan_epoch(self._seed, self._epoch(), len(self._labels), self._padding)
        device = self._labels.device
        order, shifts, flips = plan.order.to(device), plan.shifts.to(device), plan.flips.to(device)
        for start in range(0, len(self) * size, size):
            part = slice(start, start + size)
            images = self._windows[order[part], :, shifts[part, 0], shifts[part, 1]]
            if self._flip:
                images = torch.where(flips[part, None, None, None], images.flip(3), images)
            yield self._normalise(images), self._labels[order[part]]


class EvaluationBatches:
    """Images on the device, as they are, in their order; the last batch may be smaller."""

    def __init__(self, images: Images, splits: Splits, recipe: Recipe, device: torch.device) -> None:
        self._images = torch.from_numpy(images.images).to(device).split(recipe.batch_size)
        self._labels = torch.from_numpy(images.labels).to(device).split(recipe.batch_size)
        self._normalise = _Normalise(splits, device)

    def __len__(self) -> int:
        return len(self._labels)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for images, labels in zip(self._images, self._labels, strict=True):
            yield self._normalise(images), labels


class _Normalise:
    """uint8 images to float32, channels last, with the training split's mean taken off and divided by its deviation."""

    def __init__(self, splits: Splits, device: torch.device) -> None:
        self._mean = (255 * torch.tensor(splits.mean, device=device)).view(1, -1, 1, 1)
        self._scale = 1 / (255 * torch.tensor(splits.std, device=device)).view(1, -1, 1, 1)

    def __call__(self, images: Tensor) -> Tensor:
        return images.to(torch.float32, memory_format=torch.channels_last).sub_(self._mean).mul_(self._scale)
