"""Networks as users write them: a module file in the current folder, and what tests ask of it."""

import importlib
import shutil
import sys
from pathlib import Path

from explorer.own.functions import find_family
from explorer.own.sources import _definitions

HEAD = """
import torch
from torch import nn


def classifier(channels, classes):
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes)]

"""

PLAIN = (
    HEAD
    + """
def net(*, width: int, depths: tuple[int, ...] = (1, 1), kernel: int = 3, resolution: int,
        in_channels: int, classes: int) -> nn.Module:
    layers = [nn.Conv2d(in_channels, width, 3, padding=1)]
    for depth in depths:
        for _ in range(depth):
            layers += [nn.Conv2d(width, width, kernel, padding=kernel // 2), nn.BatchNorm2d(width),
                       nn.ReLU()]
    return nn.Sequential(*layers, *classifier(width, classes))
"""
)


def write(folder: Path, name: str, source: str) -> str:
    """A module of this name in the folder, as if nobody had imported it before."""
    sys.modules.pop(name, None)
    find_family.cache_clear()
    _definitions.cache_clear()
    (folder / f"{name}.py").write_text(source)
    importlib.invalidate_caches()
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)  # a file may change within a second
    return name
