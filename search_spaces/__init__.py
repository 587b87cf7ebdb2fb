"""Search spaces: which designs a study may visit."""

from search_spaces.api import SearchSpace
from search_spaces.resolving import BoundSpace, LeftOut, Resolved

__all__ = ["BoundSpace", "LeftOut", "Resolved", "SearchSpace"]
