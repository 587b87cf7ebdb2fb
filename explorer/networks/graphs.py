"""A network's training step as CUDA graphs: recorded once, replayed at every step.

A step of a small network is hundreds of kernels of microseconds, and Python starts them one by one.
On an H100 a step of a 28 MFLOP network in batches of 128 took 5.5 ms so, and 1.8 ms as graphs; one
of a ResNeXt-29 of 748 MFLOPs 10.7 and 7.9 ms, of ResNet-50 in batches of 64 at 224 pixels 20 and
17.5 ms (`tests/benchmarks/bench_gpu.py`). The kernels are the same ones, and so are the bits.
"""

import torch
from torch import Tensor, nn

from explorer.networks.network import Network


def record(network: nn.Module, images: Tensor, autocast: torch.dtype | None) -> None:
    """Let a network on CUDA replay its forward and backward pass, where it is in training mode.

    In evaluation it computes as before. A network of the user's own is left as it is: it may do
    what a graph cannot hold. Its parameters have to stay where they are in memory, as
    optimisers leave them; `forget` undoes it.

    Args:
        network: In training mode, without hooks. Its state is the same afterwards.
        images: A batch as all later ones are: its shape, type and layout, on the device.
        autocast: The type that is computed in, as in every later call; None for the images' own.

    Raises:
        torch.OutOfMemoryError: As a step would: recording takes a few of them.
    """
    if not isinstance(network, Network):
        return
    state = [buffer.clone() for buffer in network.buffers()]
    # cuBLAS keeps workspaces, 70 MB for each stream that it ever computed on, and recording takes
    # streams of its own: dropped before and after, as torch's own recorder does, the graphs' stay
    # in the graphs' memory, and go with it.
    torch._C._cuda_clearCublasWorkspaces()
    # Weights that autocast keeps from one call to the next would be missing from the graphs.
    with torch.autocast("cuda", autocast, enabled=autocast is not None, cache_enabled=False):
        torch.cuda.make_graphed_callables(network, (images,))
    torch._C._cuda_clearCublasWorkspaces()
    with torch.no_grad():
        for buffer, value in zip(network.buffers(), state, strict=True):
            buffer.copy_(value)


def forget(network: nn.Module) -> None:
    """Let a recorded network compute step by step again, and give the graphs' memory back."""
    network.__dict__.pop("forward", None)
