"""A study as the storage keeps it: one attribute, written whole when the
study is created and again when it is extended.

It holds all that a worker on another machine and a reader without the study file need: the resolved
document, the wanted designs with their counts, the choices that change numbers, and what it was
started with.
"""

import os
import platform
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import Architecture, Design
from explorer.errors import UnknownName, UserError, unknown
from explorer.suggestions import command
from search_spaces.documents import preset_names
from studies.attempts import search_agenda, tuning_agenda
from studies.attempts.agenda import Agenda, Carried, alike, shown
from studies.attempts.attempt import Attempt
from studies.attempts.standing import Attempts, Counts, Standing
from studies.pair import Pair
from studies.records import labels
from studies.records.ownership import is_ours, make_room, refuse_strangers
from studies.storage import Storage, from_json
from studies.storage.schema import ARM, CONTENT, DESIGN, METRICS, RECIPE, RETRIED, STUDIES, STUDY

if TYPE_CHECKING:
    from studies.config.study import StudyFile, Wanted
    from studies.data import Splits

PACKAGES = (
    "resnext-explorer",
    "torch",
    "pytorch-lightning",
    "optuna",
    "numpy",
    "numba",
    "scikit-learn",
)


@dataclass(frozen=True)
class StoredStudy:
    """What is stored about a study. `id` is Optuna's; `uid` tells it from
    every other study that ever had its name.

    Of a search and of a study that tunes, `attempts` are those at the time of
    reading: they decide which designs there are.
    """

    id: int
    name: str
    content: dict[str, Any]
    retried_from: int = 0
    attempts: Sequence[Attempt] = ()

    @property
    def uid(self) -> str:
        return str(self.content["uid"])

    @cached_property
    def designs(self) -> list[dict[str, Any]]:
        """One record an arm: `Design.record()` and what else makes up the architecture.
        Of a search_agenda, those proposed so far."""
        designs = (
            search_agenda.tried(self.content, self.attempts)
            if self.is_search
            else self.content["designs"]
        )
        return labels.relabelled(designs, self.content["document"])

    @property
    def reference_arm(self) -> str:
        """The arm that the others are compared with."""
        return labels.reference_arm(self.content)

    @property
    def is_search(self) -> bool:
        return self.content["document"]["search"] != "grid"

    @property
    def is_tuned(self) -> bool:
        return bool(self.content["document"].get("tune"))

    @property
    def told(self) -> tuple[str, ...]:
        """The attributes of attempts that decide what is wanted."""
        return search_agenda.TOLD if self.is_search else tuning_agenda.TOLD if self.is_tuned else ()

    @property
    def tuned(self) -> dict[str, dict[str, Any]]:
        """What tuning has come to so far, by design; see `tuning_agenda.tuned`."""
        return (
            tuning_agenda.tuned(self.content, self.attempts, self.retried_from)
            if self.is_tuned
            else {}
        )

    @property
    def seeds(self) -> list[int]:
        return list(self.content["document"]["seeds"])

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every pair whose result counts, in the order in which they are to be
        trained; of a search_agenda, those known so far."""
        if self.is_search:
            return list(self.agenda(self.attempts).pairs)
        if "pairs" in self.content:  # imported: only what was there
            return [Pair(design, seed) for design, seed in self.content["pairs"]]
        return [
            Pair(design["name"], seed) for seed in self.seeds for design in self.content["designs"]
        ]

    def seen(self, attempts: Sequence[Attempt]) -> "StoredStudy":
        """The same study at the time of these attempts."""
        return replace(self, attempts=tuple(attempts)) if self.told else self

    def agenda(self, attempts: Sequence[Attempt]) -> Agenda:
        """What is wanted, seen what has been attempted."""
        if self.is_search:
            return search_agenda.agenda(self.content, attempts, self.retried_from)
        if self.is_tuned:
            return tuning_agenda.agenda(self.content, attempts, self.retried_from)
        return self._grid

    def carry(
        self, pair: Pair, attempts: Sequence[Attempt], proposal: Mapping[str, Any] | None = None
    ) -> Carried:
        """What a new attempt at a pair carries: its numbers, and what it changes in the recipe."""
        record = proposal or self.seen(attempts).design(pair.design)
        changes = (
            tuning_agenda.recipe(self.content, pair, attempts, self.retried_from)
            if self.is_tuned
            else {}
        )
        carried = shown(record, pair.seed, changes, self._alike)
        # For optuna-dashboard to show.
        named = {ARM: f"{record['arm']} {pair.variant}".strip(), DESIGN: record["name"]}
        return replace(carried, attributes={**named, RECIPE: changes} if changes else named)

    def design(self, name: str) -> dict[str, Any]:
        """The record of a wanted design."""
        return self._by_name[name]

    @cached_property
    def _alike(self) -> frozenset[str]:
        """The numbers in which no design of a grid differs from another."""
        return alike([] if self.is_search else self.content["designs"])

    @cached_property
    def _grid(self) -> Agenda:
        return Agenda(self.pairs)

    @cached_property
    def _by_name(self) -> dict[str, dict[str, Any]]:
        return {design["name"]: design for design in self.designs}

    def architecture(self, name: str) -> Architecture:
        """The network of a wanted design."""
        size = {key: self.content["shape"][key] for key in ("resolution", "classes", "in_channels")}
        return Architecture.from_name(name, **size)

    def counts(self, storage: Storage) -> Counts:
        """How its pairs stand."""
        standing = self.standing(storage)
        standing.look()
        return standing.counts

    def standing(self, storage: Storage) -> Standing:
        """How its pairs stand, to be looked at again and again."""
        return Standing(storage, self.id, self, self.retried_from)


def find(storage: Storage, name: str) -> StoredStudy | None:
    """The stored study of this name, or None."""
    return next(iter(stored_studies(storage, name)), None)


def get(storage: Storage, name: str) -> StoredStudy:
    """The stored study of this name. Raises `UserError` with the nearest name there is."""
    return _with_attempts(storage, get_alone(storage, name))


def get_alone(storage: Storage, name: str) -> StoredStudy:
    """The same without reading attempts; see `StoredStudy.seen`."""
    if found := stored_alone(storage, name):
        return found[0]
    refuse_strangers(storage, name)
    error = unknown("study", name, [study.name for study in stored_alone(storage)])
    start = f" `{command('study run', name, storage=storage.option)}` starts this preset."
    raise UnknownName(
        f"{error} (In {storage.shown}.{start if name in preset_names('study') else ''})"
    )


def as_extended(storage: Storage, study: "StudyFile", wanted: "Wanted") -> StoredStudy | None:
    """The stored study of this name as its file would extend it now;
    None where there is none. Stores nothing.

    Raises `UserError` that shows the difference where the file wants something else.
    """
    stored = _find_there(storage, study.name)
    return stored and StoredStudy(
        stored.id, stored.name, _extended(stored, study, wanted), stored.retried_from
    )


def _find_there(storage: Storage, name: str) -> StoredStudy | None:
    """As `find`, where there may be no storage yet. Raises `UserError`
    where the name is another program's."""
    if not storage.exists() or storage.is_empty():
        return None
    if (stored := find(storage, name)) is None:
        refuse_strangers(storage, name)
    return stored


