"""Images of a batch erased in part, or mixed with one another, on the device.

What is drawn is drawn on the CPU, for a whole epoch: rectangles for each image, and a share for
each batch. A share is a number of Python's, so a step does not wait for the device.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

# Random erasing as in torchvision: the fraction of the area, width over height, and how often a
# rectangle is drawn, as long as it does not fit, before the image is left whole.
ERASED_AREA = (0.02, 0.33)
ERASED_RATIO = (0.3, 3.3)
TRIES = 10


@dataclass(frozen=True)
class Mixing:
    """How each image of a batch is mixed with the one before it (the first with the last).

    Attributes:
        share: Of the image itself, 0 to 1; the rest is its partner's.
        box: Left, top, right and bottom, in pixels, of what comes from the partner (CutMix); None:
            all pixels are mixed by the share (mixup).
    """

    share: float
    box: tuple[int, int, int, int] | None = None

    def mix(self, images: Tensor) -> Tensor:
        """The mixed images, N x channels x height x width; those given may be overwritten."""
        if self.box is None:
            return torch.lerp(images, self.partners(images), 1 - self.share)
        left, top, right, bottom = self.box
        window = images[:, :, top:bottom, left:right]
        window.copy_(self.partners(window))
        return images

    @staticmethod
    def partners(values: Tensor) -> Tensor:
        """What belongs to each image's partner, along the first dimension; a copy."""
        return values.roll(1, 0)


def plan_mixing(
    seed: int, epoch: int, batches: int, side: int, mixup: float, cutmix: float
) -> Sequence[Mixing | None]:
    """Draw how each batch of an epoch is mixed: a pure function of the arguments.

    Args:
        seed: Of the training.
        epoch: From 0.
        batches: How many there are.
        side: Of the images, in pixels.
        mixup: Alpha of Beta(alpha, alpha) for the share; 0: no mixup.
        cutmix: The same of CutMix. With both, each batch gets one of the two.

    Returns:
        One a batch; None where nothing is mixed.
    """
    if not (mixup or cutmix):
        return [None] * batches
    # A stream of its own beside that of `plan_epoch`.
    random = np.random.default_rng(np.random.SeedSequence([seed, epoch]).spawn(1)[0])
    mixings = []
    for _ in range(batches):
        cuts = bool(cutmix) and (not mixup or random.random() < 0.5)
        alpha = cutmix if cuts else mixup
        share = float(random.beta(alpha, alpha))
        mixings.append(_cut(share, side, random) if cuts else Mixing(share))
    return mixings


def _cut(share: float, side: int, random: np.random.Generator) -> Mixing:
    """A square of 1 - share of the area around a uniform point, cut off at the edges; the share is
    then what is left (Algorithm 1 of the paper's supplement)."""
    half = side * math.sqrt(1 - share) / 2
    x, y = (float(value) for value in random.uniform(0, side, 2))
    left, right, top, bottom = (
        min(max(round(edge), 0), side) for edge in (x - half, x + half, y - half, y + half)
    )
    return Mixing(1 - (right - left) * (bottom - top) / side**2, (left, top, right, bottom))


def plan_erasing(images: int, side: int, part: float, generator: torch.Generator) -> Tensor:
    """Draw the rectangle that is erased in each image.

    Args:
        images: How many there are, N.
        side: Of the images, in pixels.
        part: Of the images that get one.
        generator: What is drawn from.

    Returns:
        int64, N x 4: left, top, width and height in pixels; width and height are 0 where nothing is
        erased.
    """
    uniform = torch.rand(images, TRIES, 2, generator=generator)
    corner = torch.rand(images, 2, generator=generator)
    chosen = torch.rand(images, generator=generator) < part
    area = side**2 * (ERASED_AREA[0] + (ERASED_AREA[1] - ERASED_AREA[0]) * uniform[..., 0])
    low, high = (math.log(ratio) for ratio in ERASED_RATIO)
    ratio = torch.exp(low + (high - low) * uniform[..., 1])
    sizes = torch.stack((area * ratio, area / ratio), -1).sqrt().round()  # N x tries x (w, h)
    fits = ((sizes >= 1) & (sizes < side)).all(-1)
    first = fits.int().argmax(1)  # the first of equals, so the first try that fits
    size = sizes[torch.arange(images), first]
    size = size.where((chosen & fits.any(1))[:, None], torch.zeros(()))
    return torch.cat(((corner * (side - size + 1)).floor(), size), 1).long()


def erase(images: Tensor, rectangles: Tensor) -> Tensor:
    """Set a rectangle in each normalised image to 0, the mean colour, in place.

    Args:
        images: N x channels x side x side.
        rectangles: As of `plan_erasing`, on the same device.
    """
    pixels = torch.arange(images.shape[-1], device=images.device)
    left, top, width, height = rectangles.T[..., None]
    columns = (pixels >= left) & (pixels < left + width)
    rows = (pixels >= top) & (pixels < top + height)
    return images.masked_fill_((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)
