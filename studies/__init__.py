"""Studies: which networks to train, who trains them, and what came out.

`Study` is loaded when first used, so that commands that only need a part of this room start fast.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from studies.api import Study

__all__ = ["Study"]


def __getattr__(name: str) -> Any:
    if name == "Study":
        from studies.api import Study

        return Study
    raise AttributeError(f"module 'studies' has no attribute {name!r}")
