"""Batch norm, the addition of the shortcut and relu as one operation, compiled by Numba.

It serves a network that one thread trains on a CPU in bfloat16. Torch passes over a map several
times for each of the three, and its batch norm does not reach the speed of memory; here all three
take two passes forward and two backward. Importing this module loads Numba and compiles the first
time, so a network does it when it first trains.
"""

import logging
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import torch
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from torch import Tensor

log = logging.getLogger(__name__)
BLOCK = 32  # rows that are summed in 32 bits, before their sum is added in 64
WIDTH = 512  # numbers a row may have when pixels of few channels are taken several at a time


def compiled(signature: str) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function for the arguments of `signature`.

    Later processes on this machine load it from Numba's cache. Each function has only one
    signature: Numba's cache mixes them up when two processes store two of them at the same time.
    """
    # "contract" allows fused multiply-adds; all of fastmath would assume that there is no NaN.
    # The error model of NumPy divides by zero to infinity, as torch does, instead of raising.
    options: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(signature, cache=True, **options)(function)
        except Exception as error:  # noqa: BLE001 - a full disk or a damaged file is told of in a dozen ways
            log.warning(
                "compiled without Numba's cache, which cannot be used: %s: %s",
                type(error).__name__,
                error,
            )
            return numba.njit(signature, **options)(function)

    return decorate


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


@compiled("f4(u2)")
def _wide(bits):  # type: ignore[no-untyped-def]
    """The float32 of a bfloat16's bits."""
    return _float_of(np.uint32(bits) << np.uint32(16))


@compiled("u2(f4)")
def _near(number):  # type: ignore[no-untyped-def]
    """The bits of the bfloat16 nearest to a float32; of two equally near, the even one."""
    bits = _bits_of(number)
    return np.uint16(
        (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) >> np.uint32(16)
    )


@compiled("f8[::1](f8[::1], i8)")
def _over(vector, channels):  # type: ignore[no-untyped-def]
    """The sums of a row's numbers, channel by channel."""
    sums = np.zeros(channels)
    for i in range(vector.size):
        sums[i % channels] += vector[i]
    return sums


@compiled(
    "UniTuple(f4[::1], 2)(u2[:,::1], u2[:,::1], f4[::1], f4[::1], f4[::1], f4[::1], f8, f8, b1, b1,"
    " u2[:,::1])"
)
def _forward(x, shortcut, weight, bias, running_mean, running_var, momentum, eps, adds, relu, y):  # type: ignore[no-untyped-def]
    """Fill y; return the mean and the inverse deviation of each channel.

    Maps are as `_rows` gives them. The shortcut is only read if it `adds`, so it may be any map.
    """
    rows, width = x.shape
    channels = weight.size
    # Differences from the first pixel, which lies near the mean: their squares lose few digits.
    first = np.empty(width, np.float32)
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
        if np.isnan(offset[i]):  # of whatever bits: some would be rounded to 0
            offset[i] = np.nan

    zero = np.float32(0)
    for row in range(rows):
        for i in range(width):
            value = _wide(x[row, i]) * scale[i] + offset[i]
            if adds:
                value += _wide(shortcut[row, i])
            if relu:
                value = zero if value < zero else value
            y[row, i] = _near(value)
    return mean, inverse


@compiled(
    "UniTuple(f4[::1], 2)(u2[:,::1], u2[:,::1], u2[:,::1], f4[::1], f4[::1], f4[::1], b1, b1,"
    " u2[:,::1], u2[:,::1])"
)
def _backward(x, y, gradient, weight, mean, inverse, adds, relu, x_gradient, shortcut_gradient):  # type: ignore[no-untyped-def]
    """Fill x_gradient, and shortcut_gradient if it `adds`; return those of weight and bias.

    y is only read where there was a `relu`, so it may be any map.
    """
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
                if relu:
                    value = zero if _wide(y[row, i]) <= zero else value
                if adds:
                    shortcut_gradient[row, i] = _near(value)
                part[i] += value
                part_products[i] += value * (_wide(x[row, i]) - means[i])
        for i in range(width):
            totals[i] += part[i]
            products[i] += part_products[i]

    count = rows * (width // channels)
    total, product = _over(totals, channels), _over(products, channels)
    scale, slope, offset = (
        np.empty(width, np.float32),
        np.empty(width, np.float32),
        np.empty(width, np.float32),
    )
    for i in range(width):
        c = i % channels
        scale[i] = weight[c] * inverse[c]
        slope[i] = scale[i] * inverse[c] * inverse[c] * product[c] / count
        offset[i] = scale[i] * total[c] / count - slope[i] * mean[c]
    for row in range(rows):
        for i in range(width):
            value = _wide(gradient[row, i])
            if relu:
                value = zero if _wide(y[row, i]) <= zero else value
            x_gradient[row, i] = _near(value * scale[i] - _wide(x[row, i]) * slope[i] - offset[i])
    return (inverse * product).astype(np.float32), total.astype(np.float32)


def _rows(maps: Tensor) -> np.ndarray[Any, Any]:
    """The bits of a map in bfloat16, channels last, as a matrix.

    N x C x H x W becomes rows x (pixels x C): a row holds the channels of one pixel or more.
    """
    n, channels, height, width = maps.shape
    pixels = n * height * width
    together = 1
    while pixels % (2 * together) == 0 and 2 * together * channels <= WIDTH:
        together *= 2
    flat = maps.detach().permute(0, 2, 3, 1).view(pixels // together, together * channels)
    return flat.view(torch.uint16).numpy()


class Normalise(torch.autograd.Function):
    """`relu(batch_norm(x) + shortcut)`, in training; the shortcut may be None, relu left out.

    Maps are N x C x H x W in bfloat16, channels last; vectors of C numbers are in float32.
    `explorer.networks.modules.fuses` makes sure of that. The running statistics are updated as
    torch does it.
    """

    @staticmethod
    def forward(ctx, x, shortcut, weight, bias, running_mean, running_var, momentum, eps, relu):  # type: ignore[no-untyped-def]
        y = torch.empty_like(x)
        vectors = [each.detach().numpy() for each in (weight, bias, running_mean, running_var)]
        adds = shortcut is not None
        added = _rows(shortcut.contiguous(memory_format=torch.channels_last) if adds else x)
        ctx.mean, ctx.inverse = _forward(
            _rows(x), added, *vectors, momentum, eps, adds, relu, _rows(y)
        )
        ctx.save_for_backward(x, weight, y if relu else x)
        ctx.adds, ctx.relu = adds, relu
        return y

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        x, weight, y = ctx.saved_tensors
        to_x = torch.empty_like(x)
        to_shortcut = torch.empty_like(x) if ctx.adds else to_x
        to_weight, to_bias = _backward(
            _rows(x),
            _rows(y),
            _rows(gradient.contiguous(memory_format=torch.channels_last)),
            weight.detach().numpy(),
            ctx.mean,
            ctx.inverse,
            ctx.adds,
            ctx.relu,
            _rows(to_x),
            _rows(to_shortcut),
        )
        vectors = torch.from_numpy(to_weight), torch.from_numpy(to_bias)
        return to_x, to_shortcut if ctx.adds else None, *vectors, *[None] * 5
