"""Search spaces: which designs a study may visit."""

from search_spaces.bound import BoundSpace, LeftOut, Resolved
from search_spaces.space import SearchSpace

__all__ = ["BoundSpace", "LeftOut", "Resolved", "SearchSpace"]
