"""What a network is made of where torch's own is slow to train: the
same functions, parameters and state dicts."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.installed import numba_version

FEW = 8  # channels of a path that are too few for a processor's convolutions


class GlobalAveragePool(nn.Module):
    """(N, C, H, W) to (N, C, 1, 1), of any size of map.

    What AdaptiveAvgPool2d(1) gives; but its gradient is channels last, as the maps of a training
    are, and cheap. With the other's, which is not, a step of a 28 MFLOP network took 4 to 6 %
    longer on a CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).mean((1, 2), keepdim=True).permute(0, 3, 1, 2)


class StridedProjection(nn.Conv2d):
    """A 1x1 convolution with a stride, as Conv2d has it; trained on a CPU,
    it first takes the pixels that it looks at.

    oneDNN's gradients of a strided 1x1 convolution pass over the whole map: with these
    a step of a 28 MFLOP network took 2 to 4 % longer.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.device.type == "cpu"):
            return super().forward(x)
        rows, columns = self.stride
        # Sliced as N x H x W x C, so that the gradient is channels last.
        pixels = x.permute(0, 2, 3, 1)[:, ::rows, ::columns].permute(0, 3, 1, 2)
        return nn.functional.conv2d(pixels, self.weight)


class NarrowPaths(nn.Conv2d):
    """A grouped convolution with 2 to 7 channels a path, as Conv2d has it; trained in
    bfloat16 on a CPU, it takes several paths as one.

    Processors compute with 16 or 32 channels at a time, so that paths of few leave them idle.
    Here neighbouring paths make a group of 8 to 16 channels, with zeros for what leads from one
    path to another: more multiply-adds, the same function of finite numbers. Forward and
    backward of 16 paths of 2 channels took 0.28 of the time so, of 8 paths of 4 channels 0.7. In
    float32 it gains nothing.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.device.type == "cpu" and x.dtype == torch.bfloat16):
            return super().forward(x)
        weight, groups = self.merged()
        return nn.functional.conv2d(x, weight, None, self.stride, self.padding, groups=groups)

    def merged(self) -> tuple[Tensor, int]:
        """The weights with paths made one, out channels x their channels x height
        x width, and how many groups that leaves."""
        d = self.in_channels // self.groups
        # As few as make `FEW` channels, else as many as may be: more than twice
        # as many channels cost more than they save.
        fitting = [
            n for n in range(1, self.groups + 1) if self.groups % n == 0 and n * d <= 2 * FEW
        ]
        paths = next((n for n in fitting if n * d >= FEW), fitting[-1])
        groups, kernel = self.groups // paths, self.weight.shape[2:]
        own = torch.eye(paths, dtype=self.weight.dtype, device=self.weight.device).view(
            1, paths, 1, paths, 1, 1, 1
        )
        weight = self.weight.view(groups, paths, -1, 1, d, *kernel) * own
        return weight.reshape(self.out_channels, paths * d, *kernel), groups


def normalise(
    norm: nn.Module, x: Tensor, shortcut: Tensor | None = None, relu: bool = True
) -> Tensor:
    """A norm of x, then the addition of a shortcut and relu where they are asked for.

    Of torch's batch norm, trained in bfloat16 by one thread of a CPU, the three are one operation
    where Numba is installed (`explorer.networks.kernels`). It takes a third to three quarters of
    the time and rounds once, where torch rounds after each of the three. It calls no hooks of the
    norm. In float32, torch's own is nearly as fast as memory.
    """
    if fuses(norm, x, shortcut):
        from explorer.networks.kernels import (
            Normalise,
        )  # Numba takes a while to load, and only trainings need it

        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.num_batches_tracked is not None
        norm.num_batches_tracked.add_(1)
        statistics = norm.running_mean, norm.running_var, float(norm.momentum or 0), float(norm.eps)
        return Normalise.apply(x, shortcut, norm.weight, norm.bias, *statistics, relu)
    out = norm(x)
    if shortcut is not None:
        out = out + shortcut
    return F.relu(out, inplace=True) if relu else out


def fuses(norm: nn.Module, x: Tensor, shortcut: Tensor | None) -> bool:
    """Whether a norm of such maps, with what follows it, is one operation; what
    torch would refuse or broadcast is left to torch."""
    return (
        type(norm) is nn.BatchNorm2d
        and norm.training
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()  # type: ignore[attr-defined]
        and numba_version() is not None
        and torch.get_num_threads() == 1
        and x.device.type == "cpu"
        and x.dtype == torch.bfloat16
        and x.is_contiguous(memory_format=torch.channels_last)
        and x.numel() > x.shape[1] == norm.num_features
        and (shortcut is None or (shortcut.dtype == x.dtype and shortcut.shape == x.shape))
        and norm.momentum is not None
        and norm.running_mean is not None
        and norm.weight is not None
        and norm.weight.dtype == norm.running_mean.dtype == torch.float32
    )
