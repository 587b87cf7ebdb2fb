"""Networks of the user's own in torch: built, and counted without any memory on the meta device.

FLOPs are half of what torch's `FlopCounterMode` counts, activations are the elements of the outputs
of convolutions and linear layers. So attention, and convolutions over one or three dimensions,
count as torch counts them.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from explorer.blueprints import Blueprint
from explorer.costs import Complexity
from explorer.errors import UserError
from explorer.networks.network import Network
from explorer.own.functions import call, calling
from explorer.own.network import OwnNetwork

LAYERS = (
    *(nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.Linear),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)

# Functions of which the modules cannot be made on the meta device.
_MADE_ON_CPU: set[str] = set()
# Modules of the user's own may have attributes of any name, so this is not kept in them.
_BUILT: WeakKeyDictionary[nn.Module, OwnNetwork] = WeakKeyDictionary()


@dataclass(frozen=True)
class Part:
    """What one module of a network costs by itself, without the modules inside it.

    Attributes:
        name: Its name in the network; "" for the network itself.
        kind: Its class.
        output: The shape of its output for one image, without the batch; () where it did not run.
        complexity: What it costs.
    """

    name: str
    kind: str
    output: tuple[int, ...]
    complexity: Complexity


@dataclass(frozen=True)
class Examined:
    """What a network is, as a run on the meta device shows it.

    Attributes:
        complexity: What one image costs.
        parts: Its modules, in the order in which they were made.
    """

    complexity: Complexity
    parts: tuple[Part, ...]


@lru_cache(maxsize=4096)
def examine(network: OwnNetwork) -> Examined:
    """Make a network without memory for its weights, and run it on one image.

    Raises:
        UserError: The function fails, prints, returns no module, or the module does not map images
            to logits of all classes.
    """
    module = _on_meta(network)
    outputs: dict[str, Any] = {}
    activations: dict[str, int] = {}

    def look(name: str) -> Callable[..., None]:
        def hook(layer: nn.Module, _: Any, output: Any) -> None:
            outputs[name] = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            if isinstance(layer, LAYERS):
                activations[name] = activations.get(name, 0) + output.numel()

        return hook

    for name, layer in module.named_modules():
        layer.register_forward_hook(look(name))
    counter = FlopCounterMode(display=False)
    with _running(network), counter:
        logits = module(_image(network))
    _check_logits(network, logits)
    parts = tuple(_parts(module, counter, outputs, activations))
    totals = Complexity(
        counter.get_total_flops() // 2,
        sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad),
        sum(activations.values()),
    )
    return Examined(totals, parts)


def build_own(network: OwnNetwork) -> nn.Module:
    """The user's module, on torch's default device.

    Where it does not take images in channels-last layout, as a module that uses `view` may not, it
    is given them in the usual one.

    Raises:
        UserError: The function fails, prints or returns no module.
    """
    module = _made(network)
    _BUILT[module] = network
    if not _takes_channels_last(module, network):
        module.register_forward_pre_hook(_contiguous)
    return module


def _takes_channels_last(module: nn.Module, network: OwnNetwork) -> bool:
    """Whether it computes on images in that layout; tried on two, since meta tensors lose it."""
    device = next((each.device for each in module.parameters()), torch.device("cpu"))
    images = torch.zeros(2, *network.input_shape, device=device)
    training = module.training
    try:
        with torch.random.fork_rng(devices=[]), _running(network):
            module.eval()(images.to(memory_format=torch.channels_last))
        return True
    except UserError:
        return False
    finally:
        module.train(training)


def blueprint_of(module: nn.Module) -> Blueprint:
    """What a module was built from; raises `UserError` where `explorer.build` did not make it."""
    if isinstance(module, Network):
        return module.architecture
    if module not in _BUILT:
        raise UserError(
            f"a {type(module).__name__} was not made by explorer.build, so that its name and input"
            " are not known; build it by its name, and load its state dict."
        )
    return _BUILT[module]


@contextmanager
def failures_told(network: Blueprint) -> Iterator[None]:
    """Raise `UserError` for what a module of the user's own raises; others raise as they do."""
    if isinstance(network, OwnNetwork):
        with calling(network.own_name, network.sizes):
            yield
    else:
        yield


