"""The batches of an epoch, augmented on the device.

Images are one tensor on the device, or are read from disk a batch at a time. Order, crops, flips,
lighting, erased rectangles and mixing are drawn on the CPU from (seed, epoch) alone: they are the
same for every arm, on every device and after a resume.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from studies.config.recipe import Recipe
from studies.data import Exported, Images, Rows, Splits
from studies.training.mixing import Mixing, erase, plan_erasing, plan_mixing
from studies.training.ranks import Ranks

# Images on disk of at most this many bytes are read into memory once; on a GPU all images are, up
# to this fraction of its free memory.
RESIDENT_BYTES = 256 * 2**20
RESIDENT_PART = 0.25
# Random resized crops as in fb.resnet.torch: the fraction of the area, width over height, and how
# often a crop is drawn, as long as it does not fit, before the whole image is used.
AREA = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)
TRIES = 10
# The principal components of ImageNet's colours (pixels from 0 to 1), as in fb.resnet.torch: their
# standard deviations, and a column for each.
COLOUR_DEVIATIONS = (0.2175, 0.0188, 0.0045)
COLOURS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


@dataclass(frozen=True)
class EpochPlan:
    """What an epoch does with the training images.

    Attributes:
        order: int64, N: the numbers of the images.
        shifts: int64, N x 2, in that order: the first row and column of the crop, 0 to 2 x padding.
        flips: bool, N: which images are mirrored.
        boxes: float32, N x 4: left, top, width and height of the crop, as fractions of the side;
            N x 0 where it is not used.
        lights: float32, N x 3, standard normal: one for each component of colour; N x 0 where it is
            not used.
        erased: int64, N x 4: left, top, width and height of the rectangle in pixels, of width 0
            where nothing is erased; N x 0 where it is not used.
    """

    order: Tensor
    shifts: Tensor
    flips: Tensor
    boxes: Tensor
    lights: Tensor
    erased: Tensor

    def to(self, device: torch.device) -> "EpochPlan":
        """The same plan on a device."""
        return EpochPlan(*(value.to(device) for value in vars(self).values()))


class TrainingBatch(NamedTuple):
    """A batch: images (float32, batch x channels x height x width, channels last), labels (int64,
    batch), and, where images are mixed, those of each image's partner and how."""

    images: Tensor
    labels: Tensor
    partners: Tensor | None = None
    mixing: Mixing | None = None


def plan_epoch(
    seed: int,
    epoch: int,
    images: int,
    padding: int,
    *,
    boxes: bool = False,
    lights: bool = False,
    erasing: float = 0.0,
    side: int = 0,
) -> EpochPlan:
    """Draw the plan of an epoch on the CPU: a pure function of the arguments.

    Args:
        seed: Of the training.
        epoch: From 0.
        images: How many there are, N.
        padding: In pixels, on each side.
        boxes: Whether crops are random and resized.
        lights: Whether colours are shifted.
        erasing: The part of the images in which a rectangle is erased.
        side: Of the images, in pixels; needed for erasing.
    """
    mixed = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    generator = torch.Generator().manual_seed(int(mixed) % 2**63)
    order = torch.randperm(images, generator=generator)
    shifts = torch.randint(0, 2 * padding + 1, (images, 2), generator=generator)
    flips = torch.rand(images, generator=generator) < 0.5
    crops = _draw_boxes(images, generator) if boxes else torch.empty(images, 0)
    normal = torch.randn(images, 3, generator=generator) if lights else torch.empty(images, 0)
    # Drawn last, so that whatever recipes without it draw stays as it is.
    erased = (
        plan_erasing(images, side, erasing, generator)
        if erasing
        else torch.empty(images, 0, dtype=torch.int64)
    )
    return EpochPlan(order, shifts, flips, crops, normal, erased)


def _draw_boxes(images: int, generator: torch.Generator) -> Tensor:
    """Random crops, float32, images x 4: left, top, width and height as fractions of the side."""
    uniform = torch.rand(images, TRIES, 2, generator=generator)
    corner = torch.rand(images, 2, generator=generator)
    area = AREA[0] + (AREA[1] - AREA[0]) * uniform[..., 0]
    ratio = torch.exp(
        math.log(RATIO[0]) + (math.log(RATIO[1]) - math.log(RATIO[0])) * uniform[..., 1]
    )
    sizes = torch.stack((area * ratio, area / ratio), dim=-1).sqrt()  # N x tries x (width, height)
    fits = (sizes <= 1).all(-1)
    first = fits.int().argmax(1)  # the first of equals, so the first try that fits
    size = sizes[torch.arange(images), first].where(fits.any(1, keepdim=True), torch.ones(()))
    return torch.cat((corner * (1 - size), size), dim=1)


