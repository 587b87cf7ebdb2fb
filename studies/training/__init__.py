"""Training one network. Other rooms import from here; the modules are private to this one.

Names are loaded when first used: `train` and its exceptions load torch and Lightning, which takes
seconds; the two that describe a training load neither.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.training.notes import errors_by_class, training_notes
    from studies.training.training import Outcome, TrainingFailed, TrainingStopped, train

_MODULES = {
    "Outcome": "training",
    "TrainingFailed": "training",
    "TrainingStopped": "training",
    "errors_by_class": "notes",
    "train": "training",
    "training_notes": "notes",
}

__all__ = [
    "Outcome",
    "TrainingFailed",
    "TrainingStopped",
    "errors_by_class",
    "train",
    "training_notes",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(f"studies.training.{_MODULES[name]}"), name)
    raise AttributeError(f"module 'studies.training' has no attribute {name!r}")
