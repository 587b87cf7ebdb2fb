"""Search spaces: which designs a study may visit."""

from search_spaces.space import LeftOut, Resolved, SearchSpace

__all__ = ["LeftOut", "Resolved", "SearchSpace"]
