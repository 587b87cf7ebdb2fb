"""What this project measured itself: results that come with the program, to be read as any study.

Each folder of `studies/evidence` holds what `study results` wrote of one study: `trials.csv`,
`trials.origin.yaml` (its machine, versions and commit among it) and `curves.csv`. They are put into
a storage of this process alone, so that pages and reports read them as they read all others.
"""

import atexit
import shutil
import tempfile
import threading
import uuid
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from explorer.errors import check_known
from studies.config.study import StudyFile
from studies.records.content import Content
from studies.results.continuing import Exported, machine_words, read_exported
from studies.results.reader import Reader
from studies.storage import Storage

EVIDENCE_SHOWN = "the results that come with resnext-explorer"
ROOM = Path(str(files("studies") / "evidence"))
_making = threading.Lock()
_reader: Reader | None = None


def evidence_names() -> list[str]:
    """The names of all that was measured: those of its folders."""
    return sorted(path.parent.name for path in ROOM.glob("*/trials.origin.yaml"))


def evidence_questions() -> dict[str, tuple[str, str]]:
    """The data set and the question of all that was measured, by name."""
    measured = {name: StudyFile.load(ROOM / name / "study.yaml") for name in evidence_names()}
    return {name: (study.data.name, study.question) for name, study in measured.items()}


def evidence_reader() -> Reader:
    """A reader of all that was measured; made once in a process, in about two seconds."""
    global _reader
    with _making:
        if _reader is None:
            _reader = Reader(evidence_storage(evidence_names()))
        return _reader


def evidence_storage(names: Sequence[str]) -> Storage:
    """A storage with these studies, by their folders' names; it goes with the process.

    Raises:
        UserError: For an unknown name; it gives the nearest and lists all.
    """
    for name in names:
        check_known("evidence", name, evidence_names())
    folder = Path(tempfile.mkdtemp(prefix="resnext-explorer-evidence-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    storage = Storage(f"sqlite:///{folder / 'evidence.db'}")
    storage.shown = EVIDENCE_SHOWN
    measured = {name: _exported(ROOM / name) for name in names}
    # A storage has its studies in the order they were made.
    for name in sorted(measured, key=lambda name: measured[name].study.content.origin.created):
        measured[name].put(storage, name, _content(name, measured[name]))
    return storage


def _exported(folder: Path) -> Exported:
    curves = folder / "curves.csv"
    return read_exported(folder / "trials.csv", curves if curves.exists() else None)


def _content(name: str, exported: Exported) -> dict[str, Any]:
    """What was stored where it was measured, under the folder's name, with what to know of it."""
    content = exported.study.content
    return {
        **content.plain,
        "uid": uuid.uuid4().hex[:12],
        "document": {**content.plain["document"], "name": name},
        "imported": f"studies/evidence/{name}",
        "about": [*content.origin.about, _where(content, _most_at_once(exported.trials))],
    }


def _where(content: Content, at_once: int) -> str:
    """What it was trained on, by what and when."""
    origin = content.origin
    machine = machine_words(content.settings, origin.machine, origin.versions.get("torch"))
    commit, _, dirty = (origin.git_commit or "").partition("-")
    changes = " with changes that were not committed" if dirty else ""
    by = f" by commit {commit[:7]}{changes}" if commit else ""
    together = f", on which up to {at_once} trainings ran at the same time" if at_once > 1 else ""
    return (
        f"Measured for this project on {origin.created[:10]}{by}, on {machine}. All times are of"
        f" that machine{together}."
    )


def _most_at_once(trials: pd.DataFrame) -> int:
    """How many trainings ran at the same time, at most."""
    begun = pd.Series(1, trials["started"].dropna())
    ended = pd.Series(-1, trials["finished"].dropna())
    return int(pd.concat([ended, begun]).sort_index(kind="stable").cumsum().max())
