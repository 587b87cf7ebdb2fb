"""An architecture as a torch module: a map of its layers, under torchvision's parameter names."""

from itertools import groupby

import torch
from torch import Tensor, nn

from explorer.architecture import Architecture
from explorer.blueprints import Blueprint, as_blueprint
from explorer.errors import UserError, check_known
from explorer.layers import FORMS, Layer, iter_layers
from explorer.networks.blocks import Block, ChainBlock, InceptionBlock
from explorer.networks.modules import (
    GlobalAveragePool,
    MergingPaths,
    StridedProjection,
    normalise,
)


def build(architecture: Blueprint | str, form: str = "c") -> nn.Module:
    """The network as a torch module, which maps images to logits.

    Images are N x in_channels x resolution x resolution, logits N x classes. The state dict has
    torchvision's names and shapes in every form, so that a torchvision `resnet50` or
    `resnext50_32x4d` state dict loads with `strict=True`. Weights are drawn from torch's global
    generator; one seed gives equal networks in every form.

    Args:
        architecture: The network, or its name; of one of the user's own, what its function makes.
        form: How blocks are computed: "a", "b" or "c" (figure 3 of the paper).

    Raises:
        UserError: The form is unknown, or is not "c" of a network of the user's own.
    """
    check_known("form", form, FORMS)
    blueprint = as_blueprint(architecture)
    if isinstance(blueprint, Architecture):
        return Network(blueprint, form)
    if form != "c":
        raise UserError(f"form {form!r} is one of our blocks, and not of {blueprint.name}.")
    return blueprint.build()


class Network(nn.Module):
    """Stem, stages `layer1`, `layer2`, ..., global average pooling and classifier.

    In the order "pre" the stem has no batch norm, and `norm` comes before the pooling.
    """

    conv1: nn.Conv2d
    bn1: nn.BatchNorm2d
    norm: nn.BatchNorm2d
    maxpool: nn.MaxPool2d
    avgpool: GlobalAveragePool
    fc: nn.Linear

    def __init__(self, architecture: Architecture, form: str = "c") -> None:
        super().__init__()
        self.architecture = architecture
        self.stage_names = [f"layer{stage.number}" for stage in architecture.stages]
        # Modules always have form (c)'s layout.
        for stage, layers in groupby(
            iter_layers(architecture, expand=True), key=lambda layer: layer.stage
        ):
            if stage == 0:
                for layer in layers:
                    self.add_module(layer.part, _module(layer))
                continue
            blocks = nn.Sequential()
            for _, block in groupby(layers, key=lambda layer: layer.block):
                modules = {layer.part: _module(layer) for layer in block}
                blocks.append(_block(modules, architecture, form))
            self.add_module(f"layer{stage}", blocks)
        self.has_maxpool = architecture.stem.kind == "imagenet"
        self.pre = architecture.order == "pre"
        self.apply(_initialise)

    def forward(self, x: Tensor) -> Tensor:
        """N x in_channels x height x width to N x classes logits."""
        x = self.conv1(x) if self.pre else normalise(self.bn1, self.conv1(x))
        if self.has_maxpool:
            x = self.maxpool(x)
        for name in self.stage_names:
            x = getattr(self, name)(x)
        if self.pre:
            x = normalise(self.norm, x)
        logits: Tensor = self.fc(torch.flatten(self.avgpool(x), 1))
        return logits


def channels_last(module: nn.Module) -> None:
    """Give the weights of 2-D convolutions the layout in which images come here, in place."""
    for parameter in module.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def _block(modules: dict[str, nn.Module], architecture: Architecture, form: str) -> Block:
    order = {"shortcut": architecture.shortcut == "projection", "pre": architecture.order == "pre"}
    if architecture.template.kind == "inception":
        return InceptionBlock(modules, **order)
    return ChainBlock(modules, form, **order)


def _module(layer: Layer) -> nn.Module:
    if layer.kind == "conv":
        convolution = nn.Conv2d
        if layer.kernel == 1 and layer.stride > 1:
            convolution = StridedProjection
        elif layer.groups > 1:
            convolution = MergingPaths
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
    # He et al. 2015, as fb.resnet.torch (the paper's code base) and torchvision do it; batch norm
    # and the classifier keep torch's defaults.
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
