"""ConvNeXt (Liu et al., 2022, https://arxiv.org/abs/2201.03545): depthwise, then two 1x1 layers.

How large should the depthwise kernel be, at the same cost?

    resnext-explorer match examples.convnext:convnext --given kernel=3,5,7,9 --solve width
"""

import torch
from torch import Tensor, nn


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of a map."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Block(nn.Module):
    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=width),
            ChannelNorm(width, eps=1e-6),
            nn.Conv2d(width, 4 * width, 1),
            nn.GELU(),
            nn.Conv2d(4 * width, width, 1),
        )
        # The paper starts from 1e-6, with AdamW and 300 epochs; in ten, by SGD, a block of that
        # would not learn (48 % error on the digits instead of 7 %).
        self.scale = nn.Parameter(torch.ones(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.scale * self.layers(x)


def convnext(
    *,
    width: int = 96,
    depths: tuple[int, ...] = (3, 3, 9, 3),
    kernel: int = 7,
    resolution: int,
    in_channels: int,
    classes: int,
) -> nn.Module:
    """ConvNeXt-T, unless other numbers are given; without its stochastic depth.

    Args:
        width: Channels of the first stage; they double from stage to stage.
        depths: Blocks of each stage.
        kernel: Side of the depthwise convolution, an odd number.
        resolution: Side of the images; up to 64 pixels the stem does not shrink them.
        in_channels: Channels of the images.
        classes: Outputs.
    """
    if kernel % 2 == 0:
        raise ValueError(f"an even kernel, {kernel}, would shift the map")
    patch = 4 if resolution > 64 else 1
    layers = [nn.Conv2d(in_channels, width, patch, patch), ChannelNorm(width, eps=1e-6)]
    channels = width
    for stage, depth in enumerate(depths):
        if stage:
            layers += [ChannelNorm(channels, eps=1e-6), nn.Conv2d(channels, 2 * channels, 2, 2)]
            channels *= 2
        layers += [Block(channels, kernel) for _ in range(depth)]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(channels, eps=1e-6)]
    return nn.Sequential(*layers, *head, nn.Linear(channels, classes))
