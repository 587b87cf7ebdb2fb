"""Batch norm over a batch of which several processes have a part each."""

import torch
from torch import Tensor, nn


def sync_norms(network: nn.Module, device: str) -> nn.Module:
    """Let every batch norm of a network normalise over the parts of all processes, in training.

    Parameters, statistics and the state dict stay as they are.

    Args:
        network: Its norms are replaced.
        device: `cuda`, where torch's own module does it, or `cpu`, for which torch has none.
    """
    if device != "cpu":
        converted: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)
        return converted
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SyncedBatchNorm
    return network


class SumOfAll(torch.autograd.Function):
    """The sum of a tensor over all processes, and of its gradient: each depends on all of them."""

    @staticmethod
    def forward(ctx, own):  # type: ignore[no-untyped-def]
        return _summed(own)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        return _summed(gradient)


def _summed(own: Tensor) -> Tensor:
    total = own.clone()
    torch.distributed.all_reduce(total)
    return total


class SyncedBatchNorm(nn.BatchNorm2d):
    """Batch norm over the batches of all processes of torch's default group, on a CPU.

    Each process has as many images as the others.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        maps, over = x.float(), (0, 2, 3)
        count = maps.numel() // maps.shape[1] * torch.distributed.get_world_size()
        mean: Tensor = SumOfAll.apply(maps.sum(over)) / count
        centred = maps - mean.view(1, -1, 1, 1)
        variance: Tensor = SumOfAll.apply(centred.square().sum(over)) / count
        with torch.no_grad():
            self.num_batches_tracked.add_(1)
            momentum = float(self.momentum or 0)
            self.running_mean.lerp_(mean, momentum)
            self.running_var.lerp_(variance * (count / (count - 1)), momentum)
        scale = self.weight * torch.rsqrt(variance + self.eps)
        out = centred * scale.view(1, -1, 1, 1) + self.bias.view(1, -1, 1, 1)
        return out.to(x.dtype)
