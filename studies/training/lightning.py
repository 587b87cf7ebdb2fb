"""PyTorch Lightning, loaded without what nothing here uses: half of the time until a first step.

Lightning loads `torch._dynamo`, the first half of torch's compiler, with SymPy and distributed
tensors behind it (2 s), in order to ask of a network whether it was compiled; and through
torchmetrics `scipy.signal` (0.8 s), in order to give it back a name, `hamming`, that SciPy dropped.
While Lightning is loaded, and no longer, modules with just what it asks for stand in for the two.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

COMPILER = "torch._dynamo"


class _Compiled(type):
    def __instancecheck__(cls, instance: object) -> bool:
        compiler = sys.modules.get(COMPILER)
        return compiler is not None and isinstance(instance, compiler.OptimizedModule)


class _OptimizedModule(metaclass=_Compiled):
    """What Lightning takes for the class of compiled networks; without the compiler there are
    none."""


def _disable(function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
    """Marks what is not to be compiled: nothing is."""
    return function


STAND_INS: dict[str, dict[str, Any]] = {
    COMPILER: {"OptimizedModule": _OptimizedModule, "disable": _disable},
    "scipy.signal": {"hamming": None},
}


@contextmanager
def _standing_in() -> Iterator[None]:
    """Modules that are loaded already stay."""
    names = [name for name in STAND_INS if name not in sys.modules]
    for name in names:
        sys.modules[name] = ModuleType(name)
        vars(sys.modules[name]).update(STAND_INS[name])
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]


with _standing_in():
    import pytorch_lightning
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

__all__ = ["LightningEnvironment", "pytorch_lightning"]