def check_heeded(network: OwnNetwork, quantity: str, value: Any) -> None:
    """Raise `UserError` where another value of a quantity makes the same network."""
    other = network.with_(**{quantity: value})
    if (
        other != network
        and examine(other).complexity == examine(network).complexity
        and _trace(other) == _trace(network)
    ):
        raise UserError(
            f"{network.target} ignores {quantity}: {other.name} is the same network as"
            f" {network.name}, operation by operation. Use {quantity} in the function, or do not"
            " vary it."
        )


def _made(network: OwnNetwork) -> nn.Module:
    module = call(network.own_name, network.sizes)
    if not isinstance(module, nn.Module):
        raise UserError(
            f"the network {network} must be a torch module; the function returned"
            f" {'nothing' if module is None else f'a value of the type {type(module).__name__}'}."
        )
    return module


def _on_meta(network: OwnNetwork) -> nn.Module:
    """The module without memory for its weights.

    Functions that read numbers of tensors, as in `torch.linspace(0, 0.1, n).tolist()`, cannot run
    on the meta device: they are run on the CPU, and what they made is moved.
    """
    with torch.random.fork_rng(devices=[]):
        if network.target not in _MADE_ON_CPU:
            try:
                with torch.device("meta"):
                    return _made(network).to("meta").eval()
            except UserError:
                pass
        module = _made(network).to("meta").eval()
        _MADE_ON_CPU.add(network.target)
        return module


def _image(network: OwnNetwork) -> Tensor:
    return torch.zeros(1, *network.input_shape, device="meta")


@lru_cache(maxsize=256)
def _trace(network: OwnNetwork) -> str:
    """A digest of every operation that makes and runs a network, with arguments and shapes.

    It is equal where two networks are the same.
    """
    trace = _Trace()
    with trace:
        module = _on_meta(network)
    with _running(network), trace:
        module(_image(network))
    return trace.digest()


@contextmanager
def _running(network: OwnNetwork) -> Iterator[None]:
    """Run the module: attention layer by layer, as it is trained, not by its one fast operation."""
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with calling(network.own_name, network.sizes), torch.no_grad():
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def _check_logits(network: OwnNetwork, logits: Any) -> None:
    if isinstance(logits, Tensor) and logits.shape == (1, network.classes):
        return
    shape = f"shape {tuple(logits.shape)}" if isinstance(logits, Tensor) else type(logits).__name__
    raise UserError(
        f"the network {network} must map N images to N x {network.classes} logits; of one image it"
        f" made an output of {shape}."
    )


def _parts(
    module: nn.Module,
    counter: FlopCounterMode,
    outputs: dict[str, Any],
    activations: dict[str, int],
) -> Iterator[Part]:
    root = type(module).__name__
    flops = {name: sum(counts.values()) // 2 for name, counts in counter.get_flop_counts().items()}
    for name, layer in module.named_modules():
        path = ".".join(filter(None, (root, name)))
        inside = (f"{path}.{child}" for child, _ in layer.named_children())
        own = Complexity(
            max(0, flops.get(path, 0) - sum(flops.get(child, 0) for child in inside)),
            sum(each.numel() for each in layer.parameters(recurse=False) if each.requires_grad),
            activations.get(name, 0),
        )
        if any(vars(own).values()) or not list(layer.children()):
            yield Part(name, type(layer).__name__, outputs.get(name, ()), own)


def _contiguous(_: nn.Module, images: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(each.contiguous() if isinstance(each, Tensor) else each for each in images)


class _Trace(TorchDispatchMode):
    """Takes note of every operation, with its arguments and the shapes of its tensors."""

    def __init__(self) -> None:
        super().__init__()
        self._hash = hashlib.blake2b(digest_size=16)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = torch.utils._pytree.tree_leaves((args, kwargs))
        shown = [_shown(value) for value in given]
        self._hash.update(f"{func} {shown}\n".encode())
        return func(*args, **kwargs)

    def digest(self) -> str:
        """What it has seen so far, as 32 hexadecimal digits."""
        return self._hash.hexdigest()


def _shown(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{tuple(value.shape)}"
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))
