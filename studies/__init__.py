"""Studies: which networks to train, who trains them, and what came out.

All names are loaded when first used, so that commands that only need a part of this room start
fast.
"""

from typing import TYPE_CHECKING

try:
    from explorer.lazy import lazy_getattr, load_tqdm_in_notebook
except ImportError:
    import explorer

    raise ImportError(
        f"{explorer.__file__} hides the module explorer of resnext-explorer. Rename it, or start"
        " from another folder."
    ) from None

load_tqdm_in_notebook()

if TYPE_CHECKING:
    from studies.api import Study
    from studies.config.recipe import Recipe
    from studies.config.schemas import schema
    from studies.data import CachedData, clear_caches, list_caches
    from studies.drafting import new_study
    from studies.engines.ray import RayEngine
    from studies.engines.slurm import SlurmEngine
    from studies.single_training import Trained, train
    from studies.stored import (
        ListedStudy,
        annotate_study,
        delete_study,
        hand_over_study,
        import_results,
        import_study,
        list_studies,
        retry_study,
        save_results,
        stop_study,
        study_failures,
    )
    from studies.training import Predictor
else:  # a type checker takes any name from a module with `__getattr__`
    __getattr__ = lazy_getattr(
        __name__,
        {
            "api": ("Study",),
            "config.recipe": ("Recipe",),
            "config.schemas": ("schema",),
            "data": ("CachedData", "clear_caches", "list_caches"),
            "drafting": ("new_study",),
            "engines.ray": ("RayEngine",),
            "engines.slurm": ("SlurmEngine",),
            "single_training": ("Trained", "train"),
            "stored": (
                "ListedStudy",
                "annotate_study",
                "delete_study",
                "hand_over_study",
                "import_results",
                "import_study",
                "list_studies",
                "retry_study",
                "save_results",
                "stop_study",
                "study_failures",
            ),
            "training": ("Predictor",),
        },
    )

__all__ = [
    "CachedData",
    "ListedStudy",
    "Predictor",
    "RayEngine",
    "Recipe",
    "SlurmEngine",
    "Study",
    "Trained",
    "annotate_study",
    "clear_caches",
    "delete_study",
    "hand_over_study",
    "import_results",
    "import_study",
    "list_caches",
    "list_studies",
    "new_study",
    "retry_study",
    "save_results",
    "schema",
    "stop_study",
    "study_failures",
    "train",
]
