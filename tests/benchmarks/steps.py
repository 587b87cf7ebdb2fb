"""A training step as plain as can be, for the sides of benchmarks that
compare networks or machines and not our trials."""

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F


def plain_step(
    network: nn.Module, images: tuple[int, int, int, int], precision: str, device: str = "cpu"
) -> Callable[[], None]:
    """One step of SGD with Nesterov momentum at each call, always on the same random
    images (of this shape, N x C x H x W, channels last).

    `precision` is "32" or "bf16". The network has 10 classes or more, and is on the device.
    """
    optimiser = torch.optim.SGD(
        network.parameters(), lr=1e-4, momentum=0.9, nesterov=True, fused=True
    )
    batch = torch.randn(images, device=device).to(memory_format=torch.channels_last)
    labels = torch.randint(0, 10, images[:1], device=device)
    kind = torch.device(device).type

    def step() -> None:
        with torch.autocast(
            kind, torch.bfloat16, enabled=precision == "bf16", cache_enabled=kind == "cpu"
        ):
            logits = network(batch)
        optimiser.zero_grad()
        F.cross_entropy(logits.float(), labels).backward()
        optimiser.step()

    return step
