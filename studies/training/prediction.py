"""What a trained network makes of new images: the classes that it finds likely."""

import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import nn

from explorer.errors import UserError, cut
from explorer.networks import blueprint_of, channels_last, load_network
from studies.data import Decoding, Exported, find_photos, read_photos, to_uint8
from studies.machine.settings import Settings, resolve_here
from studies.training.batches import Normalise
from studies.training.environment import torch_environment

if TYPE_CHECKING:
    from numpy.typing import NDArray

FAR = 4  # deviations of single pixels: means of whole images vary less than pixels do
BATCH = 64  # files that are decoded, and images that are computed, at a time


@dataclass(frozen=True)
class Prediction:
    """What an image file shows, by a network.

    Attributes:
        file: The file.
        classes: The likeliest classes, best first, each with its probability; of a file that is
            no image, none.
        problem: Why there are none, and what to do about it.
    """

    file: Path
    classes: tuple[tuple[str, float], ...]
    problem: str = ""


class Predictor:
    """A trained network, as `study winner --retrain --export` and `train -o` write it.

    Images are decoded and normalised by the code that did so for its training.

    Example:
        >>> predictor = Predictor.load("best/weights.safetensors")  # doctest: +SKIP
        >>> for prediction in predictor.predict(["photo1.jpg", "folder"]):  # doctest: +SKIP
        ...     print(prediction.file, prediction.classes)
    """

    def __init__(self, network: nn.Module, about: Exported, settings: Settings) -> None:
        """Use a network.

        Args:
            network: The network.
            about: How its training images were normalised, and the names of its classes.
            settings: Device, precision and threads to compute with.
        """
        self.architecture, self.about = blueprint_of(network), about
        names = about.names or tuple(str(label) for label in range(self.architecture.classes))
        self.names = names
        self._settings, self._device = settings, torch.device(settings.device)
        channels_last(network)
        self._network = network.eval().to(self._device)
        self._normalise = Normalise(about, self._device)

    def __repr__(self) -> str:
        return f"<Predictor {self.architecture!r}, classes: {cut(', '.join(self.names))}>"

    @classmethod
    def load(cls, weights: str | Path, device: str = "auto") -> Self:
        """Load a network by what its file says of it.

        Args:
            weights: A .safetensors file that this program wrote.
            device: `cpu`, `cuda`, `cuda:1` or `auto`.

        Raises:
            UserError: The file cannot be read, or does not say what is needed.
        """
        saved = load_network(weights)
        design = saved.architecture
        about = Exported.from_metadata(saved.metadata, design.in_channels, design.classes, weights)
        # As it was tested; where this machine does not compute so, in 32 bits.
        precision = "auto" if saved.metadata.get("precision") == "bf16" else "32"
        return cls(saved.network, about, resolve_here(device, precision).settings)

    def predict(
        self,
        files: str | Path | Iterable[str | Path],
        top: int = 3,
        progress: Callable[[int, int], None] = lambda done, total: None,
        tell: Callable[[str], None] = warnings.warn,
    ) -> Iterator[Prediction]:
        """Yield what each image file shows; of a folder, each image below it.

        Args:
            files: A file or a folder, or several of them.
            top: How many classes are named.
            progress: Called with the numbers of images done and of all, batch by batch.
            tell: Called, once at most, where images are so dark or so bright that they are hardly
                on the scale of the training images.

        Raises:
            UserError: There is no such file or folder, a folder holds no image, or images in memory
                are given.
        """
        given = [files] if isinstance(files, str | Path) else list(files)
        if others := [path for path in given if not isinstance(path, str | Path)]:
            raise UserError(
                f"predict takes image files and folders, by their paths (given:"
                f" {type(others[0]).__name__}). Of images in memory:"
                " predictor.probabilities(images)."
            )
        paths, _ = find_photos(given)
        design = self.architecture
        decoding = Decoding(design.resolution, design.in_channels, max_pixels=self.about.max_pixels)
        done, strange = 0, ""
        for photos in read_photos(paths, decoding, self.about.black_and_white, BATCH):
            images = [photo.pixels for photo in photos if photo.pixels is not None]
            if images and not strange and (strange := self._scale_words(np.stack(images))):
                tell(strange)
            rows = iter(self._probabilities(np.stack(images)) if images else ())
            for photo in photos:
                classes = () if photo.pixels is None else self._likeliest(next(rows), top)
                yield Prediction(photo.path, classes, photo.problem)
            done += len(photos)
            progress(done, len(paths))

    def probabilities(self, images: Any) -> "NDArray[np.float32]":
        """The probability of each class for each image.

        Args:
            images: uint8, N x side x side, N x channels x side x side or N x side x side x
                channels, of the network's side and channels, on the scale of its training images.
                A warning says where they are so dark or so bright that they hardly are.

        Returns:
            float32, N x classes; the columns are in the order of `names`.

        Raises:
            UserError: The images are of another dtype or shape.
        """
        design, given = self.architecture, np.asarray(images)
        pixels = given[:, None] if given.ndim == 3 else given
        wanted = design.input_shape
        if pixels.ndim == 4 and pixels.shape[1:] != wanted and pixels.shape[3] == wanted[0]:
            pixels = pixels.transpose(0, 3, 1, 2)
        if pixels.dtype != np.uint8 or pixels.shape[1:] != wanted:
            channels, side, _ = wanted
            single = [wanted, (side, side, channels), *([(side, side)] if channels == 1 else [])]
            how = ""
            if given.shape in single:
                how = " That is one image; give several, or images[None] of one."
            elif pixels.shape[1:] == wanted:
                how = f" {to_uint8(given)}"
            raise UserError(
                f"{design.name} takes images of uint8, N x {' x '.join(map(str, wanted))} (given:"
                f" {given.dtype}, {' x '.join(map(str, given.shape))}).{how}"
            )
        if not len(pixels):
            return np.empty((0, design.classes), np.float32)
        if strange := self._scale_words(pixels):
            warnings.warn(strange, stacklevel=2)
        return self._probabilities(pixels)

    def _scale_words(self, pixels: "NDArray[np.uint8]") -> str:
        """Why these images are hardly on the scale of the training images; "" where they may be.

        No sample of theirs is as bright as the training images are on the average, as where 16 or 1
        is white; or their mean is further from that than `FAR` deviations of single pixels, as
        where only the training had such a scale.
        """
        mean, std = 255 * np.array(self.about.mean), 255 * np.array(self.about.std)
        brightest, means = int(pixels.max()), pixels.mean((0, 2, 3))
        trained = f"the training images have a mean of {mean.mean():.0f}"
        if brightest < mean.min():
            return (
                f"the brightest sample of these images is {brightest}, and {trained}: they seem to"
                f" be on another scale. Where {brightest} is white, make 255 of it."
            )
        if (np.abs(means - mean) > FAR * std).any():
            return (
                f"these images have a mean of {means.mean():.0f}, and {trained}: they seem to be on"
                " another scale. Give them as the training images were."
            )
        return ""

    def _probabilities(self, pixels: "NDArray[np.uint8]") -> "NDArray[np.float32]":
        batches = torch.from_numpy(np.array(pixels, order="C")).split(BATCH)
        with torch_environment(self._settings), torch.inference_mode():
            return torch.cat([self._compute(batch) for batch in batches]).numpy()

    def _compute(self, batch: torch.Tensor) -> torch.Tensor:
        is_bf16 = self._settings.precision == "bf16"
        with torch.autocast(self._device.type, torch.bfloat16, enabled=is_bf16):
            logits = self._network(self._normalise(batch.to(self._device)))
        return logits.float().softmax(1).cpu()

    def _likeliest(self, row: "NDArray[np.float32]", top: int) -> tuple[tuple[str, float], ...]:
        order = np.argsort(-row, kind="stable")[:top]
        return tuple((self.names[label], float(row[label])) for label in order)
