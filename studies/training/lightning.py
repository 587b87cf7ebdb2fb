"""PyTorch Lightning, loaded without what nothing here uses: half of the time until a first step.

Lightning loads `torch._dynamo`, the first half of torch's compiler, with SymPy and distributed
tensors behind it (2 s), in order to ask of a network whether it was compiled; and through
torchmetrics `scipy.signal` (0.8 s), in order to give it back a name, `hamming`, that SciPy dropped.
While Lightning is loaded, and no longer, modules with just what it asks for stand in for the two.
Whoever asks them for more gets the real ones: torchmetrics loads what else it finds installed,
torchvision for one, which needs the compiler.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
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


class _StandIn(ModuleType):
    """The few names of a module that Lightning asks for; the module itself where more is asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__: list[str] = []  # a package: its modules are looked for, by `_Modules`
        vars(self).update(STAND_INS[name])

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        return getattr(self.real(), name)

    def real(self) -> ModuleType:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return importlib.import_module(self.__name__)


class _Modules(MetaPathFinder, Loader):
    """Finds the modules of a package that has a stand-in, by loading the package itself."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        package = sys.modules.get(name.rpartition(".")[0])
        if not isinstance(package, _StandIn):
            return None
        package.real()
        return ModuleSpec(name, self) if name in sys.modules else importlib.util.find_spec(name)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The package has loaded it; a second copy would be another module."""
        module = sys.modules[spec.name]
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


@contextmanager
def _standing_in() -> Iterator[None]:
    """Modules that are loaded already stay."""
    stand_ins = [_StandIn(name) for name in STAND_INS if name not in sys.modules]
    sys.modules.update({module.__name__: module for module in stand_ins})
    finder = _Modules()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for module in stand_ins:
            if sys.modules.get(module.__name__) is module:
                del sys.modules[module.__name__]


with _standing_in():
    import pytorch_lightning
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

__all__ = ["LightningEnvironment", "pytorch_lightning"]
