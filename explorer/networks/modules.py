"""Modules in place of torch's own where those train slowly.

They compute the same functions and have the same parameters and state dicts.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from explorer.installed import numba_version

FEW = 8  # channels of a path that are too few for a processor's convolutions
MOST_AS_ONE = 512  # channels up to which a GPU computes all paths as one


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


class MergingPaths(nn.Conv2d):
    """A grouped convolution that computes several paths as one where that trains faster.

    It does so in bfloat16; elsewhere it is a Conv2d. Neighbouring paths form a group, with zeros as
    weights between paths: more multiply-adds, but the same function of finite numbers. How many
    paths, `merged_on_cpu` and `merged_on_gpu` say.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not (self.training and x.dtype == torch.bfloat16 and x.device.type in MERGED):
            return super().forward(x)
        paths = MERGED[x.device.type](self.in_channels // self.groups, self.groups)
        weight, groups = self.merged(paths)
        return nn.functional.conv2d(x, weight, None, self.stride, self.padding, groups=groups)

    def merged(self, paths: int) -> tuple[Tensor, int]:
        """The weights with so many neighbouring paths as one, and the number of groups that remain.

        The weights are output channels x input channels of a group x height x width.
        """
        if paths == 1:
            return self.weight, self.groups
        d = self.in_channels // self.groups
        groups, kernel = self.groups // paths, self.weight.shape[2:]
        own = torch.eye(paths, dtype=self.weight.dtype, device=self.weight.device).view(
            1, paths, 1, paths, 1, 1, 1
        )
        weight = self.weight.view(groups, paths, -1, 1, d, *kernel) * own
        return weight.reshape(self.out_channels, paths * d, *kernel), groups


def merged_on_cpu(d: int, paths: int) -> int:
    """How many paths of d channels a CPU computes as one.

    Processors compute with 16 or 32 channels at a time, so that narrow paths leave them idle.
    Groups of 8 to 16 channels are made of paths of 2 to 7. Forward and backward of 16 paths of 2
    channels took 0.28 of the time, of 8 paths of 4 channels 0.7. In float32 nothing is gained.
    """
    if not 1 < d < FEW:
        return 1
    # As few as make `FEW` channels, else as many as may be: more than twice as many channels cost
    # more than they save.
    fitting = [n for n in divisors(paths) if n * d <= 2 * FEW]
    return next((n for n in fitting if n * d >= FEW), fitting[-1])


def merged_on_gpu(d: int, paths: int) -> int:
    """How many paths of d channels a GPU computes as one.

    cuDNN has fast kernels for groups of 8, 16, 32, ... channels and for one group of any width.
    Forward and backward on an H100, 64 images: 32 paths of 4 channels at 56 x 56 took 1.05 ms, and
    0.25 ms as 8 of 16; 8 paths of 13 there 1.48 and 0.47 ms as one; 4 of 24 at 32 x 32 0.59 and
    0.24 ms; 8 of 104 at 7 x 7 0.30 and 0.51 ms (`bench_gpu.py groups`).
    """
    power_of_two = d.bit_count() == 1
    if d == 1 or (power_of_two and d >= FEW):
        return 1
    if power_of_two:
        return max(n for n in divisors(paths) if n * d <= 2 * FEW)
    return paths if paths * d <= MOST_AS_ONE else 1


def divisors(number: int) -> list[int]:
    """In order, from 1."""
    return [n for n in range(1, number + 1) if number % n == 0]


MERGED = {"cpu": merged_on_cpu, "cuda": merged_on_gpu}


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
