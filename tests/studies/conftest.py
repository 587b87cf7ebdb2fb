"""What the tests of the studies room share: a storage of their own, and one study in it."""

import shutil
from collections.abc import Callable
from pathlib import Path

import fake_training
import pandas as pd
import pytest
import tiny_runs
import tiny_study
from optuna.study import StudyDirection

import studies.running.supervisor
from studies.attempts.claims import Claims
from studies.attempts.workers import Lease
from studies.pair import Pair
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
        return Claims(storage, study_id, pairs, lease=Lease(), **given, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def tiny(workdir: Path) -> Path:
    """A study file in the current folder: three small arms, two seeds, four epochs of digits."""
    (workdir / "tiny_space.yaml").write_text(tiny_study.SPACE)
    path = workdir / "tiny.yaml"
    path.write_text(tiny_study.STUDY)
    return path


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tiny: Path) -> None:
    """Runs that this process starts train with the stand-in."""
    for name, value in fake_training.SUPERVISED.items():
        monkeypatch.setattr(studies.running.supervisor, name, value)


_undisturbed: list[tuple[pd.DataFrame, pd.DataFrame]] = []
_folders: dict[str, Path] = {}


@pytest.fixture
def once(
    workdir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, Callable[[], object]], None]:
    """Fills the current folder as a function does, which runs once for all tests that give it the
    same name: for the others its files are copied."""

    def fill(name: str, function: Callable[[], object]) -> None:
        if name in _folders:
            shutil.copytree(_folders[name], workdir, dirs_exist_ok=True)
        else:
            function()
            _folders[name] = shutil.copytree(workdir, tmp_path_factory.mktemp(name) / "files")

    return fill


@pytest.fixture
def done(fake: None, tiny: Path, once: Callable[[str, Callable[[], object]], None]) -> None:
    """A run of the tiny study that nothing happened to, stored in `t.db`."""

    def run() -> None:
        assert tiny_runs.run(tiny, workers=2) == tiny_runs.DONE

    once("done", run)


@pytest.fixture
def undisturbed(done: None, tiny: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of a run that nothing happened to; its storage is
    gone again."""
    if not _undisturbed:
        _undisturbed.append(tiny_runs.tables())
    for path in tiny.parent.glob("t.db*"):
        path.unlink()
    return _undisturbed[0]
