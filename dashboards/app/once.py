"""Results of slow calls, each made once."""

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

T = TypeVar("T")


class Once:
    """Remembers what calls gave, by key. Who asks for what another thread is
    making waits for that instead of making it again.

    The results are shared: nobody may change them. Of more than `most`,
    those asked for longest ago are forgotten.
    """

    def __init__(self, most: int = 64) -> None:
        self._most = most
        self._guard = threading.Lock()
        self._known: dict[Hashable, Future[Any]] = {}

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make()` gave for this key. What it raises is raised to
        everyone who waits, and not remembered."""
        with self._guard:
            known = self._known.pop(key, None)
            future: Future[T] = known or Future()
            self._known[key] = future
            while len(self._known) > self._most:
                del self._known[next(iter(self._known))]
        if known is not None:
            return known.result()
        try:
            result = make()
        except BaseException as error:
            with self._guard:
                self._known.pop(key, None)
            future.set_exception(error)
            raise
        future.set_result(result)
        return result


_made: WeakKeyDictionary[Any, Once] = WeakKeyDictionary()


def made_of(owner: Any) -> Once:
    """What was made of an owner's data, such as a reader's tables; forgotten with it."""
    return _made.setdefault(owner, Once())