class TrainingBatches:
    """The training images in augmented batches; iterating once gives one epoch.

    All of a batch is on the device. Images that do not fill a batch are left out of the epoch.

    Args:
        splits: The data.
        recipe: Batch size and augmentation.
        seed: Of the training.
        device: Where the batches are.
        epoch: Returns the number of the epoch to iterate, from 0.
        ranks: Which part of each batch is this process's; None: all of it.
    """

    def __init__(
        self,
        splits: Splits,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        epoch: Callable[[], int],
        ranks: Ranks | None = None,
    ) -> None:
        channels, resolution = splits.train.images.shape[1:3]
        self._recipe, self._seed, self._epoch, self._device = recipe, seed, epoch, device
        self._side, self._ranks = resolution, ranks
        self._padding = recipe.padding(resolution)
        self._flip = recipe.flip == "where_mirrored" and splits.mirrored
        self._resized = recipe.crop == "random_resized"
        self._lights = recipe.lighting > 0 and channels == 3
        self._source = _Source(splits.train, device, 0 if self._resized else self._padding)
        self._windows: Tensor | None = None
        if (whole := self._source.whole) is not None and not self._resized:
            # A view of a padded copy, which replaces the images.
            self._windows, self._source.whole = _windows(whole, self._padding), None
        self._labels = torch.from_numpy(splits.train.labels).to(device)
        self._normalise = Normalise(splits, device)
        colours = torch.tensor(COLOURS, device=device) * torch.tensor(
            COLOUR_DEVIATIONS, device=device
        )
        self._colours = 255 * recipe.lighting * colours

    def __len__(self) -> int:
        return self._recipe.steps_per_epoch(len(self._labels))

    def __iter__(self) -> Iterator[TrainingBatch]:
        size, epoch = self._recipe.batch_size, self._epoch()
        plan_on_cpu = plan_epoch(
            self._seed,
            epoch,
            len(self._labels),
            self._padding,
            boxes=self._resized,
            lights=self._lights,
            erasing=self._recipe.erasing,
            side=self._side,
        )
        mixings = plan_mixing(
            self._seed, epoch, len(self), self._side, self._recipe.mixup, self._recipe.cutmix
        )
        plan = plan_on_cpu.to(self._device)
        parts = [
            self._part(start, mixing)
            for start, mixing in zip(range(0, len(self) * size, size), mixings, strict=True)
        ]
        if (windows := self._windows) is not None:
            cut = (
                windows[plan.order[part], :, plan.shifts[part, 0], plan.shifts[part, 1]]
                for part in parts
            )
        elif (whole := self._source.whole) is not None:
            cut = (self._cut(whole[plan.order[part]], plan, part) for part in parts)
        else:
            numbers = [plan_on_cpu.order[_on_cpu(part)] for part in parts]
            read = self._source.read(numbers)
            cut = (self._cut(images, plan, part) for images, part in zip(read, parts, strict=True))
        for images, part, mixing in zip(cut, parts, mixings, strict=True):
            if self._flip:
                images = torch.where(plan.flips[part, None, None, None], images.flip(3), images)
            images = self._light(self._normalise(images), plan, part)
            if self._recipe.erasing:
                images = erase(images, plan.erased[part])
            labels = self._labels[plan.order[part]]
            if mixing is None:
                yield TrainingBatch(images, labels)
                continue
            mixed, partners = mixing.mix(images), mixing.partners(labels)
            if self._ranks:  # without the one that is here as a partner alone
                mixed, labels, partners = mixed[1:], labels[1:], partners[1:]
            yield TrainingBatch(mixed, labels, partners, mixing)

    def _part(self, start: int, mixing: Mixing | None) -> slice | Tensor:
        """Where this process's images of the batch that begins at `start` are in the plan.

        Where images are mixed, the one before them in the batch comes first, as a partner.
        """
        size = self._recipe.batch_size
        if self._ranks is None:
            return slice(start, start + size)
        part = self._ranks.own(start, size)
        if mixing is None:
            return part
        before = start + (part.start - start - 1) % size
        return torch.tensor([before, *range(part.start, part.stop)], device=self._device)

    def _cut(self, images: Tensor, plan: EpochPlan, part: slice | Tensor) -> Tensor:
        if self._resized:
            return resize_crops(images, plan.boxes[part])
        rows = torch.arange(len(images), device=self._device)
        return _windows(images, self._padding)[rows, :, plan.shifts[part, 0], plan.shifts[part, 1]]

    def _light(self, images: Tensor, plan: EpochPlan, part: slice | Tensor) -> Tensor:
        if not self._lights:
            return images
        # The images are normalised already, so the shift is divided by the deviation too.
        shift = (plan.lights[part] @ self._colours.T).view(-1, 3, 1, 1)
        return images.add_(shift * self._normalise.scale)


