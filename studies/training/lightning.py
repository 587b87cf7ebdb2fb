"""PyTorch Lightning, loaded without the signal processing that nothing here uses.

Lightning loads torchmetrics, and torchmetrics loads `scipy.signal` (0.8 s) in order to give it back
a name, `hamming`, that SciPy dropped and a metric of speech still asks for. While Lightning is
loaded, an empty module that has the name stands in for it.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

SIGNAL = "scipy.signal"


@contextmanager
def _without_signal_processing() -> Iterator[None]:
    if SIGNAL in sys.modules:
        yield
        return
    stand_in = ModuleType(SIGNAL)
    stand_in.hamming = None  # type: ignore[attr-defined]
    sys.modules[SIGNAL] = stand_in
    try:
        yield
    finally:
        del sys.modules[SIGNAL]


with _without_signal_processing():
    import pytorch_lightning
    from lightning_fabric.plugins.environments.lightning import LightningEnvironment

__all__ = ["LightningEnvironment", "pytorch_lightning"]
