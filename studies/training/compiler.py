"""Torch's compiler, loaded only where something is compiled.

Lightning and torch's optimisers import `torch._dynamo`, the compiler's first half, with SymPy and
distributed tensors behind it: half of the time until a worker's first step, where nothing is ever
compiled. Until something asks for more of it than eager training does, a module that has just
that stands in for it.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import torch

COMPILER = "torch._dynamo"
IMPORTING = "importlib._bootstrap"
# What torch's `_disable_dynamo` keeps at a function.
CACHED = "__dynamo_disable"


class _Compiled(type):
    """Says of `OptimizedModule`, a compiled network, what is one: without a compiler nothing is."""

    def __instancecheck__(cls, instance: object) -> bool:
        compiler = sys.modules[COMPILER]
        return not isinstance(compiler, _NotYet) and isinstance(instance, compiler.OptimizedModule)


class _OptimizedModule(metaclass=_Compiled):
    pass


class _NotYet(ModuleType):
    """Stands in for the compiler, and gives way to it when asked for anything that is not here."""

    OptimizedModule = _OptimizedModule

    def __init__(self) -> None:
        super().__init__(COMPILER)
        self._uncompiled: list[Any] = []

    def disable(self, function: Callable[..., Any], *_: Any, **__: Any) -> Callable[..., Any]:
        """A function that is not to be compiled: without a compiler, itself."""
        self._uncompiled.append(function)
        return function

    def graph_break(self) -> None:
        """Outside of what is being compiled, nothing."""

    def __getattr__(self, name: str) -> Any:
        # `from torch._dynamo import OptimizedModule` asks for it too, and can do without; the
        # import of a module inside the compiler cannot.
        if name == "__path__" and sys._getframe(1).f_globals["__name__"] != IMPORTING:
            raise AttributeError(name)
        if sys.modules.get(COMPILER) is self:
            del sys.modules[COMPILER]
            for function in self._uncompiled:
                vars(function).pop(CACHED, None)  # torch asks the compiler itself next time
        return getattr(import_module(COMPILER), name)


def defer() -> None:
    """Load torch's compiler only when it is used, unless it is loaded already."""
    if COMPILER not in sys.modules:
        sys.modules[COMPILER] = torch._dynamo = _NotYet()