class EvaluationBatches:
    """Images in their order, not augmented, in batches as of `TrainingBatches`.

    The last batch may be smaller.
    """

    def __init__(
        self, images: Images, splits: Splits, recipe: Recipe, device: torch.device
    ) -> None:
        self._source = _Source(images, device)
        self._labels = torch.from_numpy(images.labels).to(device).split(recipe.batch_size)
        self._size = recipe.batch_size
        self._normalise = Normalise(splits, device)

    def __len__(self) -> int:
        return len(self._labels)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        batches: Iterator[Tensor]
        if self._source.whole is None:
            batches = self._source.read(list(torch.arange(len(self._source)).split(self._size)))
        else:
            batches = iter(self._source.whole.split(self._size))
        for images, labels in zip(batches, self._labels, strict=True):
            yield self._normalise(images), labels


def _on_cpu(part: slice | Tensor) -> slice | Tensor:
    return part.cpu() if isinstance(part, Tensor) else part


def resize_crops(images: Tensor, boxes: Tensor) -> Tensor:
    """Crop images and resize the crops to the images' size, bilinearly.

    A box is never larger than the image, so nothing is made smaller and no smoothing is needed.

    Args:
        images: uint8, N x channels x side x side.
        boxes: float32, N x 4: left, top, width and height as fractions of the side.

    Returns:
        float32, from 0 to 255, of the images' shape.
    """
    left, top, width, height = boxes.unbind(1)
    zero = torch.zeros_like(left)
    rows = (
        torch.stack((width, zero, 2 * left + width - 1), 1),
        torch.stack((zero, height, 2 * top + height - 1), 1),
    )
    grid = F.affine_grid(torch.stack(rows, 1), list(images.shape), align_corners=False)
    return F.grid_sample(images.float(), grid, padding_mode="border", align_corners=False)


def _windows(images: Tensor, padding: int) -> Tensor:
    """A view of the padded images, N x channels x shifts x shifts x height x width.

    A batch with its crops is then a single indexing.
    """
    side = images.shape[-1]
    padded = F.pad(images, (padding,) * 4) if padding else images
    return padded.unfold(2, side, 1).unfold(3, side, 1)


def _most_bytes(values: "np.ndarray | Rows", padding: int) -> int:
    """The bytes that images take on the device at most: while they are padded, both copies."""
    side = values.shape[-1]
    return values.nbytes + (values.nbytes // side**2 * (side + 2 * padding) ** 2 if padding else 0)


class _Source:
    """Images for a device: as one tensor there, or read in batches where that is too large.

    Attributes:
        whole: uint8, N x channels x height x width, on the device; None where `read` is needed.

    Args:
        images: The images, in memory or on disk.
        device: Where they are used.
        padding: By which `whole` will be padded, in pixels, as that takes memory too.
    """

    def __init__(self, images: Images, device: torch.device, padding: int = 0) -> None:
        self._device, self._rows = device, None
        values = images.images
        on_disk = isinstance(values, Rows)
        if device.type == "cuda":
            small = (
                _most_bytes(values, padding) <= RESIDENT_PART * torch.cuda.mem_get_info(device)[0]
            )
        else:
            small = not on_disk or values.nbytes <= RESIDENT_BYTES
        self.whole = torch.from_numpy(values[:]).to(device) if small else None
        with warnings.catch_warnings():
            # An array on disk is mapped for reading only; nothing here writes into it.
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")
            self._array = torch.from_numpy(values.array if isinstance(values, Rows) else values)
        if isinstance(values, Rows):
            self._rows = torch.from_numpy(np.array(values.rows))
        self._count = len(values)

    def __len__(self) -> int:
        return self._count

    def read(self, numbers: list[Tensor]) -> Iterator[Tensor]:
        """Yield the images of each batch of numbers; the next is read while one is used."""

        def gather(chosen: Tensor) -> Tensor:
            images = self._array.index_select(
                0, chosen if self._rows is None else self._rows[chosen]
            )
            return images.pin_memory() if self._device.type == "cuda" else images

        with ThreadPoolExecutor(1) as reader:
            ahead = reader.submit(gather, numbers[0])
            for following in [*numbers[1:], None]:
                images = ahead.result()
                if following is not None:
                    ahead = reader.submit(gather, following)
                yield images.to(self._device, non_blocking=True)


class Normalise:
    """Turns uint8 images into float32, channels last, by the training split's mean and deviation.

    The mean is subtracted, and the result is divided by the standard deviation.
    """

    def __init__(self, about: Splits | Exported, device: torch.device) -> None:
        self._mean = (255 * torch.tensor(about.mean, device=device)).view(1, -1, 1, 1)
        self.scale = 1 / (255 * torch.tensor(about.std, device=device)).view(1, -1, 1, 1)

    def __call__(self, images: Tensor) -> Tensor:
        return (
            images.to(torch.float32, memory_format=torch.channels_last)
            .sub_(self._mean)
            .mul_(self.scale)
        )