def create_or_extend(
    storage: Storage, study: "StudyFile", wanted: "Wanted", find_out: Callable[[], dict[str, Any]]
) -> StoredStudy:
    """Store a new study, or find it stored already and, where the file
    asks for more seeds or arms, extend it.

    `find_out` gives what takes a while to know, and is only called for a new study: its `settings`,
    and `about_data`. Raises `UserError` that shows the difference where the file wants something
    else than what is stored under its name.
    """
    with storage.lock():
        stored = _find_there(storage, study.name)
        if stored is not None:
            content = _extended(stored, study, wanted)
            if content != stored.content:
                storage.open().set_study_user_attr(stored.id, CONTENT, content)
            return StoredStudy(stored.id, stored.name, content, stored.retried_from)
        content = {
            "uid": uuid.uuid4().hex[:12],
            "document": study.document(),
            "reference_arm": study.reference_label,
            "planned_seeds": study.seeds,
            "shape": asdict(wanted.shape),
            **_designs(study, [record_of(design) for design in wanted.designs]),
            "left_out": [asdict(point) for point in wanted.left_out],
            **find_out(),
            "versions": installed_versions(),
            "git_commit": _git_commit(),
            "machine": _machine(),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        from optuna.study import StudyDirection

        objectives = list(study.search.objectives) if study.search else ["validation_error"]
        with storage.at_once() as writer:
            make_room(storage, writer, study.name)
            study_id = writer.create_new_study(
                [StudyDirection.MINIMIZE] * len(objectives), study.name
            )
            writer.set_study_system_attr(study_id, METRICS, objectives)
            writer.set_study_user_attr(study_id, CONTENT, content)
        return StoredStudy(study_id, study.name, content)


def _extended(stored: StoredStudy, study: "StudyFile", wanted: "Wanted") -> dict[str, Any]:
    from studies.config.study import StudyFile, differences

    document = study.document()
    try:
        # Keys that came with a newer version are filled in as they are for the given file.
        earlier = StudyFile.model_validate(stored.content["document"])
    except ValueError:
        before = stored.content["document"]
        changed = differences(before, document)
    else:
        before = earlier.document()
        changed = differences(
            {**before, "reference_arm": earlier.reference_point},
            {**document, "reference_arm": study.reference_point},
        )
    if document == before:
        return stored.content
    if changed:
        raise UserError(
            f"the study {study.name} is stored already and wants something else (stored ->"
            " given):\n  "
            + "\n  ".join(changed)
            + "\nMore seeds, arms and trials only extend a study; for anything else give it another"
            " name, or name another --storage."
        )
    known = {
        design["arm"]: design for design in labels.relabelled(stored.content["designs"], document)
    }
    designs = [known.get(design.arm) or record_of(design) for design in wanted.designs]
    if study.search:  # what has been tried stays, also where a larger space is shuffled anew
        names = {design["name"] for design in known.values()}
        designs = [*known.values(), *(design for design in designs if design["name"] not in names)]
    return {
        **stored.content,
        "document": document,
        "reference_arm": study.reference_label,
        **_designs(study, designs),
        "left_out": [asdict(p) for p in wanted.left_out],
        # What was wanted at each earlier look: a verdict after an
        # extension is judged more strictly.
        "extended_from": [
            *stored.content.get("extended_from", []),
            *([stored.seeds] if study.seeds != stored.seeds else []),
        ],
    }


def about_data(splits: "Splits") -> dict[str, Any]:
    """What is stored of the data that a study is started with: `check_data` compares by it."""
    return {"splits": splits.sizes, "digests": _digests(splits)}


def check_data(stored: StoredStudy, splits: "Splits") -> None:
    """Raises `UserError` where these are not the images and
    labels that a study was started with."""
    sizes, digests = stored.content["splits"], stored.content.get("digests")
    what_to_do = (
        "Name the folder of the same data with --data-dir, or give a study of other data another"
        " name."
    )
    if sizes and splits.sizes != sizes:
        raise UserError(
            f"the data of {stored.name} has changed: it was started with {_sizes(sizes)}, and here"
            f" are {_sizes(splits.sizes)}. {what_to_do}"
        )
    if digests is None:  # stored by a version that compared only sizes
        return
    found = _digests(splits)
    other = [part for part in digests if digests[part] != found[part]]
    if other:
        raise UserError(
            f"the data of {stored.name} has changed: as many images as it was started with, but"
            f" others, or with other labels, in {' and '.join(other)}. {what_to_do}"
        )


def _digests(splits: "Splits") -> dict[str, str]:
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test}
    return {name: part.digest().hex() for name, part in parts.items()}


