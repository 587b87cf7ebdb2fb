"""Whether a network fits the data that it is to be trained on."""

from explorer import Blueprint
from explorer.errors import UserError
from explorer.text import counted
from studies.data import Splits


def check_shape(architecture: Blueprint, splits: Splits) -> None:
    """Raise `UserError` where the network is for other images or classes than the data has."""
    channels, resolution = splits.train.images.shape[1:3]
    data = (resolution, channels, splits.classes)
    network = (architecture.resolution, architecture.in_channels, architecture.classes)
    if data != network:
        raise UserError(
            f"the network is for {_describe(*network)}, the data has {_describe(*data)}."
        )


def _describe(resolution: int, channels: int, classes: int) -> str:
    shape = f"{resolution} x {resolution} pixels, {counted(channels, 'channel')}"
    return f"{shape} and {counted(classes, 'class', 'classes')}"
