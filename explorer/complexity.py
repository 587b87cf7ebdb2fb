"""Counting: FLOPs, parameters and activations as sums over the layers.

A FLOP is a multiply-add of a convolution or of the classifier, one image (the paper's unit); an activation is an element of
a convolution's or the classifier's output; parameters are everything trainable, batch norm and the classifier's bias included.
"""

from dataclasses import dataclass

from explorer.architecture import Architecture
from explorer.layers import Layer, iter_layers


@dataclass(frozen=True)
class Complexity:
    """Multiply-adds, trainable parameters and activations of one image; arrays where the architecture's numbers are arrays."""

    flops: int
    params: int
    activations: int


def weights(layer: Layer) -> int:
    """Multiplied weights of one copy of a layer: kernel x kernel x in / groups x out; 0 for norm and pool."""
    if layer.kind not in ("conv", "linear"):
        return 0
    return _times(layer.kernel**2, layer.group_in * layer.out_channels)


def layer_complexity(layer: Layer) -> Complexity:
    """What one layer costs, all its repeats and paths together."""
    copies = _times(layer.paths, layer.repeats)
    if layer.kind == "norm":
        return Complexity(0, _times(copies, 2 * layer.out_channels), 0)
    if layer.kind == "pool":
        return Complexity(0, 0, 0)
    multiplied = _times(copies, weights(layer))
    area = layer.size**2
    params = multiplied + copies * layer.out_channels if layer.kind == "linear" else multiplied
    return Complexity(_times(area, multiplied), params, _times(copies, _times(area, layer.out_channels)))


def count(architecture: Architecture, form: str = "c") -> Complexity:
    """FLOPs, parameters and activations of a whole network (of each one, where its numbers are arrays).

    Forms differ in activations only (see `iter_layers`).
    """
    flops = params = activations = 0
    for layer in iter_layers(architecture, form):
        cost = layer_complexity(layer)
        flops, params, activations = flops + cost.flops, params + cost.params, activations + cost.activations
    return Complexity(flops, params, activations)


def _times(factor: int, value: int) -> int:
    """Multiplication that spares an array the pass for a factor of one: counting a million designs is nothing but such passes."""
    return value if isinstance(factor, int) and factor == 1 else factor * value
