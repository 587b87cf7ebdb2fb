"""Study files with values that nobody should write: each is an answer
or one sentence of bounded length, at once."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from explorer.errors import UserError
from search_spaces.documents import validate
from studies import Study

ODD: list[Any] = [
    None, True, 0, -1, 2**64, 10**310, -(10**310), float("inf"), float("nan"), 1e308,
    "", "x" * 10**5, "a\0.yaml", "\x1b[2J",
    [], ["median"], [[1]], list(range(2_000)), {}, {"method": ["median"]}, {1: 2}, [10**310],
]  # fmt: skip


def documents() -> Iterator[dict[str, Any]]:
    """A grid, a search that prunes, a study that tunes, and one on a folder."""
    grid, search, tuned = (
        Study.load(name).document()
        for name in ("digits_cardinality", "digits_search", "digits_tuned")
    )
    search["search"] = {
        "method": "tpe",
        "trials": 10,
        "prune": {"method": "median", "startup_trials": 5},
    }
    grid["data"] = {
        "name": "folder",
        "path": "x",
        "resolution": 32,
        "channels": 1,
        "mirrored": True,
        "split_seed": 0,
    }
    yield from (grid, search, tuned)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every key of a document, however deep."""
    for key in (
        value
        if isinstance(value, dict)
        else range(min(1, len(value)))
        if isinstance(value, list)
        else ()
    ):
        yield (*path, key)
        yield from places(value[key], (*path, key))


def put(document: dict[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(document)
    part = changed
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return changed


@pytest.mark.parametrize("value", ODD, ids=lambda value: repr(value)[:20])
def test_any_value_at_any_key_is_an_answer_or_a_sentence(value: Any) -> None:
    refused = []
    for document in documents():
        for path in places(document):
            try:
                validate(Study, put(document, path, value), source="study.yaml").document()
            except UserError as error:
                refused.append(str(error))
    assert len(refused) > 20
    assert max(map(len, refused)) < 6_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (f"recipe.epochs={10**310}", "recipe.epochs: must be at most 100,000"),
        ("recipe.epochs=yes", "recipe.epochs: must be a whole number"),
        ("recipe.learning_rate=.inf", "recipe.learning_rate: must be a finite number"),
        (
            "tune={trials: 3, learning_rate: [0.1, 1e+9]}",
            "tune.learning_rate.1: must be at most 1,048,576",
        ),
        ("recipe.epochs=" + "9" * 5_000, "is not a value as YAML writes it"),
        ("question=2026-13-45", "is not a value as YAML writes it"),
        ("question=" + "[" * 5_000, "is not a value as YAML writes it"),
        (
            "search={method: tpe, trials: 9, prune: {method: [median]}}",
            r"unknown pruning method \"\['median'\]\"",
        ),
        (
            f"search={{method: tpe, trials: {10**310}}}",
            "search.trials: must be at most 100,000",
        ),
        (
            "tune={trials: 1000000, learning_rate: [0.1, 1.0]}",
            "tune.trials: must be at most 1,000",
        ),
        (f"seeds={list(range(10_001))}", "seeds: must be a list of at most 10,000 values"),
        ("space=a/\\0.yaml", "cannot read the space file"),
        ("space.axes.cardinality=[1048577]", "at most 1,048,576"),
    ],
    ids=lambda text: text[:40],
)
def test_bounds_are_said(change: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        Study.load("digits_cardinality").changed([change])


def test_a_file_with_such_values_is_refused_by_name(tiny: Path) -> None:
    text = tiny.read_text()
    tiny.write_text(text.replace("epochs: 4", f"epochs: {10**310}"))
    with pytest.raises(UserError, match=r"tiny\.yaml: recipe\.epochs: must be at most 100,000"):
        Study.load(tiny)
    tiny.write_text(text.replace("tiny_space.yaml", '"a/\\0.yaml"'))
    with pytest.raises(UserError, match="cannot read the space file"):
        Study.load(tiny)
