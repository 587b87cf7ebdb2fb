"""Which convolutions of a block stand side by side: its paths, seen in the graph that autograd
keeps of a forward pass."""

from collections.abc import Collection
from typing import Any

# A convolution in short: side of its kernel, output channels, groups.
Convolution = tuple[int, int, int]
Path = tuple[Convolution, ...]


class Graph:
    """Which node of autograd's graph each convolution's output came from."""

    def __init__(self) -> None:
        self._names: dict[Any, str] = {}
        self._nodes: dict[str, list[Any]] = {}

    def add(self, name: str, out: Any) -> None:
        """Note an output of the convolution `name`; one that runs twice has two."""
        if out.grad_fn is not None:
            self._names[out.grad_fn] = name
            self._nodes.setdefault(name, []).append(out.grad_fn)

    def parents(self, name: str, inputs: Collection[Any]) -> set[str]:
        """The convolutions whose outputs reach `name` without another convolution between.

        Args:
            name: A convolution.
            inputs: The nodes of its block's input, beyond which nothing is looked for.
        """
        before: set[str] = set()
        visited: set[Any] = set(inputs)
        waiting = list(self._nodes.get(name, ()))
        own = set(waiting)
        while waiting:
            node = waiting.pop()
            if node is None or node in visited:
                continue
            visited.add(node)
            if node in self._names and node not in own:
                before.add(self._names[node])
            else:
                waiting += [earlier for earlier, _ in node.next_functions]
        return before


def find_paths(
    convolutions: dict[str, Convolution], graph: Graph, inputs: Collection[Any]
) -> tuple[Path, ...]:
    """The paths that a block's convolutions form from its input to where they come together.

    Args:
        convolutions: Those of the block by their names in the graph, in the order in which they
            ran.
        graph: What a forward pass showed.
        inputs: The nodes of the block's input.

    Returns:
        The paths; none for a block of one chain.
    """
    parents = {
        name: graph.parents(name, inputs) & convolutions.keys() - {name} for name in convolutions
    }
    paths = []
    for name in (name for name, before in parents.items() if not before):
        path = [name]
        while len(after := [each for each in parents if path[-1] in parents[each]]) == 1:
            if parents[after[0]] != {path[-1]}:
                break
            path.append(after[0])
        paths.append(tuple(convolutions[each] for each in path))
    # A single 1x1 convolution beside equal paths is a projection shortcut, whatever its name.
    others = [path for path in paths if [kernel for kernel, _, _ in path] != [1]]
    if len(others) == len(paths) - 1 and len(set(others)) == 1:
        paths = others
    return tuple(paths) if len(paths) > 1 else ()


def describe_paths(paths: Collection[Path]) -> str:
    """Paths as text: '1x1 (64); 1x1-3x3 (96-128)'."""

    def describe(path: Path) -> str:
        kernels = "-".join(f"{kernel}x{kernel}" for kernel, _, _ in path)
        channels = "-".join(str(channels) for _, channels, _ in path)
        return f"{kernels} ({channels})"

    return "; ".join(map(describe, paths))
