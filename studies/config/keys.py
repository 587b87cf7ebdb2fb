"""The keys that `Study(...)` takes, with the types of a Python program, for type checkers.

Their meaning is said at `StudyFile`, whose fields they are; `StudyFile` checks the values.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Required, TypedDict

from search_spaces import SearchSpace
from studies.config.recipe import Recipe
from studies.config.study import Tracker
from studies.data import DataSpec

Section = Mapping[str, Any]
Data = DataSpec | Section | tuple[Any, Any] | Callable[[], tuple[Any, Any, Any]]


class StudyKeys(TypedDict, total=False):
    """What `Study(...)` takes: sections as in a file, or the objects that they become."""

    name: Required[str]
    question: str
    space: Required[SearchSpace | Section | str]
    reference_arm: Section
    data: Required[Data]
    recipe: Recipe | Section | str
    recipes: Sequence[Recipe | Section | str]
    seeds: Required[Sequence[int] | Section]
    search: Section | str
    tune: Section
    until: Section | str
    margin: float | str | None
    keep_misses: bool | None
    log: Sequence[Tracker]
