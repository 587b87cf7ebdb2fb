"""Batch norm with the addition and the relu that follow it, compiled by Numba for a network that one thread trains on a CPU in bfloat16.

Torch passes over a map four times to normalise it and seven times for the gradient, the addition and the relu included, and not at the
speed of memory. Here it is two passes forward and two backward. Importing this module loads Numba, so the network does it when it trains.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from torch import Tensor

BLOCK = 32  # rows that are summed in 32 bits, before their sum is added in 64
WIDTH = 512  # numbers a row may have when pixels of few channels are taken several at a time


def compiled(function: Callable[..., Any]) -> Any:
    """The function, compiled at its first call on a machine, and from then on loaded from the cache of Numba."""
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither beside this file nor in a home is there a place for a cache
        return numba.njit(**options)(function)


@intrinsic
def _float_of(_: Any, bits: Any) -> Any:
    def generate(__: Any, builder: Any, ___: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.uint32), generate


@intrinsic
def _bits_of(_: Any, number: Any) -> Any:
    def generate(__: Any, builder: Any, ___: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.uint32(types.float32), generate


@compiled
def _wide(bits):  # type: ignore[no-untyped-def]
    """The 32-bit float that a bfloat16's bits mean."""
    return _float_of(np.uint32(bits) << np.uint32(16))


@compiled
def _near(number):  # type: ignore[no-untyped-def]
    """The bits of the bfloat16 nearest to a 32-bit float; of two, the even one."""
    bits = _bits_of(number)
    return np.uint16((bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16))


@compiled
def _over(vector, channels):  # type: ignore[no-untyped-def]
    """Sums of a row's numbers, channel by channel."""
    found = np.zeros(channels)
    for i in range(vector.size):
        found[i % channels] += vector[i]
    return found


@compiled
def _forward(x, shortcut, weight, bias, running_mean, running_var, momentum, eps, relu, y):  # type: ignore[no-untyped-def]
    rows, width = x.shape
    channels = weight.size
    first = np.empty(width, np.float32)  # near the mean, so that squares of what is left lose nothing
    for i in range(width):
        first[i] = _wide(x[0, i % channels])
    totals, squares = np.zeros(width), np.zeros(width)
    part, part_squares = np.empty(width, np.float32), np.empty(width, np.float32)
    for start in range(0, rows, BLOCK):
        part[:] = 0
        part_squares[:] = 0
        for row in range(start, min(start + BLOCK, rows)):
            for i in range(width):
                value = _wide(x[row, i]) - first[i]
                part[i] += value
                part_squares[i] += value * value
        for i in range(width):
            totals[i] += part[i]
            squares[i] += part_squares[i]

    count = rows * (width // channels)
    from_first = _over(totals, channels) / count
    variance = _over(squares, channels) / count - from_first**2
    mean, inverse = np.empty(channels, np.float32), np.empty(channels, np.float32)
    for i in range(channels):
        if variance[i] < 0:  # by rounding; what is not a number stays so
            variance[i] = 0
        exact = first[i] + from_first[i]
        mean[i] = exact
        inverse[i] = 1 / np.sqrt(variance[i] + eps)
        running_mean[i] += momentum * (exact - running_mean[i])
        running_var[i] += momentum * (variance[i] * count / (count - 1) - running_var[i])
    scale, offset = np.empty(width, np.float32), np.empty(width, np.float32)
    for i in range(width):
        scale[i] = weight[i % channels] * inverse[i % channels]
        offset[i] = bias[i % channels] - mean[i % channels] * scale[i]

    zero = np.float32(0)
    for row in range(rows):
        for i in range(width):
            value = _wide(x[row, i]) * scale[i] + offset[i]
            if shortcut is not None:
                value += _wide(shortcut[row, i])
            if relu:
                value = zero if value < zero else value
            y[row, i] = _near(value)
    return mean, inverse


@compiled
def _backward(x, y, gradient, weight, mean, inverse, x_gradient, shortcut_gradient):  # type: ignore[no-untyped-def]
    rows, width = x.shape
    channels = weight.size
    means = np.empty(width, np.float32)
    for i in range(width):
        means[i] = mean[i % channels]
    totals, products = np.zeros(width), np.zeros(width)
    part, part_products = np.empty(width, np.float32), np.empty(width, np.float32)
    zero = np.float32(0)
    for start in range(0, rows, BLOCK):
        part[:] = 0
        part_products[:] = 0
        for row in range(start, min(start + BLOCK, rows)):
            for i in range(width):
                value = _wide(gradient[row, i])
                if y is not None:
                    value = zero if _wide(y[row, i]) <= zero else value
                if shortcut_gradient is not None:
                    shortcut_gradient[row, i] = _near(value)
                part[i] += value
                part_products[i] += value * (_wide(x[row, i]) - means[i])
        for i in range(width):
            totals[i] += part[i]
            products[i] += part_products[i]

    count = rows * (width // channels)
    total, product = _over(totals, channels), _over(products, channels)
    scale, slope, offset = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    for i in range(width):
        c = i % channels
        scale[i] = weight[c] * inverse[c]
        slope[i] = scale[i] * inverse[c] * inverse[c] * product[c] / count
        offset[i] = scale[i] * total[c] / count - slope[i] * mean[c]
    for row in range(rows):
        for i in range(width):
            value = _wide(gradient[row, i])
            if y is not None:
                value = zero if _wide(y[row, i]) <= zero else value
            x_gradient[row, i] = _near(value * scale[i] - _wide(x[row, i]) * slope[i] - offset[i])
    return (inverse * product).astype(np.float32), total.astype(np.float32)


def _rows(maps: Tensor) -> np.ndarray[Any, Any]:
    """N x C x H x W in bfloat16, channels last, as a matrix of its bits whose rows are one or more pixels' channels."""
    n, channels, height, width = maps.shape
    pixels = n * height * width
    together = 1
    while pixels % (2 * together) == 0 and 2 * together * channels <= WIDTH:
        together *= 2
    flat = maps.detach().permute(0, 2, 3, 1).view(pixels // together, together * channels)
    return flat.view(torch.uint16).numpy()


class Normalise(torch.autograd.Function):
    """`relu(batch_norm(x) + shortcut)`, without what is None or false; updates the running statistics as torch does."""

    @staticmethod
    def forward(ctx, x, shortcut, weight, bias, running_mean, running_var, momentum, eps, relu):  # type: ignore[no-untyped-def]
        y = torch.empty_like(x)
        vectors = [each.detach().numpy() for each in (weight, bias, running_mean, running_var)]
        added = None if shortcut is None else _rows(shortcut.contiguous(memory_format=torch.channels_last))
        mean, inverse = _forward(_rows(x), added, *vectors, momentum, eps, relu, _rows(y))
        ctx.save_for_backward(x, weight, y if relu else None)
        ctx.mean, ctx.inverse, ctx.adds = mean, inverse, shortcut is not None
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        x, weight, y = ctx.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        to_x = torch.empty_like(x)
        to_shortcut = torch.empty_like(x) if ctx.adds else None
        to_weight, to_bias = _backward(
            _rows(x),
            None if y is None else _rows(y),
            _rows(gradient),
            weight.detach().numpy(),
            ctx.mean,
            ctx.inverse,
            _rows(to_x),
            None if to_shortcut is None else _rows(to_shortcut),
        )
        return to_x, to_shortcut, torch.from_numpy(to_weight), torch.from_numpy(to_bias), *[None] * 5
