"""Batch norm, addition and relu as one operation against torch's
three, forward and backward, map by map.

    python tests/benchmarks/bench_norm.py [--batch 128]

The maps are those of the preset space fashion_mnist_cardinality's network at C=1, in bfloat16,
channels last, on one thread; the two take turns. A copy of the map is the measure of memory.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

import torch

from explorer.networks.modules import normalise
from studies.machine.memory import keep_memory

MAPS = ((16, 28), (20, 28), (96, 28), (40, 14), (192, 14), (80, 7), (384, 7))  # channels, side
ROUNDS = 15


class OtherNorm(torch.nn.BatchNorm2d):
    """Torch's batch norm, of a class that is left alone."""


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def maps(shape: tuple[int, ...]) -> torch.Tensor:
    return torch.randn(shape).bfloat16().to(memory_format=torch.channels_last).requires_grad_()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batch", type=int, default=128)
    batch = parser.parse_args().batch
    keep_memory()
    torch.set_num_threads(1)
    for channels, side in MAPS:
        for adds in (False, True):
            shape = (batch, channels, side, side)
            x, gradient, shortcut = maps(shape), maps(shape), maps(shape) if adds else None
            norms = {"torch": OtherNorm(channels), "one": torch.nn.BatchNorm2d(channels)}
            found = defaultdict(list)
            for _ in range(ROUNDS + 2):  # the first two warm up
                for name, norm in norms.items():
                    inputs = [
                        x,
                        norm.weight,
                        norm.bias,
                        *([shortcut] if shortcut is not None else []),
                    ]
                    forward, out = timed(partial(normalise, norm, x, shortcut))
                    backward, _ = timed(partial(torch.autograd.grad, out, inputs, gradient))
                    found[f"{name} forward"].append(forward)
                    found[f"{name} backward"].append(backward)
                found["copy"].append(timed(x.detach().clone)[0])
            ms = {name: 1e3 * median(times[2:]) for name, times in found.items()}
            ratios = [ms[f"one {way}"] / ms[f"torch {way}"] for way in ("forward", "backward")]
            print(
                f"{channels:4} channels, {side}x{side},"
                f" {'added to a shortcut' if adds else 'alone':19}: forward"
                f" {ms['torch forward']:5.2f} to {ms['one forward']:5.2f} ms ({ratios[0]:.2f}),"
                f" backward {ms['torch backward']:5.2f} to {ms['one backward']:5.2f} ms"
                f" ({ratios[1]:.2f}); a copy {ms['copy']:.2f} ms",
                flush=True,
            )


if __name__ == "__main__":
    main()
