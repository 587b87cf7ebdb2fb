"""What an epoch shows: images on the device as one tensor, or read from disk
a batch at a time; augmented a batch at a time.

Order, crops, flips and lighting are drawn on the CPU from (seed, epoch) alone: the
same for every arm, on every device and after a resume.
"""

import math
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from studies.config.recipe import Recipe
from studies.data.splits import Images, Rows, Splits

# Images on disk up to this many bytes are read into memory once; on a
# GPU all up to this part of its free memory.
RESIDENT_BYTES = 256 * 2**20
RESIDENT_PART = 0.25
# Random resized crops as in fb.resnet.torch: part of the area, width over height, and how often a
# crop that does not fit is drawn again before the whole image is taken.
AREA = (0.08, 1.0)
RATIO = (3 / 4, 4 / 3)
TRIES = 10
# The principal components of ImageNet's colours (pixels from 0 to 1), as in
# fb.resnet.torch: deviations, and a column each.
COLOUR_DEVIATIONS = (0.2175, 0.0188, 0.0045)
COLOURS = ((-0.5675, 0.7192, 0.4009), (-0.5808, -0.0045, -0.8140), (-0.5836, -0.6948, 0.4203))


@dataclass(frozen=True)
class Plan:
    """What an epoch does with the training images, drawn on the CPU: their
    order, and what happens to each, in that order."""

    order: Tensor
    shifts: Tensor  # N x 2: rows and columns, 0 to 2 x padding
    flips: Tensor
    boxes: Tensor  # N x 4: left, top, width, height of the crop, as parts of the side
    lights: Tensor  # N x 3: standard normal, one for each component of colour

    def to(self, device: torch.device) -> "Plan":
        return Plan(*(value.to(device) for value in vars(self).values()))


def plan_epoch(
    seed: int, epoch: int, images: int, padding: int, *, boxes: bool = False, lights: bool = False
) -> Plan:
    """The plan of epoch `epoch` (from 0): a pure function of its
    arguments, in torch's generator of the CPU."""
    mixed = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    generator = torch.Generator().manual_seed(int(mixed) % 2**63)
    order = torch.randperm(images, generator=generator)
    shifts = torch.randint(0, 2 * padding + 1, (images, 2), generator=generator)
    flips = torch.rand(images, generator=generator) < 0.5
    crops = _draw_boxes(images, generator) if boxes else torch.empty(images, 0)
    normal = torch.randn(images, 3, generator=generator) if lights else torch.empty(images, 0)
    return Plan(order, shifts, flips, crops, normal)


def _draw_boxes(images: int, generator: torch.Generator) -> Tensor:
    drawn = torch.rand(images, TRIES, 2, generator=generator)
    place = torch.rand(images, 2, generator=generator)
    area = AREA[0] + (AREA[1] - AREA[0]) * drawn[..., 0]
    ratio = torch.exp(
        math.log(RATIO[0]) + (math.log(RATIO[1]) - math.log(RATIO[0])) * drawn[..., 1]
    )
    sizes = torch.stack((area * ratio, area / ratio), dim=-1).sqrt()  # N x tries x (width, height)
    fits = (sizes <= 1).all(-1)
    first = fits.int().argmax(1)  # the first of equals
    size = sizes[torch.arange(images), first].where(fits.any(1, keepdim=True), torch.ones(()))
    return torch.cat((place * (1 - size), size), dim=1)


