"""MobileNetV2 (Sandler et al., 2018, https://arxiv.org/abs/1801.04381): inverted residual blocks.

A block goes from few channels to many, and back. How many times as many, at the same cost?

    resnext-explorer match examples.mobilenet:mobilenet --given expansion=1,2,3,6 --solve width
"""

from torch import Tensor, nn

# Of each stage: channels for a width of 32, and the stride of the first block.
STAGES = ((16, 1), (24, 2), (32, 2), (64, 2), (96, 1), (160, 2), (320, 1))
LAST = 1280
SMALLEST_MAP = 7  # what is not larger is not halved, so that small images keep a map


class Block(nn.Module):
    """1x1 to many channels, 3x3 of each by itself, 1x1 back; residual where shapes agree."""

    def __init__(self, before: int, after: int, expansion: int, stride: int) -> None:
        super().__init__()
        inner = before * expansion
        widen = norm_conv(before, inner, 1) if expansion > 1 else nn.Identity()
        self.layers = nn.Sequential(
            widen,
            norm_conv(inner, inner, 3, stride, groups=inner),
            nn.Conv2d(inner, after, 1, bias=False),
            nn.BatchNorm2d(after),
        )
        self.is_residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return x + y if self.is_residual else y


def norm_conv(
    before: int, after: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    convolution = nn.Conv2d(
        before, after, kernel, stride, padding=kernel // 2, groups=groups, bias=False
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU6())


def mobilenet(
    *,
    width: int = 32,
    depths: tuple[int, ...] = (1, 2, 3, 4, 3, 3, 1),
    expansion: int = 6,
    resolution: int,
    in_channels: int,
    classes: int,
) -> nn.Module:
    """MobileNetV2, unless other numbers are given.

    Args:
        width: Channels of the stem; all others are in proportion.
        depths: Blocks of each of the seven stages.
        expansion: How many times as many channels a block has inside, but for the first.
        resolution: Side of the images; maps of up to 7 pixels are not halved.
        in_channels: Channels of the images.
        classes: Outputs.
    """
    side = resolution

    def halved(stride: int) -> int:
        nonlocal side
        if stride == 1 or side <= SMALLEST_MAP:
            return 1
        side = (side + 1) // 2
        return stride

    layers: list[nn.Module] = [norm_conv(in_channels, width, 3, halved(2))]
    before = width
    for stage, ((channels, stride), depth) in enumerate(zip(STAGES, depths, strict=True)):
        after = max(1, round(channels * width / 32))
        for number in range(depth):
            own = halved(stride) if number == 0 else 1
            layers.append(Block(before, after, expansion if stage else 1, own))
            before = after
    last = max(1, round(LAST * width / 32))
    head = [norm_conv(before, last, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.2)]
    return nn.Sequential(*layers, *head, nn.Linear(last, classes))
