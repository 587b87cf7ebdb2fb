"""Calls that may hang: in a thread of their own, and for a time."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def aside(function: Callable[[], object]) -> threading.Thread:
    """Call a function in a thread of its own, which holds up nobody."""
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def within(seconds: float, function: Callable[[], T]) -> T:
    """Call a function that may hang. Raises `TimeoutError` after so many seconds."""
    results: list[T] = []
    errors: list[BaseException] = []

    def call() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - it is raised below
            errors.append(error)

    aside(call).join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]
