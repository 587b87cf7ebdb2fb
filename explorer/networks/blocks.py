"""The residual block, computed in one of the three forms of the paper's figure 3.

Form (a) has C separate paths whose outputs are summed, (b) concatenates the paths' outputs before
one last convolution, (c) is a grouped convolution. All three are the same function, and the
parameters always have form (c)'s layout.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.networks.modules import normalise


class Block(nn.Module):
    """1x1 - 3x3 - 1x1 (bottleneck) or 3x3 - 3x3 (basic), with batch norm and relu.

    Batch norm follows each convolution; the last relu follows the addition of the shortcut. The
    stride is in the 3x3 convolution, as in the paper (section 4) and torchvision, not in the first
    1x1 as in He et al. 2016.

    Args:
        modules: The layers by torchvision's names: conv1, bn1, conv2, bn2, [conv3, bn3,]
            [downsample.0, downsample.1].
        form: "a", "b" or "c".
        shortcut: Whether the input is added to the output.
    """

    conv1: nn.Conv2d
    bn1: nn.BatchNorm2d
    conv2: nn.Conv2d
    bn2: nn.BatchNorm2d
    conv3: nn.Conv2d
    bn3: nn.BatchNorm2d

    def __init__(self, modules: dict[str, nn.Module], form: str, shortcut: bool) -> None:
        super().__init__()
        projection = [module for name, module in modules.items() if name.startswith("downsample.")]
        for name, module in modules.items():
            if not name.startswith("downsample."):
                self.add_module(name, module)
        if projection:
            self.downsample = Projection(*projection)
        self.projects = bool(projection)
        self.bottleneck = "conv3" in modules
        self.shortcut = shortcut
        self.form = form

    def forward(self, x: Tensor) -> Tensor:
        """N x channels x height x width to N x width x height / stride x width / stride."""
        out = self._convolved(x)
        shortcut = None
        if self.shortcut:
            shortcut = self.downsample(x) if self.projects else x
        return normalise(self.bn3 if self.bottleneck else self.bn2, out, shortcut)

    def _convolved(self, x: Tensor) -> Tensor:
        """All of the block before its last batch norm."""
        if self.bottleneck and self.form == "a":
            # Batch norm comes after the sum over the paths and before the shortcut (section 5,
            # implementation details).
            last = torch.chunk(self.conv3.weight, self.conv2.groups, dim=1)
            outputs = [F.conv2d(y, weight) for y, weight in zip(self._paths(x), last, strict=True)]
            return sum(outputs[1:], outputs[0])
        if self.bottleneck and self.form == "b":
            return self.conv3(torch.cat(self._paths(x), dim=1))
        out = self.conv2(normalise(self.bn1, self.conv1(x)))
        return self.conv3(normalise(self.bn2, out)) if self.bottleneck else out

    def _paths(self, x: Tensor) -> list[Tensor]:
        """The first two convolutions path by path, on slices of form (c)'s parameters."""
        paths = self.conv2.groups
        first = torch.chunk(self.conv1.weight, paths)
        second = torch.chunk(self.conv2.weight, paths)
        d = self.conv2.out_channels // paths
        outputs = []
        for path in range(paths):
            channels = slice(path * d, (path + 1) * d)
            y = F.relu(_norm_slice(self.bn1, F.conv2d(x, first[path]), channels))
            y = F.conv2d(y, second[path], stride=self.conv2.stride, padding=self.conv2.padding)
            outputs.append(F.relu(_norm_slice(self.bn2, y, channels)))
        if self.training:
            # The modules count their batches when called; the function does not.
            for norm in (self.bn1, self.bn2):
                assert norm.num_batches_tracked is not None
                norm.num_batches_tracked.add_(1)
        return outputs


class Projection(nn.Sequential):
    """A shortcut's 1x1 convolution and its batch norm."""

    def forward(self, x: Tensor) -> Tensor:
        convolution, norm = self
        return normalise(norm, convolution(x), relu=False)


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
