"""Slow results are made once, also when several ask at the same time."""

import threading
import time

import pytest

from dashboards.app.once import Once


def test_who_asks_for_what_is_being_made_waits_for_it():
    once, calls, results = Once(), [], []

    def make() -> str:
        calls.append(1)
        time.sleep(0.05)
        return "made"

    threads = [
        threading.Thread(target=lambda: results.append(once.get("key", make))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["made"] * 8
    assert len(calls) == 1


def test_a_failure_is_raised_and_not_remembered():
    once = Once()
    with pytest.raises(ZeroDivisionError):
        once.get("key", lambda: 1 // 0)
    assert once.get("key", lambda: 2) == 2


def test_what_was_asked_for_longest_ago_is_forgotten():
    once = Once(most=2)
    for key in ("a", "b", "a", "c"):
        once.get(key, lambda key=key: key)
    assert once.get("a", lambda: "again") == "a"
    assert once.get("b", lambda: "again") == "again"
