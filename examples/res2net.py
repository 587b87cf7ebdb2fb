"""Res2Net (Gao et al., 2019, https://arxiv.org/abs/1904.01169): paths that feed one another.

"26w x 4s" is width=26, scale=4. Which width goes with another scale at the same cost?

    resnext-explorer match examples.res2net:res2net --given scale=2,4,6,8 --solve width
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

EXPANSION = 4


class Block(nn.Module):
    """1x1, then `scale` paths of `width` channels, each of which also gets the one before, 1x1."""

    def __init__(self, before: int, planes: int, width: int, scale: int, stride: int) -> None:
        super().__init__()
        self.width, self.is_first = width, stride > 1 or before != EXPANSION * planes
        self.reduce = norm_conv(before, width * scale, 1)
        convolved = max(1, scale - 1)  # the last path is left as it is, unless it is the only one
        self.paths = nn.ModuleList(norm_conv(width, width, 3, stride) for _ in range(convolved))
        self.pool = nn.AvgPool2d(3, stride, padding=1) if self.is_first else nn.Identity()
        self.expand = norm_conv(width * scale, EXPANSION * planes, 1)
        self.shortcut = (
            norm_conv(before, EXPANSION * planes, 1, stride) if self.is_first else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        parts = torch.relu(self.reduce(x)).split(self.width, dim=1)
        outputs: list[Tensor] = []
        for part, path in zip(parts, self.paths, strict=False):
            # The first block of a stage shrinks the map, so there no path can get another's output.
            given = part if self.is_first or not outputs else part + outputs[-1]
            outputs.append(torch.relu(path(given)))
        outputs += [self.pool(part) for part in parts[len(self.paths) :]]
        return torch.relu(self.expand(torch.cat(outputs, 1)) + self.shortcut(x))


def norm_conv(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(after))


def stem(in_channels: int, channels: int, resolution: int) -> Sequence[nn.Module]:
    """ImageNet's, or one 3x3 convolution for images of up to 64 pixels."""
    if resolution <= 64:
        return norm_conv(in_channels, channels, 3), nn.ReLU()
    return norm_conv(in_channels, channels, 7, 2), nn.ReLU(), nn.MaxPool2d(3, 2, padding=1)


def res2net(
    *,
    depths: tuple[int, ...] = (3, 4, 6, 3),
    planes: int = 64,
    width: int = 26,
    scale: int = 4,
    resolution: int,
    in_channels: int,
    classes: int,
) -> nn.Module:
    """Res2Net-50 of 26w x 4s, unless other numbers are given.

    Args:
        depths: Blocks of each stage.
        planes: A quarter of the first stage's output channels, and those of the stem; they double
            from stage to stage.
        width: Channels of a path in the first stage; they double likewise.
        scale: Paths of a block.
        resolution: Side of the images; up to 64 pixels the stem does not shrink them.
        in_channels: Channels of the images.
        classes: Outputs.
    """
    layers, before = [*stem(in_channels, planes, resolution)], planes
    for stage, depth in enumerate(depths):
        factor = 2**stage
        for number in range(depth):
            stride = 2 if stage and not number else 1
            layers.append(Block(before, planes * factor, width * factor, scale, stride))
            before = EXPANSION * planes * factor
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))
