"""An architecture as a torch module: a map of its layers, under torchvision's parameter names."""

from itertools import groupby

import torch
from torch import Tensor, nn

from explorer.architecture import Architecture
from explorer.blocks import Block
from explorer.errors import unknown
from explorer.layers import FORMS, Layer, iter_layers

FEW = 8  # channels of a path that are too few for a processor's convolutions


def build(architecture: Architecture, form: str = "c") -> "Network":
    """The network as a module: input N x in_channels x resolution x resolution, output N x classes (logits).

    Its state dict has torchvision's names and shapes, whatever the `form` in which blocks are computed ("a", "b" or "c"), so
    a torchvision `resnet50` or `resnext50_32x4d` state dict loads with `strict=True`. Weights are drawn from torch's
    global generator: one seed gives equal networks in every form.
    """
    if form not in FORMS:
        raise unknown("form", form, FORMS)
    return Network(architecture, form)


class Network(nn.Module):
    """Stem, stages `layer1`, `layer2`, ..., global average pooling and classifier."""

    conv1: nn.Conv2d
    bn1: nn.BatchNorm2d
    maxpool: nn.MaxPool2d
    avgpool: "GlobalAveragePool"
    fc: nn.Linear

    def __init__(self, architecture: Architecture, form: str = "c") -> None:
        super().__init__()
        self.architecture = architecture
        self.stage_names = [f"layer{stage.number}" for stage in architecture.stages]
        # Modules always have form (c)'s layout.
        for stage, layers in groupby(iter_layers(architecture, expand=True), key=lambda layer: layer.stage):
            if stage == 0:
                for layer in layers:
                    self.add_module(layer.part, _module(layer))
                continue
            blocks = nn.Sequential()
            for _, block in groupby(layers, key=lambda layer: layer.block):
                modules = {layer.part: _module(layer) for layer in block}
                blocks.append(Block(modules, form, shortcut=architecture.shortcut == "projection"))
            self.add_module(f"layer{stage}", blocks)
        self.relu = nn.ReLU(inplace=True)
        self.has_maxpool = architecture.stem.kind == "imagenet"
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        if self.has_maxpool:
            x = self.maxpool(x)
        for name in self.stage_names:
            x = getattr(self, name)(x)
        logits: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return logits


class GlobalAveragePool(nn.Module):
    """(N, C, H, W) to (N, C, 1, 1), of any size of map.

    What AdaptiveAvgPool2d(1) gives; but its gradient is channels last, as the maps of a training are, and cheap. With the other's, which
    is not, a step of a 28 MFLOP network took 4 to 6 % longer on a CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).mean((1, 2), keepdim=True).permute(0, 3, 1, 2)


class StridedProjection(nn.Conv2d):
    """A 1x1 convolution with a stride, as Conv2d has it; trained on a CPU, it first takes the pixels that it looks at.

    oneDNN's gradients of a strided 1x1 convolution pass over the whole map: with these a step of a 28 MFLOP network took 2 to 4 % longer.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.device.type == "cpu"):
            return super().forward(x)
        rows, columns = self.stride
        # Sliced as N x H x W x C, so that the gradient is channels last.
        pixels = x.permute(0, 2, 3, 1)[:, ::rows, ::columns].permute(0, 3, 1, 2)
        return nn.functional.conv2d(pixels, self.weight)


class NarrowPaths(nn.Conv2d):
    """A grouped convolution with 2 to 7 channels a path, as Conv2d has it; trained in bfloat16 on a CPU, it takes several paths as one.

    Processors compute with 16 or 32 channels at a time, so that paths of few leave them idle. Here neighbouring paths make a group of 8
    to 16 channels, with zeros for what leads from one path to another: more multiply-adds, the same function of finite numbers.
    Forward and backward of 16 paths of 2 channels took 0.28 of the time so, of 8 paths of 4 channels 0.7. In float32 it gains nothing.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.device.type == "cpu" and x.dtype == torch.bfloat16):
            return super().forward(x)
        weight, groups = self.merged()
        return nn.functional.conv2d(x, weight, None, self.stride, self.padding, groups=groups)

    def merged(self) -> tuple[Tensor, int]:
        """The weights with paths made one, out channels x their channels x height x width, and how many groups that leaves."""
        d = self.in_channels // self.groups
        # As few as make `FEW` channels, else as many as may be: more than twice as many channels cost more than they save.
        fitting = [n for n in range(1, self.groups + 1) if self.groups % n == 0 and n * d <= 2 * FEW]
        paths = next((n for n in fitting if n * d >= FEW), fitting[-1])
        groups, kernel = self.groups // paths, self.weight.shape[2:]
        own = torch.eye(paths, dtype=self.weight.dtype, device=self.weight.device).view(1, paths, 1, paths, 1, 1, 1)
        weight = self.weight.view(groups, paths, -1, 1, d, *kernel) * own
        return weight.reshape(self.out_channels, paths * d, *kernel), groups


def _module(layer: Layer) -> nn.Module:
    if layer.kind == "conv":
        convolution = nn.Conv2d
        if layer.kernel == 1 and layer.stride > 1:
            convolution = StridedProjection
        elif layer.groups > 1 and 1 < layer.in_channels // layer.groups < FEW:
            convolution = NarrowPaths
        return convolution(
            layer.in_channels,
            layer.out_channels,
            layer.kernel,
            stride=layer.stride,
            padding=layer.padding,
            groups=layer.groups,
            bias=False,
        )
    if layer.kind == "norm":
        return nn.BatchNorm2d(layer.out_channels)
    if layer.kind == "linear":
        return nn.Linear(layer.in_channels, layer.out_channels)
    if layer.part == "avgpool":
        return GlobalAveragePool()
    return nn.MaxPool2d(layer.kernel, stride=layer.stride, padding=layer.padding)


def _initialise(module: nn.Module) -> None:
    # He et al. 2015, as fb.resnet.torch (the paper's code base) and torchvision do it; batch norm and the classifier keep torch's defaults.
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
