"""No command reads the data, or resolves the space, more than once in its own process."""

from pathlib import Path
from typing import Any

import fake_training
import numpy as np
import pytest
import tiny_runs
from tiny_study import change

import studies.data.splits
import studies.running.plan
from search_spaces.resolving import BoundSpace
from studies import Study
from studies.running.plan import plan


def counted(monkeypatch: pytest.MonkeyPatch, where: Any, name: str) -> list[Any]:
    """The calls of a function from now on."""
    calls: list[Any] = []
    function = getattr(where, name)

    def call(*arguments: Any) -> Any:
        calls.append(arguments)
        return function(*arguments)

    monkeypatch.setattr(where, name, call)
    return calls


@pytest.fixture
def own(tiny: Path) -> Path:
    """The tiny study, of an `.npz` with two classes."""
    labels = np.arange(300) % 2
    images = np.random.default_rng(0).integers(0, 256, (300, 8, 8), np.uint8)
    np.savez(tiny.parent / "own.npz", train_images=images, train_labels=labels)
    change(tiny, "name: digits", "name: npz, path: own.npz")
    return tiny


@pytest.fixture
def reads(own: Path, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return counted(monkeypatch, studies.data.splits, "read_npz")


@pytest.fixture
def resolved(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    return counted(monkeypatch, BoundSpace, "resolve")


def test_a_plan_reads_the_data_once(
    own: Path, reads: list[Any], resolved: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = {
        "steps": [[1.0, 1.0]],
        "splits": {"train": 192, "validation": 48, "test": 60},
        "notes": [],
        "start": 0.0,
    }
    monkeypatch.setattr(studies.running.plan, "_measure", lambda *_: answer)
    monkeypatch.setattr(studies.running.plan, "resolve", fake_training.SUPERVISED["resolve"])
    assert len(plan(Study.load(own), storage="sqlite:///t.db").pairs) == 6
    assert (len(reads), len(resolved)) == (1, 1)


def test_a_run_reads_the_data_once(
    fake: None, own: Path, reads: list[Any], resolved: list[Any]
) -> None:
    assert tiny_runs.run(own) == tiny_runs.DONE
    assert (len(reads), len(resolved)) == (1, 1)
    assert tiny_runs.run(own) == tiny_runs.DONE  # nothing is left, and the shape is asked for
    assert (len(reads), len(resolved)) == (2, 2)