def _sizes(sizes: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sizes.items())


def retry(storage: Storage, stored: StoredStudy) -> int:
    """Let failed pairs be trained again by the next run; returns how many now wait for it."""
    before = stored.counts(storage)
    attempts = Attempts(storage, stored.id).read()
    start = max((attempt.number for attempt in attempts), default=-1) + 1
    with storage.errors():
        storage.open().set_study_user_attr(stored.id, RETRIED, start)
    return get(storage, stored.name).counts(storage).waiting - before.waiting


def installed_versions() -> dict[str, str]:
    """The versions of what results depend on."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def stored_studies(storage: Storage, name: str | None = None) -> list[StoredStudy]:
    """All studies in a storage, oldest first; or the one of this name."""
    return [_with_attempts(storage, study) for study in stored_alone(storage, name)]


def stored_alone(storage: Storage, name: str | None = None) -> list[StoredStudy]:
    """The same without reading attempts; see `StoredStudy.seen`."""
    rows = storage.rows(STUDIES) if name is None else storage.rows(STUDY, name=name)
    found: dict[int, dict[str, Any]] = {}
    with storage.sound():
        for row in rows:
            found.setdefault(row["study_id"], {"name": row["study_name"]})[row["key"]] = from_json(
                row["value_json"]
            )
        return [
            StoredStudy(study_id, study["name"], study[CONTENT], study.get(RETRIED, 0))
            for study_id, study in found.items()
            if is_ours(study.get(CONTENT))
        ]


def _with_attempts(storage: Storage, study: StoredStudy) -> StoredStudy:
    """The study with what decides which designs there are, where that is not fixed."""
    with storage.sound():
        return study.seen(Attempts(storage, study.id, study.told).read()) if study.told else study


def _designs(study: "StudyFile", records: list[dict[str, Any]]) -> dict[str, Any]:
    """What is stored of a study's designs. Of a search_agenda, its number of trials, and
    those of its designs that are known beforehand."""
    if study.search is None:
        return {"designs": records}
    trials = min(len(records), study.search.trials)
    return {
        "trials": trials,
        "designs": records[:trials] if study.search.method == "random" else records[:1],
    }


def record_of(design: Design) -> dict[str, Any]:
    architecture = design.architecture
    more = {
        "growth": architecture.growth,
        "shortcut": architecture.shortcut,
        "stem": architecture.stem.kind,
    }
    return {**design.record(), **more, "stem_channels": architecture.stem.channels}


def _git_commit() -> str | None:
    """The commit of the checkout this code or else the current folder belongs
    to; '-dirty' where files differ from it."""
    for folder in (Path(__file__).parent, Path.cwd()):
        try:
            told = subprocess.run(
                [
                    "git",
                    "-C",
                    str(folder),
                    "describe",
                    "--always",
                    "--abbrev=40",
                    "--exclude=*",
                    "--dirty",
                ],
                capture_output=True,
                text=True,
                timeout=10,
                check=True,
            )
        except (OSError, subprocess.SubprocessError):
            continue
        return told.stdout.strip()
    return None


def _machine() -> str:
    cpu = platform.processor() or platform.machine()
    if sys.platform == "linux":
        try:
            lines = Path("/proc/cpuinfo").read_text().splitlines()
            cpu = next(
                line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
            )
        except (OSError, StopIteration):
            pass
    return f"{platform.system()} {platform.machine()}, {cpu}, {os.cpu_count()} cores"
