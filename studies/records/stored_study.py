"""A study as the storage keeps it, and how it is read.

It is one attribute, written whole (`records.creation`), and the attempts at its pairs.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from explorer.errors import UnknownName, unknown
from explorer.file_kinds import comes_along, told_by_name
from explorer.suggestions import command
from search_spaces.documents import ENDINGS, preset_names
from studies.attempts.agenda import Agenda, Carried, Fixed, as_parameters, shared_numbers
from studies.attempts.attempt import Attempt
from studies.attempts.planned import agenda_of
from studies.attempts.search_agenda import SearchAgenda
from studies.attempts.standing import Attempts, Counts, Standing
from studies.attempts.tuning_agenda import Tuned, TuningAgenda
from studies.attempts.until_agenda import UntilAgenda
from studies.config.design import StoredDesign
from studies.pair import Pair
from studies.records.content import Content
from studies.records.labels import relabelled
from studies.records.ownership import is_ours, refuse_strangers
from studies.records.remarks import NOTHING_SAID, Remarks
from studies.storage import Storage, from_json
from studies.storage.schema import ARM, CONTENT, DESIGN, RECIPE, RETRIED, STUDIES, STUDY


@dataclass(frozen=True)
class StoredStudy:
    """What is stored about a study.

    `id` is Optuna's; `uid` tells it from every other study that ever had its name. Where attempts
    decide what is wanted (in a search, say), `attempts` are those at the time of reading.
    """

    id: int
    name: str
    content: Content
    retried_from: int = 0
    attempts: Sequence[Attempt] = ()
    remarks: Remarks = NOTHING_SAID

    @property
    def uid(self) -> str:
        return str(self.content.plain["uid"])

    @property
    def artifacts_key(self) -> str:
        """The folder of all its files with the artifacts: another study of its name has another."""
        return f"{self.name}-{self.uid}"

    @cached_property
    def designs(self) -> list[StoredDesign]:
        """One design an arm. Of a search, those proposed so far."""
        if isinstance(self._wants, SearchAgenda):
            return relabelled(self._wants.tried(self.attempts), self.content.references)
        return self.content.designs

    @property
    def attribute_keys(self) -> tuple[str, ...]:
        """The attributes of attempts that decide what is wanted."""
        return self._wants.attribute_keys

    @property
    def tuned(self) -> dict[str, Tuned]:
        """What tuning has come to so far, by design."""
        wants = self._wants
        return wants.tuned(self.attempts) if isinstance(wants, TuningAgenda) else {}

    @property
    def until(self) -> UntilAgenda | None:
        """What decides when arms get no more seeds; None where all get all."""
        return self._wants if isinstance(self._wants, UntilAgenda) else None

    @property
    def recipes(self) -> list[str]:
        """The names of its recipes, where it has several."""
        return [name for name in self.content.document.recipe_names if name]

    @property
    def seeds(self) -> list[int]:
        return list(self.content.document.seeds)

    @cached_property
    def pairs(self) -> list[Pair]:
        """Every pair whose result counts, in the order in which they are to be trained.

        Of a search, those known so far; of seeds that end where the verdict is known, those that
        were attempted or are needed next.
        """
        agenda = self.agenda(self.attempts)
        return [pair for pair in agenda.pairs if not pair.variant and pair not in agenda.ahead]

    def seen(self, attempts: Sequence[Attempt]) -> "StoredStudy":
        """The same study at the time of these attempts."""
        return replace(self, attempts=tuple(attempts)) if self.attribute_keys else self

    def with_content(self, content: Content) -> "StoredStudy":
        """The same study with other content."""
        return StoredStudy(self.id, self.name, content, self.retried_from, remarks=self.remarks)

    def agenda(self, attempts: Sequence[Attempt]) -> Agenda:
        """What is wanted, seen what has been attempted."""
        return self._wants.agenda(attempts)

    def carry(
        self, pair: Pair, attempts: Sequence[Attempt], proposal: Mapping[str, Any] | None = None
    ) -> Carried:
        """What a new attempt at a pair carries: its numbers, and what it changes in the recipe."""
        design = (
            StoredDesign.read(proposal, self.content.origin.shape)
            if proposal
            else self.seen(attempts).design(pair.design)
        )
        wants = self._wants
        changes = wants.changes_for(pair, attempts) if isinstance(wants, TuningAgenda) else {}
        # For optuna-dashboard to show.
        named = {ARM: pair.of_arm(design.arm), DESIGN: design.name}
        return replace(
            as_parameters(design, pair.seed, changes, self._shared_numbers),
            attributes={**named, RECIPE: changes} if changes else named,
        )

    def design(self, name: str) -> StoredDesign:
        """A wanted design."""
        return self._by_name[name]

    @cached_property
    def _wants(self) -> Fixed | SearchAgenda | TuningAgenda | UntilAgenda:
        origin = self.content.origin
        if origin.pairs is not None:  # imported: only what was there
            return Fixed(
                [Pair(design, seed, recipe="".join(rest)) for design, seed, *rest in origin.pairs]
            )
        content = self.content
        return agenda_of(
            content.document,
            content.designs,
            origin.trials,
            self.retried_from,
            reference=content.reference_arm,
            test_images=origin.splits.get("test", 0),
            ended_at=origin.ended_at,
        )

    @cached_property
    def _shared_numbers(self) -> frozenset[str]:
        """The numbers in which no design of a grid differs from another."""
        return shared_numbers([] if self.content.document.search else self.designs)

    @cached_property
    def _by_name(self) -> dict[str, StoredDesign]:
        return {design.name: design for design in self.designs}

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
    if comes_along(name):
        raise UnknownName(f"unknown study {name!r}. {told_by_name(name)}")
    if studies := stored_alone(storage, name):
        return studies[0]
    refuse_strangers(storage, name)
    error = unknown("study", name, [study.name for study in stored_alone(storage)])
    files = [f"./{name}{ending}" for ending in ENDINGS if os.path.isfile(f"{name}{ending}")]
    what = [("this preset", name)] if name in preset_names("study") else []
    what += [("this file", file) for file in files]
    starts = (
        f" `{command('study run', study, storage=storage.option)}` starts {kind}."
        for kind, study in what
    )
    other = "" if files else f" {told_by_name(name)}".rstrip()
    raise UnknownName(f"{error}{other} (In {storage.shown}.{''.join(starts)})")


def stored_studies(storage: Storage, name: str | None = None) -> list[StoredStudy]:
    """All studies in a storage, oldest first; or the one of this name."""
    return [_with_attempts(storage, study) for study in stored_alone(storage, name)]


def stored_alone(storage: Storage, name: str | None = None) -> list[StoredStudy]:
    """The same without reading attempts; see `StoredStudy.seen`."""
    rows = storage.rows(STUDIES) if name is None else storage.rows(STUDY, name=name)
    studies: dict[int, dict[str, Any]] = {}
    with storage.sound():
        for row in rows:
            attributes = studies.setdefault(row["study_id"], {"name": row["study_name"]})
            attributes[row["key"]] = from_json(row["value_json"])
        return [
            StoredStudy(
                study_id,
                study["name"],
                Content(study[CONTENT]),
                study.get(RETRIED, 0),
                remarks=Remarks.read(study),
            )
            for study_id, study in studies.items()
            if is_ours(study.get(CONTENT))
        ]


def _with_attempts(storage: Storage, study: StoredStudy) -> StoredStudy:
    """The study with what decides which designs there are, where that is not fixed."""
    with storage.sound():
        keys = study.attribute_keys
        return study.seen(Attempts(storage, study.id, keys).read()) if keys else study


def retry(storage: Storage, stored: StoredStudy) -> int:
    """Let failed pairs, and those that were too slow for the search's limit, be tried again by the
    next run; returns how many now wait for it."""
    before = stored.counts(storage)
    attempts = Attempts(storage, stored.id).read()
    start = max((attempt.number for attempt in attempts), default=-1) + 1
    with storage.errors():
        storage.open().set_study_user_attr(stored.id, RETRIED, start)
    now = get(storage, stored.name).counts(storage)
    return before.failed + before.pruned - now.failed - now.pruned