class TrainingBatches:
    """The training images; iterating gives the full batches of the epoch
    that `epoch()` names (from 0), augmented."""

    def __init__(
        self,
        splits: Splits,
        recipe: Recipe,
        seed: int,
        device: torch.device,
        epoch: Callable[[], int],
    ) -> None:
        channels, resolution = splits.train.images.shape[1:3]
        self._recipe, self._seed, self._epoch, self._device = recipe, seed, epoch, device
        self._padding = recipe.padding(resolution)
        self._flip = recipe.flip == "where_mirrored" and splits.mirrored
        self._resized = recipe.crop == "random_resized"
        self._lights = recipe.lighting > 0 and channels == 3
        self._source = _Source(splits.train, device, 0 if self._resized else self._padding)
        self._windows: Tensor | None = None
        if (whole := self._source.whole) is not None and not self._resized:
            # A view of a padded copy, which takes the place of the images.
            self._windows, self._source.whole = _windows(whole, self._padding), None
        self._labels = torch.from_numpy(splits.train.labels).to(device)
        self._normalise = _Normalise(splits, device)
        colours = torch.tensor(COLOURS, device=device) * torch.tensor(
            COLOUR_DEVIATIONS, device=device
        )
        self._colours = 255 * recipe.lighting * colours

    def __len__(self) -> int:
        return self._recipe.steps_per_epoch(len(self._labels))

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        size = self._recipe.batch_size
        drawn = plan_epoch(
            self._seed,
            self._epoch(),
            len(self._labels),
            self._padding,
            boxes=self._resized,
            lights=self._lights,
        )
        plan = drawn.to(self._device)
        parts = [slice(start, start + size) for start in range(0, len(self) * size, size)]
        if (windows := self._windows) is not None:
            cut = (
                windows[plan.order[part], :, plan.shifts[part, 0], plan.shifts[part, 1]]
                for part in parts
            )
        elif (whole := self._source.whole) is not None:
            cut = (self._cut(whole[plan.order[part]], plan, part) for part in parts)
        else:
            read = self._source.read([drawn.order[part] for part in parts])
            cut = (self._cut(images, plan, part) for images, part in zip(read, parts, strict=True))
        for images, part in zip(cut, parts, strict=True):
            if self._flip:
                images = torch.where(plan.flips[part, None, None, None], images.flip(3), images)
            yield self._light(self._normalise(images), plan, part), self._labels[plan.order[part]]

    def _cut(self, images: Tensor, plan: Plan, part: slice) -> Tensor:
        if self._resized:
            return resized_crops(images, plan.boxes[part])
        rows = torch.arange(len(images), device=self._device)
        return _windows(images, self._padding)[rows, :, plan.shifts[part, 0], plan.shifts[part, 1]]

    def _light(self, images: Tensor, plan: Plan, part: slice) -> Tensor:
        if not self._lights:
            return images
        # Normalised already, so that the shift is scaled alike.
        shift = (plan.lights[part] @ self._colours.T).view(-1, 3, 1, 1)
        return images.add_(shift * self._normalise.scale)


class EvaluationBatches:
    """Images as they are, in their order; the last batch may be smaller."""

    def __init__(
        self, images: Images, splits: Splits, recipe: Recipe, device: torch.device
    ) -> None:
        self._source = _Source(images, device)
        self._labels = torch.from_numpy(images.labels).to(device).split(recipe.batch_size)
        self._size = recipe.batch_size
        self._normalise = _Normalise(splits, device)

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


def resized_crops(images: Tensor, boxes: Tensor) -> Tensor:
    """The boxes (N x 4: left, top, width, height, as parts of the side) of images, each resized to
    the image's size, bilinearly; float32, from 0 to 255. A box is never larger than the image, so
    nothing is made smaller and needs no smoothing.
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
    """A view N x C x shifts x shifts x H x W of the padded images: a
    batch and its crops are one indexing."""
    side = images.shape[-1]
    padded = F.pad(images, (padding,) * 4) if padding else images
    return padded.unfold(2, side, 1).unfold(3, side, 1)


def _most_bytes(values: "np.ndarray | Rows", padding: int) -> int:
    """What images take on the device at most: while a padded copy is made, both are there."""
    side = values.shape[-1]
    return values.nbytes + (values.nbytes // side**2 * (side + 2 * padding) ** 2 if padding else 0)


class _Source:
    """Images for the device: `whole`, one tensor there, or None where that
    would take too much; then `read` brings batches.

    `padding` tells how far `whole` is to be padded, which takes room too.
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
        """The images of each batch of numbers; the next batch is
        read while this one is worked on."""

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


class _Normalise:
    """uint8 images to float32, channels last, with the training split's
    mean taken off and divided by its deviation."""

    def __init__(self, splits: Splits, device: torch.device) -> None:
        self._mean = (255 * torch.tensor(splits.mean, device=device)).view(1, -1, 1, 1)
        self.scale = 1 / (255 * torch.tensor(splits.std, device=device)).view(1, -1, 1, 1)

    def __call__(self, images: Tensor) -> Tensor:
        return (
            images.to(torch.float32, memory_format=torch.channels_last)
            .sub_(self._mean)
            .mul_(self.scale)
        )
