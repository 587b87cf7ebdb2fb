"""Training one network. Other rooms import from here; the modules are private to this one.

Names are loaded when first used: `train` loads torch and Lightning, which takes seconds; those that
describe a training load neither.
"""

from typing import TYPE_CHECKING

from explorer.lazy import lazy_getattr

if TYPE_CHECKING:
    from studies.training.choice import settings_here
    from studies.training.helpers import SharedTraining, shared_by
    from studies.training.notes import errors_by_class, training_notes
    from studies.training.outcome import Outcome, TrainingFailed, TrainingStopped
    from studies.training.prediction import Prediction, Predictor
    from studies.training.trackers import KEEP_FILES, About, TrackedRun, destination, open_run
    from studies.training.training import train

__all__ = [
    "KEEP_FILES",
    "About",
    "Outcome",
    "Prediction",
    "Predictor",
    "SharedTraining",
    "TrackedRun",
    "TrainingFailed",
    "TrainingStopped",
    "destination",
    "errors_by_class",
    "open_run",
    "settings_here",
    "shared_by",
    "train",
    "training_notes",
]
__getattr__ = lazy_getattr(
    __name__,
    {
        "choice": ("settings_here",),
        "helpers": ("SharedTraining", "shared_by"),
        "notes": ("errors_by_class", "training_notes"),
        "outcome": ("Outcome", "TrainingFailed", "TrainingStopped"),
        "prediction": ("Prediction", "Predictor"),
        "trackers": ("KEEP_FILES", "About", "TrackedRun", "destination", "open_run"),
        "training": ("train",),
    },
)
