"""Modules in place of torch's own where those train slowly.

They compute the same functions and have the same parameters and state dicts.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.installed import numba_version

FEW = 8  # channels of a path that are too few for a processor's convolutions


class GlobalAveragePool(nn.Module):
    """Global average pooling: N x C x H x W to N x C x 1 x 1, as AdaptiveAvgPool2d(1).

    Its gradient is channels last, as the maps of a training are, and cheap. With that of
    AdaptiveAvgPool2d, which is not, a step of a 28 MFLOP network took 4 to 6 % longer on a CPU.
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1).mean((1, 2), keepdim=True).permute(0, 3, 1, 2)


class StridedProjection(nn.Conv2d):
    """A 1x1 convolution with a stride that selects its pixels first, where a CPU trains it.

    oneDNN's gradients of a strided 1x1 convolution pass over the whole map. With them a step of a
    28 MFLOP network took 2 to 4 % longer.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.device.type == "cpu"):
            return super().forward(x)
        rows, columns = self.stride
        # Sliced as N x H x W x C, so that the gradient is channels last.
        pixels = x.permute(0, 2, 3, 1)[:, ::rows, ::columns].permute(0, 3, 1, 2)
        return nn.functional.conv2d(pixels, self.weight)


class NarrowPaths(nn.Conv2d):
    """A grouped convolution of 2 to 7 channels a path that computes several paths as one.

    It does so where a CPU trains it in bfloat16; elsewhere it is a Conv2d. Processors compute with
    16 or 32 channels at a time, so that narrow paths leave them idle. Here neighbouring paths form
    a group of 8 to 16 channels, with zeros as weights between paths: more multiply-adds, but the
    same function of finite numbers. Forward and backward of 16 paths of 2 channels took 0.28 of the
    time, of 8 paths of 4 channels 0.7. In float32 nothing is gained.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.device.type == "cpu" and x.dtype == torch.bfloat16):
            return super().forward(x)
        weight, groups = self.merged()
        return nn.functional.conv2d(x, weight, None, self.stride, self.padding, groups=groups)

    def merged(self) -> tuple[Tensor, int]:
        """The weights with neighbouring paths merged, and the number of groups that remain.

        The weights are output channels x input channels of a group x height x width.
        """
        d = self.in_channels // self.groups
        # As few as make `FEW` channels, else as many as may be: more than twice as many channels
        # cost more than they save.
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

    For torch's batch norm, trained in bfloat16 by one thread of a CPU, the three are one operation
    where Numba is installed (`explorer.networks.kernels`). It takes a third to three quarters of
    the time and rounds once, where torch rounds after each of the three. It does not call hooks of
    the norm. In float32 torch's own batch norm nearly reaches the speed of memory.

    Args:
        norm: Usually a BatchNorm2d; any other module is called as it is.
        x: N x C x H x W.
        shortcut: Of the same shape, or None.
        relu: Whether relu follows.
    """
    if fuses(norm, x, shortcut):
        # Numba takes a while to load, and only trainings need it.
        from explorer.networks.kernels import Normalise

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
    """Whether `normalise` takes the compiled operation for these maps.

    What torch would refuse or broadcast is left to torch.
    """
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
