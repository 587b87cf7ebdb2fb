"""Counting: FLOPs, parameters and activations as sums over the layers.

A FLOP is a multiply-add of a convolution or of the classifier, one image (the paper's unit); an
activation is an element of a convolution's or the classifier's output; parameters are everything
trainable, batch norm and the classifier's bias included.
"""

from collections.abc import Iterable
from typing import Any

from explorer.architecture import Architecture
from explorer.blueprints import Blueprint, as_blueprint
from explorer.costs import Complexity
from explorer.errors import UserError
from explorer.layers import Layer, iter_layers
from explorer.template import LARGEST_NUMBER

# A training step's FLOPs over the network's own: backward computes two products for each of the
# forward pass, gradients of inputs and of weights.
TRAINING_FACTOR = 3


def layer_weights(layer: Layer) -> int:
    """Multiplied weights of one copy of a layer; 0 for norm and pool.

    They are kernel x kernel x (input channels / groups) x output channels.
    """
    if layer.kind not in ("conv", "linear"):
        return 0
    return _times(layer.kernel**2, layer.group_in * layer.out_channels)


def layer_flops(layer: Layer) -> int:
    """Multiply-adds of a layer for one image, in all its blocks and paths together."""
    return _times(layer.size**2, _multiplied(layer))


def layer_params(layer: Layer) -> int:
    """Trainable parameters of a layer, in all its blocks and paths together.

    These are weights, the classifier's bias, and batch norm's scale and shift.
    """
    extra = {"linear": 1, "norm": 2}.get(layer.kind, 0)
    return _plus(
        _multiplied(layer),
        _times(_copies(layer), _times(extra, layer.out_channels)) if extra else 0,
    )


def layer_activations(layer: Layer) -> int:
    """Elements of the output of a convolution or the classifier for one image."""
    if layer.kind not in ("conv", "linear"):
        return 0
    return _times(_copies(layer), _times(layer.size**2, layer.out_channels))


# A quarter of what 64 bits hold: on the way to a count, and to its nearest, numbers are a little
# larger than it is.
LARGEST_COUNT = 2**61

LAYER_MEASURES = {"flops": layer_flops, "params": layer_params, "activations": layer_activations}


def layer_complexity(layer: Layer) -> Complexity:
    """What one layer costs in every measure."""
    return Complexity(layer_flops(layer), layer_params(layer), layer_activations(layer))


def total(layers: Iterable[Layer], measure: str) -> int:
    """One measure, a key of `LAYER_MEASURES`, summed over layers."""
    of_layer, result = LAYER_MEASURES[measure], 0
    for layer in layers:
        result = _plus(result, of_layer(layer))
    return result


def count(architecture: Blueprint | str, form: str = "c") -> Complexity:
    """FLOPs, parameters and activations of a whole network, or of each network of a batch.

    Args:
        architecture: A network, its name, or a batch of networks. One of the user's own is built
            and counted by torch.
        form: How blocks are computed (see `iter_layers`); it changes the activations only.

    Raises:
        UserError: A network of a batch is too large for the batch's 64-bit numbers.
    """
    architecture = as_blueprint(architecture)
    if not isinstance(architecture, Architecture):
        return architecture.count()
    check_fits(architecture)
    layers = list(iter_layers(architecture, form))
    return Complexity(*(total(layers, measure) for measure in LAYER_MEASURES))


def check_fits(architecture: Architecture, **larger: Any) -> None:
    """Raise `UserError` where the counts of a batch might not fit into 64 bits.

    NumPy's numbers wrap silently. No count falls when a number of the architecture grows, and of
    the measures FLOPs are the largest. So it is enough to count the FLOPs of the network of the
    largest numbers, in Python's exact numbers.

    Args:
        architecture: The batch; anything else passes.
        larger: Numbers to use instead of the batch's own.
    """
    template = architecture.template
    numbers = {name: getattr(template, name) for name in template.numbers}
    if not any(hasattr(number, "dtype") for number in (*numbers.values(), *architecture.depths)):
        return
    most = {
        name: _most(number, architecture.unit(name)) for name, number in (numbers | larger).items()
    }
    # At the stem's own width a network has no first projection, and may cost less than a narrower
    # one.
    most["width"] += most["width"] == architecture.stem.channels
    # No network has more FLOPs than one of two blocks a stage, times the blocks of its longest
    # stage.
    two_blocks = architecture.with_(**most, depths=(2,) * len(architecture.depths))
    if (
        total(iter_layers(two_blocks), "flops") * max(_most(depth) for depth in architecture.depths)
        > LARGEST_COUNT
    ):
        raise UserError(
            "some of these designs have"
            f" {', '.join(f'{name} {number:,}' for name, number in most.items())}: that many FLOPs"
            " do not fit into the table's 64-bit numbers. Give smaller numbers."
        )


def _most(number: Any, unit: int = 1) -> int:
    """The largest of an array, at most the largest multiple of `unit` that a network may have."""
    if not hasattr(number, "dtype"):
        return int(number)
    return min(int(number.max(initial=unit)), LARGEST_NUMBER // unit * unit)


def _multiplied(layer: Layer) -> int:
    return _times(_copies(layer), layer_weights(layer))


def _copies(layer: Layer) -> int:
    return _times(layer.paths, layer.repeats)


# Counting a million designs is nothing but passes over arrays, so these two spare the passes that
# change nothing.


def _times(factor: int, value: int) -> int:
    return value if isinstance(factor, int) and factor == 1 else factor * value


def _plus(first: int, second: int) -> int:
    if isinstance(second, int) and second == 0:
        return first
    return second if isinstance(first, int) and first == 0 else first + second
