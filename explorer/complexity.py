"""Counting: FLOPs, parameters and activations as sums over the layers.

A FLOP is a multiply-add of a convolution or of the classifier, one image (the paper's unit); an
activation is an element of a convolution's or the classifier's output; parameters are everything
trainable, batch norm and the classifier's bias included.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from explorer.architecture import Architecture
from explorer.errors import UserError
from explorer.layers import Layer, iter_layers
from explorer.template import LARGEST_NUMBER


@dataclass(frozen=True)
class Complexity:
    """Multiply-adds, trainable parameters and activations of one image; arrays
    where the architecture's numbers are arrays."""

    flops: int
    params: int
    activations: int


def weights(layer: Layer) -> int:
    """Multiplied weights of one copy of a layer: kernel x kernel x in
    / groups x out; 0 for norm and pool."""
    if layer.kind not in ("conv", "linear"):
        return 0
    return _times(layer.kernel**2, layer.group_in * layer.out_channels)


def layer_flops(layer: Layer) -> int:
    """Multiply-adds of a layer, all its repeats and paths together."""
    return _times(layer.size**2, _multiplied(layer))


def layer_params(layer: Layer) -> int:
    """Trainable numbers of a layer: weights, the classifier's
    bias, batch norm's scale and shift."""
    extra = {"linear": 1, "norm": 2}.get(layer.kind, 0)
    return _plus(
        _multiplied(layer),
        _times(_copies(layer), _times(extra, layer.out_channels)) if extra else 0,
    )


def layer_activations(layer: Layer) -> int:
    """Elements that a convolution or the classifier puts out."""
    if layer.kind not in ("conv", "linear"):
        return 0
    return _times(_copies(layer), _times(layer.size**2, layer.out_channels))


# A quarter of what 64 bits hold: on the way to a count, and to its
# nearest, numbers are a little larger than it is.
LARGEST_COUNT = 2**61

LAYER_MEASURES = {"flops": layer_flops, "params": layer_params, "activations": layer_activations}


def layer_complexity(layer: Layer) -> Complexity:
    """What one layer costs in every measure."""
    return Complexity(layer_flops(layer), layer_params(layer), layer_activations(layer))


def total(layers: Iterable[Layer], measure: str) -> int:
    """One measure summed over layers."""
    of_layer, result = LAYER_MEASURES[measure], 0
    for layer in layers:
        result = _plus(result, of_layer(layer))
    return result


def count(architecture: Architecture, form: str = "c") -> Complexity:
    """FLOPs, parameters and activations of a whole network (of
    each one, where its numbers are arrays).

    Forms differ in activations only (see `iter_layers`). Raises `UserError` where an array
    holds a network that is too large for its 64-bit numbers.
    """
    check_fits(architecture)
    layers = list(iter_layers(architecture, form))
    return Complexity(*(total(layers, measure) for measure in LAYER_MEASURES))


def check_fits(architecture: Architecture, **larger: Any) -> None:
    """Raise `UserError` where the counts of a batch might not fit into the 64
    bits of NumPy's numbers, which wrap silently.

    No count falls when a number of the architecture grows, so it is enough to count the network of
    the largest ones, in Python's exact numbers; `larger` replaces some. Of the measures, FLOPs are
    the largest.
    """
    numbers = {"width": architecture.template.width}
    if architecture.template.kind == "bottleneck":
        numbers |= {
            name: getattr(architecture.template, name)
            for name in ("cardinality", "bottleneck_width")
        }
    if not any(hasattr(number, "dtype") for number in (*numbers.values(), *architecture.depths)):
        return
    most = {name: _most(number) for name, number in (numbers | larger).items()}
    most["width"] += (
        most["width"] == architecture.stem.channels
    )  # that one width saves the first projection
    # No network has more FLOPs than one of two blocks a stage,
    # times the blocks of its longest stage.
    two_blocks = architecture.with_(**most, depths=(2,) * len(architecture.depths))
    if (
        total(iter_layers(two_blocks), "flops") * max(map(_most, architecture.depths))
        > LARGEST_COUNT
    ):
        raise UserError(
            "among these designs are some with"
            f" {', '.join(f'{name} {number:,}' for name, number in most.items())}: that many FLOPs"
            " do not fit into a table's 64-bit numbers. Give smaller numbers."
        )


def _most(number: Any) -> int:
    return (
        min(int(number.max(initial=1)), LARGEST_NUMBER) if hasattr(number, "dtype") else int(number)
    )


def _multiplied(layer: Layer) -> int:
    return _times(_copies(layer), weights(layer))


def _copies(layer: Layer) -> int:
    return _times(layer.paths, layer.repeats)


# Counting a million designs is nothing but passes over arrays, so
# these two spare the passes that change nothing.


def _times(factor: int, value: int) -> int:
    return value if isinstance(factor, int) and factor == 1 else factor * value


def _plus(first: int, second: int) -> int:
    if isinstance(second, int) and second == 0:
        return first
    return second if isinstance(first, int) and first == 0 else first + second
