"""The exponential moving average of a network's weights."""

import copy

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class Average(nn.Module):
    """A network of averaged weights, which starts as a copy of the one it follows.

    The running means and variances of batch norm are averaged as the weights are, as torchvision's
    and timm's recipes do: they belong to the same steps then. (The weights' average with the
    latest statistics would belong to no network that ever was.)

    torch's `AveragedModel` does the same arithmetic, but reads its counter at every step, for which
    a GPU must be waited for; Lightning's callback copies the whole module, which has the data.

    Args:
        followed: The network in training.
        decay: What part of the average each update keeps.
    """

    def __init__(self, followed: nn.Module, decay: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(followed).requires_grad_(False)
        self._lerp = get_ema_multi_avg_fn(decay)

    def update(self, followed: nn.Module) -> None:
        """Take in the network's present weights and statistics."""
        averages, latest = self._values(self.network), self._values(followed)
        self._lerp(averages, latest, 0)  # a decay that does not change needs no count

    @staticmethod
    def _values(network: nn.Module) -> list[torch.Tensor]:
        """Parameters and buffers; not batch norm's count of batches, which no momentum of a fixed
        size asks for."""
        values = [*network.parameters(), *network.buffers()]
        return [value.detach() for value in values if value.is_floating_point()]
