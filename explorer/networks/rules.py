"""A check of the paper's two rules on any network: which rule is broken, and where.

Rule 1: blocks that make maps of the same size share their hyper-parameters, and so do the paths of
a block, which are of one topology (section 3.3). Rule 2: each time the map is halved, the width of
the blocks is doubled (section 3.1).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any

from explorer.architecture import Architecture, as_architecture, halved
from explorer.errors import UserError
from explorer.layers import iter_layers
from explorer.networks.paths import Graph, Path, describe_paths, find_paths

if TYPE_CHECKING:
    import torch

# Shortcut convolutions adapt a block's input; they are not part of what the rules compare.
SHORTCUT_NAMES = ("downsample", "shortcut", "skip", "identity", "proj")


@dataclass(frozen=True)
class BlockShape:
    """What the rules compare of a block.

    Attributes:
        size: Side of the output map.
        channels: Output channels of each convolution.
        kernels: Side of each convolution's kernel.
        groups: Groups of each convolution.
        paths: The paths of a block that has several side by side.
    """

    size: int
    channels: tuple[int, ...]
    kernels: tuple[int, ...]
    groups: tuple[int, ...]
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Violation:
    """A place where a rule is broken.

    Attributes:
        rule: 1 or 2.
        where: A stage, counted from 1, or a block of it, counted from 0: `layer3` or `layer3.1`.
        message: What is wrong there.
    """

    rule: int
    where: str
    message: str


def find_violations(
    network: "Architecture | str | Sequence[Sequence[BlockShape]] | torch.nn.Module",
    example: Any = None,
) -> list[Violation]:
    """Every place where one of the two rules is broken; an empty list where both hold.

    Args:
        network: A torch module with children `layer1`, `layer2`, ...; or a list of stages, each a
            list of blocks; or an architecture or its name, for which the rules hold by
            construction but for the unlike paths of inception blocks.
        example: For a module, an input, N x channels x height x width: one forward pass in
            evaluation mode tells the sizes of the maps.

    Raises:
        UserError: There are no stages, a block has no convolution, or the module does not take the
            example.
    """
    given: Any = as_architecture(network) if isinstance(network, str) else network
    if isinstance(given, Architecture):
        stages: Sequence[Sequence[BlockShape]] = stages_of_architecture(given)
    elif isinstance(given, Sequence):
        stages = given
    else:
        stages = stages_of_module(given, example)
    if not stages or not all(stages):
        raise UserError(
            "there are no stages to check: give a list of stages, each a list of at least one"
            " block."
        )
    return [*_rule_1(stages), *_rule_2(stages)]


def example_image(channels: int, side: int) -> "torch.Tensor":
    """A black image, 1 x channels x side x side, in float32."""
    import torch

    return torch.zeros(1, channels, side, side)


def _rule_1(stages: Sequence[Sequence[BlockShape]]) -> list[Violation]:
    violations = []
    for number, stage in enumerate(stages, start=1):
        first = stage[0]
        unlike = (index for index, block in enumerate(stage) if len(set(block.paths)) > 1)
        if (index := next(unlike, None)) is not None:
            paths = stage[index].paths
            message = (
                f"its {len(paths)} paths are unlike, {describe_paths(paths)}, where equal maps ask"
                " for equal widths and filter sizes"
            )
            violations.append(Violation(1, f"layer{number}.{index}", message))
        for index, block in enumerate(stage[1:], start=1):
            for what in ("size", "channels", "kernels", "groups"):
                expected, actual = getattr(first, what), getattr(block, what)
                if expected != actual:
                    message = f"{what} {actual}, but layer{number}.0 has {expected}"
                    violations.append(Violation(1, f"layer{number}.{index}", message))
    for number, (before, after) in enumerate(pairwise(stages), start=1):
        if before[-1].size == after[0].size and before[-1] != after[0]:
            message = (
                f"its map is {after[0].size}x{after[0].size} like that of layer{number}, but its"
                " blocks differ"
            )
            violations.append(Violation(1, f"layer{number + 1}", message))
    return violations


def _rule_2(stages: Sequence[Sequence[BlockShape]]) -> list[Violation]:
    violations = []
    for number, (before, after) in enumerate(pairwise(stages), start=1):
        last, first, where = before[-1], after[0], f"layer{number + 1}"
        if first.size == last.size:
            continue
        if first.size != halved(last.size) or last.size == 1:
            message = (
                f"the map goes from {last.size}x{last.size} to {first.size}x{first.size}, which is"
                " not half"
            )
            violations.append(Violation(2, where, message))
        doubled = tuple(2 * channels for channels in last.channels)
        if first.channels != doubled:
            message = (
                f"the map is halved, but the widths go from {last.channels} to {first.channels},"
                f" not {doubled}"
            )
            violations.append(Violation(2, where, message))
    return violations


def stages_of_architecture(architecture: Architecture) -> list[list[BlockShape]]:
    """The stages of one of our own networks, as `find_violations` takes them."""
    stages: list[list[BlockShape]] = [[] for _ in architecture.stages]
    layers = iter_layers(architecture, expand=True)
    for (stage, _), block in groupby(layers, key=lambda layer: (layer.stage, layer.block)):
        if stage:
            parts = [layer for layer in block if layer.kind == "conv"]
            convs = [layer for layer in parts if "downsample" not in layer.part]
            branches = groupby(
                (layer for layer in convs if layer.part.startswith("branch")),
                key=lambda layer: layer.part.partition(".")[0],
            )
            shape = BlockShape(
                convs[-1].size,
                tuple(layer.out_channels for layer in convs),
                tuple(layer.kernel for layer in convs),
                tuple(layer.groups for layer in convs),
                tuple(
                    tuple((layer.kernel, layer.out_channels, layer.groups) for layer in layers)
                    for _, layers in branches
                ),
            )
            stages[stage - 1].append(shape)
    return stages


def stages_of_module(module: "torch.nn.Module", example: Any) -> list[list[BlockShape]]:
    """The stages of a torch module, as `find_violations` takes them.

    The module has children `layer1`, `layer2`, ... and runs once on the example input, in
    evaluation mode.
    """
    import torch

    if not isinstance(module, torch.nn.Module):
        raise UserError(
            "expected a torch module, an architecture or a list of stages; given:"
            f" {type(module).__name__}."
        )
    children = dict(module.named_children())
    names = [
        f"layer{number}" for number in range(1, len(children) + 1) if f"layer{number}" in children
    ]
    if not names or not all(list(children[name].children()) for name in names):
        listed = ", ".join(children) or "none"
        raise UserError(
            f"no stages found in {type(module).__name__}: it needs children layer1, layer2, ...,"
            f" each a list of blocks. Its children: {listed}."
        )
    if not isinstance(example, torch.Tensor):
        raise UserError(
            "an example input is needed to see the sizes of the maps, for example torch.zeros(1, 3,"
            " 224, 224)."
        )

    blocks = {
        f"{name}.{index}": block
        for name in names
        for index, block in children[name].named_children()
    }
    seen: dict[str, _Seen] = {}
    graph = Graph()
    inputs_of: dict[str, list[Any]] = {}

    def enter(name: str) -> Any:
        def hook(block: Any, inputs: Any) -> None:
            tensors = [tensor for tensor in inputs if isinstance(tensor, torch.Tensor)]
            inputs_of[name] = [tensor.grad_fn for tensor in tensors]

        return hook

    def look(name: str) -> Any:
        def hook(layer: Any, inputs: Any, out: Any) -> None:
            if isinstance(out, torch.Tensor) and out.ndim == 4:
                before = [
                    tensor.shape[-1]
                    for tensor in inputs
                    if isinstance(tensor, torch.Tensor) and tensor.ndim == 4
                ]
                seen[name] = _Seen(layer, out.shape[-1], frozenset((*before, out.shape[-1])))
                if isinstance(layer, torch.nn.Conv2d):
                    graph.add(name, out)

        return hook

    hooks = [
        child.register_forward_hook(look(name))
        for name, child in module.named_modules()
        if isinstance(child, torch.nn.Conv2d) or name in blocks
    ]
    hooks += [block.register_forward_pre_hook(enter(name)) for name, block in blocks.items()]
    training = module.training
    try:
        # In training mode, the pass would change the running statistics of the user's network. A
        # leaf of the graph could not be changed in place.
        with torch.enable_grad():
            image = example.detach().clone().requires_grad_(example.is_floating_point())
            module.eval()(image.clone())
    except Exception as error:  # noqa: BLE001 - whatever a foreign module raises, it is about this input
        raise UserError(
            f"{type(module).__name__} does not take the example input of shape"
            f" {tuple(example.shape)}: {error}"
        ) from None
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    insides = {block_name: _inside(block_name, seen) for block_name in blocks}
    # A gate (squeeze-and-excitation, the choice among selective kernels) works on a map of another
    # size than its block's, pooled to 1x1. Where the block's own map is 1x1 too, a gate is known by
    # its name in the other blocks.
    gates = {
        name
        for block_name, convs in insides.items()
        for name, conv in convs.items()
        if conv.size not in seen[block_name].sizes
    }

    def shape(block_name: str) -> BlockShape:
        inside = {
            name: convolution.layer
            for name, convolution in insides[block_name].items()
            if name not in gates
        }
        size, nodes = seen[block_name].size, inputs_of[block_name]
        return _block_shape(block_name, size, inside, graph, nodes)

    return [
        [shape(block_name) for block_name in blocks if block_name.startswith(f"{name}.")]
        for name in names
    ]


@dataclass(frozen=True)
class _Seen:
    """What a forward pass showed of a convolution or a block.

    Attributes:
        layer: The module.
        size: Side of its output map.
        sizes: Sides of all maps that go in and out.
    """

    layer: Any
    size: int
    sizes: frozenset[int]


def _inside(block_name: str, seen: dict[str, _Seen]) -> dict[str, _Seen]:
    """The convolutions of a block by their names in it, in the order in which they ran.

    Those of its shortcut are left out.
    """
    if block_name not in seen:
        raise UserError(
            f"{block_name} did not run, or its output is not images x channels x height x width, so"
            " it is no block."
        )
    inside = {
        name.removeprefix(f"{block_name}."): convolution
        for name, convolution in seen.items()
        if name.startswith(f"{block_name}.")
    }
    return {
        name: convolution
        for name, convolution in inside.items()
        if not any(part in name.lower() for part in SHORTCUT_NAMES)
    }


def _block_shape(
    block_name: str, size: int, inside: dict[str, Any], graph: Graph, inputs: list[Any]
) -> BlockShape:
    if not inside:
        raise UserError(f"no convolution ran in {block_name}, so it cannot be checked as a block.")
    convs = {
        f"{block_name}.{name}": (conv.kernel_size[0], conv.out_channels, conv.groups)
        for name, conv in inside.items()
    }
    kernels, channels, groups = zip(*convs.values(), strict=True)
    return BlockShape(size, channels, kernels, groups, find_paths(convs, graph, inputs))
