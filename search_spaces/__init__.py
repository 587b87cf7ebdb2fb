"""Search spaces: which designs a study may visit."""

try:
    import explorer.errors
except ImportError:
    import explorer

    raise ImportError(
        f"{explorer.__file__} hides the module explorer of resnext-explorer. Rename it, or start"
        " from another folder."
    ) from None
from search_spaces.api import SearchSpace
from search_spaces.resolving import BoundSpace, LeftOut, Resolved

__all__ = ["BoundSpace", "LeftOut", "Resolved", "SearchSpace"]
