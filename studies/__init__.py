"""Studies: which networks to train, who trains them, and what came out.

`Study` and `Predictor` are loaded when first used, so that commands that only need a part of this
room start fast.
"""

from typing import TYPE_CHECKING

try:
    from explorer.lazy import lazy_getattr
except ImportError:
    import explorer

    raise ImportError(
        f"{explorer.__file__} hides the module explorer of resnext-explorer. Rename it, or start"
        " from another folder."
    ) from None

if TYPE_CHECKING:
    from studies.api import Study
    from studies.training import Predictor

__all__ = ["Predictor", "Study"]

__getattr__ = lazy_getattr(__name__, {"api": ("Study",), "training": ("Predictor",)})
