"""What the tests of the studies room share: a storage of their own, and one study in it."""

from collections.abc import Callable
from pathlib import Path

import pytest
import tiny_study
from optuna.study import StudyDirection

from studies.claims import Claims, Lease, Pair
from studies.storage import Storage


@pytest.fixture
def storage(workdir: Path) -> Storage:
    """An SQLite storage in an empty folder; nothing is created yet."""
    return Storage(f"sqlite:///{workdir}/studies.db")


@pytest.fixture
def pairs() -> list[Pair]:
    return [Pair(design, seed) for seed in (0, 1) for design in ("a", "b", "c")]


@pytest.fixture
def party(storage: Storage, pairs: list[Pair]) -> Callable[..., Claims]:
    """Makes parties to one study: each call is what a process of its own would hold."""
    study_id = storage.open().create_new_study([StudyDirection.MINIMIZE], "study")

    def make(clock: Callable[[], float] | None = None, **options: object) -> Claims:
        given = {"clock": clock} if clock else {}
        return Claims(storage, storage.open(), study_id, pairs, lease=Lease(), **given, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def tiny(workdir: Path) -> Path:
    """A study file in the current folder: three small arms, two seeds, four epochs of digits."""
    (workdir / "tiny_space.yaml").write_text(tiny_study.SPACE)
    path = workdir / "tiny.yaml"
    path.write_text(tiny_study.STUDY)
    return path
