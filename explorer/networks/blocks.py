"""The residual blocks, of one chain of convolutions or of Inception's branches.

A bottleneck block is computed in one of the three forms of the paper's figure 3.

Form (a) has C separate paths whose outputs are summed, (b) concatenates the paths' outputs before
one last convolution, (c) is a grouped convolution. All three are the same function, and the
parameters always have form (c)'s layout.
"""

from collections import OrderedDict
from itertools import groupby

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.networks.modules import normalise


class Block(nn.Module):
    """A residual block.

    In the order "post", batch norm and relu follow each convolution, and the last relu follows the
    addition of the shortcut. In the order "pre" they stand before each convolution: the first ones
    serve a projection, too, and an identity shortcut is the block's bare input (He et al. 2016,
    "Identity mappings", figures 4e and 1b).

    Args:
        modules: The layers by their names in the block, in order.
        shortcut: Whether the input is added to the output.
        pre: Whether the order is "pre".
    """

    bn1: nn.BatchNorm2d
    downsample: "Projection"

    def __init__(self, modules: dict[str, nn.Module], *, shortcut: bool, pre: bool) -> None:
        super().__init__()
        for name, layers in groupby(modules, key=lambda name: name.partition(".")[0]):
            parts = {layer.partition(".")[2]: modules[layer] for layer in layers}
            if name == "downsample":
                self.add_module(name, Projection(*parts.values()))
            else:
                self.add_module(name, parts[""] if "" in parts else Branch(OrderedDict(parts)))
        self.projects = "downsample.0" in modules
        self.shortcut = shortcut
        self.pre = pre

    def forward(self, x: Tensor) -> Tensor:
        """N x channels x height x width to N x width x height / stride x width / stride."""
        inner = normalise(self.bn1, x) if self.pre else x
        out = self.convolved(inner)
        shortcut = None
        if self.shortcut:
            shortcut = self.downsample(inner) if self.projects else x
        if not self.pre:
            return normalise(self.last_norm, out, shortcut)
        return out if shortcut is None else out + shortcut

    def convolved(self, x: Tensor) -> Tensor:
        """All of the block between its first batch norm ("pre") and its last ("post")."""
        raise NotImplementedError

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        """The batch norm after the last convolution, in the order "post"."""
        raise NotImplementedError


class ChainBlock(Block):
    """1x1 - 3x3 - 1x1 (bottleneck) or 3x3 - 3x3 (basic).

    The stride is in the 3x3 convolution, as in the paper (section 4) and torchvision, not in the
    first 1x1 as in He et al. 2016.

    Args:
        modules: conv1, bn1, conv2, bn2, [conv3, bn3,] [downsample.0, downsample.1], by
            torchvision's names; in the order "pre" bn1 comes before conv1.
        form: "a", "b" or "c".
        order: As in `Block`.
    """

    conv1: nn.Conv2d
    conv2: nn.Conv2d
    bn2: nn.BatchNorm2d
    conv3: nn.Conv2d
    bn3: nn.BatchNorm2d

    def __init__(self, modules: dict[str, nn.Module], form: str, **order: bool) -> None:
        super().__init__(modules, **order)
        self.bottleneck = "conv3" in modules
        self.form = form

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        return self.bn3 if self.bottleneck else self.bn2

    @property
    def _inner_norms(self) -> tuple[nn.BatchNorm2d, nn.BatchNorm2d]:
        """The batch norms after the first two convolutions of a bottleneck block."""
        return (self.bn2, self.bn3) if self.pre else (self.bn1, self.bn2)

    def convolved(self, x: Tensor) -> Tensor:
        if self.bottleneck and self.form == "a":
            # Batch norm comes after the sum over the paths and before the shortcut (section 5,
            # implementation details).
            last = torch.chunk(self.conv3.weight, self.conv2.groups, dim=1)
            outputs = [F.conv2d(y, weight) for y, weight in zip(self._paths(x), last, strict=True)]
            return sum(outputs[1:], outputs[0])
        if self.bottleneck and self.form == "b":
            return self.conv3(torch.cat(self._paths(x), dim=1))
        out = self.conv2(normalise(self.bn2 if self.pre else self.bn1, self.conv1(x)))
        return self.conv3(normalise(self._inner_norms[1], out)) if self.bottleneck else out

    def _paths(self, x: Tensor) -> list[Tensor]:
        """The first two convolutions path by path, on slices of form (c)'s parameters."""
        norms = self._inner_norms
        paths = self.conv2.groups
        first = torch.chunk(self.conv1.weight, paths)
        second = torch.chunk(self.conv2.weight, paths)
        d = self.conv2.out_channels // paths
        outputs = []
        for path in range(paths):
            channels = slice(path * d, (path + 1) * d)
            y = F.relu(_norm_slice(norms[0], F.conv2d(x, first[path]), channels))
            y = F.conv2d(y, second[path], stride=self.conv2.stride, padding=self.conv2.padding)
            outputs.append(F.relu(_norm_slice(norms[1], y, channels)))
        if self.training:
            # The modules count their batches when called; the function does not.
            for norm in norms:
                assert norm.num_batches_tracked is not None
                norm.num_batches_tracked.add_(1)
        return outputs


class InceptionBlock(Block):
    """Four unlike branches, concatenated and projected by 1x1 (Inception-ResNet's form).

    Args:
        modules: branch1.conv1, branch1.bn1, branch2.conv1, ..., conv2, bn2, [downsample.0,
            downsample.1]; in the order "pre" bn1 comes before the branches, which have no batch
            norm at their ends, and bn2 before conv2.
        order: As in `Block`.
    """

    conv2: nn.Conv2d
    bn2: nn.BatchNorm2d

    @property
    def last_norm(self) -> nn.BatchNorm2d:
        return self.bn2

    def convolved(self, x: Tensor) -> Tensor:
        branches = [module for module in self.children() if isinstance(module, Branch)]
        joined = torch.cat([branch(x) for branch in branches], dim=1)
        return self.conv2(normalise(self.bn2, joined) if self.pre else joined)


class Branch(nn.Sequential):
    """Convolutions, pooling and batch norms one after the other, with relu after each norm."""

    def forward(self, x: Tensor) -> Tensor:
        for name, module in self.named_children():
            x = normalise(module, x) if name.startswith("bn") else module(x)
        return x


class Projection(nn.Sequential):
    """A shortcut's 1x1 convolution, and its batch norm in the order "post"."""

    def forward(self, x: Tensor) -> Tensor:
        convolution, *norms = self
        out = convolution(x)
        return normalise(norms[0], out, relu=False) if norms else out


def _norm_slice(norm: nn.BatchNorm2d, x: Tensor, channels: slice) -> Tensor:
    """Batch norm of some of its channels.

    The slices of the running statistics are views, so training updates them in place.
    """
    assert norm.running_mean is not None
    assert norm.running_var is not None
    assert norm.momentum is not None
    return F.batch_norm(
        x,
        norm.running_mean[channels],
        norm.running_var[channels],
        norm.weight[channels],
        norm.bias[channels],
        training=norm.training,
        momentum=norm.momentum,
        eps=norm.eps,
    )
