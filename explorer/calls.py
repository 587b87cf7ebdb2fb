"""Calls from Python whose arguments do not fit the function."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from explorer.errors import UserError

P = ParamSpec("P")
R = TypeVar("R")


def written_as(example: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Let a function answer a call that lacks an argument, or has one too many, with `UserError`:
    what was given, and `example`, a call as it is written."""

    def answering(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return function(*args, **kwargs)
            except TypeError:
                problem = _misfit(function, *args, **kwargs)
                if problem is None:  # it went wrong inside
                    raise
                given = ", ".join((*(["values without names"] if args else ()), *map(str, kwargs)))
            raise UserError(
                f"{function.__name__}: {problem}; given: {given or 'nothing'}. Write for example"
                f" {example}."
            )

        return call

    return answering


def _misfit(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> str | None:
    """What is wrong with these arguments, in Python's words."""
    try:
        inspect.signature(function).bind(*args, **kwargs)
    except TypeError as error:
        return str(error)
    return None
